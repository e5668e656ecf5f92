//! GnuPG as an oracle: its keys and signatures are accepted, and what it refuses is refused here too.

use std::path::Path;
use std::process::Command;

use imgpush_source::checksum::{ChecksumList, Keys};
use imgpush_source::{ChecksumError, Refusal};
use imgpush_test_support::left_out;

const LIST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad *noble.img\n";

/// A home folder of GnuPG.
struct Gpg(tempfile::TempDir);

impl Gpg {
    /// None without GnuPG, which is reported as left out.
    fn new() -> Option<Self> {
        let is_there = Command::new("gpg").arg("--version").output().is_ok();
        if !is_there {
            left_out("gpg: its keys and signatures");
        }
        // The socket paths of its daemon have a small maximum length.
        is_there.then(|| Gpg(tempfile::Builder::new().prefix("g").tempdir_in("/tmp").unwrap()))
    }

    fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("gpg")
            .args(["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"])
            .args(["--passphrase", "", "--homedir"])
            .arg(self.0.path())
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        output.stdout
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let ended = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.path())
            .args(["--kill", "all"])
            .status();
        // The agent ends by itself when its home folder is removed.
        let _ = ended;
    }
}

#[test]
fn lists_signed_by_gnupg_verify_with_keys_that_it_exports() {
    let Some(gpg) = Gpg::new() else { return };
    for (name, kind) in [("rsa", "rsa3072"), ("ed", "ed25519"), ("nist", "nistp256")] {
        let user = format!("{name}@example.org");
        gpg.run(&["--quick-generate-key", &user, kind, "sign", "never"]);
        let shown = String::from_utf8(gpg.run(&["--list-keys", "--with-colons", &user])).unwrap();
        let fingerprint = shown.lines().find(|line| line.starts_with("fpr")).unwrap();
        let fingerprint = fingerprint.split(':').nth(9).unwrap().to_owned();
        std::fs::write(gpg.path().join("SUMS"), LIST).unwrap();
        gpg.run(&["-u", &user, "--output", "SUMS.gpg", "--detach-sign", "SUMS"]);
        gpg.run(&["-u", &user, "--armor", "--output", "SUMS.asc", "--detach-sign", "SUMS"]);
        gpg.run(&["-u", &user, "--textmode", "--output", "SUMS.txt", "--detach-sign", "SUMS"]);
        gpg.run(&["-u", &user, "--output", "SUMS.clear", "--clear-sign", "SUMS"]);
        let exports = [gpg.run(&["--export", &user]), gpg.run(&["--armor", "--export", &user])];
        for export in exports {
            let keys = Keys::parse(name, &export).unwrap();
            for signature in ["SUMS.gpg", "SUMS.asc", "SUMS.txt"] {
                let signature = std::fs::read(gpg.path().join(signature)).unwrap();
                let list =
                    ChecksumList::parse_signed("SUMS", LIST.as_bytes(), Some(&signature), &keys);
                assert_eq!(list.unwrap().signed_by(), Some(&*fingerprint), "{name}");
                let other = LIST.replace("ba78", "ba79");
                let list =
                    ChecksumList::parse_signed("SUMS", other.as_bytes(), Some(&signature), &keys);
                assert!(matches!(list, Err(ChecksumError::Signature { .. })), "{name}");
            }
            let clear = std::fs::read(gpg.path().join("SUMS.clear")).unwrap();
            let list = ChecksumList::parse_signed("SUMS", &clear, None, &keys).unwrap();
            assert_eq!(list.signed_by(), Some(&*fingerprint), "{name}");
        }
    }
}

#[test]
fn keys_that_expired_or_were_revoked_in_gnupg_are_refused() {
    let Some(gpg) = Gpg::new() else { return };
    std::fs::write(gpg.path().join("SUMS"), LIST).unwrap();
    let check = |user: &str, signature: &str| {
        let keys = Keys::parse(user, &gpg.run(&["--export", user])).unwrap();
        let signature = std::fs::read(gpg.path().join(signature)).unwrap();
        match ChecksumList::parse_signed("SUMS", LIST.as_bytes(), Some(&signature), &keys) {
            Ok(_) => Vec::new(),
            Err(ChecksumError::Signature { refusals, .. }) => refusals,
            Err(other) => panic!("{other:?}"),
        }
    };
    // Valid for one day, two days ago.
    let past = "--faked-system-time=20250101T000000!";
    gpg.run(&[past, "--quick-generate-key", "past@example.org", "ed25519", "sign", "1d"]);
    gpg.run(&[past, "-u", "past@example.org", "--output", "past.gpg", "--detach-sign", "SUMS"]);
    let refusals = check("past@example.org", "past.gpg");
    assert!(matches!(refusals[..], [Refusal::KeyExpired { .. }]), "{refusals:?}");

    // Its expiry was extended, so it is valid again.
    let shown = gpg.run(&["--list-keys", "--with-colons", "past@example.org"]);
    let shown = String::from_utf8(shown).unwrap();
    let fingerprint = shown.lines().find(|line| line.starts_with("fpr")).unwrap();
    let fingerprint = fingerprint.split(':').nth(9).unwrap().to_owned();
    gpg.run(&["--quick-set-expire", &fingerprint, "0"]);
    assert_eq!(check("past@example.org", "past.gpg"), []);

    // GnuPG writes a revocation for each key that it makes, with a colon in front against accidental use.
    let revocation = gpg.path().join("openpgp-revocs.d").join(format!("{fingerprint}.rev"));
    let text = std::fs::read_to_string(revocation).unwrap().replace(":-----BEGIN", "-----BEGIN");
    std::fs::write(gpg.path().join("revocation"), text).unwrap();
    gpg.run(&["--import", "revocation"]);
    let refusals = check("past@example.org", "past.gpg");
    assert_eq!(refusals, [Refusal::KeyRevoked { key: fingerprint }]);

    gpg.run(&["--quick-generate-key", "weak@example.org", "ed25519", "sign", "never"]);
    let sha1 = ["--digest-algo", "SHA1", "-u", "weak@example.org", "--output", "weak.gpg"];
    gpg.run(&[&sha1[..], &["--detach-sign", "SUMS"]].concat());
    let refusals = check("weak@example.org", "weak.gpg");
    assert_eq!(refusals, [Refusal::WeakHash { hash: "SHA1".to_owned() }]);
}
