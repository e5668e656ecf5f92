//! `--glance`: the configuration of Glance, which decides what it accepts.

use clap::Args;
use imgpush_engine::image_formats::ImageFormatSettings;

use super::heading;

/// The keys of Glance's section `[image_format]` that decide about an upload, with their values.
const KEYS: &str = "disk_formats=NAME,…, container_formats=NAME,…, \
                    require_image_format_match=true|false, gpt_safety_checks_nonfatal=mbr|(nothing)";

/// Known settings of the image service.
#[derive(Debug, Args)]
#[command(next_help_heading = heading::IMAGE)]
pub(crate) struct GlanceArgs {
    /// Setting of Glance that the format check assumes (repeatable)
    ///
    /// The settings are those of the section `[image_format]` of Glance: disk_formats=raw,qcow2,
    /// container_formats=bare,ova, require_image_format_match=false, gpt_safety_checks_nonfatal=mbr. The
    /// defaults are those of Glance 2026.1. In 2025.1 and 2025.2 gpt_safety_checks_nonfatal is mbr.
    #[arg(long = "glance", value_name = "KEY=VALUE", value_parser = setting, hide_short_help = true)]
    settings: Vec<Setting>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Setting {
    DiskFormats(Vec<String>),
    ContainerFormats(Vec<String>),
    RequireImageFormatMatch(bool),
    GptSafetyChecksNonfatal(Vec<String>),
}

impl GlanceArgs {
    /// The service's own settings with what was said; of a key said twice the last counts.
    pub(crate) fn settings(&self) -> ImageFormatSettings {
        let mut settings = ImageFormatSettings::default();
        for setting in &self.settings {
            match setting {
                Setting::DiskFormats(names) => settings.disk_formats.clone_from(names),
                Setting::ContainerFormats(names) => settings.container_formats.clone_from(names),
                Setting::RequireImageFormatMatch(is_required) => {
                    settings.require_image_format_match = *is_required;
                }
                Setting::GptSafetyChecksNonfatal(checks) => {
                    settings.gpt_safety_checks_nonfatal.clone_from(checks);
                }
            }
        }
        settings
    }
}

fn setting(text: &str) -> Result<Setting, String> {
    let (key, value) = text.split_once('=').ok_or(format!("expected one of {KEYS}"))?;
    Ok(match key.trim() {
        "disk_formats" => Setting::DiskFormats(names(value)?),
        "container_formats" => Setting::ContainerFormats(names(value)?),
        "require_image_format_match" => Setting::RequireImageFormatMatch(boolean(value)?),
        "gpt_safety_checks_nonfatal" => Setting::GptSafetyChecksNonfatal(checks(value)?),
        _ => return Err(format!("there is no such key; there are {KEYS}")),
    })
}

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|word| !word.is_empty())
}

fn names(value: &str) -> Result<Vec<String>, String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    let names: Vec<String> = list(value).map(str::to_owned).collect();
    match names.iter().find(|name| !name.chars().all(is_part)) {
        _ if names.is_empty() => Err("expected names with commas between them".to_owned()),
        Some(name) => Err(format!("{name:?} is no name of a format")),
        None => Ok(names),
    }
}

fn checks(value: &str) -> Result<Vec<String>, String> {
    match list(value).find(|check| *check != "mbr") {
        Some(check) => Err(format!("there is no check {check:?}; there is mbr, or nothing")),
        None => Ok(list(value).map(str::to_owned).collect()),
    }
}

/// As the service's library reads one.
fn boolean(value: &str) -> Result<bool, String> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_own_words_are_understood() {
        let said = [
            "disk_formats=raw, qcow2",
            "container_formats=bare",
            "require_image_format_match=False",
            "gpt_safety_checks_nonfatal=mbr",
            "disk_formats=raw,gpt",
        ];
        let args = GlanceArgs { settings: said.map(|text| setting(text).unwrap()).to_vec() };
        let settings = args.settings();
        assert_eq!(settings.disk_formats, ["raw", "gpt"]);
        assert_eq!(settings.container_formats, ["bare"]);
        assert!(!settings.require_image_format_match);
        assert_eq!(settings.gpt_safety_checks_nonfatal, ["mbr"]);
        assert_eq!(GlanceArgs { settings: vec![] }.settings(), ImageFormatSettings::default());
    }

    #[test]
    fn what_there_is_is_said_to_who_asks_for_something_else() {
        for (text, told) in [
            ("disk_formats", "gpt_safety_checks_nonfatal"),
            ("disk_format=raw", "disk_formats="),
            ("disk_formats=", "names"),
            ("disk_formats=a b", "\"a b\""),
            ("require_image_format_match=maybe", "true or false"),
            ("gpt_safety_checks_nonfatal=gpt", "mbr"),
        ] {
            let error = setting(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
        assert_eq!(
            setting("gpt_safety_checks_nonfatal="),
            Ok(Setting::GptSafetyChecksNonfatal(vec![]))
        );
    }
}
