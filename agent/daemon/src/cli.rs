//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Stands between clients and databases on this host: judges every statement, masks, asks people, and keeps evidence.
#[derive(Debug, Parser)]
#[command(name = "weir", version, max_term_width = 120)]
pub struct Cli {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        default_value = "/etc/weir/weir.toml",
        value_name = "FILE"
    )]
    pub config: PathBuf,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at this host, and propose a configuration for it.
    Init(Init),
    /// Run the agent in the foreground.
    Run,
    /// Check the configuration and the policies, and say what is wrong with them.
    Check,
    /// Say how a statement would be judged, and why.
    Explain(Explain),
    /// Test policies, and try other ones on what was recorded.
    #[command(subcommand)]
    Policy(Policy),
    /// Compare classes.toml with the columns of a database.
    #[command(subcommand)]
    Classes(Classes),
    /// Say what classes.toml would be in the database itself.
    #[command(subcommand)]
    Mask(Mask),
    /// List, show, approve and deny held statements.
    #[command(subcommand)]
    Approvals(Approvals),
    /// List sessions, and show them again as they were.
    #[command(subcommand)]
    Sessions(Sessions),
    /// Read and verify the audit trail.
    #[command(subcommand)]
    Audit(Audit),
    /// Make the running agent load its policies again.
    Reload,
    /// Say what this host can do for interception, and what is missing.
    Doctor,
    /// Remove what an agent that is not running left in the kernel, so that connections reach their databases directly.
    Release,
}

#[derive(Debug, Args)]
pub struct Init {
    /// Write it to the configuration file, which must not be there yet, instead of printing it.
    #[arg(long)]
    pub write: bool,
    /// Where PostgreSQL's unix sockets are. Can be given several times. Default: /var/run/postgresql and /tmp.
    #[arg(long, value_name = "DIRECTORY")]
    pub sockets: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// The workload that would ask, such as systemd:billing.service. Can be given several times.
    #[arg(long = "as", required = true, value_name = "WORKLOAD")]
    pub workloads: Vec<String>,
    /// The database.
    #[arg(long)]
    pub database: String,
    /// The server, by its name in the configuration. Default: the only one there.
    #[arg(long)]
    pub server: Option<String>,
    /// The database user.
    #[arg(long, default_value = "postgres")]
    pub user: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// The statement.
    pub sql: String,
}

#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Judge the requests of test files, and say which do not come out as written.
    Test(PolicyTest),
    /// Judge what the trail recorded by other policies, and say what would come out otherwise.
    Replay(PolicyReplay),
    /// Draft the policies that permit what a workload did, and nothing else.
    Learn(PolicyLearn),
}

#[derive(Debug, Args)]
pub struct PolicyLearn {
    /// The workload, such as systemd:billing.service.
    #[arg(long = "for", value_name = "WORKLOAD")]
    pub workload: String,
    #[command(flatten)]
    pub period: Period,
}

#[derive(Debug, Args)]
pub struct PolicyReplay {
    /// The other policies.
    #[arg(long, value_name = "DIRECTORY")]
    pub policies: PathBuf,
    #[command(flatten)]
    pub period: Period,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// From when to when.
#[derive(Debug, Args)]
pub struct Period {
    /// Only from this time on: so long ago (30d, 12h, 45m), or RFC 3339, such as 2026-07-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only before this time.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

#[derive(Debug, Args)]
pub struct PolicyTest {
    /// The policies. Default: those of the configuration.
    #[arg(long, value_name = "DIRECTORY")]
    pub dir: Option<PathBuf>,
    /// Resolve names by the catalogs of the configuration's servers, and not by the files' schemas.
    #[arg(long)]
    pub live: bool,
    /// Files of tests. Default: tests/*.toml beside the policies.
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Classes {
    /// Say which patterns fit no column.
    Check(ClassesOf),
    /// Suggest classes for columns that look like secrets or personal data, by their names, and are in no class.
    Suggest {
        #[command(flatten)]
        of: ClassesOf,
        /// Also by what stands in them: look at so many rows of every table that the catalog's role may read.
        #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        sample: Option<u32>,
    },
}

#[derive(Debug, Subcommand)]
pub enum Mask {
    /// Print SQL that lets a role read classified columns by masking views alone. Nothing is run.
    Plan(MaskPlan),
}

#[derive(Debug, Args)]
pub struct MaskPlan {
    /// The database.
    #[arg(long)]
    pub database: String,
    /// The server, by its name in the configuration. Default: the only one there.
    #[arg(long)]
    pub server: Option<String>,
    /// The role that reads. Default: every role.
    #[arg(long = "for", value_name = "ROLE")]
    pub role: Option<String>,
    /// What the names of the views' schemas begin with: the views of public are in PREFIX_public.
    #[arg(long, default_value = "masked")]
    pub prefix: String,
}

#[derive(Debug, Args)]
pub struct ClassesOf {
    /// The database. Can be given several times.
    #[arg(long = "database", required = true, value_name = "DATABASE")]
    pub databases: Vec<String>,
    /// The server, by its name in the configuration. Default: the only one there.
    #[arg(long)]
    pub server: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Approvals {
    /// List held statements, oldest first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show everything about one held statement.
    Show {
        /// Its id.
        id: String,
    },
    /// Let a held statement run.
    Approve {
        /// Its id.
        id: String,
        /// Why; it becomes part of the evidence.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Refuse a held statement.
    Deny {
        /// Its id.
        id: String,
        /// Why; the client reads it, and it becomes part of the evidence.
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum Sessions {
    /// List sessions, oldest first.
    List(SessionsList),
    /// Show what is known about one session, and its records.
    Show {
        /// Its id.
        id: String,
    },
    /// Show one session again as its client saw it, with its pauses. Results are in it where policies have them recorded
    /// in full.
    Replay(SessionsReplay),
}

#[derive(Debug, Args)]
pub struct SessionsList {
    #[command(flatten)]
    pub period: Period,
}

#[derive(Debug, Args)]
pub struct SessionsReplay {
    /// Its id.
    pub id: String,
    /// Without its pauses.
    #[arg(long)]
    pub fast: bool,
    /// Print an asciicast (version 2) instead, which asciinema and others play.
    #[arg(long, conflicts_with = "fast")]
    pub asciicast: bool,
}

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Show the newest records of the trail.
    Show(AuditShow),
    /// Check that no record was edited, added, moved or removed, and that the signatures hold.
    ///
    /// Exits with 0 where the trail is as it was written, with 1 where it is not, and with 2 where that cannot be told.
    Verify(AuditVerify),
    /// Write the proof that a record is in the signed log.
    Prove(AuditProve),
    /// Print the public half of the key that signs the log. Keep it elsewhere.
    Key,
    /// Put another key in place of the one that signs the log, which endorses it. It counts from the next start on.
    RotateKey,
    /// Copy what is archived to where the configuration says, as the running agent does all the time.
    Ship,
    /// Copy a trail back from where it was shipped to.
    Fetch(AuditFetch),
    /// Write records for other programs.
    Export(AuditExport),
    /// Print the newest records as JSON lines, and go on with those that come.
    Tail(AuditTail),
    /// Sum a period up on one page for auditors: who read what, what was refused, held and masked, and what that is evidence
    /// for.
    Report(AuditReport),
    /// Print the data dictionary: every column, its type, and what it holds.
    Schema,
    /// Print views over the trail as a script for DuckDB: weir audit sql | duckdb trail.db.
    Sql,
}

#[derive(Debug, Args)]
pub struct AuditExport {
    /// How they are written.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
    /// To this file instead of the standard output.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub period: Period,
    /// Only records of which this is true: COLUMN=VALUE, with != >= <= or ~ (contains) for other comparisons. Can be given
    /// several times.
    #[arg(long = "where", value_name = "CONDITION")]
    pub conditions: Vec<archive::Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A JSON object per line, with every column that is not NULL.
    Json,
    /// Comma-separated, with every column and their names in front.
    Csv,
    /// An OCSF event of class 6005 per line, nested.
    Ocsf,
    /// A Parquet file.
    Parquet,
}

#[derive(Debug, Args)]
pub struct AuditTail {
    /// Go on with the records that come.
    #[arg(short, long)]
    pub follow: bool,
    /// How many of those that are there.
    #[arg(short = 'n', long, default_value_t = 10)]
    pub limit: usize,
    /// Only records of which this is true, as for `weir audit export`.
    #[arg(long = "where", value_name = "CONDITION")]
    pub conditions: Vec<archive::Condition>,
}

#[derive(Debug, Args)]
pub struct AuditReport {
    #[command(flatten)]
    pub period: Period,
    /// Which criteria it is set beside.
    #[arg(long, value_enum, default_value_t = Framework::Soc2)]
    pub framework: Framework,
    /// The file: .html, .md or .json.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Framework {
    /// The Trust Services Criteria of SOC 2.
    Soc2,
}

#[derive(Debug, Args)]
pub struct AuditVerify {
    /// A copy of an archive. Default: this host's trail, with its journal.
    #[arg(value_name = "DIRECTORY")]
    pub directory: Option<PathBuf>,
    /// Whose trail in the copy. Default: everybody's.
    #[arg(long, requires = "directory")]
    pub host: Option<String>,
    /// The key that the log was signed with first, as `weir audit key` printed it, or a file that has it. Default: the one
    /// that the archive itself names.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// A checkpoint that was kept elsewhere, from which the log has to go on.
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct AuditProve {
    /// The record's number.
    pub record: u64,
    /// Write it to this file. Default: print it.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct AuditFetch {
    /// Where it was shipped to: s3://bucket/prefix, gs://..., az://... or file:///directory. Credentials are taken from
    /// the environment (AWS_ACCESS_KEY_ID and so on).
    pub from: String,
    /// Where to put it.
    pub directory: PathBuf,
    /// What the store has to be told beside that, as in `audit.ship.options`. Can be given several times.
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = option)]
    pub options: Vec<(String, String)>,
}

fn option(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[derive(Debug, Args)]
pub struct AuditShow {
    /// Only of this session.
    #[arg(long)]
    pub session: Option<String>,
    #[command(flatten)]
    pub period: Period,
    /// How many at most.
    #[arg(short = 'n', long, default_value_t = 50)]
    pub limit: usize,
    /// Print one JSON object per record, with every column.
    #[arg(long)]
    pub json: bool,
}
