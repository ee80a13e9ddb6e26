//! The handshakes of a session: what clients are shown, and what the engine and the trail are told.

use std::mem;

use model::AuditEvent;
use protocol::{Side, Upstream};
use tls::Hello;

use crate::error::SessionError;
use crate::session::Session;
use crate::upstreams::Shown;
use crate::wire::{Connection, Stream};

impl Session {
    /// Exchanges the client's stream for an encrypted one, once it has read that it may begin. While the handshake goes
    /// on there is no stream: nothing in plain can reach the client any more.
    pub(crate) async fn encrypt_client(&mut self) -> Result<(), SessionError> {
        let Some(acceptor) = self.shared.acceptor.clone() else {
            return Err(SessionError::NoCertificate);
        };
        let client = &mut self.pump.client;
        let written = client.drain(&mut self.pump.out.to_client).await;
        written.map_err(SessionError::Client)?;
        // The engine leaves nothing behind a request, so what is there is the handshake itself.
        let hello = match client.input.is_empty() {
            true => Hello::Asked,
            false => Hello::Direct(mem::take(&mut client.input)),
        };
        let plain = mem::replace(&mut client.stream, Stream::gone());
        match Box::pin(acceptor.accept(plain, hello)).await {
            Ok(encrypted) => {
                client.stream = Stream::Tls(Box::new(encrypted.stream));
                self.shown = Some(encrypted.certificate.to_vec());
                self.record_encryption(Side::Client, encrypted.version)
            }
            Err((error, plain)) => {
                client.stream = plain;
                Err(SessionError::ClientTls(error))
            }
        }
    }

    /// Reaches the server, and tells how.
    pub(crate) async fn dial(&mut self) -> Result<(), SessionError> {
        let reached = self.shared.upstreams.reach(self.target.address);
        let reached = Box::pin(reached).await?;
        // The client's certificate is compared once, and is no use after that.
        let shown = self.shown.take();
        let mut upstream = Upstream::Plain;
        if let Some(Shown {
            version,
            certificate,
        }) = reached.tls
        {
            let same_certificate = shown == Some(certificate);
            upstream = Upstream::Encrypted { same_certificate };
            self.record_encryption(Side::Server, version)?;
        }
        self.pump.engine.connected(upstream);
        self.pump.server = Some(Connection::new(reached.stream));
        Ok(())
    }

    fn record_encryption(&mut self, side: Side, version: &str) -> Result<(), SessionError> {
        let event = AuditEvent::Encrypted {
            side,
            version: version.into(),
        };
        self.shared.gate.record(self.subject.session, event)?;
        Ok(())
    }
}
