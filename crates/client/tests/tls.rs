//! Whose certificates are believed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use imgpush_client::{Cloud, CloudOptions, Error, ImageClient, Surroundings};
use imgpush_sandbox::{Sandbox, SandboxOptions};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A TLS front of a sandbox, by a certificate that nobody has signed; its address and its PEM.
async fn tls_front(sandbox: &Sandbox) -> (String, String) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = sandbox.url().trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                // A client that does not believe the certificate ends here.
                let Ok(mut front) = acceptor.accept(stream).await else { return };
                let mut back = TcpStream::connect(behind).await.unwrap();
                let _ = copy_bidirectional(&mut front, &mut back).await;
            });
        }
    });
    (format!("https://localhost:{port}"), certified.cert.pem())
}

async fn asks(url: &str, settings: &[(&str, &str)]) -> Result<(), Error> {
    let mut options =
        CloudOptions::default().with_setting("auth_type", "none").with_setting("endpoint", url);
    for (key, value) in settings {
        options = options.with_setting(*key, *value);
    }
    let cloud = Cloud::load_from(&options, &Surroundings::default())?;
    ImageClient::connect(&cloud).await?.schema().await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_believed_by_its_bundle_or_not_at_all() {
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let (url, pem) = tls_front(&sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("ca.pem");
    std::fs::write(&bundle, &pem).unwrap();
    let bundle = bundle.to_str().unwrap();

    let stranger = asks(&url, &[]).await.unwrap_err();
    assert!(matches!(stranger, Error::Transport { .. }), "{stranger:?}");
    assert!(format!("{stranger:?}").contains("UnknownIssuer"), "{stranger:?}");
    asks(&url, &[("cacert", bundle)]).await.unwrap();
    asks(&url, &[("insecure", "true")]).await.unwrap();

    // Another name than the certificate's is another server.
    let renamed = url.replace("localhost", "127.0.0.1");
    assert!(asks(&renamed, &[("cacert", bundle)]).await.is_err());

    std::fs::write(bundle, "no certificate").unwrap();
    let empty = asks(&url, &[("cacert", bundle)]).await.unwrap_err();
    assert!(matches!(empty, Error::Config(_)), "{empty:?}");
    let missing = asks(&url, &[("cacert", "/no/such/file")]).await.unwrap_err();
    assert!(matches!(missing, Error::Config(_)), "{missing:?}");
}
