//! What a connection runs over: TCP, or TLS on it.

use std::fs::File;
use std::io::{Read, Result, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A connection with a client.
pub(crate) trait Transport: Read + Write {
    /// Receives at most as many bytes as there is space, and discards them; returns their number.
    fn discard(&mut self, space: &mut [u8]) -> Result<usize> {
        self.read(space)
    }

    /// Sends this number of bytes from the position of a file.
    fn send(&mut self, file: &File, bytes: u64) -> Result<u64>;
}

impl Transport for TcpStream {
    /// The kernel discards the bytes without a copy.
    #[cfg(target_os = "linux")]
    fn discard(&mut self, space: &mut [u8]) -> Result<usize> {
        use rustix::net::{RecvFlags, recv};

        let (_, count) = recv(self, space, RecvFlags::TRUNC)?;
        Ok(count)
    }

    /// The kernel sends the bytes without a copy.
    fn send(&mut self, file: &File, bytes: u64) -> Result<u64> {
        std::io::copy(&mut file.take(bytes), self)
    }
}

impl Transport for StreamOwned<ServerConnection, TcpStream> {
    fn send(&mut self, file: &File, bytes: u64) -> Result<u64> {
        let mut from = std::io::BufReader::with_capacity(1 << 20, file.take(bytes));
        std::io::copy(&mut from, self)
    }
}

/// Settings for TLS with a new certificate for `localhost`, and that certificate as PEM.
pub(crate) fn tls() -> (Arc<ServerConfig>, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config =
        ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
    (Arc::new(config), cert.pem())
}

/// Accepts a connection with TLS.
pub(crate) fn accept(config: &Arc<ServerConfig>, stream: TcpStream) -> Result<Box<dyn Transport>> {
    let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    Ok(Box::new(StreamOwned::new(connection, stream)))
}
