//! `cargo xtask layers`: who may depend on whom. The picture is in ARCHITECTURE.md; arrows point down only.
//!
//! Compares the dependencies that the workspace's packages declare on each other with [`ALLOWED`]. Both ways:
//! an edge that is not listed is a hole in the layering, a listed edge that nobody declares is a permission
//! that would let one in unseen. Dependencies of tests are free.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::command;

/// Every allowed edge: a package and what it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    (
        "weir",
        &[
            "weir-approval",
            "weir-archive",
            "weir-catalog",
            "weir-identity",
            "weir-intercept",
            "weir-journal",
            "weir-mask",
            "weir-model",
            "weir-policy",
            "weir-proof",
            "weir-proxy",
            "weir-ship",
            "weir-sql",
            "weir-tls",
            "weir-value",
        ],
    ),
    ("weir-approval", &["weir-model"]),
    (
        "weir-archive",
        &["weir-journal", "weir-model", "weir-proof", "weir-value"],
    ),
    ("weir-catalog", &["weir-model", "weir-sql"]),
    ("weir-identity", &["weir-model"]),
    ("weir-intercept", &["weir-abi", "weir-model"]),
    ("weir-journal", &["weir-model"]),
    ("weir-mask", &["weir-detect", "weir-model", "weir-value"]),
    ("weir-policy", &["weir-detect", "weir-model"]),
    (
        "weir-postgres",
        &["weir-mask", "weir-model", "weir-protocol"],
    ),
    ("weir-protocol", &["weir-model"]),
    (
        "weir-proxy",
        &[
            "weir-approval",
            "weir-catalog",
            "weir-identity",
            "weir-intercept",
            "weir-journal",
            "weir-mask",
            "weir-model",
            "weir-policy",
            "weir-postgres",
            "weir-protocol",
            "weir-sql",
            "weir-tls",
        ],
    ),
    ("weir-sql", &["weir-model", "weir-value"]),
    ("weir-tests", &["weir-stage"]),
    ("weir-value", &["weir-model"]),
    ("xtask", &["weir-stage"]),
];

/// A package and one that it depends on.
type Edge = (String, String);

/// The verb.
pub fn run(arguments: &[String]) -> Result<()> {
    if let Some(first) = arguments.first() {
        bail!("`layers` takes no arguments, and got `{first}`");
    }
    let metadata = command::capture(&mut command::cargo([
        "metadata",
        "--no-deps",
        "--format-version=1",
    ]))?;
    let metadata = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    let declared = declared(&metadata)?;
    let faults = faults(&declared, &allowed());
    if !faults.is_empty() {
        bail!("the layers do not hold:\n  {}", faults.join("\n  "));
    }
    println!(
        "layers: {} dependencies between the workspace's crates, all of them allowed",
        declared.len()
    );
    Ok(())
}

fn allowed() -> BTreeSet<Edge> {
    ALLOWED
        .iter()
        .flat_map(|(from, onto)| onto.iter().map(|to| ((*from).to_owned(), (*to).to_owned())))
        .collect()
}

/// The normal and build dependencies of workspace packages on each other, in `cargo metadata`'s format version 1.
fn declared(metadata: &Value) -> Result<BTreeSet<Edge>> {
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let members: BTreeSet<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let mut edges = BTreeSet::new();
    for package in packages {
        let from = package["name"].as_str().context("a package has no name")?;
        let dependencies = package["dependencies"].as_array();
        for dependency in dependencies.into_iter().flatten() {
            let to = dependency["name"].as_str().unwrap_or_default();
            if members.contains(to) && dependency["kind"] != "dev" {
                edges.insert((from.to_owned(), to.to_owned()));
            }
        }
    }
    Ok(edges)
}

fn faults(declared: &BTreeSet<Edge>, allowed: &BTreeSet<Edge>) -> Vec<String> {
    let missing = declared.difference(allowed).map(|(from, to)| {
        format!(
            "{from} depends on {to}, which no layer allows: remove the dependency from {from}'s Cargo.toml, \
             or move what it needs into a crate below both; where the picture itself is to change, \
             change it in ARCHITECTURE.md and add the edge to xtask/src/layers.rs"
        )
    });
    let dead = allowed.difference(declared).map(|(from, to)| {
        format!("{from} may depend on {to} and does not: remove the edge from xtask/src/layers.rs")
    });
    missing.chain(dead).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forbidden although some of them would point down: the left side must stay blind to the right.
    const FORBIDDEN: &[(&[&str], &[&str])] = &[
        (
            &["weir-postgres", "weir-mysql", "weir-http"],
            &[
                "weir-sql",
                "weir-catalog",
                "weir-policy",
                "weir-identity",
                "weir-approval",
                "weir-journal",
            ],
        ),
        (&["weir-policy"], &["weir-protocol", "weir-sql"]),
        (&["weir-archive"], &["weir-proxy"]),
    ];

    fn edges(pairs: &[(&str, &str)]) -> BTreeSet<Edge> {
        pairs
            .iter()
            .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()))
            .collect()
    }

    /// Everything that can be reached from `from`.
    fn reach(from: &str, edges: &BTreeSet<Edge>) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from.to_owned()];
        while let Some(package) = open.pop() {
            for (_, to) in edges.iter().filter(|(f, _)| *f == package) {
                if seen.insert(to.clone()) {
                    open.push(to.clone());
                }
            }
        }
        seen
    }

    #[test]
    fn the_list_allows_nothing_that_the_picture_forbids_even_indirectly() {
        let allowed = allowed();
        for (blind, hidden) in FORBIDDEN {
            for from in *blind {
                let seen = reach(from, &allowed);
                let leak = hidden.iter().find(|to| seen.contains(**to));
                assert_eq!(leak, None, "{from} can see it");
            }
        }
        assert!(
            allowed.iter().all(|(_, to)| to != "weir"),
            "daemon is below"
        );
    }

    #[test]
    fn the_list_has_no_cycle() {
        let allowed = allowed();
        for (from, _) in &allowed {
            assert!(!reach(from, &allowed).contains(from), "{from}");
        }
    }

    #[test]
    fn an_edge_outside_the_list_is_named() {
        let found = faults(&edges(&[("a", "b"), ("a", "c")]), &edges(&[("a", "b")]));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("a depends on c, which no layer allows"));
    }

    #[test]
    fn a_permission_that_nobody_uses_is_named() {
        let found = faults(&edges(&[]), &edges(&[("a", "b")]));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("a may depend on b and does not"));
    }

    #[test]
    fn only_members_count_and_dependencies_of_tests_are_free() {
        let metadata = serde_json::json!({ "packages": [
            { "name": "a", "dependencies": [
                { "name": "b", "kind": null },
                { "name": "c", "kind": "dev" },
                { "name": "d", "kind": "build" },
                { "name": "serde", "kind": null },
            ]},
            { "name": "b", "dependencies": [] },
            { "name": "c", "dependencies": [] },
            { "name": "d", "dependencies": [] },
        ]});
        let found = declared(&metadata).unwrap();
        assert_eq!(found, edges(&[("a", "b"), ("a", "d")]));
    }
}
