//! Real and generated images, compared with the results of qemu-img and the image service.
//!
//! `IMGPUSH_CORPUS` names folders, separated as in `PATH`, each with a list: `MANIFEST.tsv` or `truth.tsv`,
//! whose first line names its columns. Values without a column in the list are not compared.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::ops::Range;
use std::path::Path;

use imgpush_formats::{
    Detector, Format, ImageFormatSettings, Inspection, OsloView, Safety, ServerVerdict,
};

#[test]
#[ignore = "`cargo xtask corpus` sets IMGPUSH_CORPUS to folders of disk images"]
fn the_corpus_is_judged_as_by_qemu_and_the_image_service() {
    let folders = std::env::var_os("IMGPUSH_CORPUS").expect("`cargo xtask corpus` sets it");
    let mut wrong = Vec::new();
    let mut rows = 0;
    for folder in std::env::split_paths(&folders) {
        let list = ["MANIFEST.tsv", "truth.tsv"].map(|name| folder.join(name));
        let list = list.iter().find(|list| list.exists()).expect("a folder without a list");
        let list = std::fs::read_to_string(list).unwrap();
        let mut lines = list.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let names = lines.next().unwrap();
        for line in lines {
            let row = Row { cells: names.iter().copied().zip(line).collect() };
            rows += 1;
            compare(&row, &folder, &mut wrong);
        }
    }
    eprintln!("{rows} images, {} disagreements", wrong.len());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

struct Row<'a> {
    cells: HashMap<&'a str, &'a str>,
}

impl<'a> Row<'a> {
    /// `None` if the list has no value.
    fn cell(&self, name: &str) -> Option<&'a str> {
        self.cells.get(name).copied().filter(|cell| *cell != "-" || name.starts_with("glance"))
    }
}

fn compare(row: &Row<'_>, folder: &Path, wrong: &mut Vec<String>) {
    let file = row.cell("file").unwrap();
    let bytes = std::fs::read(folder.join(file)).unwrap();
    let inspection = in_pieces(bytes.chunks(64 << 10));
    let mut fail = |what: &str, expected: &str, found: &str| {
        if expected != found {
            wrong.push(format!("{file}: {what}: expected {expected}, found {found}"));
        }
    };

    for (how, other) in [
        ("511 bytes", in_pieces(bytes.chunks(511))),
        ("at once", in_pieces(std::iter::once(&bytes[..]))),
        ("byte by byte", in_pieces(single_bytes(&bytes))),
        ("by seeking", seeking(&bytes)),
    ] {
        fail(how, &format!("{inspection:?}"), &format!("{other:?}"));
    }

    let qemu_format = row.cell("qemu_format").unwrap();
    if qemu_format == "ERROR" {
        fail("fatal finding", "true", &inspection.is_refused().to_string());
        let is_elsewhere = inspection.format == Format::Vmdk && inspection.qemu.format == "vmdk";
        if !is_elsewhere {
            // Whether the files that a descriptor names exist is not known here.
            fail("qemu refuses", "true", &inspection.qemu.refusal.is_some().to_string());
        }
    } else {
        let size = row.cell("qemu_virtual_size").unwrap();
        let qemu = inspection.qemu_named(file);
        let found = qemu.virtual_size.map_or_else(String::new, |size| size.to_string());
        fail("qemu's format", qemu_format, qemu.format);
        fail("qemu's size", size, &found);
        fail("qemu's refusal", "None", &format!("{:?}", qemu.refusal));
        verdict(row, &inspection, qemu_format, size, &mut fail);
    }
    oslo(row, &inspection.oslo, &mut fail);
    if let Some(accepted) = row.cell("glance_accepts_disk_formats") {
        // The list states the service's rule by which a hybrid CD may be raw, too. A real service refuses it,
        // since the warning that it tries to log raises an error.
        let is_hybrid = row.cell("oslo_format") == Some("gpt+iso");
        let accepted =
            if is_hybrid { accepted.replace("raw,iso", "iso") } else { accepted.to_owned() };
        fail("the service accepts", &sorted(&accepted), &accepting(&inspection));
    }
}

/// The verdict matches qemu's, except where qemu uses only the start and treats the rest as raw.
fn verdict(
    row: &Row<'_>,
    inspection: &Inspection,
    qemu_format: &str,
    qemu_size: &str,
    fail: &mut impl FnMut(&str, &str, &str),
) {
    let found = inspection.virtual_size.unwrap();
    // qemu does not detect the footer of a fixed VHD unless the format is given.
    let is_fixed = inspection.format == Format::Vhd && qemu_format == "raw";
    if !is_fixed {
        fail("driver", qemu_format, inspection.driver);
        fail("size", qemu_size, &found.to_string());
    }
    match (inspection.format, qemu_format) {
        (Format::Vhd, "raw") => {
            fail("fixed", "Some(\"fixed\")", &format!("{:?}", inspection.variant));
            fail("driver", row.cell("driver").unwrap_or("vpc"), inspection.driver);
            let size = row.cell("driver_virtual_size").map(str::to_owned);
            fail("fixed size", &size.unwrap_or_else(|| found.to_string()), &found.to_string());
        }
        (Format::Luks, "raw") => {
            fail("version", "Some(\"version 2\")", &format!("{:?}", inspection.variant));
        }
        (format, "raw") => {
            let is_raw = matches!(format, Format::Raw | Format::Iso | Format::Gzip | Format::Ova);
            fail("verdict", "true", &is_raw.to_string());
        }
        (Format::Vhd, _) => fail("verdict", qemu_format, "vpc"),
        (format, _) => fail("verdict", qemu_format, format.name()),
    }
}

/// The names of the inspectors, in alphabetical order if there are several.
fn oslo(row: &Row<'_>, view: &OsloView, fail: &mut impl FnMut(&str, &str, &str)) {
    let Some(expected) = row.cell("oslo_format").filter(|cell| !cell.is_empty()) else { return };
    if expected.starts_with("EXC") {
        fail("oslo is uncertain", "true", &view.uncertainty.is_some().to_string());
        return;
    }
    let mut matches: Vec<_> = view.matches.iter().collect();
    matches.sort_by_key(|matched| matched.name);
    let join = |words: Vec<String>, by: &str| words.join(by);
    let names = join(matches.iter().map(|m| m.name.to_owned()).collect(), "+");
    fail("oslo's format", expected, if names.is_empty() { "raw" } else { &names });
    let size = |size: Option<i128>| size.map_or_else(String::new, |size| size.to_string());
    let sizes = join(matches.iter().map(|m| size(m.virtual_size)).collect(), "+");
    let raw = size(view.stream_bytes.map(i128::from));
    let expected_size = row.cell("oslo_virtual_size").unwrap();
    fail("oslo's size", expected_size, if names.is_empty() { &raw } else { &sizes });
    let safety = |safety: &Safety| match safety {
        Safety::Passed => "ok".to_owned(),
        Safety::Failed(failures) => {
            join(failures.iter().map(|f| format!("{}:{}", f.check, f.reason)).collect(), ";")
        }
        other => format!("{other:?}"),
    };
    let checks = join(matches.iter().map(|m| safety(&m.safety)).collect(), " + ");
    let expected_checks = row.cell("oslo_safety").unwrap();
    fail("oslo's checks", expected_checks, if names.is_empty() { "ok" } else { &checks });
}

fn accepting(inspection: &Inspection) -> String {
    let settings = ImageFormatSettings::default();
    let verdicts = inspection.oslo.verdicts("bare", &settings);
    if verdicts.iter().any(|(_, verdict)| matches!(verdict, ServerVerdict::Unknown { .. })) {
        return "inspector-error".to_owned();
    }
    let accepted = verdicts.iter().filter(|(_, verdict)| verdict.is_accepted());
    let accepted = accepted.map(|(format, _)| *format).collect::<Vec<_>>().join(",");
    sorted(if accepted.is_empty() { "-" } else { &accepted })
}

fn sorted(formats: &str) -> String {
    formats.split(',').collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(",")
}

fn in_pieces<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Inspection {
    let mut detector = Detector::new();
    pieces.for_each(|piece| detector.push(piece));
    detector.finish()
}

/// All bytes up to 4 MiB one by one; of larger files those and the last 64 KiB, with the rest in one piece.
fn single_bytes(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (start, rest) = bytes.split_at(bytes.len().min(4 << 20));
    let (middle, end) = rest.split_at(rest.len().saturating_sub(64 << 10));
    start.chunks(1).chain(std::iter::once(middle)).chain(end.chunks(1))
}

/// With random access: the end, then only the required parts.
fn seeking(bytes: &[u8]) -> Inspection {
    let part = |range: Range<u64>| {
        let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
        Ok::<_, Infallible>(bytes[start..end].to_vec())
    };
    Detector::seek(bytes.len() as u64, part).unwrap()
}
