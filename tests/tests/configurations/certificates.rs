//! Certificates of the services with TLS, and of a client.

use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// An authority, a certificate of it for the server and one for the client, and a certificate of the server that no
/// authority has signed.
pub(crate) struct Certificates {
    authority: Certificate,
    server: (Certificate, KeyPair),
    client: (Certificate, KeyPair),
    self_signed: (Certificate, KeyPair),
}

impl Certificates {
    pub(crate) fn new() -> Certificates {
        let named = |name: &str, hosts: &[&str]| {
            let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
            let mut params = CertificateParams::new(hosts).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.use_authority_key_identifier_extension = true;
            params
        };
        let mut params = named("authority", &[]);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let signed = |params: CertificateParams| {
            let key = KeyPair::generate().unwrap();
            (params.signed_by(&key, &issuer).unwrap(), key)
        };
        // As `openssl req -x509` makes them.
        let mut alone = named("alone", &["127.0.0.1"]);
        alone.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let self_signed = (alone.self_signed(&key).unwrap(), key);
        let server = signed(named("server", &["127.0.0.1"]));
        let client = signed(named("client", &[]));
        Certificates { authority, server, client, self_signed }
    }

    /// Writes the files that a configuration can name.
    pub(crate) fn write(&self, folder: &Path) {
        let (client, key) = (self.client.0.pem(), self.client.1.serialize_pem());
        for (name, content) in [
            ("ca.pem", self.authority.pem()),
            ("selfsigned.pem", self.self_signed.0.pem()),
            ("client.pem", client.clone()),
            ("client.key", key.clone()),
            ("both.pem", client + &key),
        ] {
            std::fs::write(folder.join(name), content).unwrap();
        }
    }

    /// The settings of a server, which accepts clients with and without a certificate.
    pub(crate) fn server(&self, is_self_signed: bool) -> Arc<ServerConfig> {
        let (certificate, key) = if is_self_signed { &self.self_signed } else { &self.server };
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let clients =
            WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated().build().unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.unwrap())
    }
}

/// A connection, and whether the client has shown a certificate; none if the client does not trust the server.
pub(crate) fn accept(
    config: Arc<ServerConfig>,
    mut stream: TcpStream,
) -> Option<(StreamOwned<ServerConnection, TcpStream>, bool)> {
    let mut connection = ServerConnection::new(config).ok()?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).ok()?;
    }
    let is_known = connection.peer_certificates().is_some();
    Some((StreamOwned::new(connection, stream), is_known))
}
