//! The first packets of a connection, which have a length but no tag.
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-STARTUPMESSAGE>

use bytes::{BufMut, Bytes, BytesMut};
use model::Login;
use protocol::CancelKey;

use crate::messages::status::text;
use crate::reader::{Malformed, Reader};

/// `MAX_STARTUP_PACKET_LENGTH` in PostgreSQL's `libpq/pqcomm.h`.
pub const LIMIT: usize = 10_000;

/// A first packet.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet {
    /// Asks for TLS.
    Ssl,
    /// Asks for GSSAPI encryption.
    Gss,
    /// Asks to cancel what another connection runs.
    Cancel(CancelKey),
    /// Asks for a session, in version 3 of the protocol.
    Startup { login: Login, minor: u16 },
    /// Asks for a version of the protocol that does not exist (yet).
    Version { major: u16, minor: u16 },
}

impl Packet {
    /// Reads what follows the length.
    pub fn read(body: Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let (major, minor) = (reader.count()?, reader.count()?);
        let packet = match (major, minor) {
            (1234, 5678) => {
                let process = reader.u32()?;
                let secret = reader.rest();
                if !(4..=256).contains(&secret.len()) {
                    return Err(Malformed("a cancel key of impossible length"));
                }
                return Ok(Self::Cancel(CancelKey { process, secret }));
            }
            (1234, 5679) => Self::Ssl,
            (1234, 5680) => Self::Gss,
            (3, minor) => {
                let login = login(reader)?;
                return Ok(Self::Startup { login, minor });
            }
            _ => return Ok(Self::Version { major, minor }),
        };
        reader.finish()?;
        Ok(packet)
    }
}

/// Appends a CancelRequest.
pub fn put_cancel(out: &mut BytesMut, key: &CancelKey) {
    out.put_u32(u32::try_from(key.secret.len() + 12).unwrap_or(u32::MAX));
    out.put_u16(1234);
    out.put_u16(5678);
    out.put_u32(key.process);
    out.put_slice(&key.secret);
}

fn login(mut reader: Reader) -> Result<Login, Malformed> {
    let (mut user, mut database, mut application) = (None, None, None);
    let mut settings = Vec::new();
    loop {
        let name = reader.string()?;
        if name.is_empty() {
            break;
        }
        let value = reader.string()?;
        match name.as_ref() {
            b"user" => user = Some(identifier(&value)?),
            b"database" => database = Some(identifier(&value)?),
            name => {
                let value = text(&value);
                if name.eq_ignore_ascii_case(b"replication") && settings.iter().any(is_replication)
                {
                    return Err(Malformed("a startup packet that says replication twice"));
                }
                if name.eq_ignore_ascii_case(b"application_name") {
                    application = Some(value.clone());
                }
                settings.push((text(name).to_ascii_lowercase(), value));
            }
        }
    }
    reader.finish()?;
    let user = user
        .filter(|user| !user.is_empty())
        .ok_or(Malformed("a startup packet without a user"))?;
    Ok(Login {
        // As the server does: the database is named like the user where none is named.
        database: database
            .filter(|database| !database.is_empty())
            .unwrap_or_else(|| user.clone()),
        user,
        application,
        settings,
    })
}

/// The server would take each into account, in a way of its own.
fn is_replication((name, _): &(String, String)) -> bool {
    name == "replication"
}

/// A name that means the same to the server and to policy: the server would cut a longer one (`NAMEDATALEN`),
/// and take bytes in any encoding.
fn identifier(name: &[u8]) -> Result<String, Malformed> {
    if name.len() > 63 {
        return Err(Malformed("a user or database name of more than 63 bytes"));
    }
    std::str::from_utf8(name)
        .map(str::to_owned)
        .map_err(|_| Malformed("a user or database name that is not UTF-8"))
}
