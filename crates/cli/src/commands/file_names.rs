//! File names of images.

use std::collections::{HashMap, HashSet};

use imgpush_client::Image;
use imgpush_engine::OutputFormat;
use unicode_normalization::UnicodeNormalization as _;

use crate::text::is_control;

/// A file name for each: the image's name and its `disk_format`, or that of a conversion, with the start of the
/// id, or all of it, where two would have one name. They hold nothing that leads out of a folder, or that a file
/// system takes for something else. No two are one name on any file system.
pub(crate) fn file_names(images: &[&Image], converted: Option<OutputFormat>) -> Vec<String> {
    let file_name = |image: &Image, id: Option<&str>| file_name(image, converted, id);
    let short = |image: &Image| image.id().get(..ID_CHARACTERS).unwrap_or(image.id()).to_owned();
    let mut names: Vec<String> = images.iter().map(|image| file_name(image, None)).collect();
    // Hostile names and ids can be made so that the longer names collide too.
    for id in [short, |image: &Image| image.id().to_owned()] {
        let counts = counts(&names);
        for (name, image) in names.iter_mut().zip(images) {
            if counts.get(&key(name)).is_some_and(|count| *count > 1) {
                *name = file_name(image, Some(&id(image)));
            }
        }
    }
    let counts = counts(&names);
    let is_unique = |name: &str| counts.get(&key(name)) == Some(&1);
    let mut taken: HashSet<String> =
        names.iter().filter(|it| is_unique(it)).map(|it| key(it)).collect();
    for (name, image) in names.iter_mut().zip(images).filter(|(name, _)| !is_unique(name)) {
        let mut candidates =
            (1_u64..).map(|number| file_name(image, Some(&format!("{}-{number}", short(image)))));
        *name = candidates.find(|name| taken.insert(key(name))).unwrap_or_default();
    }
    names
}

/// How often each name is there.
fn counts(names: &[String]) -> HashMap<String, usize> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for name in names {
        *counts.entry(key(name)).or_default() += 1;
    }
    counts
}

/// Equal for names that a file system without case, or with one form of a character, takes for one.
fn key(name: &str) -> String {
    name.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

fn file_name(image: &Image, converted: Option<OutputFormat>, id: Option<&str>) -> String {
    let ending_of = |format: &str| format!(".{}", short_of(&safe(format), LONGEST_ENDING));
    let own = image.disk_format().map(ending_of).unwrap_or_default();
    let ending = converted.map_or_else(|| own.clone(), |format| ending_of(format.name()));
    let name = safe(image.display_name());
    // An image that is called like its file already.
    let stem = |ending: &str| name.strip_suffix(ending).filter(|name| !name.is_empty());
    let name = stem(&ending).or_else(|| stem(&own)).unwrap_or(&name);
    let id = id.map(|id| format!("-{}", short_of(&safe(id), LONGEST_ID)));
    let more = id.as_ref().map_or(0, |id| id.len().saturating_sub(ID_CHARACTERS + 1));
    let name = short_of(name, LONGEST_NAME - more);
    format!("{name}{}{ending}", id.unwrap_or_default())
}

/// The text without what a file name cannot have on one system or another.
fn safe(text: &str) -> String {
    let plain = |c: char| match c {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        c if is_control(c) => '_',
        c => c,
    };
    let mut text: String = text.chars().map(plain).collect();
    // Hidden files, `.` and `..`, and an option of the next command.
    if text.starts_with(['.', '-']) {
        text.replace_range(..1, "_");
    }
    let end = text.trim_end_matches([' ', '.']).len();
    text.truncate(end);
    if text.is_empty() { "_".to_owned() } else { text }
}

/// The start of the text, at most this number of bytes.
fn short_of(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// Bytes of a name and of what an id has beyond its start, so that the endings of the image and of its partial
/// file fit beside them into the 255 that file systems have.
const LONGEST_NAME: usize = 180;

/// Bytes of an id; those of Glance have 36 characters.
const LONGEST_ID: usize = 48;

/// Bytes of an ending; the longest `disk_format` has 5.
const LONGEST_ENDING: usize = 16;

/// As git shows its own.
const ID_CHARACTERS: usize = 8;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(images: &[(&str, &str, &str)]) -> Vec<String> {
        let image = |(id, name, format): &(&str, &str, &str)| -> Image {
            let record = json!({"id": id, "status": "active", "name": name, "disk_format": format});
            serde_json::from_value(record).unwrap()
        };
        let images: Vec<Image> = images.iter().map(image).collect();
        file_names(&images.iter().collect::<Vec<_>>(), None)
    }

    #[test]
    fn the_name_of_a_converted_file_has_the_new_ending() {
        for (name, format, to, expected) in [
            ("noble", "qcow2", OutputFormat::Raw, "noble.raw"),
            ("noble.qcow2", "qcow2", OutputFormat::Raw, "noble.raw"),
            ("noble.raw", "qcow2", OutputFormat::Raw, "noble.raw"),
            ("noble.img", "raw", OutputFormat::Qcow2, "noble.img.qcow2"),
            ("x", "../y", OutputFormat::Raw, "x.raw"),
        ] {
            let record =
                json!({"id": "1", "status": "active", "name": name, "disk_format": format});
            let image: Image = serde_json::from_value(record).unwrap();
            assert_eq!(file_names(&[&image], Some(to)), [expected], "{name}");
        }
    }

    #[test]
    fn names_are_safe_and_say_what_is_in_the_file() {
        for (name, format, expected) in [
            ("noble", "qcow2", "noble.qcow2"),
            ("Ubuntu 24.04 LTS", "raw", "Ubuntu 24.04 LTS.raw"),
            ("noble.qcow2", "qcow2", "noble.qcow2"),
            ("noble.img", "raw", "noble.img.raw"),
            ("../../etc/passwd", "raw", "_._.._etc_passwd.raw"),
            ("a/b\\c:d\u{1b}\n", "raw", "a_b_c_d__.raw"),
            ("..", "raw", "_.raw"),
            ("-rf", "raw", "_rf.raw"),
            (".raw", "raw", "_raw.raw"),
            ("", "raw", "_.raw"),
            ("größe", "vhdx", "größe.vhdx"),
            ("x", "../y", "x._._y"),
        ] {
            assert_eq!(names(&[("5f1c0000-1", name, format)]), [expected], "{name:?}");
        }
        let long = &names(&[("5f1c0000-1", &"ö".repeat(300), "raw")])[0];
        assert!(long.len() <= 184 && long.ends_with("ö.raw"), "{long}");
    }

    #[test]
    fn images_of_one_name_have_files_of_their_own() {
        let three =
            [("5f1c0000-1", "n", "raw"), ("6a2b0000-1", "N", "raw"), ("7c3d0000-1", "n", "qcow2")];
        assert_eq!(names(&three), ["n-5f1c0000.raw", "N-6a2b0000.raw", "n.qcow2"]);
        let accents = [("5f1c0000-1", "\u{e9}", "raw"), ("6a2b0000-1", "e\u{301}", "raw")];
        assert_eq!(names(&accents), ["\u{e9}-5f1c0000.raw", "e\u{301}-6a2b0000.raw"]);
        let turned = [("1", "a\u{202e}b", "raw"), ("2", "a\u{200f}b", "raw")];
        assert_eq!(names(&turned), ["a_b-1.raw", "a_b-2.raw"]);
    }

    #[test]
    fn no_name_can_be_made_to_be_that_of_another() {
        let of_start = [
            ("5f1c0000-1", "n", "raw"),
            ("6a2b0000-1", "n", "raw"),
            ("7c3d0000-1", "n-5f1c0000", "raw"),
        ];
        let of_id = [
            ("5f1c0000", "n", "raw"),
            ("5f1c0000", "N", "raw"),
            ("5f1c0000", "n-5f1c0000-1", "raw"),
        ];
        let long = "x".repeat(300);
        let of_long = [
            ("5f1c0000-1", &*long, "raw"),
            ("5f1c0000-2", &*long, "raw"),
            ("5f1c0000-2", &*long, "raw"),
        ];
        for images in [&of_start, &of_id, &of_long] {
            let names = names(images);
            let distinct: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
            assert_eq!(distinct.len(), images.len(), "{names:?}");
            assert!(names.iter().all(|name| name.len() + 50 <= 255), "{names:?}");
        }
    }
}
