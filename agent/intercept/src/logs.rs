//! Brings the probes' diagnostics into the agent's log.

use aya::Ebpf;
use aya_log::EbpfLogger;
use tokio::task::JoinHandle;

use crate::sys;

/// Reads the probes' messages until the task is aborted. Without them everything works, so that a failure here
/// is only said.
pub fn follow(object: &mut Ebpf) -> Option<JoinHandle<()>> {
    let logger = match EbpfLogger::init_with_logger(object, Tracing) {
        Ok(logger) => logger,
        Err(error) => {
            tracing::warn!(%error, "the probes' messages cannot be read");
            return None;
        }
    };
    let mut ready = match sys::readable(logger) {
        Ok(ready) => ready,
        Err(error) => {
            tracing::warn!(%error, "the probes' messages cannot be waited for");
            return None;
        }
    };
    Some(tokio::spawn(async move {
        while let Ok(mut guard) = ready.readable_mut().await {
            guard.get_inner_mut().flush();
            guard.clear_ready();
        }
    }))
}

/// aya-log speaks the `log` crate, the agent `tracing`.
struct Tracing;

impl log::Log for Tracing {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let message = record.args();
        match record.level() {
            log::Level::Error => tracing::error!(target: "probes", "{message}"),
            log::Level::Warn => tracing::warn!(target: "probes", "{message}"),
            log::Level::Info => tracing::info!(target: "probes", "{message}"),
            log::Level::Debug => tracing::debug!(target: "probes", "{message}"),
            log::Level::Trace => tracing::trace!(target: "probes", "{message}"),
        }
    }

    fn flush(&self) {}
}
