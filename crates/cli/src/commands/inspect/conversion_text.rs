//! How a virtual disk would be converted, for people.

use imgpush_engine::disks::{Strategy, Survey};

use super::conversion::ConversionFacts;
use crate::output;

/// The sizes of the results, the content of the disk, how it is read, and what is lost.
pub(super) fn conversion_text(facts: &ConversionFacts) -> Vec<String> {
    let ConversionFacts { strategy, raw_bytes, survey, qcow2_bytes } = facts;
    let mut texts = Vec::new();
    if let Some(count) = raw_bytes {
        texts.push(format!("to raw: {}", output::bytes(*count)));
    }
    if let Some(count) = qcow2_bytes {
        texts.push(format!("to qcow2, compressed: about {}", output::bytes(*count)));
    }
    if let Some(survey) = survey {
        texts.push(content(survey));
    }
    texts.push(match (strategy, survey) {
        (Strategy::Random, None) => "read by random access".to_owned(),
        (Strategy::Random, Some(survey)) => match survey.out_of_order {
            0 => "read by random access; in a pipe all extents are in order".to_owned(),
            count => format!(
                "read by random access; in a pipe {count} {} out of order",
                if count == 1 { "extent is" } else { "extents are" }
            ),
        },
        _ => "read once from start to end".to_owned(),
    });
    texts.extend(survey.as_ref().and_then(lost));
    texts
}

fn content(survey: &Survey) -> String {
    let size = output::bytes;
    let compressed = match survey.compressed {
        0 => String::new(),
        count => format!(" ({} compressed)", size(count)),
    };
    let examined = if survey.examined < survey.size {
        format!("in the first {}: ", size(survey.examined))
    } else {
        String::new()
    };
    let zeros = [(survey.zeros, "zeros"), (survey.holes, "never written")];
    let zeros = zeros.into_iter().filter(|(count, _)| *count > 0);
    let zeros: String = zeros.map(|(count, what)| format!(", {} {what}", size(count))).collect();
    format!("{examined}{} allocated{compressed}{zeros}", size(survey.allocated))
}

/// What the new image does not have.
fn lost(survey: &Survey) -> Option<String> {
    let snapshots = match survey.snapshots {
        0 => None,
        1 => Some("1 snapshot, with the state of its machine if it has one".to_owned()),
        count => {
            Some(format!("{count} snapshots, with the states of their machines if they have any"))
        }
    };
    let bitmaps = survey.has_bitmaps.then(|| "bitmaps of changed clusters".to_owned());
    let all: Vec<String> = snapshots.into_iter().chain(bitmaps).collect();
    (!all.is_empty()).then(|| format!("loses {}", all.join(", and ")))
}
