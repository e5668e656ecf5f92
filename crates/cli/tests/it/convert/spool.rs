//! `--spool`: data that can be read only once becomes a qcow2 that is sent.

use std::io::Write as _;
use std::process::Command;

use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::{Run, sha512};

use super::{convert, piped, qemu_img, scene};

#[test]
fn a_pipe_becomes_the_qcow2_that_a_file_becomes() {
    let Some(scene) = scene() else { return };
    std::fs::create_dir(scene.path("spool")).unwrap();
    for options in [&[][..], &["--compress", "zstd"], &["--compress", "none"]] {
        convert(&scene, 0, &[&["disk.vmdk", "file.qcow2", "--overwrite"], options].concat());
        let expected = scene.read("file.qcow2");
        for (input, format) in [("disk.vmdk", "vmdk"), ("disk.qcow2", "qcow2"), ("disk.raw", "raw")]
        {
            let piped_to = |output| {
                let given = ["-O", "qcow2", "-f", format, "--overwrite", "--spool", "spool"];
                let arguments = [&["convert", "-", output][..], &given, options].concat();
                // As a pipe, which cannot be read again.
                let (reader, mut writer) = std::io::pipe().unwrap();
                let data = scene.read(input);
                let feeding = std::thread::spawn(move || writer.write_all(&data));
                let run = scene.command(&arguments).stdin(reader).output().unwrap();
                feeding.join().unwrap().unwrap();
                assert!(run.status.success(), "{arguments:?}: {run:?}");
                run.stdout
            };
            assert!(piped_to("-") == expected, "{input} {options:?}");
            piped_to("piped.qcow2");
            assert!(scene.read("piped.qcow2") == expected, "{input} {options:?}");
        }
    }
    assert!(qemu_img(&["check", "piped.qcow2"], scene.folder.path()));
}

#[test]
fn a_pipe_is_converted_to_qcow2_during_its_upload() {
    let Some(scene) = scene() else { return };
    std::fs::create_dir(scene.path("spool")).unwrap();
    let push = ["push", "--quiet", "--name", "n", "--convert", "qcow2", "-"];
    let run = piped(&scene, 2, "disk.vmdk", &push);
    assert!(run.stderr.contains("use --spool DIR"), "{}", run.stderr);
    assert_eq!(scene.block_on(scene.images()).len(), 0);

    // What is spooled can be sent again.
    scene.sandbox().inject(Operation::Upload, Fault::Status { status: 503, after: 100_000 });
    let run = piped(&scene, 0, "disk.vmdk", &[&push[..], &["--spool", "spool"]].concat());
    assert_eq!(scene.uploads().len(), 2);
    let record = scene.record(run.stdout.trim());
    convert(&scene, 0, &["disk.vmdk", "file.qcow2"]);
    let expected = scene.read("file.qcow2");
    assert_eq!(
        (&record["disk_format"], &record["size"]),
        (&"qcow2".into(), &expected.len().into())
    );
    assert_eq!(record["os_hash_value"], sha512(&expected));

    // With a published checksum, which is that of the source.
    for (digest, code) in [(sha512(scene.read("disk.vmdk")), 0), (sha512("another"), 12)] {
        let checksum = ["--checksum", &format!("sha512:{digest}"), "--spool", "spool"];
        piped(&scene, code, "disk.vmdk", &[&push[..], &checksum].concat());
    }
    assert_eq!(scene.block_on(scene.images()).len(), 2);
}

#[cfg(unix)]
#[test]
fn a_spool_that_cannot_be_written_is_named() {
    let Some(scene) = scene() else { return };
    std::fs::create_dir(scene.path("spool")).unwrap();
    let push = |folder: &str| {
        let push = ["push", "--name", "n", "--convert", "qcow2", "disk.raw", "--spool", folder];
        scene.command(&push)
    };
    let run = scene.run_command(push("none"));
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("cannot create the spool file in none"), "{}", run.stderr);

    // A limit on the size of files has the effect of a full disk.
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    let push = push("spool");
    let mut limited = Command::new("bash");
    limited.args(["-c", script]).arg(push.get_program()).args(push.get_args());
    limited.env("HOME", scene.folder.path()).current_dir(scene.folder.path());
    let run = Run::of(limited.output().unwrap());
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("cannot write the spool file in spool"), "{}", run.stderr);
    assert!(run.stderr.contains("File too large"), "{}", run.stderr);
    assert_eq!(scene.block_on(scene.images()).len(), 0);
}
