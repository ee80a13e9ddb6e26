//! The agent's end of the control socket.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use approval::{Approver, Desk, QuestionId};
use identity::Resolver;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::{Call, Reply};
use crate::run::Reloader;

/// Bytes of one call.
const LONGEST: u64 = 64 << 10;
/// Calls at the same time.
const MOST: usize = 32;
/// Time for one call.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers calls.
pub struct Control {
    pub desk: Desk,
    pub reloader: Reloader,
    pub resolver: Arc<Resolver>,
    /// Unix users by the name that `@approvers` uses.
    pub approvers: BTreeMap<String, Vec<String>>,
}

impl Control {
    /// Binds the socket, which only its owner can open.
    pub fn bind(socket: &Path) -> io::Result<UnixListener> {
        match fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(socket)?;
        fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    }

    /// Answers until it is dropped.
    pub async fn serve(self, listener: UnixListener) {
        let control = Arc::new(self);
        let places = Arc::new(Semaphore::new(MOST));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let control = control.clone();
                    tokio::spawn(async move {
                        let answered = tokio::time::timeout(PATIENCE, control.answer(stream)).await;
                        if let Ok(Err(error)) = answered {
                            tracing::debug!(%error, "a control connection broke");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a control connection was not accepted");
                    // Too many open files does not pass by asking again at once.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn answer(&self, stream: UnixStream) -> io::Result<()> {
        let peer = stream.peer_cred()?;
        let (read, mut write) = stream.into_split();
        let mut line = String::new();
        BufReader::new(read.take(LONGEST))
            .read_line(&mut line)
            .await?;
        let reply = match serde_json::from_str(&line) {
            Ok(call) => self.act(call, peer.uid(), peer.pid()).await,
            Err(error) => Reply::Failed(format!("the call cannot be read: {error}")),
        };
        let mut line = serde_json::to_vec(&reply)?;
        line.push(b'\n');
        write.write_all(&line).await
    }

    async fn act(&self, call: Call, uid: u32, pid: Option<i32>) -> Reply {
        match call {
            Call::Questions => Reply::Questions(self.desk.list()),
            Call::Settle { id, answer } => {
                let id = QuestionId::from(id.as_str());
                let verb = match answer {
                    approval::Answer::Approve { .. } => "approved",
                    approval::Answer::Deny { .. } => "denied",
                };
                match self.desk.settle(&id, &self.approver(uid, pid), answer) {
                    Ok(()) => Reply::Done(format!("{id} {verb}")),
                    Err(error) => Reply::Failed(error.to_string()),
                }
            }
            Call::Reload => match self.reloader.reload().await {
                Ok(sentence) => Reply::Done(sentence),
                Err(error) => Reply::Failed(error.to_string()),
            },
        }
    }

    /// Who is at the other end: a uid that the kernel vouches for, and the login that it came from.
    fn approver(&self, uid: u32, pid: Option<i32>) -> Approver {
        let name = self
            .resolver
            .user_name(uid)
            .unwrap_or_else(|| uid.to_string());
        let login_uid = pid
            .and_then(|pid| fs::read_to_string(format!("/proc/{pid}/loginuid")).ok())
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(u32::MAX);
        let groups = self
            .approvers
            .iter()
            .filter(|(_, members)| members.contains(&name))
            .map(|(group, _)| group.clone())
            .collect();
        Approver {
            uid,
            name,
            login_uid,
            groups,
        }
    }
}
