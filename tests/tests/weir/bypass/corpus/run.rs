//! Sends the steps of a try, in one session.

use weir_tests::messages::{
    bind, close, describe, execute, extended, function_call, parse, rows, sync,
};
use weir_tests::{Frame, Wire, frame};

use super::family::Step;

/// How statements without a form of their own are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As a Query.
    Simple,
    /// As an unnamed statement, with results in text.
    Text,
    /// The same, with results in binary.
    Binary,
}

/// What tries call by a name in braces, because it differs from run to run.
pub struct Places(pub Vec<(&'static str, String)>);

impl Places {
    fn fill(&self, text: &str) -> String {
        let fill = |text: String, (name, value): &(&str, String)| text.replace(name, value);
        self.0.iter().fold(text.to_owned(), fill)
    }
}

/// Runs one step that is this session's own, and returns everything that comes back.
pub fn run(wire: &mut Wire, step: &Step, way: Way, places: &Places) -> Vec<Frame> {
    let format = u8::from(way == Way::Binary);
    match step {
        Step::Sql(sql) => send(wire, &places.fill(sql), &[], way, ""),
        Step::Fed { sql, rows } => send(wire, &places.fill(sql), &[], way, rows),
        Step::Bound { sql, values } => {
            let values: Vec<_> = values.iter().map(|value| places.fill(value)).collect();
            let values: Vec<_> = values.iter().map(String::as_str).collect();
            let way = if way == Way::Simple { Way::Text } else { way };
            send(wire, &places.fill(sql), &values, way, "")
        }
        Step::Called { call, arguments } => {
            let oid = wire.query(&format!("SELECT '{call}'::regprocedure::oid"));
            let oid = rows(&oid.unwrap()).concat().concat().parse().unwrap();
            let arguments: Vec<_> = arguments.iter().map(|value| places.fill(value)).collect();
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            wire.send(&function_call(oid, &arguments)).unwrap();
            wire.until_ready().unwrap()
        }
        Step::Together { pipeline } => together(wire, pipeline, way, places),
        Step::Prepared { statement, sql } => ask(wire, &parse(statement, &places.fill(sql))),
        Step::Closed { close: name } => ask(wire, &close('S', name)),
        Step::Opened { portal, sql } => {
            let parse = parse("", &places.fill(sql));
            ask(wire, &[parse, bind(portal, "", &[], format)].concat())
        }
        Step::Run { run } => {
            let bind = bind("", run, &[], format);
            ask(wire, &[bind, describe('P', ""), execute("")].concat())
        }
        Step::Executed { execute: portal } => {
            ask(wire, &[describe('P', portal), execute(portal)].concat())
        }
        Step::Meanwhile { .. } => Vec::new(),
    }
}

fn send(wire: &mut Wire, sql: &str, values: &[&str], way: Way, feed: &str) -> Vec<Frame> {
    match way {
        Way::Simple => wire.send(&weir_tests::messages::query(sql)).unwrap(),
        Way::Text => wire
            .send(&[extended(sql, values, 0), sync()].concat())
            .unwrap(),
        Way::Binary => wire
            .send(&[extended(sql, values, 1), sync()].concat())
            .unwrap(),
    }
    let mut frames = Vec::new();
    loop {
        let frame = wire.read().unwrap();
        match frame.tag {
            // The server waits for rows, and did not look at the Sync.
            'G' => {
                let mut rows = self::frame('d', feed.as_bytes());
                rows.extend(self::frame('c', b""));
                if way != Way::Simple {
                    rows.extend(sync());
                }
                wire.send(&rows).unwrap();
            }
            'Z' => {
                frames.push(frame);
                return frames;
            }
            _ => frames.push(frame),
        }
    }
}

fn ask(wire: &mut Wire, messages: &[u8]) -> Vec<Frame> {
    wire.send(&[messages, &sync()].concat()).unwrap();
    wire.until_ready().unwrap()
}

fn together(wire: &mut Wire, texts: &[String], way: Way, places: &Places) -> Vec<Frame> {
    let format = u8::from(way == Way::Binary);
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend(parse("", &places.fill(text)));
        bytes.extend(bind("", "", &[], format));
        bytes.extend(describe('P', ""));
        bytes.extend(execute(""));
    }
    ask(wire, &bytes)
}
