//! What becomes of statements that others wrote: how many yield facts, why the others do not, and how long it takes.
//!
//! `suite ADDRESS DATABASE FILE`: the file holds texts, each ended by a NUL byte; names are resolved against this database
//! as it is now. Every text is analysed in a session of its own, right after the login, in one thread. `cargo xtask facts`
//! runs it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{Login, Target, Touches};
use rustix::time::{ClockId, clock_gettime};
use sql::{Session, Snapshot, analyse};
use tokio::net::TcpStream;
use weir_catalog::{Access, Catalog, Credentials, Dial, Duplex, Limits};

/// How often each text is analysed; the median counts.
const PASSES: usize = 5;
/// Longer than this should be because of the text's size only.
const SLOW: Duration = Duration::from_millis(10);
const USER: &str = "postgres";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, database, file] = arguments.as_slice() else {
        return Err("suite ADDRESS DATABASE FILE".into());
    };
    let snapshot = snapshot(address.parse()?, database).await?;
    let content = std::fs::read(file)?;
    let content = content.strip_suffix(b"\0").unwrap_or(&content);
    let texts: BTreeSet<&[u8]> = content.split(|&byte| byte == 0).collect();
    println!("{} different texts", texts.len());
    let login = Login {
        user: USER.into(),
        database: database.clone(),
        application: None,
        settings: Vec::new(),
    };
    let session = Session::new(&login, &snapshot);
    let analysed = texts
        .into_iter()
        .filter_map(|text| Analysed::new(text, &session, &snapshot));
    report(analysed.collect(), &snapshot);
    Ok(())
}

/// The catalog as it is now.
async fn snapshot(address: SocketAddr, database: &str) -> Result<Arc<Snapshot>, Box<dyn Error>> {
    let dial: Dial = Arc::new(|address| {
        Box::pin(async move {
            let stream: Box<dyn Duplex> = Box::new(TcpStream::connect(address).await?);
            Ok(stream)
        })
    });
    let server: Arc<str> = Arc::from("suite");
    let credentials = Credentials {
        user: USER.into(),
        password: None,
    };
    let credentials = HashMap::from([(server.clone(), Access::Role(credentials))]);
    let catalog = Catalog::new(dial, credentials, Limits::default());
    Ok(catalog
        .snapshot(&Target { server, address }, database)
        .await?)
}

/// A text that the grammar accepts.
struct Analysed<'a> {
    text: &'a [u8],
    /// Why its facts are not known: the kind, and how the explanation begins.
    opaque: Option<(Arc<str>, String)>,
    took: Duration,
}

impl<'a> Analysed<'a> {
    fn new(text: &'a [u8], session: &Session, snapshot: &Snapshot) -> Option<Self> {
        let (mut times, mut opaque) = (Vec::new(), None);
        for _ in 0..PASSES {
            let start = processor_time();
            let facts = analyse(text, session, snapshot);
            times.push(processor_time().saturating_sub(start));
            opaque = match facts.touches {
                Touches::Known(_) => None,
                Touches::Opaque(opacity) if &*opacity.kind == "syntax" => return None,
                Touches::Opaque(opacity) => Some((opacity.kind, begin(&opacity.explanation))),
            };
        }
        times.sort_unstable();
        Some(Self {
            text,
            opaque,
            took: times.get(PASSES / 2).copied().unwrap_or_default(),
        })
    }
}

/// Of this thread, so that being put off the processor does not count.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime)
        .try_into()
        .unwrap_or_default()
}

/// What explanations of one sort have in common: their first words, but for names with a schema.
fn begin(explanation: &str) -> String {
    let words = explanation.split_whitespace();
    let words = words.filter(|word| !word.contains('.')).take(4);
    words.collect::<Vec<_>>().join(" ")
}

fn report(mut analysed: Vec<Analysed<'_>>, snapshot: &Snapshot) {
    let all = analysed.len();
    let mut reasons: BTreeMap<_, Vec<&[u8]>> = BTreeMap::new();
    for text in &analysed {
        if let Some(reason) = &text.opaque {
            reasons.entry(reason).or_default().push(text.text);
        }
    }
    let unknown: usize = reasons.values().map(Vec::len).sum();
    println!(
        "{all} that the grammar accepts, over {} relations",
        snapshot.relations().count()
    );
    println!(
        "{} yield facts, {unknown} are opaque, such as:",
        all - unknown
    );
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, texts)| std::cmp::Reverse(texts.len()));
    for ((kind, explanation), texts) in reasons {
        let shortest = texts.iter().min_by_key(|text| text.len());
        let shown = shortest.map(|text| shown(text)).unwrap_or_default();
        println!(
            "{:>7}  {kind}: {explanation} ...\n         {shown}",
            texts.len()
        );
    }
    analysed.sort_by_key(|text| text.took);
    let at = |share: f64| {
        let index = (all.saturating_sub(1) as f64 * share) as usize;
        analysed
            .get(index)
            .map(|text| text.took)
            .unwrap_or_default()
    };
    let slow = analysed.iter().filter(|text| text.took > SLOW).count();
    println!(
        "processor time: median {:?}, 99th percentile {:?}",
        at(0.5),
        at(0.99)
    );
    println!("{slow} take longer than {SLOW:?}; the slowest:");
    for text in analysed.iter().rev().take(10) {
        println!(
            "{:>12?} {:>8} bytes  {}",
            text.took,
            text.text.len(),
            shown(text.text)
        );
    }
}

/// The beginning of a text, on one line.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let words = text.split_whitespace().flat_map(|word| [word, " "]);
    words.flat_map(str::chars).take(100).collect()
}
