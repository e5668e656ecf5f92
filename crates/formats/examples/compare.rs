//! A page about real disk images: the results of this crate, qemu-img and the image service's inspector.
//!
//! `IMGPUSH_CORPUS` names folders, separated as in `PATH`, each with a list of its images, `MANIFEST.tsv` or
//! `truth.tsv`, whose first line names its columns. `cargo xtask corpus --table` creates the folders and
//! writes the page.

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::path::Path;

use imgpush_formats::{Detector, ImageFormatSettings, Inspection, ServerVerdict};

#[expect(clippy::print_stdout, reason = "the page is what this is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let folders = std::env::var_os("IMGPUSH_CORPUS").ok_or("IMGPUSH_CORPUS names no folders")?;
    let mut tally = Tally::default();
    let mut rows = Vec::new();
    for folder in std::env::split_paths(&folders) {
        let list = ["MANIFEST.tsv", "truth.tsv"].map(|name| folder.join(name));
        let list = list.iter().find(|list| list.exists()).ok_or("a folder without a list")?;
        let list = std::fs::read_to_string(list)?;
        let mut lines = list.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let names = lines.next().unwrap_or_default();
        for cells in lines {
            let cells: HashMap<_, _> = names.iter().copied().zip(cells).collect();
            let image = Image::read(&folder, &cells)?;
            tally.add(&image);
            rows.push(image.row());
        }
    }
    println!("{HEAD}\n{}\n{LEGEND}\n{}", tally.table(), rows.join("\n"));
    Ok(())
}

const HEAD: &str = "\
# Disk images in three programs

Written by `cargo xtask corpus --table`: the results of imgpush, of `qemu-img info` 10.0.2 and of the image
service's inspector (oslo.utils 10.2.0), for real images made by many tools and for generated ones.
";

const LEGEND: &str = "
CDs, partitioned disks, compressed files and text are `raw` in qemu, and count as that here. A fixed VHD is
raw in qemu unless the format is given; here it counts as correct if its footer is detected. qemu detects a
dmg by the extension of its name. *Accepted as* are the `disk_format`s with which the service accepts the
image under its default settings, as predicted by imgpush; `cargo xtask verdicts` compares that with a real
service.

| image | qemu | oslo.utils | imgpush | findings | accepted as |
|---|---|---|---|---|---|";

/// An image and its results: the format and the size of the disk.
struct Image {
    file: String,
    qemu: Option<(String, String)>,
    oslo: (String, String),
    is_safe_to_oslo: bool,
    inspection: Inspection,
}

impl Image {
    fn read(folder: &Path, cells: &HashMap<&str, &str>) -> Result<Image, Box<dyn Error>> {
        let cell = |name: &str| cells.get(name).copied().ok_or(format!("no column {name}"));
        let said = |format: &str, size: &str| {
            Ok::<_, String>((cell(format)?.to_owned(), cell(size)?.to_owned()))
        };
        let file = cell("file")?;
        let mut detector = Detector::new();
        detector.push(&std::fs::read(folder.join(file))?);
        Ok(Image {
            file: file.to_owned(),
            qemu: Some(said("qemu_format", "qemu_virtual_size")?)
                .filter(|(format, _)| format != "ERROR"),
            oslo: said("oslo_format", "oslo_virtual_size")?,
            is_safe_to_oslo: cell("oslo_safety")? == "ok",
            inspection: detector.finish(),
        })
    }

    /// The result of this crate with qemu's names.
    fn ours(&self) -> (&'static str, String) {
        let size = self.inspection.virtual_size.map_or_else(String::new, |size| size.to_string());
        (self.inspection.driver, size)
    }

    fn row(&self) -> String {
        let known = |(format, size): (&str, &str)| format!("{format} {size}").trim().to_owned();
        let qemu = self.qemu.as_ref().map(|(format, size)| known((format, size)));
        let (format, size) = self.ours();
        let findings: BTreeSet<_> = self.inspection.findings.iter().map(|f| f.id.name()).collect();
        let settings = ImageFormatSettings::default();
        let taken = self.inspection.oslo.verdicts("bare", &settings).into_iter().filter_map(
            |(format, verdict)| match verdict {
                ServerVerdict::Accepted { .. } => Some(format.to_owned()),
                ServerVerdict::Unknown { .. } => Some(format!("{format}?")),
                _ => None,
            },
        );
        let safety = if self.is_safe_to_oslo { "" } else { ", unsafe" };
        format!(
            "| {} | {} | {}{safety} | {} | {} | {} |",
            self.file,
            qemu.as_deref().unwrap_or("does not open it"),
            known((&self.oslo.0, &self.oslo.1)),
            known((format, &size)),
            findings.into_iter().collect::<Vec<_>>().join(" "),
            taken.collect::<Vec<_>>().join(" "),
        )
    }
}

/// The number of agreements of oslo.utils and imgpush with qemu.
#[derive(Default)]
struct Tally {
    opened: usize,
    refused: usize,
    formats: [usize; 2],
    sizes: [usize; 2],
    refusals: [usize; 2],
}

impl Tally {
    fn add(&mut self, image: &Image) {
        let Some((qemu_format, qemu_size)) = &image.qemu else {
            self.refused += 1;
            self.refusals[0] += usize::from(!image.is_safe_to_oslo);
            self.refusals[1] += usize::from(image.inspection.is_refused());
            return;
        };
        self.opened += 1;
        let oslo_format = match image.oslo.0.as_str() {
            "vhd" => "vpc",
            "iso" | "gpt" | "gpt+iso" => "raw",
            format => format,
        };
        let (format, size) = image.ours();
        let is_fixed = format == "vpc" && qemu_format == "raw";
        self.formats[0] += usize::from(oslo_format == qemu_format);
        self.formats[1] += usize::from(format == qemu_format || is_fixed);
        self.sizes[0] += usize::from(image.oslo.1 == *qemu_size);
        self.sizes[1] += usize::from(size == *qemu_size || is_fixed);
    }

    fn table(&self) -> String {
        let rows = [
            ("the format that qemu finds", self.opened, self.formats),
            ("the virtual size that qemu finds", self.opened, self.sizes),
            ("refused, as by qemu", self.refused, self.refusals),
        ];
        let rows =
            rows.map(|(what, of, [oslo, ours])| format!("| {what} | {of} | {oslo} | {ours} |"));
        format!("| | images | oslo.utils | imgpush |\n|---|---|---|---|\n{}", rows.join("\n"))
    }
}
