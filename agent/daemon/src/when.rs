//! Times as people type them.

use anyhow::Context as _;
use archive::Filter;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cli::Period;

/// The rows of this period.
pub fn filter(period: &Period) -> anyhow::Result<Filter> {
    let now = proxy::now();
    let time = |text: &Option<String>| text.as_deref().map(|text| micros(text, now)).transpose();
    Ok(Filter {
        since: time(&period.since)?,
        until: time(&period.until)?,
        ..Filter::default()
    })
}

/// Microseconds since the Unix epoch, of a time in RFC 3339 or of so long before `now`: `30d`, `12h`, `45m`.
fn micros(text: &str, now: i64) -> anyhow::Result<i64> {
    if let Some(before) = duration(text) {
        return Ok(now.saturating_sub(before));
    }
    let time = OffsetDateTime::parse(text, &Rfc3339).with_context(|| {
        format!("{text} is no time: write it like 2026-07-01T00:00:00Z, or 30d for thirty days ago")
    })?;
    Ok(i64::try_from(time.unix_timestamp_nanos() / 1000)?)
}

/// Microseconds.
fn duration(text: &str) -> Option<i64> {
    const SECOND: i64 = 1_000_000;
    let unit = text.chars().next_back()?;
    let each = match unit {
        's' => SECOND,
        'm' => 60 * SECOND,
        'h' => 3_600 * SECOND,
        'd' => 86_400 * SECOND,
        'w' => 7 * 86_400 * SECOND,
        _ => return None,
    };
    let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
    number.checked_mul(each).filter(|micros| *micros >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_so_long_ago() {
        assert_eq!(micros("1970-01-01T00:00:01Z", 7).unwrap(), 1_000_000);
        assert_eq!(micros("2m", 200_000_000).unwrap(), 80_000_000);
        assert_eq!(micros("1w", 7 * 86_400_000_000).unwrap(), 0);
        for wrong in ["yesterday", "d", "-3d", "1.5h", "99999999999999w", ""] {
            assert!(micros(wrong, 0).is_err(), "{wrong}");
        }
    }
}
