//! The commands in hints work when a user types them.

use std::process::Command;

use imgpush_scene::Scene;
use imgpush_test_support::left_out;

/// An image that is refused: its name, the arguments of qemu-img that create it, those of the push, and the
/// start of the hint before its command.
struct Refused {
    name: &'static str,
    create: &'static [&'static str],
    push: &'static [&'static str],
    hint: &'static str,
    new: &'static str,
}

const CONVERT: &str = "service-unsupported: convert it: ";

const IMAGES: [Refused; 6] = [
    Refused {
        name: "disk.qed",
        create: &["convert", "-O", "qed", "disk.raw"],
        push: &[],
        hint: CONVERT,
        new: "NEW.qcow2",
    },
    Refused {
        name: "my disk.qcow",
        create: &["convert", "-O", "qcow", "disk.raw"],
        push: &[],
        hint: CONVERT,
        new: "NEW.qcow2",
    },
    Refused {
        name: "extended.qcow2",
        create: &["convert", "-O", "qcow2", "-o", "extended_l2=on,cluster_size=128k", "disk.raw"],
        push: &[],
        hint: CONVERT,
        new: "NEW.qcow2",
    },
    Refused {
        name: "fixed.vhd",
        create: &["convert", "-O", "vpc", "-o", "subformat=fixed,force_size=on", "disk.raw"],
        push: &["--disk-format", "vhd"],
        hint: "fixed-vhd: push it as raw; or decompress it if needed, then convert it: ",
        new: "NEW.qcow2",
    },
    // `imgpush convert` refuses these two.
    Refused {
        name: "over.qed",
        create: &["create", "-f", "qed", "-b", "disk.raw", "-F", "raw"],
        push: &[],
        hint: "backing-file: merge both files into one: ",
        new: "NEW",
    },
    Refused {
        name: "flat.vmdk",
        create: &["convert", "-O", "vmdk", "-o", "subformat=monolithicFlat", "disk.raw"],
        push: &[],
        hint: "external-extents: convert it to one file: ",
        new: "NEW",
    },
];

fn run(scene: &Scene, program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    let output = command.args(arguments).current_dir(scene.folder.path()).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}

/// Runs a command line with this build of imgpush.
fn shell(scene: &Scene, line: &str) {
    let program = scene.command(&[]).get_program().to_owned();
    let mut line = line.to_owned();
    if let Some(arguments) = line.strip_prefix("imgpush ") {
        line = format!("'{}' {arguments}", program.display());
    }
    run(scene, "sh", &["-ec", &line]);
}

#[test]
fn the_command_of_a_hint_converts_the_image() {
    if Command::new("qemu-img").arg("--version").output().is_err() {
        return left_out("qemu-img: the commands of hints");
    }
    let scene = Scene::start_blocking();
    let mut disk = b"\xfa\xeb the code and text of a disk. ".repeat(10_000);
    disk.resize(2 << 20, 0);
    scene.write("disk.raw", disk);
    for Refused { name, create, push, hint, new } in &IMAGES {
        run(&scene, "qemu-img", &[*create, &[*name]].concat());
        let refused = scene.run(&[&["push", name, "--json"], *push].concat());
        assert_eq!(refused.code, Some(11), "{name}: {}", refused.stderr);
        let error = refused.json();
        let hints = error["error"]["hints"].as_array().unwrap();
        let mut hints = hints.iter().filter_map(|found| found.as_str()?.strip_prefix(hint));
        let found = hints.next().unwrap_or_else(|| panic!("{name}: {error}"));
        let command = found.split(';').next().unwrap();
        shell(&scene, command);
        run(&scene, "qemu-img", &["compare", "-F", "raw", new, "disk.raw"]);
        std::fs::remove_file(scene.path(new)).unwrap();

        if found.ends_with("; or push it with --convert raw or qcow2") {
            for format in ["raw", "qcow2"] {
                let pushed = scene.run(&["push", name, "--convert", format, "--name", format]);
                assert_eq!(pushed.code, Some(0), "{name}: {}", pushed.stderr);
            }
        } else {
            assert_eq!(found, command, "{name}");
        }
    }
}
