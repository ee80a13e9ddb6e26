//! The binary: wiring, configuration, signals and the command line.
//!
//! Everything here is about starting, asking and stopping; what happens to a statement is written in `proxy`.

mod archiver;
mod cli;
mod commands;
mod config;
mod control;
mod drain;
mod run;
mod screen;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            // `{:#}` joins the chain of causes on one line.
            eprintln!("weir: {error:#}");
            ExitCode::FAILURE
        }
    }
}
