//! What must hold for every wire engine, whatever both sides send and however it is cut.
//!
//! Knows the contract ([`protocol::Session`]) and no protocol. The claims:
//!
//! * nothing panics, and every call comes to an end;
//! * nothing reaches the server before the first yes;
//! * while a question is open, the client's input is left alone and nothing goes to the server;
//! * tickets count up from 1, and what was forwarded ends at most once and in order;
//! * however the input is cut, the same comes out.

use std::sync::Arc;

use bytes::BytesMut;
use model::{MaskFunction, MaskedColumn, Masks, Place, Refusal, RefusalKind, Verdict};
use protocol::{Ask, Outbox, Progress, Session, Side, Ticket};

use crate::script::{Judging, Script, Step};

/// More stops than any input of libFuzzer's lengths can cause.
const MANY: usize = 1 << 20;

/// Checks all claims for this script, and gives what came out.
pub fn check<S: Session>(script: &Script, engine: impl Fn() -> S) -> Run {
    let whole = Run::of(engine(), script, usize::MAX);
    for size in [1, 7] {
        let cut = Run::of(engine(), script, size);
        assert_eq!(
            cut, whole,
            "cut into pieces of {size}, something else comes out"
        );
    }
    whole
}

/// What came out of a session.
#[derive(Debug, PartialEq)]
pub struct Run {
    /// Everything that the client got.
    pub to_client: BytesMut,
    /// Everything that the server got.
    pub to_server: BytesMut,
    /// What the engine stopped for, in order, and how the session ended.
    pub told: Vec<String>,
    /// What was answered with yes.
    pub forwarded: Vec<Ask>,
}

impl Run {
    fn of(engine: impl Session, script: &Script, size: usize) -> Self {
        let mut driver = Driver::new(engine, script.judging);
        let ended = script
            .steps
            .iter()
            .any(|step| driver.step(step, size).is_none());
        if !ended {
            driver.close();
        }
        Self {
            to_client: driver.out.to_client,
            to_server: driver.out.to_server,
            told: driver.told,
            forwarded: driver.forwarded,
        }
    }
}

/// Plays the pump and the gate for one engine.
struct Driver<S> {
    engine: S,
    judging: Judging,
    from_client: BytesMut,
    from_server: BytesMut,
    out: Outbox,
    told: Vec<String>,
    question: Option<(Ticket, Ask)>,
    last: Ticket,
    /// Tickets answered with yes that have not ended yet.
    running: Vec<Ticket>,
    forwarded: Vec<Ask>,
}

impl<S: Session> Driver<S> {
    fn new(engine: S, judging: Judging) -> Self {
        Self {
            engine,
            judging,
            from_client: BytesMut::new(),
            from_server: BytesMut::new(),
            out: Outbox::default(),
            told: vec![],
            question: None,
            last: Ticket(0),
            running: vec![],
            forwarded: vec![],
        }
    }

    /// Takes one step; `None` when the session has ended. The sides take turns at the ends of steps only, so that
    /// cutting a step does not change who came first.
    fn step(&mut self, step: &Step, size: usize) -> Option<()> {
        match step {
            Step::Send(side, bytes) => {
                for piece in bytes.chunks(size.min(bytes.len()).max(1)) {
                    self.input(*side).extend_from_slice(piece);
                    self.advance(*side)?;
                }
            }
            Step::Answer(yes) => self.answer(*yes)?,
            Step::Notify => self.engine.notify("held", "wait", &mut self.out),
        }
        self.advance(Side::Client)?;
        self.advance(Side::Server)?;
        self.advance(Side::Client)
    }

    fn advance(&mut self, from: Side) -> Option<()> {
        for _ in 0..MANY {
            let waiting = self.question.is_some() && from == Side::Client;
            assert!(
                self.question.is_none() || self.engine.is_blocked(),
                "a question is open, and the engine does not say that it waits"
            );
            let before = (self.from_client.len(), self.out.to_server.len());
            let input = match from {
                Side::Client => &mut self.from_client,
                Side::Server => &mut self.from_server,
            };
            let progress = self.engine.advance(from, input, &mut self.out);
            let after = (self.from_client.len(), self.out.to_server.len());
            assert!(
                !waiting || before == after,
                "the client was read while a question was open"
            );
            self.assert_nothing_slipped_through();
            match progress {
                Ok(Progress::NeedMore) => return Some(()),
                Ok(progress) => self.take(progress)?,
                Err(error) => return self.end(&error.to_string()),
            }
        }
        panic!("the engine does not come to an end");
    }

    fn take(&mut self, progress: Progress) -> Option<()> {
        self.told.push(format!("{progress:?}"));
        match progress {
            Progress::Ask(ticket, ask) => {
                assert!(self.question.is_none(), "a second question at once");
                assert_eq!(ticket.0, self.last.0 + 1, "tickets count up");
                self.last = ticket;
                self.question = Some((ticket, ask));
                match self.judging {
                    Judging::Forward | Judging::Mask => self.answer(true),
                    Judging::Refuse => self.answer(false),
                    Judging::Alternate => self.answer(ticket.0 % 2 == 1),
                    Judging::Hold => Some(()),
                }
            }
            Progress::Finished(ticket, _) => {
                let place = self.running.iter().position(|known| *known == ticket);
                let place = place.expect("only what was forwarded ends, and only once");
                // What is skipped over never ends: connects and cancels.
                self.running.drain(..=place);
                Some(())
            }
            Progress::Keyed { key, .. } => {
                self.engine.show_key(&key, &mut self.out);
                Some(())
            }
            Progress::Terminated => None,
            _ => Some(()),
        }
    }

    fn answer(&mut self, yes: bool) -> Option<()> {
        let Some((ticket, ask)) = self.question.take() else {
            return Some(());
        };
        // Nobody can say yes to what nobody has read.
        let yes = yes && !matches!(ask, Ask::Unread(_));
        let verdict = match yes {
            true => Verdict::Forward(masks(self.judging).into()),
            false => Verdict::Refuse(refusal()),
        };
        let key = match &ask {
            Ask::Cancel(key) if yes => Some(key.clone()),
            _ => None,
        };
        if yes {
            self.running.push(ticket);
            self.forwarded.push(ask);
        }
        let resolved = match key {
            Some(key) => self.engine.cancel(ticket, &key, &mut self.out),
            None => self.engine.resolve(ticket, verdict, &mut self.out),
        };
        self.assert_nothing_slipped_through();
        match resolved {
            Ok(()) => Some(()),
            Err(error) => self.end(&error.to_string()),
        }
    }

    fn end(&mut self, error: &str) -> Option<()> {
        self.told.push(error.to_owned());
        self.close();
        None
    }

    fn close(&mut self) {
        self.engine.close(&refusal(), &mut self.out);
        self.assert_nothing_slipped_through();
    }

    fn assert_nothing_slipped_through(&self) {
        assert!(
            !self.forwarded.is_empty() || self.out.to_server.is_empty(),
            "bytes reached the server before anything was forwarded"
        );
    }

    fn input(&mut self, side: Side) -> &mut BytesMut {
        match side {
            Side::Client => &mut self.from_client,
            Side::Server => &mut self.from_server,
        }
    }
}

/// The first columns of a result, one under each function.
fn masks(judging: Judging) -> Masks {
    if judging != Judging::Mask {
        return Masks::none();
    }
    let functions = [
        MaskFunction::Null,
        MaskFunction::Redact,
        MaskFunction::Fixed(Arc::from("x")),
        MaskFunction::Partial {
            prefix: 1,
            pad: Arc::from("**"),
            suffix: 2,
        },
        MaskFunction::Email,
    ];
    let numbered = (0..).zip(1..).zip(functions);
    let columns = numbered.map(|((output, column), function)| MaskedColumn {
        place: Some(Place {
            statement: 0,
            output,
        }),
        table: 1,
        column,
        name: Arc::from("public.t.c"),
        class: Arc::from("pii"),
        function,
    });
    Masks {
        shown: columns.collect(),
        ..Masks::none()
    }
}

fn refusal() -> Refusal {
    Refusal {
        kind: RefusalKind::NotPermitted,
        message: "no rule permits this".to_owned(),
        detail: None,
        hint: Some("ask somebody".to_owned()),
    }
}
