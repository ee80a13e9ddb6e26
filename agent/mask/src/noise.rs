//! `noise`: a value nearby. Equal values of a column have the same noise, so that asking twice tells nothing more.

use bytes::BytesMut;
use model::Spread;

use crate::Format;
use crate::key::{Key, Mac};
use crate::kind::Kind;
use crate::moment::{self, DAY, Moment};
use crate::number::Number;
use crate::step::Typed;

/// Moves a value by what the key makes of it.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    mac: Mac,
    spread: Spread,
    kind: Kind,
    format: Format,
}

impl Noise {
    pub(crate) fn new(key: &Key, spread: Spread, typed: &Typed<'_>) -> Self {
        Self {
            mac: key.noise(typed.column),
            spread,
            kind: typed.kind,
            format: typed.format,
        }
    }

    pub(crate) fn put(&self, value: &[u8], out: &mut BytesMut) -> Option<()> {
        match self.spread {
            Spread::Percent(percent) => {
                self.number(value, percent)?
                    .put(self.kind, self.format, out)
            }
            Spread::Days(days) => self.moment(value, days)?.put(self.kind, self.format, out),
        }
    }

    fn number(&self, value: &[u8], percent: u32) -> Option<Number> {
        let number = Number::read(self.kind, self.format, value)?;
        match number {
            Number::Float(value) => {
                let place = self.place(&value.to_be_bytes(), u64::MAX.into())?;
                let share = place as f64 / u64::MAX as f64 * f64::from(percent) / 100.0;
                let moved = Number::Float(value + value * share);
                matches!(moved, Number::Float(moved) if moved.is_finite()).then_some(moved)
            }
            Number::Exact { digits, scale } => {
                let width = digits.checked_mul(percent.into())? / 100;
                let Number::Exact { digits: normal, .. } = number.normal() else {
                    return None;
                };
                // Small numbers would stay as they are.
                let width = width.unsigned_abs().max(1);
                Some(Number::Exact {
                    digits: digits.checked_add(self.place(&normal.to_be_bytes(), width)?)?,
                    scale,
                })
            }
        }
    }

    /// In microseconds, and in whole days for a date.
    fn moment<'v>(&self, value: &'v [u8], days: u32) -> Option<Moment<'v>> {
        let moment = moment::read(self.kind, self.format, value)?;
        let utc = moment.in_utc()?;
        let (day, time) = (i128::from(utc.day.to_julian_day()), i128::from(utc.time));
        let micros = day * i128::from(DAY) + time;
        let unit = if self.kind == Kind::Date { DAY } else { 1 };
        let width = i128::from(days) * i128::from(DAY / unit);
        let place = self.place(&micros.to_be_bytes(), width.unsigned_abs())?;
        let local = i128::from(moment.day.to_julian_day()) * i128::from(DAY);
        let moved = local + i128::from(moment.time) + place * i128::from(unit);
        let day = i32::try_from(moved.div_euclid(DAY.into())).ok()?;
        Some(Moment {
            day: moment::of_julian(day)?,
            time: i64::try_from(moved.rem_euclid(DAY.into())).ok()?,
            ..moment
        })
    }

    /// A number between minus and plus `width`, each as likely.
    fn place(&self, of: &[u8], width: u128) -> Option<i128> {
        let digest = self.mac.of(of);
        let (random, _) = digest.split_first_chunk::<16>()?;
        let choices = width.checked_mul(2)?.checked_add(1)?;
        let chosen = u128::from_be_bytes(*random) % choices;
        Some(i128::try_from(chosen).ok()? - i128::try_from(width).ok()?)
    }
}
