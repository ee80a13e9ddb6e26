//! `weir audit ship` and `weir audit fetch`: the trail on its way off the host, and back.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use ship::Destination;

use crate::cli::AuditFetch;
use crate::config::Config;
use crate::shipping::Shipping;

/// One round of what the running agent does all the time. Both may do it at once.
pub fn ship(config: &Config) -> anyhow::Result<ExitCode> {
    let Some(mut shipping) = Shipping::open(config)? else {
        bail!(
            "the configuration does not say where to: write [audit.ship] with `to = \"s3://bucket/prefix\"`"
        );
    };
    let shipped = runtime()?.block_on(shipping.round())?;
    println!(
        "{} objects of {} bytes were created, {} were there already",
        shipped.created, shipped.bytes, shipped.found
    );
    Ok(ExitCode::SUCCESS)
}

/// Needs neither agent nor configuration.
pub fn fetch(wanted: AuditFetch) -> anyhow::Result<ExitCode> {
    let directory = wanted.directory;
    if directory
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some())
    {
        bail!(
            "{} is not empty: name a directory that is",
            directory.display()
        );
    }
    let destination = Destination::open(&wanted.from, &wanted.options.into_iter().collect())?;
    let names = runtime()?.block_on(ship::fetch(&destination, &directory))?;
    let hosts = archive::gather(&directory)?;
    println!(
        "{} objects are in {}; hosts: {}",
        names.len(),
        directory.display(),
        hosts.join(", ")
    );
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}
