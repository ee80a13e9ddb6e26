//! An agent as a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::cgroup::command_in;
use crate::lines::Lines;

const PATIENCE: Duration = Duration::from_secs(60);

/// A running agent. Stopped in order when dropped.
#[derive(Debug)]
pub struct Agent {
    program: PathBuf,
    config: PathBuf,
    process: Option<Child>,
    log: Lines,
}

impl Agent {
    /// Starts it in this cgroup, or in that of this process, and waits until it is ready. Its log goes to `agent.log`
    /// beside the configuration.
    pub fn start(program: &Path, config: &Path, cgroup: Option<&Path>) -> anyhow::Result<Self> {
        let mut command = match cgroup {
            Some(cgroup) => command_in(cgroup, program),
            None => Command::new(program),
        };
        let (log, output) = Lines::open(&config.with_file_name("agent.log"))?;
        let process = command
            .arg("--config")
            .arg(config)
            .arg("run")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let agent = Self {
            program: program.to_owned(),
            config: config.to_owned(),
            process: Some(process),
            log,
        };
        let is_refusal = |line: &str| line.starts_with("weir: ");
        let is_ready = |line: &str| line.contains(": ready ");
        let line =
            agent
                .log
                .wait_until("ready", |line| is_ready(line) || is_refusal(line), PATIENCE)?;
        if is_refusal(&line) {
            bail!("the agent does not start: {line}");
        }
        Ok(agent)
    }

    /// Waits for a line of its log that contains this.
    pub fn wait_for(&self, part: &str) -> anyhow::Result<String> {
        self.log.wait_for(part, PATIENCE)
    }

    /// One of its commands, with its configuration.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(&self.config).args(words);
        command
    }

    /// Runs one of its commands.
    pub fn ask(&self, words: &[&str]) -> anyhow::Result<Output> {
        Ok(self.command(words).output()?)
    }

    /// Its process id.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Asks it to load its policies again.
    pub fn hang_up(&self) -> anyhow::Result<()> {
        self.signal(Signal::HUP)
    }

    /// Stops it in order, and waits for its end.
    pub fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        self.end(Signal::TERM)
    }

    /// Kills it, and waits for its end.
    pub fn kill(&mut self) -> anyhow::Result<ExitStatus> {
        self.end(Signal::KILL)
    }

    /// Leaves it running.
    pub fn keep(mut self) -> Option<u32> {
        self.process.take().map(|process| process.id())
    }

    fn end(&mut self, signal: Signal) -> anyhow::Result<ExitStatus> {
        self.signal(signal)?;
        let mut process = self.process.take().context("the agent is not running")?;
        Ok(process.wait()?)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let process = self.process.as_ref().context("the agent is not running")?;
        let id = Pid::from_raw(i32::try_from(process.id())?).context("no process id")?;
        kill_process(id, signal)?;
        Ok(())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if self.process.is_some() {
            // It may have ended by itself.
            let _ = self.stop();
        }
    }
}
