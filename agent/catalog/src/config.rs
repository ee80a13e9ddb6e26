//! What the configuration says about reading catalogs.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::CatalogError;

/// The `catalog` section of one server, as the file says it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// The role that reads the catalog. It needs no privilege but CONNECT.
    pub user: String,
    /// Its password.
    pub password: Option<String>,
    /// A file whose first line is its password.
    pub password_file: Option<PathBuf>,
}

/// How a server's catalog is read, where that is not through its clients' sessions.
#[derive(Clone, Debug)]
pub enum Access {
    /// As this role.
    Role(Credentials),
    /// Not at all, so that every statement is opaque: what is there is no PostgreSQL, or has no catalog to speak of.
    Nobody,
}

/// The role that reads the catalog.
#[derive(Clone)]
pub struct Credentials {
    /// Its name.
    pub user: String,
    /// Its password; none where the server asks for none.
    pub password: Option<String>,
}

/// How old a snapshot may be, how many there are, and how long reading one may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Older snapshots are refreshed while they are served; ten times older ones are not served.
    pub age: Duration,
    /// Databases kept in memory beyond those in use; the one not asked for longest goes first.
    pub databases: usize,
    /// For connecting and reading together.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            age: Duration::from_secs(30),
            databases: 256,
            timeout: Duration::from_secs(10),
        }
    }
}

impl Written {
    /// The role with its password at hand.
    pub fn credentials(&self) -> Result<Credentials, CatalogError> {
        let password = match (&self.password, &self.password_file) {
            (Some(_), Some(_)) => return Err(CatalogError::TwoPasswords),
            (Some(password), None) => Some(password.clone()),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path);
                let text = text.map_err(|error| CatalogError::PasswordFile {
                    path: path.display().to_string(),
                    error,
                })?;
                Some(text.lines().next().unwrap_or_default().to_owned())
            }
            (None, None) => None,
        };
        Ok(Credentials {
            user: self.user.clone(),
            password,
        })
    }
}

// Passwords do not get into logs.
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Written {{ user: {:?}, .. }}", self.user)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials {{ user: {:?}, .. }}", self.user)
    }
}
