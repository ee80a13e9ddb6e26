//! Dates and times on the wire: `date_send` and `timestamp_send` in PostgreSQL's `src/backend/utils/adt`, and the texts of
//! `DateStyle` ISO. What is in another style, before the year 1 or after 9999 is not read.

use std::fmt::Write as _;

use bytes::{BufMut as _, BytesMut};
use time::Date;

use crate::Format;
use crate::kind::Kind;

/// 2000-01-01, which is day 0 on the wire.
const EPOCH: i32 = 2_451_545;
pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const DAY: i64 = 24 * 3600 * SECOND;

/// A day, and a time of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment<'v> {
    pub(crate) day: Date,
    /// Microseconds since the day began.
    pub(crate) time: i64,
    /// What the server prints behind the time, such as `+02`; in binary format all times are of UTC.
    pub(crate) zone: &'v str,
}

/// What this value of a date or timestamp says; none where it cannot be read, or is infinite.
pub(crate) fn read(kind: Kind, format: Format, value: &[u8]) -> Option<Moment<'_>> {
    match format {
        Format::Text => read_text(kind, std::str::from_utf8(value).ok()?),
        Format::Binary => read_binary(kind, value),
    }
}

fn read_binary(kind: Kind, value: &[u8]) -> Option<Moment<'static>> {
    let (days, time) = match kind {
        Kind::Date => (i32::from_be_bytes(value.try_into().ok()?), 0),
        _ => {
            let micros = i64::from_be_bytes(value.try_into().ok()?);
            let days = i32::try_from(micros.div_euclid(DAY)).ok()?;
            (days, micros.rem_euclid(DAY))
        }
    };
    Some(Moment {
        day: of_julian(days.checked_add(EPOCH)?)?,
        time,
        zone: "",
    })
}

fn read_text(kind: Kind, text: &str) -> Option<Moment<'_>> {
    let (day, rest) = text.split_at_checked(10)?;
    let [year, month, date] = numbers(day, '-', [4, 2, 2])?;
    let month = u8::try_from(month).ok()?.try_into().ok()?;
    let day = of_calendar(i32::try_from(year).ok()?, month, u8::try_from(date).ok()?)?;
    if rest.is_empty() && kind != Kind::TimestampTz {
        return Some(Moment {
            day,
            time: 0,
            zone: "",
        });
    }
    let (time, rest) = rest.strip_prefix([' ', 'T'])?.split_at_checked(8)?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if kind == Kind::Date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (micros, zone) = match rest.strip_prefix('.') {
        None => (0, rest),
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit());
            let (places, zone) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
            let micros = format!("{places:0<6}");
            (micros.get(..6)?.parse().ok()?, zone)
        }
    };
    let is_zoned = zone.starts_with(['+', '-']);
    if is_zoned != (kind == Kind::TimestampTz) || (!is_zoned && !zone.is_empty()) {
        return None;
    }
    let moment = Moment {
        day,
        time: ((hour * 60 + minute) * 60 + second) * SECOND + micros,
        zone,
    };
    // Asked once, so that what is kept of a text is known to be a zone.
    moment.offset().map(|_| moment)
}

/// Numbers of so many digits, with this between them.
fn numbers(text: &str, between: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut next = |width| {
        let part = parts.next().filter(|part| part.len() == width)?;
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| is_number)
    };
    let [first, second, third] = widths;
    let found = [next(first)?, next(second)?, next(third)?];
    parts.next().is_none().then_some(found)
}

fn of_calendar(year: i32, month: time::Month, day: u8) -> Option<Date> {
    let is_ours = (1..=9999).contains(&year);
    Date::from_calendar_date(year, month, day)
        .ok()
        .filter(|_| is_ours)
}

/// The day with this Julian day number.
pub(crate) fn of_julian(day: i32) -> Option<Date> {
    let day = Date::from_julian_day(day).ok()?;
    (1..=9999).contains(&day.year()).then_some(day)
}

impl Moment<'_> {
    /// Microseconds that the zone is before UTC.
    fn offset(&self) -> Option<i64> {
        let Some(sign) = self.zone.chars().next() else {
            return Some(0);
        };
        let mut seconds = 0;
        let mut unit = 3600;
        for part in self.zone.get(1..)?.split(':') {
            let is_number = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            let number: i64 = part.parse().ok().filter(|_| is_number && unit > 0)?;
            seconds += number * unit;
            unit /= 60;
        }
        Some(if sign == '-' { -seconds } else { seconds } * SECOND)
    }

    /// The same moment, in UTC.
    pub(crate) fn in_utc(self) -> Option<Moment<'static>> {
        let utc = self.time - self.offset()?;
        let days = i32::try_from(utc.div_euclid(DAY)).ok()?;
        Some(Moment {
            day: of_julian(self.day.to_julian_day().checked_add(days)?)?,
            time: utc.rem_euclid(DAY),
            zone: "",
        })
    }

    /// Appends it as a value of this type.
    pub(crate) fn put(&self, kind: Kind, format: Format, out: &mut BytesMut) -> Option<()> {
        let days = self.day.to_julian_day() - EPOCH;
        match (format, kind) {
            (Format::Binary, Kind::Date) => out.put_i32(days),
            (Format::Binary, _) => out.put_i64(i64::from(days) * DAY + self.time),
            (Format::Text, _) => self.print(kind, out).ok()?,
        }
        Some(())
    }

    fn print(&self, kind: Kind, out: &mut BytesMut) -> std::fmt::Result {
        let (year, month, day) = self.day.to_calendar_date();
        write!(out, "{year:04}-{:02}-{day:02}", u8::from(month))?;
        if kind == Kind::Date {
            return Ok(());
        }
        let seconds = self.time / SECOND;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        write!(out, " {hours:02}:{minutes:02}:{:02}", seconds % 60)?;
        match self.time % SECOND {
            0 => {}
            micros => out.write_str(format!(".{micros:06}").trim_end_matches('0'))?,
        }
        out.write_str(self.zone)
    }
}
