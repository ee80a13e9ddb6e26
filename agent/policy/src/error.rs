//! What can be wrong with a policy directory, each flaw with its place and what to write instead.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::annotations::KNOWN;

/// Why a policy directory was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The directory itself cannot be listed.
    #[error("cannot read the policy directory {}: {source}", directory.display())]
    DirectoryUnreadable {
        /// Which.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What stands in it is wrong; every problem is listed, one per line.
    #[error("{}", OnePerLine(problems))]
    Invalid {
        /// All of them, by file and position.
        problems: Vec<Problem>,
    },
    /// The schema inside the agent itself does not parse: a broken build.
    #[error("the agent's own policy schema is broken: {message}; this is a fault of the build")]
    SchemaBroken {
        /// Cedar's words.
        message: String,
    },
}

/// One flaw and where it is. Shown as `analyst.cedar:12:3: unknown annotation @foo; write one of ...`.
#[derive(Debug)]
pub struct Problem {
    /// File name inside the policy directory.
    pub file: String,
    /// Where in the file, where it is at one place.
    pub position: Option<Position>,
    /// What is wrong.
    pub flaw: Flaw,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(Position { line, column }) => {
                write!(f, "{}:{line}:{column}: {}", self.file, self.flaw)
            }
            None => write!(f, "{}: {}", self.file, self.flaw),
        }
    }
}

/// A place in a file. Both count from 1; columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// What is wrong at one place.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// A file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// A file is larger than any policy should be.
    #[error("is larger than {limit} bytes; split it")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// There is no `classes.toml`.
    #[error("is missing; write one, and leave it empty if no column is classified")]
    ClassesMissing,
    /// There is no policy at all, so nobody could do anything.
    #[error("holds no policy; write at least one *.cedar file")]
    NoPolicy,
    /// The directory's copy of the schema is not the agent's.
    #[error(
        "differs from the schema that this agent was built with; remove it or copy the agent's"
    )]
    SchemaDiffers,
    /// Cedar cannot parse or validate it.
    #[error("{message}")]
    Cedar {
        /// Cedar's words, with its help.
        message: String,
    },
    /// TOML cannot parse it, or a key is unknown or missing.
    #[error("{message}")]
    Toml {
        /// TOML's words.
        message: String,
    },
    /// An annotation outside the closed set.
    #[error("unknown annotation @{name}; write one of {}", KNOWN.join(", "))]
    UnknownAnnotation {
        /// Without the `@`.
        name: String,
    },
    /// An annotation says nothing.
    #[error("@{name} is empty; write @{name}(\"...\") or remove it")]
    EmptyAnnotation {
        /// Without the `@`.
        name: String,
    },
    /// A policy has no name.
    #[error("the policy has no @id; write @id(\"a-unique-name\") above it")]
    IdMissing,
    /// A policy's name cannot be used in messages.
    #[error("@id(\"{id}\") is not a name; write 1 to 64 lower-case letters, digits and hyphens")]
    IdMalformed {
        /// As written.
        id: String,
    },
    /// Two policies share a name.
    #[error("@id(\"{id}\") is already used in {first}; write another name")]
    IdTaken {
        /// As written.
        id: String,
        /// File and position of the first use.
        first: String,
    },
    /// An annotation is about approval, but the policy is the same with and without.
    #[error(
        "@{name} without effect; write `context.approved` into a condition of the policy, or remove it"
    )]
    ApprovalNotAskedFor {
        /// Without the `@`.
        name: String,
    },
    /// An annotation has a value that nothing reads.
    #[error("@{name} takes no value; write @{name}")]
    ValueWithoutEffect {
        /// Without the `@`.
        name: String,
    },
    /// A number of rows is none.
    #[error("@max_rows(\"{rows}\") is no number of rows; write a whole number from 1 on")]
    RowsMalformed {
        /// As written.
        rows: String,
    },
    /// A policy that permits nothing limits nothing.
    #[error("@max_rows limits what a policy permits; write it above a permit")]
    RowsOfForbid,
    /// What is not forwarded waits for nothing.
    #[error("@durability is about what a policy permits; write it above a permit")]
    DurabilityOfForbid,
    /// A durability that there is not.
    #[error(
        "@durability(\"{level}\") is not known; write @durability(\"process\"), @durability(\"release\") or @durability(\"strict\")"
    )]
    DurabilityUnknown {
        /// As written.
        level: String,
    },
    /// A level of recording that there is not.
    #[error(
        "@record(\"{level}\") is not known; write @record(\"metadata\"), @record(\"statements\") or @record(\"full\")"
    )]
    RecordUnknown {
        /// As written.
        level: String,
    },
    /// A policy names a class that `classes.toml` does not define.
    #[error("no class \"{class}\" in classes.toml; write one of: {known}")]
    UnknownClass {
        /// As written.
        class: String,
        /// Those that are defined.
        known: String,
    },
    /// A class or column has nothing to say what it is for.
    #[error("class \"{class}\" has an empty description; say what the columns have in common")]
    DescriptionEmpty {
        /// Which class.
        class: String,
    },
    /// A class without columns classifies nothing.
    #[error(
        "class \"{class}\" names no columns; write columns = [\"server/database.schema.table.column\"]"
    )]
    NoColumns {
        /// Which class.
        class: String,
    },
    /// A column pattern is not of its form.
    #[error(
        "\"{pattern}\" {what}; write server/database.schema.table.column, each a name or a pattern with *"
    )]
    PatternMalformed {
        /// As written.
        pattern: String,
        /// What is wrong, a phrase that follows the pattern.
        what: &'static str,
    },
    /// A mask takes a key that the configuration does not have.
    #[error(
        "the mask of class \"{class}\" takes the key \"{key}\", which the configuration does not have; add it under [masking.keys]"
    )]
    KeyUnknown {
        /// Its name.
        key: String,
        /// Which class.
        class: String,
    },
    /// A mask that has no meaning for a column's type.
    #[error(
        "the mask of class \"{class}\" is not for {column}, which is of type {type_name}: it is shown as \"redact\" shows \
         it; give it a mask of its own"
    )]
    MaskUnfit {
        /// Which class.
        class: String,
        /// Which column.
        column: String,
        /// Its type, or what its domain is over.
        type_name: String,
    },
    /// A column pattern that no column fits.
    #[error(
        "\"{pattern}\" of class \"{class}\" fits no column of {databases}; correct or remove it"
    )]
    PatternUnmatched {
        /// As written.
        pattern: String,
        /// Which class.
        class: String,
        /// Where was looked.
        databases: String,
    },
}

struct OnePerLine<'a>(&'a [Problem]);

impl fmt::Display for OnePerLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

/// A fact could not be put to the policies (a time out of range, a word the schema lacks): the request is denied.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Uncertain(String);

impl Uncertain {
    pub fn fact(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl From<crate::vocabulary::MissingWord> for Uncertain {
    fn from(error: crate::vocabulary::MissingWord) -> Self {
        Self::fact(error)
    }
}
