//! A pump and a gate for one engine: feeds it, answers its questions, and keeps what came out.
//!
//! The gate knows one rule: a text with the word `forbidden` (or the function 13) is refused, one with `ssn` is masked,
//! of one with `told` no error may tell a row, one with `few` shows two rows, each statement of one with `only id` shows the
//! first column of table 16400, and one with `held` waits until the test says what becomes of it.

use bytes::BytesMut;
use model::{
    BaseColumn, Column, Derivation, MaskFunction, MaskedColumn, Masks, Outcome, Output, Outputs,
    Parameter, Place, Refusal, RefusalKind, Relation, RowLimit, Status, Terms, Verdict,
};
use protocol::{
    Ask, CancelKey, Command, Outbox, Progress, ProtocolError, Session, Side, Source, Ticket,
};
use weir_postgres::{Engine, Limits, Tls};

use crate::messages::{client, server};

/// Our words in place of the server's.
pub const WORDS: &str = "no rule permits this";

/// One session.
pub struct Play {
    pub engine: Engine,
    from_client: BytesMut,
    from_server: BytesMut,
    out: Outbox,
    told: Vec<String>,
    question: Option<Ticket>,
    /// Of the last command that was to be run.
    pub bound_after: Option<Ticket>,
    pub beside_bound: bool,
    pub parameters: Vec<Parameter>,
    pub types: Vec<u32>,
    pub error: Option<ProtocolError>,
}

impl Play {
    /// Before the first byte.
    pub fn new() -> Self {
        Self::with(Limits::default())
    }

    pub fn with(limits: Limits) -> Self {
        Self::over(limits, Tls::default())
    }

    /// Before the first byte, with TLS for clients.
    pub fn with_tls(tls: Tls) -> Self {
        Self::over(Limits::default(), tls)
    }

    fn over(limits: Limits, tls: Tls) -> Self {
        Self {
            engine: Engine::new(limits, tls),
            from_client: BytesMut::new(),
            from_server: BytesMut::new(),
            out: Outbox::default(),
            told: vec![],
            question: None,
            bound_after: None,
            beside_bound: false,
            parameters: vec![],
            types: vec![],
            error: None,
        }
    }

    /// After the login, which took ticket 1, with nothing of it left to see.
    pub fn ready() -> Self {
        Self::ready_with(Limits::default())
    }

    pub fn ready_with(limits: Limits) -> Self {
        let mut play = Self::with(limits);
        play.client(client::startup(196_608, &[("user", "app")]));
        play.server(server::welcome());
        play.at_server();
        play.at_client();
        play.told();
        play
    }

    /// The client sends.
    pub fn client(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.from_client.extend_from_slice(bytes.as_ref());
        self.pump(Side::Client)
    }

    /// The server sends.
    pub fn server(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.from_server.extend_from_slice(bytes.as_ref());
        self.pump(Side::Server);
        self.pump(Side::Client)
    }

    /// Says yes to the question that is held.
    pub fn yes(&mut self) -> &mut Self {
        self.answer(Verdict::Forward(Terms::default()))
    }

    /// Says no to the question that is held.
    pub fn no(&mut self) -> &mut Self {
        self.answer(Verdict::Refuse(refusal()))
    }

    pub fn notify(&mut self, words: &str) -> &mut Self {
        self.engine.notify(words, "wait", &mut self.out);
        self
    }

    /// The agent asks the server these.
    pub fn inquire(&mut self, statements: &[&str]) -> &mut Self {
        let statements: Vec<String> = statements.iter().map(ToString::to_string).collect();
        self.engine
            .inquire(&statements, &mut self.out)
            .expect("the server is quiet");
        self
    }

    pub fn close(&mut self) -> &mut Self {
        self.engine.close(&refusal(), &mut self.out);
        self
    }

    /// What the server got since the last look.
    pub fn at_server(&mut self) -> Vec<u8> {
        self.out.to_server.split().to_vec()
    }

    /// What the client got since the last look.
    pub fn at_client(&mut self) -> Vec<u8> {
        self.out.to_client.split().to_vec()
    }

    /// What the engine left of the client's input.
    pub fn unread(&self) -> &[u8] {
        &self.from_client
    }

    /// The handshake took what there was of the client's input.
    pub fn decrypted(&mut self) {
        self.from_client.clear();
    }

    /// What the caller was told since the last look, one line each.
    pub fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    fn answer(&mut self, verdict: Verdict) -> &mut Self {
        let ticket = self.question.take().expect("a question is open");
        self.resolve(ticket, verdict);
        self.pump(Side::Client)
    }

    fn pump(&mut self, side: Side) -> &mut Self {
        while self.error.is_none() {
            let input = match side {
                Side::Client => &mut self.from_client,
                Side::Server => &mut self.from_server,
            };
            match self.engine.advance(side, input, &mut self.out) {
                Ok(Progress::NeedMore) => break,
                Ok(progress) => {
                    let is_handshake = matches!(progress, Progress::Upgrade(_));
                    self.take(progress);
                    if is_handshake {
                        break;
                    }
                }
                Err(error) => {
                    self.told.push(format!("error: {error}"));
                    self.error = Some(error);
                }
            }
        }
        self
    }

    fn take(&mut self, progress: Progress) {
        self.told.push(line(&progress));
        if let Progress::Ask(_, Ask::Run(command)) = &progress {
            self.bound_after = command.bound_after;
            self.beside_bound = command.beside_bound;
            self.parameters.clone_from(&command.parameters);
            self.types = command.types.as_deref().unwrap_or_default().to_vec();
        }
        match progress {
            Progress::Ask(ticket, Ask::Cancel(key)) => self.cancel(ticket, &key),
            Progress::Ask(ticket, ask) => match judge(&ask) {
                Some(verdict) => self.resolve(ticket, verdict),
                None => self.question = Some(ticket),
            },
            Progress::Keyed { key, length } => {
                let shown = CancelKey {
                    secret: vec![b'w'; length].into(),
                    ..key
                };
                self.engine.show_key(&shown, &mut self.out);
            }
            _ => {}
        }
    }

    /// The agent's key for the process 7 stands for one of the server's.
    fn cancel(&mut self, ticket: Ticket, key: &CancelKey) {
        let own = CancelKey {
            process: key.process,
            secret: server::SECRET.into(),
        };
        match key.process {
            7 => self.engine.cancel(ticket, &own, &mut self.out),
            _ => self
                .engine
                .resolve(ticket, Verdict::Refuse(refusal()), &mut self.out),
        }
        .expect("this ticket is open");
    }

    fn resolve(&mut self, ticket: Ticket, verdict: Verdict) {
        let resolved = self.engine.resolve(ticket, verdict, &mut self.out);
        self.error = resolved.err();
    }
}

fn judge(ask: &Ask) -> Option<Verdict> {
    let said = line_of(ask);
    if said.contains("held") {
        return None;
    }
    let refused = said.contains("forbidden") || said.contains("#13") || said.contains("unread");
    Some(match ask {
        _ if refused => Verdict::Refuse(refusal()),
        Ask::Run(_) if said.contains("kept") => Verdict::Forward(Terms {
            kept: true,
            masks: if said.contains("ssn") {
                masks()
            } else {
                Masks::none()
            },
            ..if said.contains("few") {
                few(false)
            } else {
                Terms::default()
            }
        }),
        Ask::Run(_) if said.contains("told") => Verdict::Forward(told().into()),
        Ask::Run(_) if said.contains("few") => Verdict::Forward(few(said.contains("ssn"))),
        Ask::Run(_) if said.contains("only id") => Verdict::Forward(only_id()),
        Ask::Run(_) if said.contains("ssn") => Verdict::Forward(masks().into()),
        _ => Verdict::Forward(Terms::default()),
    })
}

/// Two statements, each of which shows column 1 of table 16400.
fn only_id() -> Terms {
    let id = BaseColumn {
        relation: Relation {
            schema: "public".into(),
            name: "customers".into(),
            oid: Some(16400),
        },
        column: Column {
            name: "id".into(),
            number: Some(1),
        },
    };
    let outputs = Outputs::Known(vec![Output {
        name: "id".into(),
        from: vec![id],
        how: Derivation::Plain,
        like: Some(23),
    }]);
    Terms {
        outputs: [outputs.clone(), outputs].into(),
        ..Terms::default()
    }
}

/// Two rows, masked perhaps.
fn few(masked: bool) -> Terms {
    Terms {
        masks: if masked { masks() } else { Masks::none() },
        limit: Some(RowLimit {
            rows: 2,
            by: ["few-rows".into()].into(),
        }),
        ..Terms::default()
    }
}

/// Column 2 of table 16400 is not to be seen, where it is the second of either statement's result.
pub fn masks() -> Masks {
    let ssn = |statement| MaskedColumn {
        place: Some(Place {
            statement,
            output: 1,
        }),
        table: 16400,
        column: 2,
        name: "public.customers.ssn".into(),
        class: "pii".into(),
        function: MaskFunction::Redact,
    };
    Masks {
        shown: [ssn(0), ssn(1)].into(),
        ..Masks::none()
    }
}

/// No error may tell what is in a row of table 16400.
fn told() -> Masks {
    Masks {
        told: masks().shown,
        ..Masks::none()
    }
}

pub fn refusal() -> Refusal {
    Refusal {
        kind: RefusalKind::NotPermitted,
        message: WORDS.into(),
        detail: None,
        hint: Some("ask somebody".into()),
    }
}

/// The error that a refused client reads.
pub fn our_error(severity: &str) -> Vec<u8> {
    let body = format!("S{severity}\0V{severity}\0C42501\0M{WORDS}\0Hask somebody\0\0");
    crate::messages::message(b'E', body.as_bytes())
}

fn line(progress: &Progress) -> String {
    match progress {
        Progress::Ask(ticket, ask) => format!("{} {}", ticket.0, line_of(ask)),
        Progress::Finished(ticket, outcome) => format!("{} {}", ticket.0, ending(outcome)),
        Progress::Shown(ticket, content) => format!("shown {} {content:?}", ticket.0),
        Progress::Ready(transaction) => format!("ready {transaction:?}").to_lowercase(),
        Progress::Keyed { key, length } => format!("keyed {} {length}", key.process),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn line_of(ask: &Ask) -> String {
    match ask {
        Ask::Connect(login) => format!("connect {} {}", login.user, login.database),
        Ask::Prepare(command) => format!("prepare {}", source(command)),
        Ask::Run(command) => format!("run {}", source(command)),
        Ask::Unread(refusal) => format!("unread {:?}", refusal.kind).to_lowercase(),
        Ask::Cancel(key) => format!("cancel {}", key.process),
    }
}

fn source(command: &Command) -> String {
    match &command.source {
        Source::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Source::Function(id) => format!("#{id}"),
    }
}

fn ending(outcome: &Outcome) -> String {
    let status = match &outcome.status {
        Status::Failed { code, .. } => format!("failed {code}"),
        other => format!("{other:?}").to_lowercase(),
    };
    let tags = outcome.tags.join(", ");
    format!("{status} {tags}").trim_end().to_owned()
}
