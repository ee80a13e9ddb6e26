//! `weir check`: says everything that is wrong before `weir run` would refuse to start for it.

use std::path::Path;
use std::process::ExitCode;

use policy::PolicySet;
use ship::Destination;

use crate::config::Config;

/// Checks the configuration and the policies that it names.
pub fn check(file: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::load(file)?;
    config.tls.read()?;
    config.keys.read()?;
    if let Some(ship) = &config.ship {
        Destination::open(&ship.to, &ship.options)?;
    }
    let policies = PolicySet::load(&config.policies)?;
    config.keys.check(&policies)?;
    println!("{}: ok", file.display());
    println!(
        "{}: ok, {} policies, hash {}",
        config.policies.display(),
        policies.len(),
        policies.hash()
    );
    for server in config.monitored_servers() {
        println!("server {server} is ONLY MONITORED: nothing is refused, held or masked");
    }
    Ok(ExitCode::SUCCESS)
}
