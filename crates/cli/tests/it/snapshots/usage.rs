//! What is wrong with a command line.

use imgpush_scene::{Run, imgpush_in};

use super::Transcript;

#[test]
fn wrong_command_lines() {
    let folder = tempfile::tempdir().unwrap();
    let mut transcript = Transcript::new();
    for arguments in [
        &[][..],
        &["pusch"],
        &["push"],
        &["push", "disk.raw", "--nme", "noble"],
        &["push", "disk.raw", "--jobs", "0"],
        &["push", "disk.raw", "--jobs", "many"],
        &["push", "disk.raw", "--via", "pigeon"],
        &["push", "disk.raw", "--property", "os_distro"],
        &["push", "disk.raw", "--checksum", "0123"],
        &["push", "disk.raw", "--checksum", "sha256:0123"],
        &["push", "disk.raw", "--checksum", "sha0:0123"],
        &["push", "disk.raw", "--memory", "1"],
        &["push", "disk.raw", "--finish-timeout", "soon"],
        &["push", "disk.raw", "--store", "fast", "--all-stores"],
        &["push", "a.raw", "b.raw", "--id", "derived", "--name", "noble"],
        &["pull"],
        &["pull", "noble", "--all"],
        &["pull", "--cloud", "a", "--cloud", "b", "noble"],
        &["verify", "a", "b", "--file", "disk.raw"],
        &["digest", "-a", "sha0", "disk.raw"],
        &["inspect"],
        &["inspect", "--glance", "colour=red", "disk.raw"],
        &["image"],
        &["image", "show"],
        &["digest", "-f", "table", "disk.raw"],
        &["image", "list", "-f", "xml"],
        &["image", "list", "--json", "-f", "csv"],
        &["image", "create", "noble", "--public", "--private"],
        &["image", "list"],
        &["help", "pusch"],
    ] {
        let output = imgpush_in(folder.path()).args(arguments).output().unwrap();
        transcript.add(arguments, &Run::of(output));
    }
    let backend = imgpush_in(folder.path()).env("IMGPUSH_BACKEND", "gpu").arg("demo").output();
    transcript.add(&["demo"], &Run::of(backend.unwrap()));
    transcript.compare("usage", folder.path());
}
