//! `imgpush push`.

use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use imgpush_sandbox::{Fault, Operation, Quota, SandboxOptions, USER};
use imgpush_scene::{Run, Scene, signal, spawn};
use serde_json::Value;

#[test]
fn a_push_prints_the_id_and_says_what_was_proved() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 3 << 20);
    let run = scene.run(&["push", "disk.img"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.stdout.trim().len(), 36, "one UUID and nothing else: {}", run.stdout);
    assert!(
        run.stderr.starts_with("pushed disk.img to mycloud as disk: 3.00 MiB in "),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("\n  verified  sha512 "), "{}", run.stderr);

    let hidden = std::fs::read_dir(scene.folder.path()).unwrap().map(|e| e.unwrap().file_name());
    let hidden: Vec<_> = hidden.filter(|name| name.to_string_lossy().starts_with('.')).collect();
    assert!(hidden.is_empty(), "left in the home folder: {hidden:?}");

    let quiet = scene.run(&["push", "--quiet", "disk.img"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
}

#[test]
fn every_flag_reaches_the_record() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    let run = scene.run(&[
        "push",
        "disk.img",
        "--cloud",
        "mycloud",
        "--name",
        "the name",
        "--disk-format",
        "raw",
        "--container-format",
        "bare",
        "--property",
        "os_distro=debian",
        "--property",
        "a=b=c",
        "--tag",
        "one",
        "--tag",
        "two",
        "--visibility",
        "private",
        "--min-disk",
        "2",
        "--min-ram",
        "512",
        "--hidden",
        "--id",
        "11111111-2222-3333-4444-555555555555",
        "--json",
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let report = run.json();
    for key in [
        "id",
        "name",
        "status",
        "size",
        "virtual_size",
        "disk_format",
        "checksum",
        "os_hash_algo",
        "os_hash_value",
        "verified",
        "source",
        "cloud",
        "attempts",
        "seconds",
    ] {
        assert!(!report[key].is_null(), "{key} is missing: {report}");
    }
    assert_eq!(report["id"], "11111111-2222-3333-4444-555555555555");
    assert_eq!(report["name"], "the name");
    assert_eq!(report["verified"], true);
    assert_eq!(report["size"], 5000);
    assert_eq!(report["source"], "disk.img");
    let kept = scene.record("11111111-2222-3333-4444-555555555555");
    assert_eq!(kept["os_distro"], "debian");
    assert_eq!(kept["a"], "b=c");
    assert_eq!(kept["tags"], serde_json::json!(["one", "two"]));
    assert_eq!(kept["visibility"], "private");
    assert_eq!((&kept["min_disk"], &kept["min_ram"]), (&2.into(), &512.into()));
    assert_eq!(kept["os_hidden"], true);
}

#[test]
fn the_timeline_is_in_full_json_only() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5 << 20);
    for (option, is_full) in [("--json", false), ("--json=full", true)] {
        let run = scene.run(&["push", option, "disk.img", "missing.img"]);
        assert!(run.stdout.starts_with("{\"format_version\":2,\"id\":"), "{}", run.stdout);
        let objects = run.objects();
        assert_eq!(objects.len(), 3);
        assert!(objects.iter().all(|object| object["format_version"] == 2), "{}", run.stdout);
        let pushed = objects.iter().find(|object| object["verified"] == true).unwrap();
        assert_eq!(pushed.get("timeline").is_some(), is_full, "{pushed}");
        assert!(pushed["timings"]["send"].is_f64(), "{pushed}");
    }
}

#[test]
fn progress_as_json_lines_leads_to_the_end() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5 << 20);
    let run = scene.run(&["push", "disk.img", "--progress", "json", "--json"]);
    let lines: Vec<Value> =
        run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let phases: Vec<&str> = lines.iter().filter_map(|line| line["phase"].as_str()).collect();
    for phase in ["inspecting", "preflight", "creating", "sending", "verifying"] {
        assert!(phases.contains(&phase), "{phase}: {phases:?}");
    }
    let last = lines.iter().rev().find(|line| line["sent"].is_u64()).unwrap();
    assert_eq!((&last["sent"], &last["total"]), (&(5u64 << 20).into(), &(5u64 << 20).into()));
}

#[test]
fn the_standard_input_is_pushed_as_it_comes() {
    let scene = Scene::start_blocking();
    let piped = scene.command(&["push", "--name", "piped", "-", "--json"]);
    let run = Run::fed(piped, &vec![7; 3_000_000]);
    let report = run.json();
    assert_eq!(
        (report["size"].as_u64(), report["verified"].as_bool()),
        (Some(3_000_000), Some(true))
    );

    // Without a name there is nothing to call it, and that shows before anything is read.
    let run = scene.run(&["push", "-"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("hint: name the image with --name NAME"), "{}", run.stderr);
}

#[test]
fn bad_input_ends_before_anything_is_made() {
    let quota = Quota::default().with_image_size_total(1);
    let scene = Scene::builder().sandbox(|options| options.with_quota(quota)).start_blocking();
    scene.file("large.img", 2 << 20);
    scene.file("disk.img", 5000);
    scene.file("empty.img", 0);
    scene.write("packed.img", b"PK\x03\x04packed");
    scene.write("cut.img", b"\x1f\x8b\x08\0packed");
    let mut backed = vec![0; 1024];
    backed[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    backed[15] = 200;
    scene.write("backed.qcow2", backed);
    for (arguments, code, words) in [
        (&["push", "none.img"][..], 10, "cannot open none.img"),
        (&["push", "."], 10, "is a directory"),
        (&["push", "empty.img"], 10, "empty.img is empty"),
        (&["push", "packed.img"], 11, "the data is zip, for which"),
        (&["push", "cut.img"], 10, "cannot decompress cut.img: the gzip data is damaged"),
        (&["push", "backed.qcow2"], 11, "backing-file"),
        (&["push", "backed.qcow2", "--disk-format", "qcow2", "--force-format"], 11, "backing-file"),
        (&["push", "disk.img", "--disk-format", "qcow2"], 11, "the data is raw, not qcow2"),
        (
            &["push", "disk.img", "--disk-format", "gptx", "--force-format"],
            11,
            "does not accept disk_format gptx",
        ),
        (&["push", "large.img"], 21, "the quota image_size_total is exceeded: limit 1 MiB"),
        (
            &["push", "disk.img", "--cloud", "nowhere"],
            2,
            "cloud nowhere is not configured; configured clouds: mycloud",
        ),
        (&["push", "disk.img", "--property", "checksum=0"], 2, "only the server sets checksum"),
        (&["push", "disk.img", "--property", "none"], 2, "expected KEY=VALUE"),
        (&["push", "disk.img", "--memory", "1M"], 2, "needs at least"),
        (&["push", "disk.img", "--os-interface", "trapdoor"], 2, "not public, internal or admin"),
        (&["push", "disk.img", "--os-region-name", "nowhere"], 21, "for region nowhere"),
        (&["push"], 2, "required"),
    ] {
        let run = scene.run(arguments);
        assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
    assert_eq!(scene.writes(), 0, "a record was made");
}

/// A disk of a MiB with the footer of a fixed VHD.
fn fixed_vhd() -> Vec<u8> {
    let mut image = vec![0; (1 << 20) + 512];
    let footer = &mut image[1 << 20..];
    footer[..8].copy_from_slice(b"conectix");
    footer[28..32].copy_from_slice(b"win ");
    footer[40..48].copy_from_slice(&(1u64 << 20).to_be_bytes());
    footer[48..56].copy_from_slice(&(1u64 << 20).to_be_bytes());
    footer[63] = 2;
    let sum: u32 = footer.iter().map(|&byte| u32::from(byte)).sum();
    footer[64..68].copy_from_slice(&(!sum).to_be_bytes());
    image
}

#[test]
fn what_is_refused_says_what_to_do_about_it() {
    // Each refusal is one of the program.
    let scene = Scene::builder().sandbox(SandboxOptions::with_any_format).start_blocking();
    let write = |name: &str, bytes: &[u8]| {
        scene.write(name, bytes);
    };
    write("my disk.vhd", &fixed_vhd());
    let mut sloppy = vec![0; 1 << 20];
    sloppy[446..462].copy_from_slice(&[0, 0, 1, 0, 0xee, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0]);
    sloppy[510..512].copy_from_slice(b"\x55\xaa");
    write("sloppy.raw", &sloppy);
    let mut appliance = vec![0; 1 << 20];
    appliance[..5].copy_from_slice(b"a.ovf");
    appliance[257..262].copy_from_slice(b"ustar");
    write("disk.ova", &appliance);
    let mut backed = vec![0; 1024];
    backed[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    backed[15] = 200;
    write("backed.qcow2", &backed);
    write("packed.img", b"PK\x03\x04packed");
    for (arguments, words) in [
        (
            &["push", "my disk.vhd", "--disk-format", "vhd"][..],
            &[
                "the image service would refuse the data as vhd after the upload: its inspector detects raw; \
                 it would accept the data as ami, ari, aki, raw, ploop\n",
                "hint: fixed-vhd: push it as raw; or decompress it if needed, then convert it: \
                 imgpush convert 'my disk.vhd' NEW.qcow2\n",
                "hint: use --disk-format raw\n",
                "hint: `imgpush push --force-format` uploads it anyway\n",
            ][..],
        ),
        (
            &["push", "sloppy.raw"],
            &["GPT MBR has invalid start CHS", "--glance gpt_safety_checks_nonfatal=mbr\n"],
        ),
        (&["push", "disk.ova"], &["hint: `--container-format ova --disk-format vmdk` pushes"]),
        (
            &["push", "disk.ova", "--container-format", "ova"],
            &["hint: --disk-format names the format of the disk inside: vmdk for most appliances"],
        ),
        (
            &["push", "backed.qcow2"],
            &[
                "hint: backing-file: merge both files into one: qemu-img convert -O qcow2 backed.qcow2 NEW\n",
            ],
        ),
        (&["push", "packed.img"], &["hint: compressed: decompress it\n"]),
    ] {
        let run = scene.run(arguments);
        assert_eq!(run.code, Some(11), "{arguments:?}: {}", run.stderr);
        for word in words {
            assert!(run.stderr.contains(word), "{arguments:?} lacks {word}: {}", run.stderr);
        }
    }
    let run = scene.run(&["push", "backed.qcow2", "--json"]);
    let failure = run.json();
    assert_eq!(failure["error"]["findings"][0]["id"], "backing-file");
    let hint = failure["error"]["hints"][0].as_str().unwrap();
    assert!(hint.contains("qemu-img convert"), "{hint}");
    assert_eq!(scene.writes(), 0, "a record was made");

    let run = scene.run(&["push", "my disk.vhd"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stderr
            .contains("\nnote: fixed-vhd: qemu and the image service treat a fixed VHD as a raw"),
        "{}",
        run.stderr
    );
    assert_eq!(scene.record(run.stdout.trim())["min_disk"], 1);
    let run = scene.run(&["push", "sloppy.raw", "--force-format", "--json", "--min-disk", "0"]);
    let report = run.json();
    assert_eq!(report["notes"][0]["id"], "mbr-invalid");
    assert_eq!(report["detected_virtual_size"], 1 << 20);
    assert_eq!(scene.record(report["id"].as_str().unwrap())["min_disk"], 0);
}

#[test]
fn a_stream_that_turns_out_otherwise_is_cut_before_its_end() {
    let scene = Scene::start_blocking();
    let piped = ["push", "--name", "piped", "--disk-format", "ami", "-", "--json"];
    let run = Run::fed(scene.command(&piped), &fixed_vhd());
    assert_eq!(run.code, Some(11), "{}", run.stderr);
    for words in [
        "was deleted\n  Caused by: the end of the image was not sent: the check of the complete data failed",
        "  Caused by: the data is vhd, not ami",
        "imgpush convert IMAGE NEW.qcow2",
    ] {
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
    let failure = run.json();
    assert_eq!(failure["error"]["record"], "removed");
    assert_eq!(failure["error"]["findings"][0]["id"], "fixed-vhd");
}

#[test]
fn a_wrong_password_and_an_unreachable_cloud_say_so() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    let clouds = |password: &str, url: &str| {
        let text = format!(
            "clouds:\n  c:\n    auth: {{auth_url: '{url}', username: demo, password: {password}, project_name: demo}}\n"
        );
        scene.write("clouds.yaml", text);
    };
    clouds("hunter2", scene.auth_url());
    let run = scene.run(&["push", "disk.img"]);
    assert_eq!(run.code, Some(20), "{}", run.stderr);
    assert!(run.stderr.contains("refused the login"), "{}", run.stderr);
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);

    clouds("hunter2", "http://127.0.0.1:1/v3");
    let run = scene.run(&["push", "disk.img"]);
    assert_eq!(run.code, Some(22), "{}", run.stderr);
    assert!(run.stderr.contains("Connection refused"), "{}", run.stderr);

    // A server that speaks no TLS.
    clouds("hunter2", &scene.auth_url().replace("http:", "https:"));
    let run = scene.run(&["push", "disk.img"]);
    assert_eq!(run.code, Some(22), "{}", run.stderr);
    assert!(run.stderr.contains("received corrupt message"), "{}", run.stderr);
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
}

#[test]
fn no_log_level_shows_a_secret() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    // Every run is searched for the password and for tokens.
    let run = scene.run(&["push", "-vvv", "disk.img"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let spans = "push{source=\"disk.img\" targets=1}:target{cloud=\"mycloud\"}:attempt{image=";
    assert!(run.stderr.contains(spans), "{}", run.stderr);
    scene.sandbox().inject(Operation::Create, Fault::Status { status: 500, after: 0 });
    let run = scene.run(&["push", "-vvv", "disk.img", "--json", "--retries", "0"]);
    assert_eq!(run.code, Some(22), "{}", run.stderr);
}

#[test]
fn a_failure_says_what_became_of_the_record() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 2 << 20);
    scene.sandbox().inject(Operation::Upload, Fault::WrongHash);
    let run = scene.run(&["push", "disk.img", "--json"]);
    assert_eq!(run.code, Some(23), "{}", run.stderr);
    let failure = run.json();
    assert_eq!(failure["verified"], false);
    assert_eq!(failure["error"]["record"], "removed");
    assert_eq!(failure["error"]["exit_code"], 23);
    let id = failure["id"].as_str().unwrap();
    assert!(run.stderr.contains(&format!("image record {id} was deleted")), "{}", run.stderr);

    scene.sandbox().inject(Operation::Upload, Fault::DropAfter(1 << 20));
    let run = scene.run(&["push", "disk.img", "--keep-failed", "--retries", "0"]);
    assert_eq!(run.code, Some(22), "{}", run.stderr);
    assert!(run.stderr.contains("was kept: the image is queued"), "{}", run.stderr);

    scene.sandbox().inject(Operation::Upload, Fault::Status { status: 413, after: 0 });
    let run = scene.run(&["push", "disk.img", "--retries", "0"]);
    assert!(matches!(run.code, Some(21 | 22)), "{}", run.stderr);
    assert!(run.stderr.contains("was deleted"), "{}", run.stderr);
}

#[test]
fn what_breaks_is_sent_again_and_said_to_be() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 2 << 20);
    scene.sandbox().inject(Operation::Upload, Fault::DropAfter(1 << 20));
    let run = scene.run(&["push", "disk.img", "--json", "--progress", "json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let report = run.json();
    assert_eq!(report["attempts"], 2);
    assert_eq!(report["notes"][0]["id"], "retried");
    let retry = run.stderr.lines().find(|line| line.contains("\"retry\"")).unwrap();
    let retry: Value = serde_json::from_str(retry).unwrap();
    assert!(retry["pause"].as_f64().unwrap() >= 1.0 && retry["of"] == 5, "{retry}");

    scene.sandbox().inject(Operation::Upload, Fault::DropAfter(1 << 20));
    let run = scene.run(&["push", "disk.img"]);
    assert!(run.stderr.contains("note: the connection broke after"), "{}", run.stderr);
    let pause =
        run.stderr.split("; trying again in ").nth(1).and_then(|rest| rest.split(' ').next());
    let seconds: f64 = pause.unwrap().parse().unwrap();
    assert!((1.0..=2.0).contains(&seconds), "{}", run.stderr);
    assert!(run.stderr.contains(" s (1 of 5)"), "{}", run.stderr);
}

/// Another sandbox, which the first scene's clouds.yaml calls `other`.
fn second_cloud(scene: &Scene) -> Scene {
    let other = Scene::start_blocking();
    scene.add_cloud(&other.cloud_entry("other", USER));
    other
}

#[test]
fn several_clouds_get_the_image_from_one_reading() {
    let scene = Scene::start_blocking();
    let other = second_cloud(&scene);
    scene.file("disk.img", 2 << 20);
    let both = ["--cloud", "mycloud", "--cloud", "other"];
    let run = scene.run(&[&["push", "disk.img"][..], &both].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let lines: Vec<_> = run.stdout.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    assert_eq!(lines, ["mycloud", "other"]);
    assert!(run.stderr.contains("pushed disk.img to mycloud as disk"), "{}", run.stderr);
    assert!(run.stderr.contains("pushed disk.img to other as disk"), "{}", run.stderr);

    // One that fails does not spoil the other.
    other.sandbox().inject(Operation::Upload, Fault::Status { status: 413, after: 2 << 20 });
    let run = scene.run(&[&["push", "disk.img", "--json"][..], &both].concat());
    assert_eq!(run.code, Some(27), "{}", run.stderr);
    let reports = run.objects();
    assert_eq!(reports[0]["verified"], true);
    assert_eq!((&reports[0]["cloud"], &reports[1]["cloud"]), (&"mycloud".into(), &"other".into()));
    assert_eq!(reports[1]["error"]["exit_code"], 21);
    assert_eq!(reports[1]["error"]["record"], "removed");

    // A cloud that is not configured is a mistake, and nothing is pushed.
    let run = scene.run(&["push", "disk.img", "--cloud", "mycloud", "--cloud", "nowhere"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stdout.is_empty(), "{}", run.stdout);
    let run = scene.run(&[&["image", "list"][..], &both].concat());
    assert_eq!(run.code, Some(2), "{}", run.stderr);
}

#[test]
fn a_file_that_does_not_open_has_a_result_for_each_cloud() {
    let scene = Scene::start_blocking();
    let _other = second_cloud(&scene);
    let run = scene.run(&["push", "gone.img", "--json", "--cloud", "mycloud", "--cloud", "other"]);
    assert_eq!(run.code, Some(10), "{}", run.stderr);
    let results = run.objects();
    let clouds: Vec<_> = results.iter().map(|result| &result["cloud"]).collect();
    assert_eq!(clouds, ["mycloud", "other"]);
    assert!(results.iter().all(|result| result["error"]["exit_code"] == 10), "{}", run.stdout);
    assert!(run.stderr.contains("cannot push gone.img to other"), "{}", run.stderr);
}

#[test]
#[cfg(unix)]
fn ctrl_c_removes_the_record_at_once() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 64 << 20);
    // All that it could wait for takes an hour.
    let stall = Fault::Stall { after: 1 << 20, duration: Duration::from_secs(3600) };
    scene.sandbox().inject(Operation::Upload, stall);
    let push = ["push", "disk.img", "--progress", "json", "--idle-timeout", "3600"];
    let mut child = spawn(scene.command(&push));
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    while !lines.next().unwrap().unwrap().contains("\"sending\"") {}
    std::thread::sleep(Duration::from_millis(200));
    signal(&child, "INT");
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(rest.iter().any(|line| line.contains("was deleted")), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("interrupted")), "{rest:?}");
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_is_no_error() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    let program = env!("CARGO_BIN_EXE_imgpush");
    let script = format!("{program} push disk.img --progress none | true; echo ${{PIPESTATUS[0]}}");
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(scene.folder.path())
        .env_remove("OS_CLOUD")
        .output()
        .unwrap();
    let run = Run::of(output);
    assert_eq!(run.stdout.trim(), "0", "{}", run.stderr);
}
