//! A witness (C2SP `tlog-witness`): it signs a head only if that goes on from the one that it signed before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use proof::{Signature, VerifierKey};
use tokio::runtime::Runtime;

use super::{Head, Place};

/// For one exchange.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer.
const LONGEST: usize = 64 << 10;

pub(super) struct Witness {
    url: String,
    key: VerifierKey,
    seen: Arc<AtomicU64>,
    client: reqwest::Client,
    runtime: Runtime,
}

impl Witness {
    pub(super) fn new(url: &str, key: VerifierKey, seen: Arc<AtomicU64>) -> anyhow::Result<Self> {
        // Fails where another part of the agent did it before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            url: format!("{}/add-checkpoint", url.trim_end_matches('/')),
            key,
            seen,
            client: reqwest::Client::builder().timeout(PATIENCE).build()?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        })
    }

    /// Status and text of the answer.
    fn ask(&self, body: String) -> anyhow::Result<(u16, String)> {
        self.runtime.block_on(async {
            let mut answer = self.client.post(&self.url).body(body).send().await?;
            let mut text = Vec::new();
            while let Some(bytes) = answer.chunk().await? {
                text.extend_from_slice(&bytes);
                if text.len() > LONGEST {
                    bail!("its answer is longer than {LONGEST} bytes");
                }
            }
            Ok((answer.status().as_u16(), String::from_utf8(text)?))
        })
    }
}

impl Place for Witness {
    fn name(&self) -> String {
        format!("witness {}", self.key.name())
    }

    fn put(&mut self, head: &Head) -> anyhow::Result<()> {
        let path: String = head.path.iter().map(|hash| format!("{hash}\n")).collect();
        let body = format!("old {}\n{path}\n{}", head.from, head.note);
        let (status, text) = self.ask(body).with_context(|| self.url.clone())?;
        match status {
            200 => {
                let mut note = head.note.clone();
                for line in text.lines() {
                    note.add(line.parse::<Signature>()?);
                }
                note.verify(&self.key).context("its signature")?;
                self.seen.store(head.size, Ordering::Relaxed);
                Ok(())
            }
            409 => {
                let seen = text.trim().parse().context("it names no size")?;
                self.seen.store(seen, Ordering::Relaxed);
                if seen > head.size {
                    bail!(
                        "it has signed {seen} records, and the log has {}: the log was rolled back",
                        head.size
                    );
                }
                bail!("it has signed {seen} records, and goes on from there with the next head")
            }
            422 => bail!(
                "it says that the log is not the one that it signed before: {}",
                text.trim()
            ),
            status => bail!("it answered {status}: {}", text.trim()),
        }
    }
}
