//! Copies the archive off the host, beside everything else: a store that is slow or away delays no statement.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use archive::Outgoing;
use ship::{Content, Destination, Parcel, ShipError, Shipped, Shipper};

use crate::config::Config;

/// How long the last round may take, when the agent stops.
const FAREWELL: Duration = Duration::from_secs(10);

/// One host's archive and where it goes.
#[derive(Debug)]
pub struct Shipping {
    shipper: Shipper,
    directory: PathBuf,
    host: String,
    pause: Duration,
}

impl Shipping {
    /// None where nothing is shipped.
    pub fn open(config: &Config) -> Result<Option<Self>, ShipError> {
        let Some(written) = &config.ship else {
            return Ok(None);
        };
        let directory = config.archive_directory();
        let ledger = directory
            .join("state")
            .join(format!("{}.shipped.jsonl", config.host));
        Ok(Some(Self {
            shipper: Shipper::open(Destination::open(&written.to, &written.options)?, &ledger)?,
            directory,
            host: config.host.clone(),
            pause: Duration::from_secs(written.every_seconds.max(1)),
        }))
    }

    /// Sends what is not there yet.
    pub async fn round(&mut self) -> anyhow::Result<Shipped> {
        let outgoing = archive::outgoing(&self.directory, &self.host)?;
        Ok(self.shipper.ship(outgoing.into_iter().map(parcel)).await?)
    }

    /// Sends, again and again, until it is dropped.
    pub async fn run(&mut self) -> Infallible {
        let mut reached = Instant::now();
        loop {
            match self.round().await {
                Ok(shipped) => {
                    reached = Instant::now();
                    if shipped.created > 0 {
                        tracing::info!(
                            objects = shipped.created,
                            bytes = shipped.bytes,
                            "shipped off the host"
                        );
                    }
                }
                Err(error) => tracing::error!(
                    %error,
                    since = reached.elapsed().as_secs(),
                    "evidence did not get off the host, and stays here; it is tried again"
                ),
            }
            tokio::time::sleep(self.pause).await;
        }
    }

    /// The last round, when everything is archived.
    pub async fn finish(&mut self) {
        match tokio::time::timeout(FAREWELL, self.round()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the last of the evidence did not get off the host, and is shipped at the next start");
            }
            Err(_) => tracing::error!(
                "the store took longer than {} s; what is not there is shipped at the next start",
                FAREWELL.as_secs()
            ),
        }
    }
}

fn parcel(outgoing: Outgoing) -> Parcel {
    match outgoing {
        Outgoing::File { name, path } => Parcel {
            name,
            content: Content::File(path),
        },
        Outgoing::Line { name, text } => Parcel {
            name,
            content: Content::Bytes(text),
        },
    }
}
