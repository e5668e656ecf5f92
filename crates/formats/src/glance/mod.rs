//! A prediction of the image service's decision on an image (`glance/location.py`, 33.0.0 b2): the results of
//! its inspectors, and its decision according to its settings.
//!
//! The service inspects a stream while it stores it, and answers 415 after the last byte. A prediction avoids
//! the transfer.

mod oslo;
mod safety;
mod vmdk;

use std::borrow::Cow;

pub use oslo::OsloView;
pub use safety::{FailedCheck, OsloMatch, Safety};

/// Names of the service's inspectors; with any other `disk_format` it accepts raw data.
const INSPECTED: [&str; 10] =
    ["raw", "qcow2", "vhd", "vhdx", "vmdk", "vdi", "qed", "iso", "gpt", "luks"];

/// The section `[image_format]` of the service's configuration, with its names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageFormatSettings {
    /// Allowed values of `disk_format`.
    pub disk_formats: Vec<String>,
    /// Allowed values of `container_format`.
    pub container_formats: Vec<String>,
    /// Whether an image is refused if its `disk_format` is not the detected format.
    pub require_image_format_match: bool,
    /// Checks of the inspector `gpt` that only cause a warning; `mbr` is the only one.
    pub gpt_safety_checks_nonfatal: Vec<String>,
}

impl Default for ImageFormatSettings {
    /// The defaults of the service since 2026.1.
    fn default() -> Self {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        ImageFormatSettings {
            disk_formats: owned(&[
                "ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop",
            ]),
            container_formats: owned(&[
                "ami",
                "ari",
                "aki",
                "bare",
                "ovf",
                "ova",
                "docker",
                "compressed",
            ]),
            require_image_format_match: true,
            gpt_safety_checks_nonfatal: Vec::new(),
        }
    }
}

impl ImageFormatSettings {
    /// Sets the allowed values of `disk_format`.
    #[must_use]
    pub fn with_disk_formats(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.disk_formats = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the allowed values of `container_format`.
    #[must_use]
    pub fn with_container_formats(
        mut self,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.container_formats = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets whether an image is refused if its `disk_format` is not the detected format.
    #[must_use]
    pub fn with_require_image_format_match(mut self, is_required: bool) -> Self {
        self.require_image_format_match = is_required;
        self
    }

    /// Sets the checks of the inspector `gpt` that only cause a warning.
    #[must_use]
    pub fn with_gpt_safety_checks_nonfatal(
        mut self,
        checks: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.gpt_safety_checks_nonfatal = checks.into_iter().map(Into::into).collect();
        self
    }
}

/// The decision of the service on an image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerVerdict {
    /// It accepts the image.
    Accepted {
        /// The `virtual_size` that it sets in the record, if any.
        virtual_size: Option<u64>,
        /// The warning that it logs.
        warning: Option<String>,
    },
    /// It answers 400 when the record is created, because the format is not enabled.
    NotTaken,
    /// It answers 415 after the last byte.
    Refused {
        /// The reason, with the text of the service if there is one.
        reason: String,
    },
    /// It cannot be predicted.
    Unknown {
        /// The reason.
        reason: &'static str,
    },
}

impl ServerVerdict {
    /// Returns whether the service certainly accepts the image.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self, ServerVerdict::Accepted { .. })
    }

    /// Returns the reason why the service refuses, or may refuse, the image.
    #[must_use]
    pub fn refusal(&self) -> Option<Cow<'_, str>> {
        match self {
            ServerVerdict::Accepted { .. } => None,
            ServerVerdict::NotTaken => Some("it does not support the format".into()),
            ServerVerdict::Refused { reason } => Some(reason.into()),
            ServerVerdict::Unknown { reason } => Some(format!("not known: {reason}").into()),
        }
    }

    /// Returns the `virtual_size` that it sets in the record, if any.
    #[must_use]
    pub fn virtual_size(&self) -> Option<u64> {
        match self {
            ServerVerdict::Accepted { virtual_size, .. } => *virtual_size,
            _ => None,
        }
    }
}

impl OsloView {
    /// Predicts the decision on an upload as `disk_format` in a `container_format`.
    #[must_use]
    pub fn verdict(
        &self,
        disk_format: &str,
        container_format: &str,
        settings: &ImageFormatSettings,
    ) -> ServerVerdict {
        let has = |words: &[String], word: &str| words.iter().any(|known| known == word);
        if !has(&settings.disk_formats, disk_format)
            || !has(&settings.container_formats, container_format)
        {
            return ServerVerdict::NotTaken;
        }
        if container_format != "bare" {
            // The service inspects no other container format.
            return ServerVerdict::Accepted { virtual_size: None, warning: None };
        }
        if let Some(reason) = self.uncertainty.or(self.unseen) {
            return ServerVerdict::Unknown { reason };
        }
        let requires = settings.require_image_format_match;
        let (found, is_hybrid) = match &self.matches[..] {
            [] => (None, false),
            [only] => (Some(only), false),
            [first, second] if [first.name, second.name] == ["iso", "gpt"] => (Some(first), true),
            several => return mismatch(several_formats(several), requires),
        };
        let name = found.map_or("raw", |found| found.name);
        let is_raw_by_another_name = found.is_none() && !INSPECTED.contains(&disk_format);
        let mut warning = None;
        if name != disk_format && !is_raw_by_another_name {
            let text = format!("its inspector detects {name}");
            if disk_format != "raw" {
                return mismatch(text, requires);
            }
            if is_hybrid {
                // The service's warning about raw raises an error for a hybrid CD.
                return mismatch(several_formats(&self.matches), requires);
            }
            warning = Some(text);
        }
        if let Some(found) = found {
            match self.safety(found, settings) {
                Ok(None) => {}
                Ok(relaxed) => warning = relaxed,
                Err(verdict) => return verdict,
            }
        }
        let found_size = || match found {
            Some(found) if found.name == disk_format => {
                found.virtual_size.and_then(|size| u64::try_from(size).ok())
            }
            _ => self.stream_bytes,
        };
        ServerVerdict::Accepted { virtual_size: found_size().filter(|&size| size != 0), warning }
    }

    /// Predicts the decision for every `disk_format` in the settings.
    #[must_use]
    pub fn verdicts<'a>(
        &self,
        container_format: &str,
        settings: &'a ImageFormatSettings,
    ) -> Vec<(&'a str, ServerVerdict)> {
        let verdict = |format: &'a String| {
            (format.as_str(), self.verdict(format, container_format, settings))
        };
        settings.disk_formats.iter().map(verdict).collect()
    }

    /// Judges the checks of a match: none or a warning if it is accepted, otherwise the verdict.
    fn safety(
        &self,
        found: &OsloMatch,
        settings: &ImageFormatSettings,
    ) -> Result<Option<String>, ServerVerdict> {
        let failures = match &found.safety {
            Safety::Passed => return Ok(None),
            Safety::Error(reason) => {
                return Err(ServerVerdict::Refused { reason: (*reason).to_owned() });
            }
            Safety::Unknown(reason) => return Err(ServerVerdict::Unknown { reason }),
            Safety::Failed(failures) => failures,
        };
        let nonfatal = &settings.gpt_safety_checks_nonfatal;
        let is_relaxed = |failure: &&FailedCheck| {
            found.name == "gpt" && nonfatal.iter().any(|check| check == failure.check)
        };
        let shown = |failure: &FailedCheck| format!("{}: {}", failure.check, failure.reason);
        match failures.iter().find(|failure| !is_relaxed(failure)) {
            Some(failure) => Err(ServerVerdict::Refused { reason: shown(failure) }),
            None => Ok(failures.first().map(shown)),
        }
    }
}

/// A format other than the `disk_format` is refused, or accepted without further checks.
fn mismatch(text: String, is_refused: bool) -> ServerVerdict {
    if is_refused {
        ServerVerdict::Refused { reason: text }
    } else {
        ServerVerdict::Accepted { virtual_size: None, warning: Some(text) }
    }
}

fn several_formats(matches: &[OsloMatch]) -> String {
    let names: Vec<_> = matches.iter().map(|matched| matched.name).collect();
    format!("Multiple formats detected: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Detector, Inspection};

    fn inspect(bytes: &[u8]) -> Inspection {
        let mut detector = Detector::new();
        detector.push(bytes);
        detector.finish()
    }

    fn verdict(bytes: &[u8], disk_format: &str, settings: &ImageFormatSettings) -> ServerVerdict {
        inspect(bytes).glance(disk_format, "bare", settings)
    }

    #[test]
    fn raw_data_is_accepted_for_formats_without_an_inspector() {
        let settings = ImageFormatSettings::default();
        for (format, is_accepted) in
            [("raw", true), ("ami", true), ("ploop", true), ("qcow2", false), ("iso", false)]
        {
            assert_eq!(
                verdict(&[7; 600], format, &settings).is_accepted(),
                is_accepted,
                "{format}"
            );
        }
        assert_eq!(verdict(&[7; 600], "gpt", &settings), ServerVerdict::NotTaken);
    }

    #[test]
    fn settings_relax_the_checks_that_they_name() {
        let mut disk = vec![0; 1024];
        disk[510..512].copy_from_slice(b"\x55\xaa");
        let mut settings = ImageFormatSettings::default();
        let refused = verdict(&disk, "raw", &settings);
        let reason = "mbr: GPT MBR has no partitions defined".to_owned();
        assert_eq!(refused, ServerVerdict::Refused { reason });
        settings.gpt_safety_checks_nonfatal = vec!["mbr".to_owned()];
        assert!(verdict(&disk, "raw", &settings).is_accepted());
        assert!(!verdict(&disk, "vhd", &settings).is_accepted());
        settings.gpt_safety_checks_nonfatal.clear();
        settings.require_image_format_match = false;
        // The checks are skipped if the format differs, but not if raw was declared.
        assert!(verdict(&disk, "vhd", &settings).is_accepted());
        assert!(!verdict(&disk, "raw", &settings).is_accepted());
        let elsewhere = inspect(&disk).glance("vhd", "ova", &ImageFormatSettings::default());
        assert!(elsewhere.is_accepted(), "only bare containers are looked at");
    }

    #[test]
    fn a_hybrid_cd_is_accepted_only_as_a_cd() {
        let mut settings = ImageFormatSettings::default();
        let mut disk = vec![0; 40_000];
        disk[510..512].copy_from_slice(b"\x55\xaa");
        disk[446..462].copy_from_slice(b"\x80\0\x02\0\x83\0\0\0\x01\0\0\0\x10\0\0\0");
        disk[32_768..32_774].copy_from_slice(b"\x01CD001");
        assert!(verdict(&disk, "iso", &settings).is_accepted());
        let reason = "Multiple formats detected: iso, gpt".to_owned();
        assert_eq!(verdict(&disk, "raw", &settings), ServerVerdict::Refused { reason });
        settings.require_image_format_match = false;
        assert!(verdict(&disk, "raw", &settings).is_accepted());
    }

    #[test]
    fn text_is_judged_by_the_part_that_the_inspector_reads() {
        let settings = ImageFormatSettings::default();
        assert!(verdict("words ".repeat(99).as_bytes(), "raw", &settings).is_accepted());
        let broken = verdict(format!("{}é", "words ".repeat(99)).as_bytes(), "raw", &settings);
        assert!(matches!(broken, ServerVerdict::Unknown { .. }), "{broken:?}");
        let named = format!("{}createType=\"x\"", "words ".repeat(99));
        let refused = verdict(named.as_bytes(), "raw", &settings);
        assert!(matches!(refused, ServerVerdict::Refused { .. }), "{refused:?}");
    }
}
