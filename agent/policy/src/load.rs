//! Reads a policy directory: `*.cedar`, `classes.toml`, and perhaps a copy of the schema.
//!
//! The only I/O of the crate. Every problem is collected, so that one run of `weir check` shows all of them.
//! Files whose names begin with a dot, and everything else in the directory, are not policies and are left alone.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cedar_policy::{Authorizer, Schema};
use sha2::{Digest, Sha256};

use crate::SCHEMA;
use crate::classes::Classes;
use crate::dependence;
use crate::error::{Flaw, PolicyError, Problem};
use crate::reading::{Policies, Reading, words};
use crate::set::PolicySet;
use crate::slice::Slices;
use crate::source::SourceFile;
use crate::vocabulary::Vocabulary;

pub(crate) const CLASSES: &str = "classes.toml";
const SCHEMA_FILE: &str = "schema.cedarschema";
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

impl PolicySet {
    /// Loads and validates a directory. A set with any problem is not loaded at all.
    pub fn load(directory: &Path) -> Result<Self, PolicyError> {
        Self::load_as_if(directory, None)
    }

    /// The directory as it would be with this file in it, in place of what has its name.
    pub fn load_with(directory: &Path, name: &str, text: &str) -> Result<Self, PolicyError> {
        let file = SourceFile {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        Self::load_as_if(directory, Some(file))
    }

    fn load_as_if(directory: &Path, added: Option<SourceFile>) -> Result<Self, PolicyError> {
        let (schema, _) =
            Schema::from_cedarschema_str(SCHEMA).map_err(|error| PolicyError::SchemaBroken {
                message: words(&error),
            })?;
        let vocabulary = Vocabulary::of(&schema)?;
        let mut problems = Vec::new();
        let mut files = read(directory, &mut problems)?;
        if let Some(added) = added {
            files.retain(|file| file.name != added.name);
            files.push(added);
            files.sort_by(|a, b| a.name.cmp(&b.name));
        }
        let hash = hash(&files);
        let classes = read_classes(&files, &mut problems);
        let policies = files.iter().filter(|file| is_policy(&file.name));
        let Policies { policies, rules } =
            Reading::of(&classes).all(policies, &schema, &mut problems);
        if !problems.is_empty() {
            problems.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
            return Err(PolicyError::Invalid { problems });
        }
        let authorizer = Authorizer::new();
        let that_read = |circumstances| {
            let policies = policies.policies();
            let reading = policies.filter(|policy| dependence::is_read_by(circumstances, policy));
            reading.map(|policy| policy.id().clone()).collect()
        };
        let actions = schema
            .action_entities()
            .map_err(|error| PolicyError::SchemaBroken {
                message: words(&error),
            })?;
        Ok(Self {
            of_moment: that_read(dependence::OF_THE_MOMENT),
            of_values: that_read(dependence::OF_VALUES),
            slices: Slices::of(policies.policies(), &actions),
            rules,
            classes,
            schema,
            vocabulary,
            authorizer,
            hash,
        })
    }
}

/// Everything that a set is made of, by name.
fn read(directory: &Path, problems: &mut Vec<Problem>) -> Result<Vec<SourceFile>, PolicyError> {
    let unreadable = |source| PolicyError::DirectoryUnreadable {
        directory: directory.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if is_policy(&name) || name == CLASSES || name == SCHEMA_FILE {
            match read_file(path) {
                Ok(text) => files.push(SourceFile { name, text }),
                Err(flaw) => problems.push(whole(&name, flaw)),
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    if files
        .iter()
        .any(|file| file.name == SCHEMA_FILE && file.text != SCHEMA)
    {
        problems.push(whole(SCHEMA_FILE, Flaw::SchemaDiffers));
    }
    Ok(files)
}

fn read_file(path: PathBuf) -> Result<String, Flaw> {
    let mut text = String::new();
    let read = fs::File::open(path)
        .and_then(|file| file.take(LARGEST_FILE + 1).read_to_string(&mut text))
        .map_err(Flaw::Unreadable)?;
    match u64::try_from(read) {
        Ok(read) if read <= LARGEST_FILE => Ok(text),
        _ => Err(Flaw::TooLarge {
            limit: LARGEST_FILE,
        }),
    }
}

fn read_classes(files: &[SourceFile], problems: &mut Vec<Problem>) -> Classes {
    match files.iter().find(|file| file.name == CLASSES) {
        Some(file) => Classes::read(file, problems),
        None => {
            if !problems.iter().any(|problem| problem.file == CLASSES) {
                problems.push(whole(CLASSES, Flaw::ClassesMissing));
            }
            Classes::default()
        }
    }
}

fn is_policy(name: &str) -> bool {
    name.ends_with(".cedar") && !name.starts_with('.')
}

pub(crate) fn whole(file: &str, flaw: Flaw) -> Problem {
    Problem {
        file: file.to_owned(),
        position: None,
        flaw,
    }
}

/// Names and contents with their lengths, so that no two sets run together to the same bytes.
fn hash(files: &[SourceFile]) -> Arc<str> {
    let mut digest = Sha256::new();
    let schema = (SCHEMA_FILE, SCHEMA);
    let others = files.iter().filter(|file| file.name != SCHEMA_FILE);
    for (name, text) in others
        .map(|file| (&*file.name, &*file.text))
        .chain([schema])
    {
        for part in [name, text] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
    }
    digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests;
