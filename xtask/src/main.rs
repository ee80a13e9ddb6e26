//! `cargo xtask VERB`: the project's own commands, one file per verb.
//!
//! Knows which verbs there are and nothing of what they do. Depends on no crate of the agent, so that it
//! builds in seconds on a machine that has nothing but a C linker.

mod apt;
mod bench;
mod ci;
mod command;
mod demo;
mod drivers;
mod ebpf;
mod fidelity;
mod fuzz;
mod host;
mod layers;
mod lineage;
mod quiet;
mod setup;
mod test;
mod toolchain;

use std::process::ExitCode;

/// One verb: how it is called, what it is for, and what runs.
struct Verb {
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    run: fn(&[String]) -> anyhow::Result<()>,
}

const VERBS: &[Verb] = &[
    Verb {
        name: "setup",
        arguments: "[build] [database] [drivers] [probes] [fuzz] [bench] [fidelity]",
        summary: "install what the named needs lack; all needs where none is named",
        run: setup::run,
    },
    Verb {
        name: "demo",
        arguments: "[--keep]",
        summary: "set up, then play the main job with a throwaway database; --keep: leave it running",
        run: demo::run,
    },
    Verb {
        name: "test",
        arguments: "[ARGUMENTS OF cargo test]",
        summary: "set up, then run every test of the workspace",
        run: test::run,
    },
    Verb {
        name: "ci",
        arguments: "",
        summary: "everything that must hold before a change is merged",
        run: ci::run,
    },
    Verb {
        name: "layers",
        arguments: "",
        summary: "compare the crates' dependencies with the allowed edges",
        run: layers::run,
    },
    Verb {
        name: "ebpf",
        arguments: "[--check]",
        summary: "build the probes; --check: fail where the kept object differs",
        run: ebpf::run,
    },
    Verb {
        name: "fuzz",
        arguments: "[--seconds N] [--target NAME]",
        summary: "fuzz every target for a minute, or one, or for longer; 0 only replays the corpus",
        run: fuzz::run,
    },
    Verb {
        name: "lineage",
        arguments: "[--queries N]",
        summary: "run the corpus of queries over classified columns, and 20,000 random ones",
        run: lineage::run,
    },
    Verb {
        name: "bench",
        arguments: "[--quick] [--profile] [MEASUREMENT...]",
        summary: "measure the agent beside other proxies, and write BENCHMARKS.md",
        run: bench::run,
    },
    Verb {
        name: "fidelity",
        arguments: "[--plain] [SUITE...]",
        summary: "run suites that others wrote past the agent and through it, and write FIDELITY.md",
        run: fidelity::run,
    },
    Verb {
        name: "facts",
        arguments: "",
        summary: "analyse every statement of PostgreSQL's regression suite: what is known, why not, how long",
        run: fidelity::facts::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((name, rest)) => match VERBS.iter().find(|verb| verb.name == name) {
            Some(verb) => exit_code((verb.run)(rest)),
            None if ["help", "--help", "-h"].contains(&name.as_str()) => {
                print!("{}", usage());
                ExitCode::SUCCESS
            }
            None => {
                eprint!("there is no verb `{name}`\n\n{}", usage());
                ExitCode::from(2)
            }
        },
        None => {
            eprint!("{}", usage());
            ExitCode::from(2)
        }
    }
}

fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let mut text = String::from("cargo xtask VERB\n\n");
    for verb in VERBS {
        let call = format!("{} {}", verb.name, verb.arguments);
        text.push_str(&format!("  {:<42} {}\n", call.trim_end(), verb.summary));
    }
    text
}
