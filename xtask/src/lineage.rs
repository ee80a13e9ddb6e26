//! `cargo xtask lineage`: the corpus of queries over classified columns, and far more random ones than a test run has time for.

use anyhow::{Context as _, Result, bail};

use crate::command;
use crate::setup::{self, Need};

/// Random queries, where no other number is given.
const QUERIES: &str = "20000";

/// The verb.
pub fn run(arguments: &[String]) -> Result<()> {
    let queries = match arguments {
        [] => QUERIES,
        [flag, queries] if flag == "--queries" => queries,
        _ => bail!("write `cargo xtask lineage`, or `cargo xtask lineage --queries N`"),
    };
    let _: usize = queries
        .parse()
        .with_context(|| format!("{queries} is no number of queries"))?;
    setup::provide(&[Need::Build, Need::Database])?;
    command::run(&mut command::cargo(["build", "--package", "weir"]))?;
    let test = ["test", "--package", "weir-tests", "--test", "weir"];
    let which = ["masking::lineage", "--", "--nocapture"];
    command::run(
        command::cargo(test)
            .args(which)
            .env("WEIR_QUERIES", queries),
    )
}
