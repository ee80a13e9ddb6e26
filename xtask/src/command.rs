//! Runs one program: shows it first, and fails with a sentence that names it.
//!
//! Knows no verb.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// The repository's root.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Where cargo builds: `CARGO_TARGET_DIR`, or `target` at the root.
pub fn target_directory() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

/// The cargo that runs this program, at the repository's root.
pub fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Shows the command, runs it with this terminal, and fails unless it succeeds.
pub fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    eprintln!("$ {line}");
    let status = command
        .status()
        .with_context(|| format!("`{line}` did not start"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs the command quietly and gives what it wrote to standard output.
pub fn capture(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("`{line}` did not start"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` ended with {}: {}", output.status, said.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` wrote no UTF-8"))
}

/// Whether a program of this name is on the search path.
pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// The command as one would type it: environment first, installed programs by their name, cargo's encoded flags as
/// the flags that a person would set.
pub fn line(command: &Command) -> String {
    let set = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        Some(match name.to_str() {
            Some("CARGO_ENCODED_RUSTFLAGS") => {
                format!("RUSTFLAGS={}", quoted(&value.replace('\x1f', " ")))
            }
            _ => format!("{}={}", name.to_string_lossy(), quoted(&value)),
        })
    });
    let words = std::iter::once(name(command.get_program()))
        .chain(command.get_args())
        .map(|word| quoted(&word.to_string_lossy()));
    set.chain(words).collect::<Vec<_>>().join(" ")
}

/// What was built here keeps its path, seen from the repository's root: its name may be another program's.
fn name(program: &OsStr) -> &OsStr {
    let path = Path::new(program);
    match path.strip_prefix(root()) {
        Ok(built) => built.as_os_str(),
        Err(_) => path.file_name().unwrap_or(program),
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.:,+^%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("/usr/bin/printf");
        command
            .args(["%s\\n", "it's", ""])
            .env("LC_ALL", "C")
            .env("CARGO_ENCODED_RUSTFLAGS", "-a\x1f-b");
        assert_eq!(
            line(&command),
            r"RUSTFLAGS='-a -b' LC_ALL=C printf '%s\n' 'it'\''s' ''"
        );
    }

    #[test]
    fn a_program_that_was_built_here_is_shown_with_its_path() {
        let program = root().join("target/fuzz/postgres");
        assert_eq!(line(&Command::new(program)), "target/fuzz/postgres");
    }

    #[test]
    fn a_failing_command_is_named_with_what_it_said() {
        let error = capture(Command::new("sh").args(["-c", "echo no >&2; exit 3"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`sh -c 'echo no >&2; exit 3'` ended with exit status: 3: no"
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("/nowhere/at-all")).unwrap_err();
        assert!(
            error.to_string().contains("`at-all` did not start"),
            "{error}"
        );
    }
}
