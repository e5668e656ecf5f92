//! The inspection as a line for programs.

use std::path::Path;

use imgpush_engine::image_formats::{Detail, DetailValue, Finding, Match};
use imgpush_engine::source;
use serde_json::{Map, Value, json};

use super::inspected_file::InspectedFile;
use crate::exit_code;
use crate::output;

pub(super) fn object(file: &InspectedFile) -> Value {
    let inspection = &file.inspection;
    let qemu = inspection.qemu_named(&file.name);
    let accepted = file.glance.iter().filter(|(_, verdict)| verdict.is_accepted());
    let refused = file
        .glance
        .iter()
        .filter_map(|(name, verdict)| Some((name.clone(), verdict.refusal()?.into())));
    json!({
        "file": file.name,
        "format": inspection.driver,
        "size": inspection.stream_bytes,
        "virtual_size": inspection.virtual_size,
        "disk_format": file.disk_format,
        "details": details(&inspection.details),
        "matches": inspection.matches.iter().map(matched).collect::<Value>(),
        "findings": inspection.findings.iter().map(finding).collect::<Value>(),
        "qemu": {
            "opens": qemu.refusal.is_none(),
            "format": qemu.format,
            "virtual_size": qemu.virtual_size,
            "reason": qemu.refusal,
        },
        "glance": {
            "accepts": accepted.map(|(name, _)| name.as_str()).collect::<Value>(),
            "refuses": refused.collect::<Map<String, Value>>(),
        },
    })
}

pub(super) fn failure(path: &Path, chain: &[String]) -> Value {
    json!({ "file": source::shown(path).to_string_lossy(), "error": output::error(chain, exit_code::SOURCE) })
}

fn details(details: &[Detail]) -> Value {
    let value = |detail: &Detail| match &detail.value {
        DetailValue::Bytes(number) | DetailValue::Number(number) => json!(number),
        DetailValue::Text(text) => json!(text),
        DetailValue::List(items) => json!(items),
        _ => Value::Null,
    };
    details.iter().map(|detail| (detail.name.replace(' ', "_"), value(detail))).collect()
}

fn matched(matched: &Match) -> Value {
    json!({ "format": matched.format.name(), "offset": matched.evidence.offset })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "id": finding.id.name(),
        "severity": finding.severity.to_string(),
        "text": finding.text,
    })
}
