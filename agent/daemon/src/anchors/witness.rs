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

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use ed25519_dalek::Signer as _;
    use proof::{Checkpoint, Hash, SigningKey};

    use super::*;

    /// A witness's key and what it signs, by the book: cosignature/v1.
    fn cosigner() -> (ed25519_dalek::SigningKey, VerifierKey) {
        let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
        let public = [&[4], key.verifying_key().as_bytes().as_slice()].concat();
        let named = [b"witness\n".as_slice(), &public].concat();
        let id = &model::Digest::of(&named).to_string()[..8];
        let text = format!("witness+{id}+{}", STANDARD.encode(&public));
        (key, text.parse().unwrap())
    }

    fn cosign(text: &str) -> String {
        let (key, verifier) = cosigner();
        let signed = key.sign(format!("cosignature/v1\ntime 1700000000\n{text}").as_bytes());
        let id = verifier.id().to_be_bytes();
        let time = 1_700_000_000_u64.to_be_bytes();
        let bytes = [id.as_slice(), &time, &signed.to_bytes()].concat();
        format!("— witness {}\n", STANDARD.encode(bytes))
    }

    fn head() -> Head {
        let checkpoint = Checkpoint {
            origin: "weir/db-1".into(),
            size: 7,
            root: proof::leaf(b"root"),
        };
        let key = SigningKey::from_seed("weir/db-1", &[1; 32]).unwrap();
        Head {
            note: checkpoint.sign(&key).unwrap(),
            size: 7,
            from: 3,
            path: vec![Hash([5; 32])],
        }
    }

    /// Answers one request, and returns its body.
    fn answer(listener: TcpListener, status: u16, text: String) -> JoinHandle<String> {
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            let mut buffer = [0; 4096];
            let (head, length) = loop {
                let read = stream.read(&mut buffer).unwrap();
                request += str::from_utf8(&buffer[..read]).unwrap();
                if let Some((head, _)) = request.split_once("\r\n\r\n") {
                    let length = head.lines().find_map(|line| {
                        let (name, value) = line.split_once(": ")?;
                        name.eq_ignore_ascii_case("content-length")
                            .then(|| value.parse::<usize>().unwrap())
                    });
                    break (head.len() + 4, length.unwrap());
                }
            };
            while request.len() < head + length {
                let read = stream.read(&mut buffer).unwrap();
                request += str::from_utf8(&buffer[..read]).unwrap();
            }
            let answer = format!(
                "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{text}",
                text.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
            assert!(
                request.starts_with("POST /log/add-checkpoint HTTP/1.1\r\n"),
                "{request}"
            );
            request.split_off(head)
        })
    }

    /// What comes of an answer, how many records the witness is known to have seen then, and what it was asked.
    fn exchange(status: u16, text: String) -> (anyhow::Result<()>, u64, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/log/", listener.local_addr().unwrap());
        let answering = answer(listener, status, text);
        let seen = Arc::new(AtomicU64::new(3));
        let mut witness = Witness::new(&url, cosigner().1, seen.clone()).unwrap();
        let put = witness.put(&head());
        (put, seen.load(Ordering::Relaxed), answering.join().unwrap())
    }

    #[test]
    fn a_witness_is_shown_that_the_log_goes_on_and_signs_it() {
        let note = head().note;
        let (put, seen, asked) = exchange(200, cosign(note.text()));
        put.unwrap();
        assert_eq!(seen, 7);
        assert_eq!(asked, format!("old 3\n{}\n\n{note}", Hash([5; 32])));
    }

    #[test]
    fn a_signature_that_is_not_the_witness_s_counts_for_nothing() {
        let other = cosign("weir/db-1\n8\nanother\n");
        for forged in [other, String::new(), "what?".to_owned()] {
            let (put, seen, _) = exchange(200, forged);
            assert!(put.is_err());
            assert_eq!(seen, 3);
        }
    }

    #[test]
    fn a_witness_that_has_seen_something_else_says_what() {
        let (put, seen, _) = exchange(409, "5\n".to_owned());
        assert!(put.unwrap_err().to_string().contains("goes on from there"));
        assert_eq!(seen, 5);
        let (put, _, _) = exchange(409, "9\n".to_owned());
        assert!(
            put.unwrap_err()
                .to_string()
                .contains("the log was rolled back")
        );
        let (put, _, _) = exchange(422, "no".to_owned());
        assert!(
            put.unwrap_err()
                .to_string()
                .contains("is not the one that it signed before")
        );
    }
}
