//! The JSON document of an inspection.

use std::collections::BTreeMap;

use imgpush_engine::disks::{Strategy, Survey};
use imgpush_engine::image_formats::{Detail, DetailValue, Finding, Match};
use serde::Serialize;
use serde_json::{Value, json};

use super::conversion::{ConversionFacts, ConversionPreview};
use super::inspected_file::InspectedFile;

/// One inspected file.
#[derive(Serialize)]
pub(super) struct InspectionBody<'a> {
    file: &'a str,
    format: &'static str,
    size: Option<u64>,
    virtual_size: Option<u64>,
    disk_format: Option<&'static str>,
    findings: Vec<RatedFinding<'a>>,
    details: Value,
    matches: Vec<Value>,
    qemu: Qemu,
    glance: Glance<'a>,
    conversion: Option<ConversionBody<'a>>,
}

#[derive(Serialize)]
struct RatedFinding<'a> {
    id: &'static str,
    severity: String,
    text: &'a str,
}

#[derive(Serialize)]
struct Qemu {
    opens: bool,
    format: &'static str,
    virtual_size: Option<u64>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct Glance<'a> {
    accepts: Vec<&'a str>,
    refuses: BTreeMap<&'a str, String>,
}

/// A conversion. Everything is null if it is refused, and the parts of the disk if its tables were not read.
#[derive(Default, Serialize)]
struct ConversionBody<'a> {
    possible: bool,
    reason: Option<&'a str>,
    strategy: Option<Strategy>,
    raw_size: Option<u64>,
    estimated_qcow2_size: Option<u64>,
    examined: Option<u64>,
    allocated: Option<u64>,
    compressed: Option<u64>,
    zeros: Option<u64>,
    holes: Option<u64>,
    out_of_order: Option<u64>,
    loses: Option<Vec<&'static str>>,
}

impl<'a> ConversionBody<'a> {
    fn new(preview: &'a ConversionPreview) -> Self {
        let facts = match preview {
            ConversionPreview::Possible(facts) => facts,
            ConversionPreview::Refused(reason) => {
                return ConversionBody { reason: Some(reason), ..ConversionBody::default() };
            }
        };
        let ConversionFacts { strategy, raw_bytes, survey, qcow2_bytes } = facts;
        let of = |fact: fn(&Survey) -> u64| survey.as_ref().map(fact);
        ConversionBody {
            possible: true,
            reason: None,
            strategy: Some(*strategy),
            raw_size: *raw_bytes,
            estimated_qcow2_size: *qcow2_bytes,
            examined: of(|survey| survey.examined),
            allocated: of(|survey| survey.allocated),
            compressed: of(|survey| survey.compressed),
            zeros: of(|survey| survey.zeros),
            holes: of(|survey| survey.holes),
            out_of_order: of(|survey| survey.out_of_order),
            loses: survey.as_ref().map(lost),
        }
    }
}

fn lost(survey: &Survey) -> Vec<&'static str> {
    let all = [(survey.snapshots > 0, "snapshots"), (survey.has_bitmaps, "bitmaps")];
    all.into_iter().filter_map(|(is_lost, name)| is_lost.then_some(name)).collect()
}

impl<'a> InspectionBody<'a> {
    pub(super) fn new(file: &'a InspectedFile) -> Self {
        let inspection = &file.inspection;
        let qemu = inspection.qemu_named(&file.name);
        let accepted = file.glance.iter().filter(|(_, verdict)| verdict.is_accepted());
        let refused = file
            .glance
            .iter()
            .filter_map(|(name, verdict)| Some((name.as_str(), verdict.refusal()?.into_owned())));
        InspectionBody {
            file: &file.name,
            format: inspection.driver,
            size: inspection.stream_bytes,
            virtual_size: inspection.virtual_size,
            disk_format: file.disk_format,
            findings: inspection.findings.iter().map(finding).collect(),
            details: details(&inspection.details),
            matches: inspection.matches.iter().map(matched).collect(),
            qemu: Qemu {
                opens: qemu.refusal.is_none(),
                format: qemu.format,
                virtual_size: qemu.virtual_size,
                reason: qemu.refusal,
            },
            glance: Glance {
                accepts: accepted.map(|(name, _)| name.as_str()).collect(),
                refuses: refused.collect(),
            },
            conversion: file.conversion.as_ref().map(ConversionBody::new),
        }
    }
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

fn finding(finding: &Finding) -> RatedFinding<'_> {
    RatedFinding {
        id: finding.id.name(),
        severity: finding.severity.to_string(),
        text: &finding.text,
    }
}
