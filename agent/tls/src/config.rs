//! What the configuration says about TLS. Knows no file's content.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The `[tls]` table: what clients are shown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSide {
    /// PEM file with the agent's certificate first, then what leads to a root that clients know.
    pub certificate: PathBuf,
    /// PEM file with its key, which nobody else may read.
    pub key: PathBuf,
    /// Whether clients without TLS are refused.
    #[serde(default)]
    pub require: bool,
}

/// `tls` of one `[[server]]`: what the agent demands of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSide {
    /// How much.
    pub mode: Mode,
    /// PEM file with the certificates that the server's must lead to. Without it, verify-full takes the system's.
    pub root: Option<PathBuf>,
    /// The name that the server's certificate must have, and that it is asked for (SNI). Without it: its address.
    pub name: Option<String>,
}

/// What is demanded of a server's side, in libpq's words.
/// <https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-SSLMODE-STATEMENTS>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// No TLS.
    Disable,
    /// TLS where the server offers it. Nothing is checked.
    Prefer,
    /// TLS. Nothing is checked, so whoever is in between can read along.
    Require,
    /// TLS, and a certificate that leads to a root.
    VerifyCa,
    /// TLS, and a certificate that leads to a root and is for this server.
    VerifyFull,
}

impl ClientSide {
    /// The same with paths relative to this directory.
    pub fn below(self, base: &Path) -> Self {
        Self {
            certificate: base.join(self.certificate),
            key: base.join(self.key),
            ..self
        }
    }
}

impl ServerSide {
    /// The same with paths relative to this directory.
    pub fn below(self, base: &Path) -> Self {
        Self {
            root: self.root.map(|root| base.join(root)),
            ..self
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}
