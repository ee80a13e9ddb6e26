//! The first packets: encryption declined, cancels and logins asked about; then authentication, relayed as it is.

use bytes::{Buf, BytesMut};
use model::{Refusal, RefusalKind};
use protocol::{Ask, Outbox, Progress, ProtocolError, Side};

use crate::frame;
use crate::messages::startup::{LIMIT, Packet};
use crate::refusal::protocol_error;
use crate::session::{Engine, Phase, pass};
use crate::verdicts::Question;

/// The answer "no" to SSLRequest and GSSENCRequest.
const DECLINED: u8 = b'N';

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
                Packet::Ssl | Packet::Gss => out.to_client.extend_from_slice(&[DECLINED]),
                Packet::Cancel(key) => {
                    return Ok(self.ask(Question::Cancel(packet), Ask::Cancel(key)));
                }
                Packet::Startup(login) if is_replication(&login) => {
                    return Err(unsupported(
                        "weir: replication connections are not supported",
                        "Connect to the server directly for replication and base backups.",
                    ));
                }
                Packet::Startup(login) => {
                    return Ok(self.ask(Question::Connect(packet), Ask::Connect(login)));
                }
                Packet::Version { major, minor } => {
                    return Err(unsupported(
                        &format!("weir: version {major}.{minor} of the protocol is not supported"),
                        "Use a client that speaks version 3.",
                    ));
                }
            }
        }
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

/// Whether the client asks for the replication protocol, whose grammar is another one.
fn is_replication(login: &model::Login) -> bool {
    login.settings.iter().any(|(name, value)| {
        name == "replication"
            && !["false", "off", "no", "0", "f", "n"].contains(&value.to_ascii_lowercase().as_str())
    })
}

fn unsupported(message: &str, hint: &str) -> ProtocolError {
    ProtocolError {
        side: Side::Client,
        what: "a request for what weir does not support".into(),
        refusal: Refusal {
            kind: RefusalKind::Unsupported,
            message: message.into(),
            detail: None,
            hint: Some(hint.into()),
        },
    }
}
