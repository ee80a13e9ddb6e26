//! What is known about a request beside its objects: the schema's `Circumstances`.

use std::net::IpAddr;

use cedar_policy::{Context, RestrictedExpression};
use model::{Count, Equal, Login, Shape, Subject, Usage, Values};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::error::Uncertain;
use crate::plan::{Ask, Comparison};

/// When and in which state a request is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Microseconds since the Unix epoch.
    pub time: i64,
    /// Whether the session is inside a transaction block.
    pub in_transaction: bool,
    /// Whether somebody approved exactly this request.
    pub approved: bool,
    /// How much the subject ran and read before.
    pub usage: Usage,
}

/// What differs from ask to ask: the rows and values that it is about.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Rows<'a> {
    has_where: bool,
    equals: &'a [Equal],
    comparison: Comparison,
    group_size: u64,
}

impl<'a> Rows<'a> {
    /// Those of this ask.
    pub fn of(ask: &'a Ask) -> Self {
        Self {
            has_where: ask.has_where,
            equals: &ask.equals,
            comparison: ask.comparison,
            group_size: ask.group_size,
        }
    }

    /// Those of which nothing is known but whether WHERE restricts them.
    pub fn restricted(has_where: bool) -> Self {
        Self {
            has_where,
            equals: &[],
            comparison: Comparison::None,
            group_size: 0,
        }
    }
}

/// Everything but what differs from ask to ask.
pub(crate) struct Circumstances<'a> {
    login: &'a Login,
    source: IpAddr,
    /// The text's form.
    pub shape: Shape,
    in_transaction: bool,
    time: OffsetDateTime,
    usage: Usage,
    /// The statement's values, where they were read.
    values: Option<&'a Values>,
}

impl<'a> Circumstances<'a> {
    /// Of this request at this moment.
    pub fn new(
        subject: &Subject,
        login: &'a Login,
        shape: Shape,
        values: Option<&'a Values>,
        moment: &Moment,
    ) -> Result<Self, Uncertain> {
        let nanoseconds = i128::from(moment.time) * 1_000;
        Ok(Self {
            login,
            source: subject.address.ip().to_canonical(),
            shape,
            in_transaction: moment.in_transaction,
            usage: moment.usage,
            values,
            time: OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
                .map_err(Uncertain::fact)?,
        })
    }

    /// Whether values of the statement are still to come.
    pub fn are_values_awaited(&self) -> bool {
        self.values.is_some_and(|values| values.awaited)
    }

    /// For one ask about these rows.
    pub fn context(&self, rows: Rows<'_>, approved: bool) -> Result<Context, Uncertain> {
        use RestrictedExpression as Value;
        let time = self
            .time
            .format(format_description!(
                "[year]-[month]-[day]T[hour]:[minute]:[second]Z"
            ))
            .map_err(Uncertain::fact)?;
        let mut pairs = vec![
            ("has_where", Value::new_bool(rows.has_where)),
            (
                "statements",
                Value::new_long(i64::from(self.shape.statements)),
            ),
            ("approved", Value::new_bool(approved)),
            ("in_transaction", Value::new_bool(self.in_transaction)),
            ("time", Value::new_datetime(time)),
            ("hour", Value::new_long(i64::from(self.time.hour()))),
            (
                "weekday",
                Value::new_long(i64::from(self.time.weekday().number_from_monday())),
            ),
            ("source", Value::new_ip(self.source.to_string())),
            ("db_user", Value::new_string(self.login.user.clone())),
            ("usage", usage(&self.usage)?),
            ("equals", set(rows.equals, equal)?),
            (
                "comparison",
                Value::new_string(rows.comparison.name().to_owned()),
            ),
            (
                "group_size",
                Value::new_long(i64::try_from(rows.group_size).unwrap_or(i64::MAX)),
            ),
            ("parameters", set(self.parameters(), parameter)?),
            (
                "values_known",
                Value::new_bool(self.values.is_some_and(|values| values.are_known)),
            ),
        ];
        if let Some(limit) = self.shape.limit {
            pairs.push((
                "limit",
                Value::new_long(i64::try_from(limit).unwrap_or(i64::MAX)),
            ));
        }
        if let Some(inserted) = self.shape.inserted {
            pairs.push((
                "inserted",
                Value::new_long(i64::try_from(inserted).unwrap_or(i64::MAX)),
            ));
        }
        if let Some(application) = &self.login.application {
            pairs.push(("application", Value::new_string(application.clone())));
        }
        Context::from_pairs(
            pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        )
        .map_err(Uncertain::fact)
    }

    fn parameters(&self) -> &'a [(u32, String)] {
        self.values.map_or(&[], |values| &values.parameters)
    }
}

fn set<T>(
    items: &[T],
    value: impl Fn(&T) -> Result<RestrictedExpression, Uncertain>,
) -> Result<RestrictedExpression, Uncertain> {
    let values = items.iter().map(value).collect::<Result<Vec<_>, _>>()?;
    Ok(RestrictedExpression::new_set(values))
}

fn equal(equal: &Equal) -> Result<RestrictedExpression, Uncertain> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    record([
        ("column", text(&equal.column)),
        ("value", text(&equal.value)),
    ])
}

fn parameter((number, value): &(u32, String)) -> Result<RestrictedExpression, Uncertain> {
    record([
        ("number", RestrictedExpression::new_long((*number).into())),
        ("value", RestrictedExpression::new_string(value.clone())),
    ])
}

fn usage(usage: &Usage) -> Result<RestrictedExpression, Uncertain> {
    record([
        ("session", count(usage.session)?),
        ("minute", count(usage.minute)?),
        ("hour", count(usage.hour)?),
    ])
}

fn count(count: Count) -> Result<RestrictedExpression, Uncertain> {
    let long = |number| RestrictedExpression::new_long(i64::try_from(number).unwrap_or(i64::MAX));
    record([
        ("statements", long(count.statements)),
        ("rows", long(count.rows)),
        ("bytes", long(count.bytes)),
    ])
}

fn record<const N: usize>(
    fields: [(&str, RestrictedExpression); N],
) -> Result<RestrictedExpression, Uncertain> {
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    RestrictedExpression::new_record(fields).map_err(Uncertain::fact)
}
