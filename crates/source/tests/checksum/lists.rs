//! Lists of real mirrors, shortened and with digests of other bytes.

use imgpush_source::ChecksumError;
use imgpush_source::ReaderSource;
use imgpush_source::checksum::{ChecksumList, Expected};

use super::data::{sha256, sha512};

/// The algorithms by which the list verifies the file.
fn verified_by(list: &str, text: &str, name: &str, data: &'static [u8]) -> Vec<&'static str> {
    let list = ChecksumList::parse(list, text.as_bytes()).unwrap();
    let expected = Expected::default().with_list(list).with_name(name);
    let source = expected.of(Box::new(ReaderSource::new("pipe", data))).unwrap();
    source.wants().iter().map(|algorithm| algorithm.name()).collect()
}

#[test]
fn lists_of_mirrors_are_parsed() {
    let (sha256, sha512) = (sha256(b"abc"), sha512(b"abc"));
    let other = "0".repeat(64);
    let ubuntu = format!(
        "{other} *noble-server-cloudimg-amd64-root.tar.xz\n{sha256} *noble-server-cloudimg-amd64.img\n"
    );
    assert_eq!(
        verified_by("SHA256SUMS", &ubuntu, "noble-server-cloudimg-amd64.img", b"abc"),
        ["sha256"]
    );

    let debian = format!(
        "{}  debian-13-generic-amd64.json\n{sha512}  debian-13-generic-amd64.qcow2\n",
        "0".repeat(128)
    );
    assert_eq!(
        verified_by("SHA512SUMS", &debian, "debian-13-generic-amd64.qcow2", b"abc"),
        ["sha512"]
    );

    let name = "Fedora-Cloud-Base-Generic-43-1.6.x86_64.qcow2";
    let fedora = format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# {name}: 583532544 bytes\n\
         SHA256 ({name}) = {sha256}\n-----BEGIN PGP SIGNATURE-----\n\niQIzBAEBCAAdFiEE\n\
         -----END PGP SIGNATURE-----\n"
    );
    let list =
        ChecksumList::parse("Fedora-Cloud-43-1.6-x86_64-CHECKSUM", fedora.as_bytes()).unwrap();
    assert!(list.is_unchecked());
    assert_eq!(verified_by("CHECKSUM", &fedora, name, b"abc"), ["sha256"]);

    let alpine = format!("{sha512}  nocloud_alpine-3.22.2-x86_64-uefi-cloudinit-r0.qcow2\n");
    let name = "nocloud_alpine-3.22.2-x86_64-uefi-cloudinit-r0.qcow2";
    assert_eq!(verified_by(&format!("{name}.sha512"), &alpine, name, b"abc"), ["sha512"]);

    let centos = format!(
        "# CentOS-Stream-GenericCloud-10-20251106.0.x86_64.qcow2: 955777024 bytes\n\
         SHA256 (CentOS-Stream-GenericCloud-10-20251106.0.x86_64.qcow2) = {sha256}\n\
         MD5 (CentOS-Stream-GenericCloud-10-20251106.0.x86_64.qcow2) = {}\n",
        "0".repeat(32)
    );
    let name = "CentOS-Stream-GenericCloud-10-20251106.0.x86_64.qcow2";
    assert_eq!(verified_by("CHECKSUM", &centos, name, b"abc"), ["md5", "sha256"]);

    // Arch: `HEX  PATH/NAME`; openssl; a lone digest whose algorithm is in the name of the list.
    let arch = format!("{sha256}  images/v20251101/Arch-Linux-x86_64-cloudimg.qcow2\n");
    assert_eq!(
        verified_by("SHA256", &arch, "Arch-Linux-x86_64-cloudimg.qcow2", b"abc"),
        ["sha256"]
    );
    let openssl = format!("SHA2-256(noble.img)= {sha256}\n");
    assert_eq!(verified_by("sums.txt", &openssl, "noble.img", b"abc"), ["sha256"]);
    assert_eq!(verified_by("disk.img.sha512", &format!("{sha512}\n"), "any", b"abc"), ["sha512"]);
    assert_eq!(verified_by("disk.img.b2", &format!("{sha512}\n"), "any", b"abc"), ["blake2b"]);
}

/// A file name may consist of blanks, and its digest does not apply to other files.
#[test]
fn blanks_are_a_valid_name() {
    let list = ChecksumList::parse("SHA256SUMS", format!("{}    ", sha256(b"abc")).as_bytes());
    let expected = Expected::default().with_list(list.unwrap());
    let source = || Box::new(ReaderSource::new("pipe", &b"abc"[..]));
    assert!(expected.clone().with_name("  ").of(source()).is_ok());
    assert!(expected.with_name("noble.img").of(source()).is_err());
}

#[test]
fn text_without_digests_is_not_a_list() {
    for text in ["", "\n", "<html>404</html>\n", "abc  disk.img\n", "\u{1f}\u{8b}\u{8}"] {
        let error = ChecksumList::parse("SHA256SUMS", text.as_bytes()).unwrap_err();
        assert!(matches!(error, ChecksumError::NotAList { .. }), "{text:?}: {error:?}");
    }
}
