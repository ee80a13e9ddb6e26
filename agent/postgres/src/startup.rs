//! The first packets: encryption begun or declined, cancels and logins asked about; then authentication, relayed.

use bytes::{Buf, Bytes, BytesMut};
use model::{Refusal, RefusalKind};
use protocol::{Ask, Outbox, Progress, ProtocolError, Side};

use crate::frame;
use crate::messages::startup::{LIMIT, Packet};
use crate::reader::Reader;
use crate::refusal::protocol_error;
use crate::session::{Engine, Phase, forward, pass};
use crate::verdicts::Question;

/// Bytes of an answer during authentication; `PG_MAX_AUTH_TOKEN_LENGTH` in PostgreSQL's `libpq/auth.h`.
const TOKEN: usize = 65_535;

impl Engine {
    /// Reads first packets until one needs a verdict.
    pub(crate) fn advance_startup(
        &mut self,
        input: &mut BytesMut,
        out: &mut Outbox,
    ) -> Result<Progress, ProtocolError> {
        loop {
            if self.encryption.is_hello(input) {
                self.encryption.begin();
                return Ok(Progress::Upgrade(Side::Client));
            }
            let Some(length) = input.first_chunk::<4>() else {
                return Ok(Progress::NeedMore);
            };
            let length = usize::try_from(u32::from_be_bytes(*length))
                .ok()
                .filter(|length| (8..=LIMIT).contains(length))
                .ok_or_else(|| {
                    protocol_error(Side::Client, "a startup packet of impossible length")
                })?;
            if input.len() < length {
                return Ok(Progress::NeedMore);
            }
            let packet = input.split_to(length).freeze();
            let mut body = packet.clone();
            body.advance(4);
            match Packet::read(body).map_err(|error| protocol_error(Side::Client, error.0))? {
                Packet::Ssl if self.encryption.may_ask_for_tls() => {
                    if self.encryption.answer_ssl_request(input, out)? {
                        return Ok(Progress::Upgrade(Side::Client));
                    }
                }
                Packet::Gss if self.encryption.may_ask_for_gss() => {
                    self.encryption.decline_gss(out);
                }
                // As the server does: a second request is taken for a version of the protocol.
                Packet::Ssl => return Err(unknown_version(1234, 5679)),
                Packet::Gss => return Err(unknown_version(1234, 5680)),
                Packet::Cancel(key) => {
                    return Ok(self.ask(Question::Cancel, Ask::Cancel(key)));
                }
                Packet::Startup { login, minor } => {
                    self.minor = minor;
                    self.replicates = login.replication().is_some();
                    self.encryption.check_required()?;
                    return Ok(self.ask(Question::Connect(packet), Ask::Connect(login)));
                }
                Packet::Version { major, minor } => {
                    return Err(unknown_version(major, minor));
                }
            }
        }
    }

    /// Takes note of what an Authentication message asks for. Where a proof is demanded, AuthenticationOk must not be the
    /// first.
    pub(crate) fn check_proof(&mut self, body: Bytes) -> Result<(), ProtocolError> {
        let is_ok = Reader::new(body).u32() == Ok(0);
        if std::mem::take(&mut self.demands_proof) && is_ok {
            return Err(unproven());
        }
        Ok(())
    }

    /// Lets the client's part of the authentication through.
    pub(crate) fn advance_authentication(
        &mut self,
        input: &mut BytesMut,
        out: &mut Outbox,
    ) -> Result<Progress, ProtocolError> {
        loop {
            if self.client_passing > 0 {
                pass(&mut self.client_passing, input, &mut out.to_server);
            }
            let header =
                frame::header(input).map_err(|error| protocol_error(Side::Client, error.0))?;
            let Some(header) = header else {
                return Ok(Progress::NeedMore);
            };
            match header.tag {
                frame::client::AUTHENTICATION
                    if header.body <= TOKEN && self.encryption.looks_into_answer() =>
                {
                    let Some(message) = frame::cut(input, header) else {
                        return Ok(Progress::NeedMore);
                    };
                    self.encryption.check_answer(frame::body(&message))?;
                    forward(&mut out.to_server, &message);
                }
                frame::client::AUTHENTICATION if header.body <= TOKEN => {
                    self.client_passing = header.frame();
                }
                frame::client::TERMINATE if header.body == 0 => {
                    self.client_passing = header.frame();
                    pass(&mut self.client_passing, input, &mut out.to_server);
                    self.phase = Phase::Terminated;
                    return Ok(Progress::Terminated);
                }
                frame::client::AUTHENTICATION => {
                    return Err(protocol_error(
                        Side::Client,
                        "an answer of impossible length during authentication",
                    ));
                }
                _ => {
                    // A client that trusts in being trusted sends its first request early.
                    self.excess(header)?;
                    self.is_early = true;
                    return Ok(Progress::NeedMore);
                }
            }
        }
    }
}

fn unknown_version(major: u16, minor: u16) -> ProtocolError {
    ProtocolError {
        side: Side::Client,
        what: format!("a request for version {major}.{minor} of the protocol"),
        refusal: Refusal {
            kind: RefusalKind::Unsupported,
            message: format!("weir: version {major}.{minor} of the protocol is not supported"),
            detail: None,
            hint: Some("Use a client that speaks version 3.".into()),
        },
    }
}

/// The server took the agent for the client, or anybody for anybody.
fn unproven() -> ProtocolError {
    ProtocolError {
        side: Side::Server,
        what: "no request for a proof to the login of the agent's own user".into(),
        refusal: Refusal {
            kind: RefusalKind::LoginInvalid,
            message: "weir: the server asked for no proof, and may have let in weir's own user instead of you".into(),
            detail: None,
            hint: Some("Let the local lines of pg_hba.conf ask for a password (scram-sha-256), or let weir reach the server over TCP.".into()),
        },
    }
}
