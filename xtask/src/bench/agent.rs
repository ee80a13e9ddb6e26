//! How the agent is set up for measuring: a gateway before the stand's server, policies that permit its work, and masks on
//! views that only the measurement of masks reads.
//!
//! Everything else is as shipped: each statement is judged and recorded, each segment archived.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use stage::Agent;

use crate::command;

/// Sessions that the agent lets in.
const SESSIONS: u32 = 20_000;

/// What differs between agents.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where clients connect, on 127.0.0.1.
    pub port: u16,
    /// The server's port on 127.0.0.1.
    pub server: u16,
    /// The server's unix socket, where that is how the agent reaches it.
    pub socket: Option<PathBuf>,
    /// Number of policies, at least [`OWN_POLICIES`] and those of `base.cedar`.
    pub policies: usize,
}

/// What the measured work needs, beside what `base.cedar` permits everybody.
const POLICIES: &str = r#"
@id("bench-connect")
@description("Whoever comes through the gateway logs in.")
permit (principal in Workload::"gateway", action == Action::"connect", resource in Server::"shop");

@id("bench-work")
@description("They read and write the public schema.")
permit (
  principal in Workload::"gateway",
  action in [Action::"select", Action::"insert", Action::"update", Action::"delete", Action::"lock", Action::"copy_in", Action::"copy_out"],
  resource in Schema::"shop/bench.public"
);

@id("bench-people")
@description("They see and search by whom they work for.")
permit (principal in Workload::"gateway", action in [Action::"unmask", Action::"filter"], resource)
when { resource in Class::"contact" || resource in Class::"pii" };

@id("bench-pool")
@description("Connection pools reset their sessions (RESET ALL, DISCARD ALL).")
permit (principal in Workload::"gateway", action == Action::"set", resource == Setting::"all");

@id("no-truncate")
@description("Nobody empties a table.")
forbid (principal, action == Action::"truncate", resource is Table in Server::"shop");

@id("no-definitions")
@description("Definitions change by migration only.")
@hint("ask the owner of the schema")
forbid (principal, action in Action::"define", resource) unless { principal in Workload::"systemd:migrate.service" };
"#;

/// What nobody may see in clear.
const CLASSES: &str = r#"
[classes.bench]
description = "Masks that are measured."
mask = "null"
columns = [
  "*/*.public.notes_null.e",
  { column = "*/*.public.notes_redact.e", mask = "redact" },
  { column = "*/*.public.notes_partial.e", mask = { partial = { prefix = 2, pad = "***", suffix = 4 } } },
  { column = "*/*.public.notes_hash.e", mask = { hash = { key = "bench" } } },
  { column = "*/*.public.notes_tokenize.e", mask = { tokenize = { key = "bench" } } },
]
"#;

/// Policies in [`POLICIES`].
const OWN_POLICIES: usize = 6;

/// Starts an agent whose files are all in this directory.
pub fn start(program: &Path, directory: &Path, setup: &Setup) -> Result<Agent> {
    write_policies(&directory.join("policies"), setup.policies)?;
    write_key(&directory.join("bench.key"))?;
    let config = directory.join("weir.toml");
    fs::write(&config, configuration(setup))?;
    Agent::start(program, &config, None)
}

fn configuration(setup: &Setup) -> String {
    let Setup { port, server, .. } = setup;
    let socket = setup.socket.as_ref();
    let upstream = socket.map(|socket| format!("upstream = \"unix:{}\"\n", socket.display()));
    format!(
        "[gateway]
listen = \"127.0.0.1:{port}\"
upstream = \"127.0.0.1:{server}\"

[agent]
state = \"state\"
run = \"run\"
policies = \"policies\"

[[server]]
name = \"shop\"
addresses = [\"127.0.0.1:{server}\"]
catalog = {{ user = \"postgres\" }}
{}
[sessions]
most = {SESSIONS}

[masking.keys]
bench = {{ file = \"bench.key\" }}
",
        upstream.unwrap_or_default()
    )
}

/// The shipped classes and base, the measured masks, what the work needs, and other people's policies up to this number.
fn write_policies(directory: &Path, number: usize) -> Result<()> {
    fs::create_dir_all(directory)?;
    let shipped = command::root().join("policies");
    let base = fs::read_to_string(shipped.join("base.cedar"))?;
    let classes = fs::read_to_string(shipped.join("classes.toml"))?;
    fs::write(directory.join("classes.toml"), classes + CLASSES)?;
    fs::write(directory.join("base.cedar"), &base)?;
    fs::write(directory.join("bench.cedar"), POLICIES)?;
    let others = number.saturating_sub(OWN_POLICIES + count(&base));
    fs::write(directory.join("others.cedar"), others_policies(others))?;
    Ok(())
}

/// Any key, for nobody else to read.
fn write_key(file: &Path) -> Result<()> {
    fs::write(file, "5a".repeat(32))?;
    Ok(fs::set_permissions(
        file,
        fs::Permissions::from_mode(0o600),
    )?)
}

fn count(policies: &str) -> usize {
    policies.matches("@id(").count()
}

/// Policies of services that share the agent with the measured one, none of which speaks of it.
fn others_policies(number: usize) -> String {
    let mut text = String::new();
    for service in 0..number {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "@id(\"service-{service}\")
permit (
  principal in Workload::\"systemd:service-{service}.service\",
  action in [Action::\"select\", Action::\"insert\", Action::\"update\", Action::\"delete\"],
  resource in Schema::\"shop/bench.service_{service}\"
)
when {{ context.db_user == \"service_{service}\" }};
"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_policies_is_what_was_asked_for() {
        let folder = stage::Folder::new("weir-bench-policies").unwrap();
        for number in [10, 1000] {
            write_policies(folder.path(), number).unwrap();
            let files = ["base.cedar", "bench.cedar", "others.cedar"];
            let text = files.map(|file| fs::read_to_string(folder.path().join(file)).unwrap());
            assert_eq!(count(&text.concat()), number);
        }
    }
}
