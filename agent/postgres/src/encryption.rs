//! Where TLS begins and ends, and what that does to logins that are bound to it.
//!
//! Knows bytes and answers; the handshakes are the caller's. The agent ends TLS on both sides, so a login that is bound
//! to the certificate of the other end (SCRAM-SHA-256-PLUS) only works where both ends are shown the same one:
//!
//! ```text
//! client, upstream           the server's PLUS     a client that says "y"    a client that insists
//! plain,  plain              stays as it is        stays as it is            stays as it is
//! TLS,    TLS, same cert.    stays                 stays                     works, end to end
//! TLS,    plain              is not offered        works                     28000
//! plain,  TLS                is taken out          28000                     28000
//! TLS,    TLS                is taken out          28000                     28000
//! ```
//!
//! "y" is a client that could bind, and believes that the server cannot; a server that can calls that a downgrade.
//! <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL>,
//! <https://www.postgresql.org/docs/current/sasl-authentication.html>, RFC 5802 section 6, `ProcessStartupPacket` in
//! PostgreSQL's `tcop/backend_startup.c`.

use bytes::{BufMut, Bytes, BytesMut};
use model::{Refusal, RefusalKind};
use protocol::{Outbox, ProtocolError, Side, Upstream};

use crate::frame;
use crate::reader::{Malformed, Reader};
use crate::refusal::protocol_error;

/// SSLRequest, which the agent sends before anything else to a server that it wants to speak TLS with.
pub const SSL_REQUEST: [u8; 8] = *b"\x00\x00\x00\x08\x04\xd2\x16\x2f";

/// The server's answer to [`SSL_REQUEST`]: exactly one byte. What follows it in plain is to be left unread, or refused,
/// as an attempt to inject something (CVE-2021-23222).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslAnswer {
    /// The handshake begins.
    Tls,
    /// The server has no TLS; it goes on in plain if the client wants to.
    Plain,
    /// An error, from a server that cannot start a session. Its text comes from nobody who was authenticated, and is not
    /// to be shown (CVE-2024-10977).
    Failed,
    /// Not an answer of PostgreSQL's protocol.
    Unknown,
}

impl From<u8> for SslAnswer {
    fn from(byte: u8) -> Self {
        match byte {
            b'S' => Self::Tls,
            b'N' => Self::Plain,
            b'E' => Self::Failed,
            _ => Self::Unknown,
        }
    }
}

/// What clients are told about TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Whether the caller can do the handshake.
    pub offered: bool,
    /// Whether a login without TLS is refused.
    pub required: bool,
}

/// First byte of a TLS record that carries a handshake (RFC 8446 section 5.1): a client that begins without asking.
const HANDSHAKE: u8 = 0x16;

/// AuthenticationSASL.
const SASL: u32 = 10;

/// Ends the names of mechanisms that bind the login to the channel (RFC 5802 section 4).
const BOUND: &[u8] = b"-PLUS";

/// The encryption of one session.
#[derive(Debug)]
pub(crate) struct Encryption {
    tls: Tls,
    pub(crate) upstream: Upstream,
    /// Whether the client's side is encrypted.
    is_encrypted: bool,
    /// Whether a packet came in plain: a handshake that begins unasked can only be the first that comes.
    has_begun: bool,
    is_ssl_done: bool,
    is_gss_done: bool,
    /// Whether the client's next answer chooses the mechanism.
    is_choosing: bool,
}

impl Encryption {
    pub fn new(tls: Tls) -> Self {
        Self {
            tls,
            upstream: Upstream::Plain,
            is_encrypted: false,
            has_begun: false,
            is_ssl_done: false,
            is_gss_done: false,
            is_choosing: false,
        }
    }

    /// Whether the connection begins with a handshake, without SSLRequest (`sslnegotiation=direct`).
    pub fn is_hello(&self, input: &[u8]) -> bool {
        self.tls.offered && !self.has_begun && input.first() == Some(&HANDSHAKE)
    }

    /// The handshake of the client's side begins.
    pub fn begin(&mut self) {
        self.has_begun = true;
        self.is_encrypted = true;
    }

    pub fn may_ask_for_tls(&self) -> bool {
        !self.is_ssl_done
    }

    pub fn may_ask_for_gss(&self) -> bool {
        !self.is_gss_done
    }

    /// Answers SSLRequest, and says whether the handshake begins.
    pub fn answer_ssl_request(
        &mut self,
        rest: &[u8],
        out: &mut Outbox,
    ) -> Result<bool, ProtocolError> {
        self.is_ssl_done = true;
        let accepts = self.tls.offered && !self.is_encrypted;
        self.is_gss_done = accepts;
        if !accepts {
            self.has_begun = true;
            out.to_client.put_u8(b'N');
            return Ok(false);
        }
        // It would be taken for what was encrypted (CVE-2021-23214).
        if !rest.is_empty() {
            return Err(protocol_error(
                Side::Client,
                "unencrypted data behind its request for TLS",
            ));
        }
        out.to_client.put_u8(b'S');
        self.begin();
        Ok(true)
    }

    /// Answers GSSENCRequest. As with the server, the client may ask for TLS then, again or for the first time.
    pub fn decline_gss(&mut self, out: &mut Outbox) {
        self.has_begun = true;
        self.is_gss_done = true;
        self.is_ssl_done = false;
        out.to_client.put_u8(b'N');
    }

    /// Refuses a login in plain, where that is not wanted.
    pub fn check_required(&mut self) -> Result<(), ProtocolError> {
        if self.is_encrypted || !self.tls.required {
            return Ok(());
        }
        Err(invalid(
            "a login without TLS",
            "weir: connections without TLS are not accepted",
            "Connect with sslmode=require.",
        ))
    }

    /// An Authentication message as the client may read it: without mechanisms that cannot work.
    pub fn offer(&mut self, message: Bytes) -> Result<Bytes, ProtocolError> {
        let mut reader = Reader::new(frame::body(&message));
        if reader.u32() != Ok(SASL) || self.is_bound_end_to_end() {
            return Ok(message);
        }
        self.is_choosing = true;
        let mut body = BytesMut::new();
        body.put_u32(SASL);
        loop {
            let name = reader.string();
            let name = name.map_err(|error| protocol_error(Side::Server, error.0))?;
            if !name.ends_with(BOUND) {
                body.put_slice(&name);
                body.put_u8(0);
            }
            if name.is_empty() {
                break;
            }
        }
        let mut out = BytesMut::new();
        frame::put(&mut out, frame::server::AUTHENTICATION, &body);
        Ok(out.freeze())
    }

    /// Whether the client's next answer is to be looked into.
    pub fn looks_into_answer(&self) -> bool {
        self.is_choosing
    }

    /// SASLInitialResponse: refuses what the server would refuse in words that nobody could follow.
    pub fn check_answer(&mut self, body: Bytes) -> Result<(), ProtocolError> {
        self.is_choosing = false;
        match is_bound(body, self.upstream != Upstream::Plain) {
            Ok(false) => Ok(()),
            Ok(true) => Err(invalid(
                "a login that is bound to its encryption, which ends at weir",
                "weir: channel binding does not reach the server, because TLS ends at weir",
                "Connect with channel_binding=disable; or let weir reach the server in plain, or show its clients the server's own certificate.",
            )),
            Err(error) => Err(protocol_error(Side::Client, error.0)),
        }
    }

    /// Whether a login can be bound to what both ends see: the same certificate, or no encryption of the agent's at all.
    fn is_bound_end_to_end(&self) -> bool {
        match self.upstream {
            Upstream::Encrypted { same_certificate } => same_certificate && self.is_encrypted,
            Upstream::Plain => !self.is_encrypted,
        }
    }
}

/// Whether a SASLInitialResponse demands binding; `server_can`: or suspects that the server's offer was tampered with.
fn is_bound(body: Bytes, server_can: bool) -> Result<bool, Malformed> {
    let mut reader = Reader::new(body);
    let mechanism = reader.string()?;
    let response = reader.value()?.unwrap_or_default();
    reader.finish()?;
    Ok(match response.first() {
        Some(b'p') => true,
        Some(b'y') => server_can,
        _ => mechanism.ends_with(BOUND),
    })
}

fn invalid(what: &str, message: &str, hint: &str) -> ProtocolError {
    ProtocolError {
        side: Side::Client,
        what: what.into(),
        refusal: Refusal {
            kind: RefusalKind::LoginInvalid,
            message: message.into(),
            detail: None,
            hint: Some(hint.into()),
        },
    }
}
