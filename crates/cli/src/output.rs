//! Results as people and as programs read them.

use std::collections::BTreeMap;

use imgpush_engine::source::{ChecksumSubject, Provenance};
use imgpush_engine::{
    BatchSummary, Bottleneck, DownloadReport, PushAction, PushError, RecordOutcome, Report,
    StagingReport, Timing, VerificationReport, VerifiedBy,
};

/// The message of an error and its causes, a level a line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    imgpush_engine::causes(error)
}

/// The state of the image record after a failed push; none if there was no record.
pub(crate) fn record_outcome(error: &PushError) -> Option<String> {
    let had_record = error.attempts > 0 || error.outcome != RecordOutcome::NoRecord;
    had_record.then(|| error.outcome.to_string())
}

/// How digests are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DigestStyle {
    /// The first digits.
    Short,
    Full,
}

impl DigestStyle {
    pub(crate) fn of(is_full: bool) -> Self {
        if is_full { DigestStyle::Full } else { DigestStyle::Short }
    }

    /// The digits of a digest.
    pub(crate) fn shown(self, hex: &str) -> String {
        match hex.get(..SHORT_DIGITS) {
            Some(start) if self == DigestStyle::Short && hex.len() > SHORT_DIGITS + 1 => {
                format!("{start}…")
            }
            _ => hex.to_owned(),
        }
    }
}

/// Enough to tell two images apart.
const SHORT_DIGITS: usize = 16;

/// A few lines about a push that succeeded.
pub(crate) fn summary(report: &Report, style: DigestStyle) -> Vec<String> {
    let name = report.name.as_deref().unwrap_or(&report.id);
    let size = bytes(report.size.unwrap_or(0));
    let (source, cloud) = (&report.source, &report.cloud);
    let mut lines = vec![match report.action {
        PushAction::Pushed => {
            let (seconds, rate) = (report.timing.seconds, rate(report));
            format!("pushed {source} to {cloud} as {name}: {size} in {seconds:.1} s, {rate}/s")
        }
        _ => format!("skipped {source}: {name} in {cloud} has the same content, {size}"),
    }];
    let format = report.disk_format.as_deref().unwrap_or("?");
    lines.push(match report.virtual_size {
        Some(virtual_size) => format!("  format    {format}, virtual size {}", bytes(virtual_size)),
        None => format!("  format    {format}"),
    });
    let hash = match (&report.os_hash_algo, &report.os_hash_value) {
        (Some(algo), Some(value)) => format!("{algo} {}", style.shown(value)),
        _ => format!("md5 {}", style.shown(report.checksum.as_deref().unwrap_or("?"))),
    };
    lines.push(format!("  verified  {hash}"));
    lines.extend(provenance(&report.provenance, style));
    lines.extend(report.replaced.iter().map(|old| format!("  {:10}{}", old.how, old.id)));
    let is_new = report.action != PushAction::Skipped;
    if let Some(advice) = report.timing.advice.as_ref().filter(|_| is_new) {
        lines.push(format!("  time      {}: {advice}", bottleneck(&report.timing)));
    }
    lines.extend(report.notes.iter().map(|note| format!("note: {}: {}", note.id, note.text)));
    lines
}

/// What took the most of the time, and how much.
pub(crate) fn bottleneck(timing: &Timing) -> String {
    let name = timing.bottleneck.map_or("nothing", Bottleneck::name);
    format!("{name} {:.1} s of {:.1} s", timing.bottleneck_seconds, timing.seconds)
}

/// Of the lines about one of several pushes those that are not the same every time.
pub(crate) fn in_short(lines: Vec<String>) -> Vec<String> {
    let is_wanted = |(at, line): &(usize, String)| {
        *at == 0 || line.starts_with("note:") && !line.starts_with("note: not-read:")
    };
    lines.into_iter().enumerate().filter(is_wanted).map(|(_, line)| line).collect()
}

/// The last words on a batch.
pub(crate) fn batch_summary(summary: &BatchSummary) -> String {
    let BatchSummary { pushed, skipped, failed, not_started, bytes: count, seconds, .. } = *summary;
    let mut line = format!("{pushed} pushed");
    for (number, what) in [(skipped, "skipped"), (failed, "failed"), (not_started, "not started")] {
        if number > 0 {
            line.push_str(&format!(", {number} {what}"));
        }
    }
    if pushed == 0 {
        return format!("{line}, in {seconds:.1} s");
    }
    format!("{line}: {} in {seconds:.1} s, {}/s", bytes(count), speed(count, seconds))
}

/// A few lines about a download that succeeded.
pub(crate) fn saved(report: &DownloadReport, style: DigestStyle) -> Vec<String> {
    let name = report.name.as_deref().unwrap_or(&report.id);
    if report.unchanged {
        let path = report.path.as_deref().unwrap_or_default();
        let first = format!(
            "{path} is unchanged: it has the content of {name} in {}, {}",
            report.cloud,
            bytes(report.size)
        );
        let lines = [first, verification(&report.verified_by, &report.digests, style)];
        return lines.to_vec();
    }
    let to = report.path.as_deref().map(|path| format!(" to {path}")).unwrap_or_default();
    let resumed = match report.resumed_from {
        0 => String::new(),
        count => format!(", resumed at {}", bytes(count)),
    };
    let first = format!(
        "saved {name} from {}{to}: {}{resumed} in {:.1} s, {}/s",
        report.cloud,
        bytes(report.size),
        report.seconds,
        speed(report.size - report.resumed_from.min(report.size), report.seconds),
    );
    let converted = report.converted.map(|file| {
        let (format, size, disk) = (file.format, bytes(file.bytes), bytes(file.virtual_size));
        format!("  converted to {format}, {size}, virtual size {disk}")
    });
    let verified =
        report.verified.then(|| verification(&report.verified_by, &report.digests, style));
    [Some(first), converted, verified].into_iter().flatten().collect()
}

/// A few lines about data that is staged.
pub(crate) fn staged(report: &StagingReport, style: DigestStyle) -> Vec<String> {
    let name = report.name.as_deref().unwrap_or(&report.id);
    let first = format!(
        "staged {} for {name} on {}: {} in {:.1} s, {}/s",
        report.source,
        report.cloud,
        bytes(report.size),
        report.seconds,
        speed(report.size, report.seconds),
    );
    let digest =
        |(algorithm, hex): (&String, &String)| format!("  {algorithm} {}", style.shown(hex));
    let digests = report.digests.iter().map(digest);
    let source = provenance(&report.provenance, style);
    std::iter::once(first).chain(digests).chain(source).collect()
}

/// A line for each expected digest of the source, all of which match.
pub(crate) fn provenance(
    provenance: &Provenance,
    style: DigestStyle,
) -> impl Iterator<Item = String> {
    provenance.source_checksums.iter().map(move |checksum| {
        let of = if checksum.of == ChecksumSubject::Content { " (decompressed)" } else { "" };
        let list = checksum.list.as_ref().map(|list| format!(" as in {list}"));
        let signer = provenance.source_signed_by.as_ref().filter(|_| list.is_some());
        let signer = signer.map(|key| format!(", signed by {key}")).unwrap_or_default();
        let list = list.unwrap_or_else(|| " as given".to_owned());
        let digest = style.shown(&checksum.digest);
        format!("  source    {} {digest}{of}{list}{signer}", checksum.algorithm)
    })
}

/// A line about a verification that succeeded.
pub(crate) fn compared(report: &VerificationReport, style: DigestStyle) -> String {
    verification(&report.verified_by, &report.digests, style)
}

fn verification(
    fields: &[VerifiedBy],
    digests: &BTreeMap<String, String>,
    style: DigestStyle,
) -> String {
    let digest = |(algorithm, hex): (&String, &String)| format!("{algorithm} {}", style.shown(hex));
    let digests: Vec<_> = digests.iter().map(digest).collect();
    format!("  verified  by {}: {}", verified_by(fields), digests.join(", "))
}

/// The names of what was compared.
pub(crate) fn verified_by(fields: &[VerifiedBy]) -> String {
    fields.iter().map(|field| field.name()).collect::<Vec<_>>().join(", ")
}

/// Bytes per second over the complete push, in binary units.
pub(crate) fn rate(report: &Report) -> String {
    speed(report.size.unwrap_or(0), report.timing.seconds)
}

pub(crate) fn speed(count: u64, seconds: f64) -> String {
    let milliseconds = std::time::Duration::from_secs_f64(seconds).as_millis().max(1);
    let rate = u128::from(count) * 1000 / milliseconds;
    bytes(u64::try_from(rate).unwrap_or(u64::MAX))
}

/// Binary units with three digits.
pub(crate) fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}
