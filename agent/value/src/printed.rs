//! A text that cannot grow without end.

use std::fmt;

use crate::{LONGEST, Undecodable};

/// What is printed so far.
#[derive(Default)]
pub(crate) struct Printed(String);

impl Printed {
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Undecodable> {
        if self.0.len().saturating_add(text.len()) > LONGEST {
            return Err(Undecodable::TooLong);
        }
        self.0.push_str(text);
        Ok(())
    }

    pub(crate) fn char(&mut self, char: char) -> Result<(), Undecodable> {
        self.text(char.encode_utf8(&mut [0; 4]))
    }

    pub(crate) fn repeat(&mut self, char: char, times: usize) -> Result<(), Undecodable> {
        (0..times).try_for_each(|_| self.char(char))
    }

    /// What `format_args!` makes.
    pub(crate) fn format(&mut self, arguments: fmt::Arguments<'_>) -> Result<(), Undecodable> {
        fmt::Write::write_fmt(self, arguments).map_err(|fmt::Error| Undecodable::TooLong)
    }

    pub(crate) fn hex(&mut self, bytes: &[u8]) -> Result<(), Undecodable> {
        bytes
            .iter()
            .try_for_each(|byte| self.format(format_args!("{byte:02x}")))
    }
}

impl fmt::Write for Printed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text).map_err(|_| fmt::Error)
    }
}

impl From<Printed> for String {
    fn from(printed: Printed) -> Self {
        printed.0
    }
}
