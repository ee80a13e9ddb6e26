//! The reasons for not knowing, worded in one place.

use std::fmt::{self, Write};
use std::sync::Arc;

use model::Opacity;

/// Anything that may turn out not to be known.
pub(crate) type Known<T> = Result<T, Opacity>;

pub(crate) fn of(kind: &str, explanation: String) -> Opacity {
    Opacity {
        kind: Arc::from(kind),
        explanation,
    }
}

pub(crate) fn unresolved(explanation: &str) -> Opacity {
    of("unresolved", explanation.to_owned())
}

pub(crate) fn unsupported(explanation: &str) -> Opacity {
    of("unsupported", explanation.to_owned())
}

pub(crate) fn dynamic(explanation: &str) -> Opacity {
    of("dynamic", explanation.to_owned())
}

/// A parse tree node that has no meaning here.
pub(crate) fn unknown_node(node: &impl fmt::Debug) -> Opacity {
    unsupported(&format!("{} is not analysed", variant(node)))
}

/// The name of an enum's variant: what its debug text starts with.
fn variant(node: &impl fmt::Debug) -> String {
    let mut name = FirstWord(String::new());
    // The error is how the writing is stopped.
    let _ = write!(name, "{node:?}");
    name.0
}

struct FirstWord(String);

impl Write for FirstWord {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if !c.is_alphanumeric() || self.0.len() > 40 {
                return Err(fmt::Error);
            }
            self.0.push(c);
        }
        Ok(())
    }
}
