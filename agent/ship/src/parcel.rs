//! One object on its way.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use crate::ShipError;

/// An object that is to be in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Its name below the destination, with `/` between its parts. The same name always means the same content.
    pub name: String,
    /// What it holds.
    pub content: Content,
}

/// What an object holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A file that is never written again. It is read whole when it is sent.
    File(PathBuf),
    /// These bytes.
    Bytes(Vec<u8>),
}

impl Content {
    /// The bytes.
    pub(crate) async fn read(&self) -> Result<Vec<u8>, ShipError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::File(path) => tokio::fs::read(path)
                .await
                .map_err(ShipError::io("read", path)),
        }
    }
}

/// SHA-256, hex.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
