//! File names of images.

use std::collections::HashMap;

use imgpush_client::Image;

/// A file name for each: the image's name and its `disk_format`, with the start of the id where two would
/// have one name. They hold nothing that leads out of a folder, or that a file system takes for something
/// else.
pub(crate) fn file_names(images: &[&Image]) -> Vec<String> {
    let plain: Vec<String> = images.iter().map(|image| file_name(image, None)).collect();
    // Where the file system tells no case, these are one name.
    let mut counts: HashMap<String, usize> = HashMap::new();
    for name in &plain {
        *counts.entry(name.to_lowercase()).or_default() += 1;
    }
    let name = |(name, image): (String, &&Image)| match counts[&name.to_lowercase()] {
        1 => name,
        _ => file_name(image, Some(image.id())),
    };
    plain.into_iter().zip(images).map(name).collect()
}

fn file_name(image: &Image, id: Option<&str>) -> String {
    let ending = image.disk_format().map(|format| format!(".{}", safe(format)));
    let ending = ending.unwrap_or_default();
    let name = safe(image.display_name());
    // An image that is called like its file already.
    let name = name.strip_suffix(&ending).filter(|name| !name.is_empty()).unwrap_or(&name);
    let name = &name[..name.floor_char_boundary(LONGEST_NAME)];
    let id = id.map(|id| format!("-{}", safe(id.get(..ID_CHARACTERS).unwrap_or(id))));
    format!("{name}{}{ending}", id.unwrap_or_default())
}

/// The text without what a file name cannot have on one system or another.
fn safe(text: &str) -> String {
    let plain = |c: char| match c {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        c if c.is_control() => '_',
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

/// Bytes of a name, so that the endings of the image and of its partial file fit beside it into the 255 that
/// file systems have.
const LONGEST_NAME: usize = 180;

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
        file_names(&images.iter().collect::<Vec<_>>())
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
    }
}
