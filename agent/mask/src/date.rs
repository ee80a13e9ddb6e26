//! `date`: the beginning of a period. The day is that of the session's time zone in text format, and of UTC in binary.

use bytes::BytesMut;
use model::Floor;
use time::{Date as Day, Month};

use crate::Format;
use crate::kind::Kind;
use crate::moment::{self, Moment};

/// Goes back to where the period began.
#[derive(Clone, Debug)]
pub(crate) struct Date {
    pub(crate) floor: Floor,
    pub(crate) kind: Kind,
    pub(crate) format: Format,
}

impl Date {
    pub(crate) fn put(&self, value: &[u8], out: &mut BytesMut) -> Option<()> {
        let moment = moment::read(self.kind, self.format, value)?;
        let floored = Moment {
            day: floor(self.floor, moment.day)?,
            time: 0,
            ..moment
        };
        floored.put(self.kind, self.format, out)
    }
}

fn floor(floor: Floor, day: Day) -> Option<Day> {
    let month = match floor {
        Floor::Day => return Some(day),
        Floor::Month => day.month(),
        Floor::Year => Month::January,
        Floor::Quarter => {
            let first = (u8::from(day.month()) - 1) / 3 * 3 + 1;
            first.try_into().ok()?
        }
    };
    Day::from_calendar_date(day.year(), month, 1).ok()
}
