//! A push that is verified by a signed checksum list.

use imgpush_engine::checksum::{ChecksumList, Expected, Keys};
use imgpush_engine::source::{ChecksumError, HttpOptions};
use imgpush_scene::Scene;

use super::scene::{content, push_place, serve, sha256};
use super::signer::{Signer, armored};

/// The list, its signature and the image are read from addresses and files.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_verified_by_a_signed_list_and_reports_the_signer() {
    let scene = Scene::start_open().await;
    let (signer, data) = (Signer::new(), content(0));
    let file = scene.write("noble.img", &data);
    let list = format!("{} *noble.img\n", sha256(&data));
    let list_file = scene.write("SHA256SUMS", list.as_bytes());
    scene.write("SHA256SUMS.gpg", armored(&signer.sign(list.as_bytes())));
    let key = scene.write("key.gpg", signer.public());
    let keys = Keys::read(&key).await.unwrap();
    let signature = format!("{}/SHA256SUMS.gpg", serve(&scene));
    let read = async |keys: &Keys| {
        let http = HttpOptions::default();
        ChecksumList::read_signed(&list_file, Some(signature.as_ref()), keys, &http).await
    };
    let expected = Expected::default().with_list(read(&keys).await.unwrap());
    let report = push_place(&scene, &file, &expected).await.unwrap();
    assert_eq!(report.provenance.source_signed_by, Some(signer.fingerprint()));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["source_signed_by"], signer.fingerprint());

    let error = read(&Keys::default()).await.unwrap_err();
    assert!(matches!(error, ChecksumError::NoKey { .. }), "{error:?}");
    let address = format!("{}/key.gpg", serve(&scene));
    let error = Keys::read(address.as_ref()).await.unwrap_err();
    assert!(matches!(error, ChecksumError::Unreadable { .. }), "a key from the network: {error:?}");
}
