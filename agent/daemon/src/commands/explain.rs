//! `weir explain`: judges a statement as the agent would, without running it, and says why.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use catalog::{Catalog, Limits};
use intercept::Dialer;
use model::{
    Effect, Function, Login, Request, SessionId, Shape, Statement, Subject, Target, Touches, Verb,
    Workload,
};
use policy::{Explanation, Moment, PolicySet};
use proxy::Upstreams;
use serde::Serialize;
use sql::{Facts, Snapshot};
use tokio::runtime::Runtime;

use crate::cli::Explain;
use crate::config::Config;
use crate::run::dial;

/// Exits with 0 for allow, 3 for hold and 4 for deny, so that scripts can tell.
pub fn explain(config: &Config, wanted: &Explain) -> anyhow::Result<ExitCode> {
    let policies = PolicySet::load(&config.policies)?;
    let subject = subject(&wanted.workloads);
    let target = target(config, wanted.server.as_deref())?;
    let login = Login {
        user: wanted.user.clone(),
        database: wanted.database.clone(),
        application: None,
        settings: Vec::new(),
    };
    let snapshot = snapshot(config, &target, &wanted.database)?;
    let facts = facts(&wanted.sql, &login, &snapshot);
    let statement = stated(&facts, &wanted.sql);
    let request = Request::Run(statement.clone());
    let moment = Moment {
        time: proxy::now(),
        in_transaction: false,
        approved: false,
        usage: model::Usage::default(),
    };
    let explanation = policies.explain(&subject, &target, &login, &request, &moment);
    let told = Told {
        missing: wanted
            .workloads
            .first()
            .map(|workload| explanation.missing(workload))
            .unwrap_or_default(),
        monitored: config.monitored.contains(&target.address),
        verbs: &statement.verbs,
        touches: &statement.touches,
        functions: &facts.functions,
        shape: statement.shape,
        explanation: &explanation,
    };
    match wanted.json {
        true => println!("{}", serde_json::to_string_pretty(&told)?),
        false => told.print(&target),
    }
    Ok(match explanation.effect {
        Effect::Allow => ExitCode::SUCCESS,
        Effect::Hold => ExitCode::from(3),
        Effect::Deny => ExitCode::from(4),
    })
}

/// The decision with what it is about.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    explanation: &'a Explanation,
    /// The permits that are missing for the first workload.
    missing: Vec<String>,
    /// Whether the server is only monitored.
    monitored: bool,
    verbs: &'a [Verb],
    touches: &'a Touches,
    /// What the names of called functions may mean.
    functions: &'a [Function],
    shape: Shape,
}

impl Told<'_> {
    fn print(&self, target: &Target) {
        println!("{}", self.explanation);
        for permit in &self.missing {
            println!("  missing: {permit}");
        }
        if self.monitored {
            println!(
                "  server {} is only monitored: this would be recorded, and the statement forwarded",
                target.server
            );
        }
    }
}

/// A subject that is a member of these workloads and nothing else.
pub fn subject(workloads: &[String]) -> Subject {
    Subject {
        session: SessionId::now(),
        workloads: workloads.iter().cloned().map(Workload).collect(),
        os_user: None,
        executable: None,
        process: None,
        address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
    }
}

/// What this text would do as the first of its session.
pub fn statement(text: &str, login: &Login, snapshot: &Snapshot) -> Statement {
    stated(&facts(text, login, snapshot), text)
}

fn facts(text: &str, login: &Login, snapshot: &Snapshot) -> Facts {
    let command = login
        .replication()
        .and_then(|replication| sql::analyse_replication(text.as_bytes(), replication));
    command.unwrap_or_else(|| {
        let session = sql::Session::new(login, snapshot);
        sql::analyse(text.as_bytes(), &session, snapshot)
    })
}

fn stated(facts: &Facts, text: &str) -> Statement {
    Statement {
        values: Some(facts.values(&[], &[], true)),
        ..facts.statement(text.as_bytes(), Arc::default())
    }
}

/// The server of this name, or the only one.
pub fn target(config: &Config, name: Option<&str>) -> anyhow::Result<Target> {
    let mut found: Vec<_> = config
        .servers
        .iter()
        .filter(|(_, server)| name.is_none_or(|name| &***server == name))
        .collect();
    found.sort();
    let Some((address, server)) = found.first().copied() else {
        bail!(
            "the configuration names no such server: add a [[server]] with its name and addresses"
        );
    };
    if found.iter().any(|(_, other)| *other != server) {
        bail!("the configuration names several servers: choose one with --server");
    }
    Ok(Target {
        server: server.clone(),
        address: *address,
    })
}

/// The catalog of this database as it is now.
pub fn snapshot(config: &Config, target: &Target, database: &str) -> anyhow::Result<Arc<Snapshot>> {
    let (runtime, catalog) = catalog(config)?;
    runtime
        .block_on(catalog.snapshot(target, database))
        .with_context(|| {
            format!(
                "names cannot be resolved without the catalog of {}/{database}",
                target.server
            )
        })
}

/// The door to the catalogs, and the runtime that it needs.
pub fn catalog(config: &Config) -> anyhow::Result<(Runtime, Catalog)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let catalog = {
        let _runtime = runtime.enter();
        Catalog::new(
            dial(Upstreams::new(
                Dialer::plain().with(config.endpoints.clone()),
                config.tls.read()?.demands,
                config.sessions.startup_timeout,
            )),
            config.catalogs.clone(),
            Limits::default(),
        )
    };
    Ok((runtime, catalog))
}
