//! What can go wrong on the way to a store.

use std::io;
use std::path::{Path, PathBuf};

/// Why something did not get to the store, or back. Nothing local is lost by any of these.
#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    /// The configured place cannot be one.
    #[error("{url:?} is no place to ship to: {what}")]
    Destination {
        /// As it is written.
        url: String,
        /// What is wrong with it.
        what: String,
    },
    /// The store did not do what it was asked for.
    #[error("the store at {url} did not {action} {name}: {source}")]
    Store {
        /// The place.
        url: String,
        /// What was tried, a verb.
        action: &'static str,
        /// With which object.
        name: String,
        /// What the store, or the way there, said.
        source: Box<object_store::Error>,
    },
    /// There is an object of that name already, and it is not this one.
    #[error(
        "{name} is at {url} already with other content: it was put there by somebody else, or changed; \
         keep both, and find out who writes there"
    )]
    Different {
        /// The place.
        url: String,
        /// The object.
        name: String,
    },
    /// A file here could not be used.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ShipError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}
