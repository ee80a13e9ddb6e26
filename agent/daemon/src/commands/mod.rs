//! The commands, one file each.

mod approvals;
mod audit;
mod check;
mod classes;
mod doctor;
mod explain;
mod init;
mod mask;
mod policy;
mod prove;
mod sessions;
mod ship;
mod verify;

use std::process::ExitCode;

use crate::cli::{Audit, Cli, Command};
use crate::config::{Config, Entrance};
use crate::control::{Call, Reply, call};
use crate::run;

/// Runs the command that was typed.
pub fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Command::Init(wanted) => {
            init::init(&cli.config, wanted)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Check => return check::check(&cli.config),
        Command::Doctor => return Ok(doctor::doctor(&cli.config)),
        _ => {}
    }
    if let Command::Policy(command) = cli.command {
        return policy::policy(&cli.config, command);
    }
    if let Command::Audit(Audit::Fetch(wanted)) = cli.command {
        return ship::fetch(wanted);
    }
    if let Command::Audit(Audit::Verify(wanted)) = cli.command {
        return Ok(verify::verify(&cli.config, &wanted));
    }
    let config = Config::load(&cli.config)?;
    match cli.command {
        Command::Run => {
            log_to_stderr();
            run::run(config)?;
        }
        Command::Classes(command) => return classes::classes(&config, &command),
        Command::Mask(command) => return mask::mask(&config, &command),
        Command::Explain(explain) => return explain::explain(&config, &explain),
        Command::Approvals(command) => approvals::approvals(&config, command)?,
        Command::Sessions(command) => return sessions::sessions(&config, command),
        Command::Audit(command) => return audit::audit(&config, command),
        Command::Reload => {
            if let Reply::Done(sentence) = call(&config.control_socket(), &Call::Reload)? {
                println!("{sentence}");
            }
        }
        Command::Release => release(&config)?,
        Command::Init(_) | Command::Check | Command::Doctor | Command::Policy(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// The log is for operators and goes where systemd collects it; evidence goes to the journal.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("WEIR_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        // A log that nobody takes any more must not end the agent.
        .log_internal_errors(false)
        .init();
}

fn release(config: &Config) -> anyhow::Result<()> {
    match &config.entrance {
        Entrance::Intercept(effective) => {
            let removed = intercept::release(&effective.pins)?;
            println!(
                "{removed} pinned objects removed below {}",
                effective.pins.display()
            );
        }
        Entrance::Gateway(_) => println!("nothing to release: the configuration names a gateway"),
    }
    Ok(())
}
