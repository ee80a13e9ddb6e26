//! The form of the corpus: one file per family of techniques. `tests/corpus/README.md` describes it.

use std::fs;
use std::path::Path;

use serde::Deserialize;

/// Where the families are.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/bypass");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// The file's name.
    #[serde(skip)]
    pub name: String,
    pub policy: Policy,
    /// What the database has besides the shop, for this family's tries.
    #[serde(default)]
    pub script: String,
    pub technique: Vec<Technique>,
}

impl Family {
    /// Every try, with its technique.
    pub fn tries(&self) -> impl Iterator<Item = (&Technique, &Try)> {
        self.technique.iter().flat_map(|technique| {
            technique
                .tries
                .iter()
                .map(move |attempt| (technique, attempt))
        })
    }
}

/// Who tries: the policy that means to stop it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    Analyst,
    Clerk,
    Agent,
    Oncall,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Technique {
    pub name: String,
    pub does: Effect,
    /// What comes of it through the agent.
    #[serde(default)]
    pub through: Through,
    /// Runs as a Query only: what hides there is not carried by Parse.
    #[serde(default)]
    pub simple_only: bool,
    pub tries: Vec<Try>,
}

/// What it does to a server that is asked past the agent.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// A canary comes back.
    Shows,
    /// The answer depends on classified values: over others it is another one.
    Tells,
    /// Rows, definitions, files, locks or other sessions are not what they were.
    Changes,
    /// The session is somebody else, or has other settings.
    Switches,
    /// The session makes others wait, or itself.
    Waits,
    /// More rows come than the policy lets anybody ask for.
    Floods,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Through {
    #[default]
    Refused,
    /// It runs, and no canary comes back.
    Masked,
    /// It runs into the server's error, which comes back without its detail.
    Withheld,
}

/// One statement, or the steps of one session.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Try {
    One(String),
    Several(Vec<Step>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Step {
    Sql(String),
    /// An extended query with these bind values.
    Bound {
        sql: String,
        values: Vec<String>,
    },
    /// What a COPY FROM STDIN is given.
    Fed {
        sql: String,
        rows: String,
    },
    /// A FunctionCall of this `regprocedure`.
    Called {
        call: String,
        arguments: Vec<String>,
    },
    /// Extended queries before one Sync.
    Together {
        pipeline: Vec<String>,
    },
    /// A statement of this name.
    Prepared {
        statement: String,
        sql: String,
    },
    /// The protocol removes the statement of this name.
    Closed {
        close: String,
    },
    /// A portal of this name, of an unnamed statement.
    Opened {
        portal: String,
        sql: String,
    },
    /// A statement of this name is bound and run, however it came to be there.
    Run {
        run: String,
    },
    /// A portal of this name is run, however it came to be there.
    Executed {
        execute: String,
    },
    /// Somebody else does this past the agent, meanwhile.
    Meanwhile {
        meanwhile: String,
    },
}

impl Try {
    pub fn steps(&self) -> Vec<Step> {
        match self {
            Try::One(sql) => vec![Step::Sql(sql.clone())],
            Try::Several(steps) => steps.clone(),
        }
    }
}

impl Policy {
    pub const ALL: [Policy; 4] = [
        Policy::Analyst,
        Policy::Clerk,
        Policy::Agent,
        Policy::Oncall,
    ];
}

/// All families, in the order of their names.
pub fn families() -> Vec<Family> {
    let files = fs::read_dir(CORPUS).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| family(path)).collect()
}

fn family(path: &Path) -> Family {
    let text = fs::read_to_string(path).unwrap();
    let family = toml::from_str(&text);
    let family: Family = family.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    Family { name, ..family }
}
