//! Dates and times: `date.c`, `timestamp.c`, and `EncodeDateTime` and `EncodeInterval` in `datetime.c`.

use crate::Undecodable;
use crate::printed::Printed;
use crate::reader::Reader;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Days from the beginning of the Julian calendar to 2000-01-01, which is day 0 on the wire.
const EPOCH: i64 = 2_451_545;
/// The first day that the server does not take for a `date`: 5874898-01-01.
const LAST_DATE: i64 = 2_147_483_494;
/// `MIN_TIMESTAMP` and `END_TIMESTAMP` in `src/include/datatype/timestamp.h`.
const TIMESTAMPS: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;
/// Seconds of the largest zone: `TZDISP_LIMIT`, which does not belong to it.
const ZONE: i32 = 16 * 3600;

pub(crate) fn date(days: i32, printed: &mut Printed) -> Result<(), Undecodable> {
    match days {
        i32::MAX => return printed.text("infinity"),
        i32::MIN => return printed.text("-infinity"),
        _ => {}
    }
    let julian = i64::from(days) + EPOCH;
    if !(0..LAST_DATE).contains(&julian) {
        return Err(Undecodable::Malformed);
    }
    let day = Day::of(julian);
    day.print(printed)?;
    day.print_era(printed)
}

/// `zone`: what is printed behind the time.
pub(crate) fn timestamp(micros: i64, zone: &str, printed: &mut Printed) -> Result<(), Undecodable> {
    match micros {
        i64::MAX => return printed.text("infinity"),
        i64::MIN => return printed.text("-infinity"),
        _ if !TIMESTAMPS.contains(&micros) => return Err(Undecodable::Malformed),
        _ => {}
    }
    let day = Day::of(micros.div_euclid(DAY) + EPOCH);
    day.print(printed)?;
    printed.char(' ')?;
    clock(micros.rem_euclid(DAY), printed)?;
    printed.text(zone)?;
    day.print_era(printed)
}

pub(crate) fn time(micros: i64, printed: &mut Printed) -> Result<(), Undecodable> {
    match micros {
        0..=DAY => clock(micros, printed),
        _ => Err(Undecodable::Malformed),
    }
}

/// The zone is in seconds west of Greenwich.
pub(crate) fn time_with_zone(
    reader: &mut Reader<'_>,
    printed: &mut Printed,
) -> Result<(), Undecodable> {
    time(reader.i64()?, printed)?;
    let zone = reader.i32()?;
    if zone <= -ZONE || zone >= ZONE {
        return Err(Undecodable::Malformed);
    }
    let sign = if zone <= 0 { '+' } else { '-' };
    let (hours, minutes, seconds) = (zone.abs() / 3600, zone.abs() / 60 % 60, zone.abs() % 60);
    printed.format(format_args!("{sign}{hours:02}"))?;
    if minutes != 0 || seconds != 0 {
        printed.format(format_args!(":{minutes:02}"))?;
    }
    if seconds != 0 {
        printed.format(format_args!(":{seconds:02}"))?;
    }
    Ok(())
}

pub(crate) fn interval(reader: &mut Reader<'_>, printed: &mut Printed) -> Result<(), Undecodable> {
    let (micros, days, months) = (reader.i64()?, reader.i32()?, reader.i32()?);
    match (micros, days, months) {
        (i64::MAX, i32::MAX, i32::MAX) => return printed.text("infinity"),
        (i64::MIN, i32::MIN, i32::MIN) => return printed.text("-infinity"),
        _ => {}
    }
    let mut is_first = true;
    let mut was_negative = false;
    for (number, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if number == 0 {
            continue;
        }
        let space = if is_first { "" } else { " " };
        let sign = if was_negative && number > 0 { "+" } else { "" };
        let plural = if number == 1 { "" } else { "s" };
        printed.format(format_args!("{space}{sign}{number} {unit}{plural}"))?;
        is_first = false;
        was_negative = number < 0;
    }
    if is_first || micros != 0 {
        let space = if is_first { "" } else { " " };
        let sign = match micros {
            ..0 => "-",
            _ if was_negative => "+",
            _ => "",
        };
        printed.format(format_args!("{space}{sign}"))?;
        clock(micros.unsigned_abs(), printed)?;
    }
    Ok(())
}

/// `HH:MM:SS` with as many places of a second as there are.
fn clock(micros: impl TryInto<u64>, printed: &mut Printed) -> Result<(), Undecodable> {
    let micros = micros.try_into().map_err(|_| Undecodable::Malformed)?;
    let seconds = micros / SECOND.unsigned_abs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    printed.format(format_args!("{hours:02}:{minutes:02}:{:02}", seconds % 60))?;
    match micros % SECOND.unsigned_abs() {
        0 => Ok(()),
        rest => printed.text(format!(".{rest:06}").trim_end_matches('0')),
    }
}

/// A day of the Gregorian calendar, also before there was one. The year before 1 is 0.
struct Day {
    year: i64,
    month: i64,
    day: i64,
}

impl Day {
    /// Of a day of the Julian calendar, from 0 on (Fliegel and van Flandern, "A machine algorithm for processing
    /// calendar dates", 1968).
    fn of(julian: i64) -> Self {
        let l = julian + 68_569;
        let n = 4 * l / 146_097;
        let l = l - (146_097 * n + 3) / 4;
        let i = 4_000 * (l + 1) / 1_461_001;
        let l = l - 1_461 * i / 4 + 31;
        let j = 80 * l / 2_447;
        let day = l - 2_447 * j / 80;
        let l = j / 11;
        Self {
            year: 100 * (n - 49) + i + l,
            month: j + 2 - 12 * l,
            day,
        }
    }

    fn print(&self, printed: &mut Printed) -> Result<(), Undecodable> {
        let year = match self.year {
            year @ 1.. => year,
            year => 1 - year,
        };
        printed.format(format_args!("{year:04}-{:02}-{:02}", self.month, self.day))
    }

    fn print_era(&self, printed: &mut Printed) -> Result<(), Undecodable> {
        match self.year {
            1.. => Ok(()),
            _ => printed.text(" BC"),
        }
    }
}
