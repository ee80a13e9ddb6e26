//! A flame graph: what `perf script` prints comes in, an SVG goes out.

use std::io::{self, BufReader};

use inferno::collapse::Collapse as _;
use inferno::collapse::perf::Folder;
use inferno::flamegraph;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let title = std::env::args().nth(1).unwrap_or_else(|| "CPU".to_owned());
    let mut folded = Vec::new();
    Folder::default().collapse(io::stdin().lock(), &mut folded)?;
    let mut options = flamegraph::Options::default();
    options.title = title;
    flamegraph::from_reader(
        &mut options,
        BufReader::new(folded.as_slice()),
        io::stdout(),
    )?;
    Ok(())
}
