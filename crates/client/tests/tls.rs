//! Trusted and untrusted certificates.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use imgpush_client::{Cloud, CloudOptions, Error, ImageClient, Surroundings};
use imgpush_scene::Scene;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// A self-signed certificate for `localhost`, and its key.
fn self_signed(is_ca: bool) -> (Certificate, KeyPair) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap(), key)
}

/// A TLS proxy of a service with a self-signed certificate; returns its address and its PEM. If an authority
/// is given, clients must present a certificate that it has signed.
async fn tls_front(
    scene: &Scene,
    is_ca: bool,
    of_clients: Option<&Certificate>,
) -> (String, String) {
    let (certificate, key) = self_signed(is_ca);
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let builder = ServerConfig::builder();
    let builder = match of_clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let upstream = scene.image_url().trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
            tokio::spawn(async move {
                // A client that does not trust the certificate ends here.
                let Ok(mut front) = acceptor.accept(stream).await else { return };
                let mut back = TcpStream::connect(upstream).await.unwrap();
                let _ = copy_bidirectional(&mut front, &mut back).await;
            });
        }
    });
    (format!("https://localhost:{port}"), certificate.pem())
}

async fn connects(url: &str, settings: &[(&str, &str)]) -> Result<(), Error> {
    let mut options =
        CloudOptions::default().with_setting("auth_type", "none").with_setting("endpoint", url);
    for (key, value) in settings {
        options = options.with_setting(*key, *value);
    }
    let cloud = Cloud::load_from(&options, &Surroundings::default())?;
    ImageClient::connect(&cloud).await?.schema().await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_trusted_only_by_its_bundle() {
    let scene = Scene::start_open().await;
    let (url, pem) = tls_front(&scene, false, None).await;
    let bundle = scene.write("ca.pem", &pem);
    let bundle = bundle.to_str().unwrap();

    let stranger = connects(&url, &[]).await.unwrap_err();
    assert!(matches!(stranger, Error::Transport { .. }), "{stranger:?}");
    assert!(format!("{stranger:?}").contains("UnknownIssuer"), "{stranger:?}");
    connects(&url, &[("cacert", bundle)]).await.unwrap();
    connects(&url, &[("insecure", "true")]).await.unwrap();

    // Another name than the certificate's is another server.
    let renamed = url.replace("localhost", "127.0.0.1");
    assert!(connects(&renamed, &[("cacert", bundle)]).await.is_err());

    std::fs::write(bundle, "no certificate").unwrap();
    let empty = connects(&url, &[("cacert", bundle)]).await.unwrap_err();
    assert!(matches!(empty, Error::Config(_)), "{empty:?}");
    let missing = connects(&url, &[("cacert", "/no/such/file")]).await.unwrap_err();
    assert!(matches!(missing, Error::Config(_)), "{missing:?}");
}

/// `openssl req -x509` creates such certificates, and curl accepts them.
#[tokio::test(flavor = "multi_thread")]
async fn a_self_signed_authority_certificate_is_trusted_if_given() {
    let scene = Scene::start_open().await;
    let (url, pem) = tls_front(&scene, true, None).await;
    let given = scene.path("given");
    std::fs::create_dir(&given).unwrap();
    std::fs::write(given.join("server.pem"), &pem).unwrap();
    std::fs::write(given.join("README"), "no certificate").unwrap();
    let other = scene.write("other.pem", self_signed(true).0.pem());

    connects(&url, &[("cacert", given.join("server.pem").to_str().unwrap())]).await.unwrap();
    connects(&url, &[("verify", given.to_str().unwrap())]).await.unwrap();
    assert!(connects(&url, &[("cacert", other.to_str().unwrap())]).await.is_err());
    assert!(connects(&url, &[]).await.is_err());
    let renamed = url.replace("localhost", "127.0.0.1");
    assert!(connects(&renamed, &[("cacert", given.to_str().unwrap())]).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_presented() {
    let scene = Scene::start_open().await;
    let (certificate, key) = self_signed(false);
    let (url, _) = tls_front(&scene, false, Some(&certificate)).await;
    let path = |name: &str, text: &str| scene.write(name, text).to_str().unwrap().to_owned();
    let apart = path("client.crt", &certificate.pem());
    let key = path("client.key", &key.serialize_pem());
    let both = [&apart, &key].map(|path| std::fs::read_to_string(path).unwrap()).concat();
    let both = path("client.pem", &both);

    let insecure = ("insecure", "true");
    connects(&url, &[insecure, ("cert", &apart), ("key", &key)]).await.unwrap();
    connects(&url, &[insecure, ("cert", &both)]).await.unwrap();
    assert!(matches!(connects(&url, &[insecure]).await, Err(Error::Transport { .. })));
    let keyless = connects(&url, &[insecure, ("cert", &apart)]).await.unwrap_err();
    assert!(matches!(keyless, Error::Config(_)), "{keyless:?}");
}
