//! The contract that every wire engine fulfils: bytes in, questions and bytes out.
//!
//! No socket, no clock and no policy inside. An engine cuts frames, says what a client asks for
//! ([`Ask`]) and waits for the [`Verdict`]; who judges, and how long that takes, is not its business.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
pub use model::Side;
use model::{Content, Login, Outcome, Parameter, Refusal, Verdict};

/// One session of one protocol, between a client and a server.
pub trait Session: Send {
    /// Consumes what it can of `input`, which came from `from`, and says why it stopped. The caller appends
    /// what it reads to `input` and calls again, until [`Progress::NeedMore`].
    ///
    /// While a question is unanswered, input from the client is left alone and input from the server flows.
    ///
    /// INVARIANT: a request's bytes reach `out.to_server` only through [`Session::resolve`] and [`Session::cancel`]; what
    /// [`Session::inquire`] puts there is the agent's own.
    /// INVARIANT: how the input is cut into reads never changes what comes out.
    fn advance(
        &mut self,
        from: Side,
        input: &mut BytesMut,
        out: &mut Outbox,
    ) -> Result<Progress, ProtocolError>;

    /// Tells how the connection to the server is protected. Comes once, before [`Ask::Connect`] is answered with yes.
    fn connected(&mut self, upstream: Upstream);

    /// Refuses a login that the server lets in without asking for a proof: on this connection it may take the agent for
    /// the client.
    fn demand_proof(&mut self);

    /// Whether the client's input waits for a verdict or for the server, rather than for more bytes: then there is no
    /// use in reading more of it than shows that the client is still there.
    fn is_blocked(&self) -> bool;

    /// Answers the question of this ticket.
    fn resolve(
        &mut self,
        ticket: Ticket,
        verdict: Verdict,
        out: &mut Outbox,
    ) -> Result<(), ProtocolError>;

    /// Answers [`Ask::Cancel`] with yes: the server gets this key, its own for the session that is meant.
    fn cancel(
        &mut self,
        ticket: Ticket,
        key: &CancelKey,
        out: &mut Outbox,
    ) -> Result<(), ProtocolError>;

    /// Answers [`Progress::Keyed`]: the client gets this key. Without it, the client gets none.
    fn show_key(&mut self, key: &CancelKey, out: &mut Outbox);

    /// Whether the server can be asked something that the client did not ask.
    fn quiet(&self) -> Quiet;

    /// Puts statements of the agent's own to the server, while it is [`Quiet::Now`]: in one transaction that writes nothing
    /// and leaves nothing behind. What comes of it is [`Progress::Inquired`]; until then the client's input is
    /// left alone. The client sees nothing of it.
    fn inquire(&mut self, statements: &[String], out: &mut Outbox) -> Result<(), ProtocolError>;

    /// Tells the client something that is no answer, at the next place where the protocol allows it.
    fn notify(&mut self, message: &str, hint: &str, out: &mut Outbox);

    /// Says goodbye to the client in the protocol's own words. Nothing is consumed or forwarded afterwards.
    fn close(&mut self, refusal: &Refusal, out: &mut Outbox);

    /// What the session's server reported last for this setting, such as `client_encoding`.
    fn setting(&self, name: &str) -> Option<&str>;

    /// How often the session's server has reported a setting: while it is the same, so are all settings.
    fn reports(&self) -> u64;

    /// The transaction's state as the server last said it.
    fn transaction(&self) -> Transaction;

    /// What came of a forwarded request so far, for one that will never end: its status is unknown.
    fn outcome_so_far(&self, ticket: Ticket) -> Outcome;

    /// What the client saw of such a request and was not told yet by [`Progress::Shown`].
    fn shown_so_far(&mut self, ticket: Ticket) -> Vec<Content>;
}

/// When the server can be asked something that the client did not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// At once: no transaction and no question is open, and the server owes no answer.
    Now,
    /// Perhaps once it has answered what it was sent.
    Later,
    /// Not before the client has sent more: it has left a transaction or a pipeline open, or waits for a verdict.
    Never,
}

/// The rows of one result: values in the server's binary format, none for NULL.
pub type Rows = Vec<Vec<Option<Bytes>>>;

/// The result of every statement that was put to the server, in order, or in one phrase why there are none.
pub type Inquired = Result<Vec<Rows>, String>;

/// How the connection to the server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Upstream {
    /// By nothing of the agent's: it goes in plain.
    #[default]
    Plain,
    /// By TLS, which begins at the agent.
    Encrypted {
        /// Whether the agent shows its clients the very certificate that the server shows to it, so that what binds a
        /// login to the certificate (`tls-server-end-point`, RFC 5929) binds it end to end.
        same_certificate: bool,
    },
}

/// Bytes to be written, in order.
#[derive(Debug, Default)]
pub struct Outbox {
    /// To the client.
    pub to_client: BytesMut,
    /// To the server.
    pub to_server: BytesMut,
}

/// Names one question of one session. Numbered from 1 in the order of asking; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Why an engine stopped.
#[derive(Debug)]
pub enum Progress {
    /// Everything that can be done with the input is done.
    NeedMore,
    /// A verdict is needed before the client's next message is looked at.
    Ask(Ticket, Ask),
    /// The client is about to see this of the result of a forwarded request, whose terms say that it is kept. What it is is in
    /// the outbox.
    Shown(Ticket, Content),
    /// A forwarded request ended. Comes once for every ticket that was forwarded, in order, except for connects and
    /// cancels, and except for what is still under way when the session ends.
    Finished(Ticket, Outcome),
    /// The server answered something that has no ticket (a Bind, a Sync, what stood in for a refused request) with an
    /// error: what came before it in the same transaction is undone.
    Failed,
    /// The server is ready for the next request, and this is its transaction's state.
    Ready(Transaction),
    /// The server gave the session this key, which the client does not get to see. It gets one of the caller's by
    /// [`Session::show_key`], and a later [`Ask::Cancel`] with that one means this session.
    Keyed {
        /// The server's.
        key: CancelKey,
        /// Bytes of secret that the client can take.
        length: usize,
    },
    /// What came of [`Session::inquire`].
    Inquired(Inquired),
    /// What is in the outbox for this side ends what is said in plain: once it is written, a TLS handshake begins, for
    /// which the rest of this side's input is the first that came. What is decrypted is the input from then on.
    Upgrade(Side),
    /// The client said goodbye, in order. What it asked for before that is still answered.
    Terminated,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// To log in.
    Connect(Login),
    /// To prepare a statement: nothing runs yet.
    Prepare(Command),
    /// To run a statement.
    Run(Command),
    /// To run or prepare what the engine has not read, so that nobody can judge it. Only a refusal answers this, such as
    /// this one.
    Unread(Refusal),
    /// To cancel what another session runs, which was shown this key. [`Session::cancel`] says yes, and what is sent then
    /// is all that this session sends.
    Cancel(CancelKey),
}

/// A command as the client worded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What is to be run.
    pub source: Source,
    /// Bind values, in order.
    pub parameters: Vec<Parameter>,
    /// Their types by the server's numbers, as far as the client or the server named them; 0 where neither did.
    pub types: Option<Arc<[u32]>>,
    /// For what was bound before it is run: the last request that was asked about before the Bind, which is where the
    /// server settled what the names in it mean. What ran since then does not change it any more.
    pub bound_after: Option<Ticket>,
    /// The name under which it is prepared by the protocol; empty where it has none, or is run.
    pub name: Bytes,
    /// Whether there may be something that the client bound under a name and can run by that name from within the text
    /// (PostgreSQL's FETCH from a portal), past what is asked when it is run by the protocol.
    pub beside_bound: bool,
}

/// Where a command's meaning is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A statement text, in the client's encoding.
    Text(Bytes),
    /// A function by its id (PostgreSQL's FunctionCall).
    Function(u32),
}

/// What proves that a cancel comes from the owner of a session: a process id and a secret of 4 to 256 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CancelKey {
    /// The server's process id.
    pub process: u32,
    /// The secret.
    pub secret: Bytes,
}

/// A transaction's state, as the server says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// None is open.
    Idle,
    /// One is open.
    Open,
    /// One is open and has failed: only its end is accepted.
    Failed,
}

/// The input is not the protocol, or passes a limit. The session cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{side:?} sent {what}")]
pub struct ProtocolError {
    /// Whose fault.
    pub side: Side,
    /// What was wrong and where, one phrase that follows "sent".
    pub what: String,
    /// What the client may read of it.
    pub refusal: Refusal,
}
