//! The binary: wiring, configuration, signals and the command line.
//!
//! Everything here is about starting, asking and stopping; what happens to a statement is written in `proxy`.

mod anchors;
mod archiver;
mod cli;
mod commands;
mod config;
mod control;
mod drain;
mod run;
mod screen;
mod shipping;
mod signing;
mod when;

use std::process::ExitCode;

use clap::Parser as _;

/// Keeps less of what many sessions allocate and let go of, and takes less time for it, than the C library's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("weir: {}", on_one_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error with those of its causes that it does not tell itself.
fn on_one_line(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .fold(String::new(), |told, cause| match told.as_str() {
            "" => cause,
            _ if told.contains(&cause) => told,
            _ => format!("{told}: {cause}"),
        })
}
