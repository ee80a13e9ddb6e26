//! The commands' end of the control socket.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::{Call, Reply};

/// Asks the running agent. A failure that it reports is an error here.
pub fn call(socket: &Path, call: &Call) -> anyhow::Result<Reply> {
    let mut stream = UnixStream::connect(socket).with_context(|| {
        format!("no agent answers at {}: start it with `weir run`, or name its configuration with --config", socket.display())
    })?;
    let mut line = serde_json::to_string(call)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    match serde_json::from_str(&answer)
        .context("the agent's answer cannot be read: is it of another version?")?
    {
        Reply::Failed(reason) => bail!(reason),
        reply => Ok(reply),
    }
}
