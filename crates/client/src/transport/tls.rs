//! Trusted certificates, and the client certificate.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{self, CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::options::{ClientCertificate, HttpOptions};

/// The TLS configuration for the options.
///
/// # Errors
///
/// The responsible key of `clouds.yaml`, and a message.
pub(super) fn config(options: &HttpOptions) -> Result<ClientConfig, (&'static str, String)> {
    let provider = Arc::new(crypto::ring::default_provider());
    let given = match &options.ca_file {
        Some(path) => authorities(path)
            .map_err(|message| ("cacert", format!("{}: {message}", path.display())))?,
        None => Vec::new(),
    };
    let verifier = CertificateVerifier::new(given, options.insecure, Arc::clone(&provider))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ("TLS settings", error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &options.client_certificate {
        None => builder.with_no_client_auth(),
        Some(shown) => {
            let (chain, key) = identity(shown).map_err(|message| ("cert", message))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| ("cert", format!("{}: {error}", shown.certificate.display())))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificates of a PEM file, or of all files in a folder.
fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut found = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(|error| error.to_string())? {
            let path = entry.map_err(|error| error.to_string())?.path();
            // A folder of authorities may contain other files, such as revocation lists.
            if path.is_file() {
                found.extend(certificates(&path).unwrap_or_default());
            }
        }
    } else {
        found = certificates(path)?;
    }
    if found.is_empty() { Err("it contains no certificate".to_owned()) } else { Ok(found) }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    certificates.map_err(|error| error.to_string())
}

/// The client certificate and its key, from one file or two.
fn identity(
    shown: &ClientCertificate,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let at = |path: &Path, message: String| format!("{}: {message}", path.display());
    let chain =
        certificates(&shown.certificate).map_err(|message| at(&shown.certificate, message))?;
    if chain.is_empty() {
        return Err(at(&shown.certificate, "it contains no certificate".to_owned()));
    }
    let path = shown.key.as_ref().unwrap_or(&shown.certificate);
    let pem = std::fs::read(path).map_err(|error| at(path, error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| at(path, "it contains no private key, or one with a passphrase".to_owned()))?;
    Ok((chain, key))
}

/// Verifies a server's certificate with the system's authorities and the given ones.
#[derive(Debug)]
struct CertificateVerifier {
    /// Loaded at the first handshake, or the error if there are no authorities at all: without TLS they are not
    /// needed, and to read the hundreds of files of a system takes as long as the rest of a call.
    platform: OnceLock<Result<Verifier, Error>>,
    given: Vec<CertificateDer<'static>>,
    insecure: bool,
    provider: Arc<CryptoProvider>,
}

impl CertificateVerifier {
    fn new(
        given: Vec<CertificateDer<'static>>,
        insecure: bool,
        provider: Arc<CryptoProvider>,
    ) -> Result<CertificateVerifier, (&'static str, String)> {
        let platform = OnceLock::new();
        let verifier = CertificateVerifier { platform, given, insecure, provider };
        if !verifier.given.is_empty() {
            verifier.platform().map_err(|error| ("cacert", error.to_string()))?;
        }
        Ok(verifier)
    }

    fn platform(&self) -> Result<&Verifier, Error> {
        let load =
            || Verifier::new_with_extra_roots(self.given.clone(), Arc::clone(&self.provider));
        self.platform.get_or_init(load).as_ref().map_err(Clone::clone)
    }

    fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }
}

impl ServerCertVerifier for CertificateVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.insecure {
            return Ok(ServerCertVerified::assertion());
        }
        let verdict =
            self.platform()?.verify_server_cert(certificate, intermediates, name, ocsp, now);
        match verdict {
            // `openssl req -x509` marks the certificates that it creates as authorities. A server with one of
            // those is trusted if exactly this certificate was given, as in curl. At this point its dates are
            // verified, but its name is not.
            Err(Error::InvalidCertificate(CertificateError::Other(cause)))
                if cause.0.to_string() == "CaUsedAsEndEntity"
                    && self.given.iter().any(|given| given == certificate) =>
            {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls12_signature(message, certificate, signed, self.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls13_signature(message, certificate, signed, self.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }
}
