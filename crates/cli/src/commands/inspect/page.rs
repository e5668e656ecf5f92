//! The inspection as a page for people: what it is, what is wrong, who takes it.

use std::collections::HashSet;

use imgpush_engine::image_formats::{Detail, DetailValue, Evidence, Finding, Severity};
use terminal_size::terminal_size_of;
use textwrap::{Options, WordSplitter};

use super::conversion::ConversionPreview;
use super::conversion_text::conversion_text;
use super::inspected_file::InspectedFile;
use crate::output;
use crate::printer::Printer;
use crate::text::for_terminal;

/// Columns of a page that goes to a file, and the fewest and the most on a terminal: longer lines are
/// hard to read.
const WIDTH: usize = 80;
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=100;

/// What is in front of every line but the first.
const INDENT: &str = "  ";

pub(super) fn page(file: &InspectedFile, container_format: &str, printer: &Printer) -> String {
    let width = terminal_size_of(std::io::stdout())
        .map_or(WIDTH, |(width, _)| usize::from(width.0).clamp(*WIDTHS.start(), *WIDTHS.end()));
    let mut page = Page { printer, width, lines: Vec::new() };
    page.title(file);
    page.facts(file);
    page.findings(&file.inspection.findings);
    page.predictions(file, container_format);
    page.conversion(file);
    page.lines.join("\n")
}

struct Page<'a> {
    printer: &'a Printer,
    width: usize,
    lines: Vec<String>,
}

impl Page<'_> {
    fn title(&mut self, file: &InspectedFile) {
        let inspection = &file.inspection;
        let variant = inspection.variant.as_deref();
        let variant = variant.map(|variant| format!(", {variant}")).unwrap_or_default();
        let name = self.printer.painted_result(&for_terminal(&file.name), "1");
        self.lines.push(format!("{name}: {}{}", inspection.format, for_terminal(&variant)));
    }

    fn facts(&mut self, file: &InspectedFile) {
        let inspection = &file.inspection;
        let size = |count: Option<u64>| count.map_or_else(|| "not known".to_owned(), bytes);
        let min_disk = inspection.min_disk().map(|gib| format!(", min_disk {gib}"));
        let mut facts = vec![
            ("size", vec![size(inspection.stream_bytes)]),
            ("virtual size", vec![size(inspection.virtual_size)]),
            (
                "disk_format",
                vec![match file.disk_format {
                    Some(name) => format!("{name}{}", min_disk.unwrap_or_default()),
                    None => "none: the service has no matching format".to_owned(),
                }],
            ),
        ];
        facts.extend(inspection.details.iter().map(|detail| (detail.name, values(detail))));
        let label_width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, values) in facts {
            for (n, value) in values.iter().enumerate() {
                let label = if n == 0 { name } else { "" };
                self.entry(&format!("{label:label_width$}"), value);
            }
        }
    }

    /// The reason why a kind of finding matters, and what to do, once for all of its kind.
    fn findings(&mut self, findings: &[Finding]) {
        let mut explained = HashSet::new();
        for finding in findings {
            self.lines.push(String::new());
            let (label, sgr) = match finding.severity {
                Severity::Fatal => ("fatal  ", "1;31"),
                Severity::Warning => ("warning", "1;33"),
                _ => ("info   ", "1;36"),
            };
            let text = format!("{}: {}", finding.id, finding.text);
            self.entry(&self.printer.painted_result(label, sgr), &text);
            self.entry("       ", &evidence(&finding.evidence));
            if explained.insert(finding.id) {
                self.entry("    why", finding.id.background());
                self.entry("     do", finding.remedy());
            }
        }
    }

    fn predictions(&mut self, file: &InspectedFile, container_format: &str) {
        self.lines.push(String::new());
        let qemu = file.inspection.qemu_named(&file.name);
        let format = qemu.format;
        let text = match (qemu.refusal, qemu.virtual_size) {
            (Some(reason), _) => format!("cannot open it as {format}: {reason}"),
            (None, Some(size)) => format!("opens it as {format}, virtual size {}", bytes(size)),
            (None, None) => format!("opens it as {format}"),
        };
        self.entry("qemu  ", &text);
        let mut label = "glance";
        let (accepted, refused): (Vec<_>, Vec<_>) =
            file.glance.iter().partition(|(_, verdict)| verdict.is_accepted());
        let container = match container_format {
            "bare" => String::new(),
            other => format!(" in {other}"),
        };
        if !accepted.is_empty() {
            let names: Vec<&str> = accepted.iter().map(|(name, _)| name.as_str()).collect();
            self.entry(label, &format!("accepts it as {}{container}", names.join(", ")));
            label = "      ";
        }
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for (name, verdict) in refused {
            let reason = verdict.refusal().unwrap_or_default();
            match groups.iter_mut().find(|(other, _)| *other == reason) {
                Some((_, names)) => names.push(name),
                None => groups.push((reason.into_owned(), vec![name])),
            }
        }
        for (reason, names) in groups {
            self.entry(label, &format!("refuses it as {}{container}: {reason}", names.join(", ")));
            label = "      ";
        }
    }

    fn conversion(&mut self, file: &InspectedFile) {
        let texts = match &file.conversion {
            None => return,
            Some(ConversionPreview::Refused(reason)) => vec![format!("not possible: {reason}")],
            Some(ConversionPreview::Possible(facts)) => conversion_text(facts),
        };
        self.lines.push(String::new());
        let labels = std::iter::once("convert").chain(std::iter::repeat("       "));
        for (label, text) in labels.zip(texts) {
            self.entry(label, &text);
        }
    }

    /// A label with the lines of its text.
    fn entry(&mut self, label: &str, text: &str) {
        let first = format!("{INDENT}{label}{INDENT}");
        let others = " ".repeat(textwrap::core::display_width(&first));
        let options = Options::new(self.width)
            .initial_indent(&first)
            .subsequent_indent(&others)
            // Names and commands are to be copied.
            .word_splitter(WordSplitter::NoHyphenation);
        let text = for_terminal(text);
        self.lines.extend(textwrap::wrap(&text, options).into_iter().map(Into::into));
    }
}

fn values(detail: &Detail) -> Vec<String> {
    match &detail.value {
        DetailValue::Bytes(count) => vec![bytes(*count)],
        DetailValue::Number(number) => vec![number.to_string()],
        DetailValue::Text(text) => vec![text.clone()],
        DetailValue::List(items) => items.clone(),
        _ => Vec::new(),
    }
}

/// For people, and exactly.
fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} bytes"),
        _ => format!("{} ({count} bytes)", output::bytes(count)),
    }
}

fn evidence(evidence: &Evidence) -> String {
    let offset = evidence.offset;
    if evidence.bytes.is_empty() {
        return format!("at byte {offset}");
    }
    let hex: Vec<String> = evidence.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("at byte {offset}: {}", hex.join(" "))
}
