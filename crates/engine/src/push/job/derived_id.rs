//! Image ids that are derived from the content of the image.

use imgpush_digest::Digest;
use uuid::Uuid;

use imgpush_source::Published;

/// The input of derived ids. [`PushOptions::derive_id`](crate::PushOptions::derive_id) documents the
/// derivation, so that others can compute the ids.
///
/// The project is part of the input because ids are unique in a service; without it, images of other projects
/// would occupy the ids. The number is, because a service never accepts an id twice.
#[derive(Debug)]
pub(super) struct Derivation {
    project: String,
    digest: String,
    name: String,
}

impl Derivation {
    /// Creates the derivation for an image with this name and this digest.
    pub(super) fn new(project: Option<&str>, digest: &str, name: &str) -> Self {
        let (project, digest) = (project.unwrap_or_default().to_owned(), digest.to_owned());
        Derivation { project, digest, name: name.to_owned() }
    }

    /// Returns the id after `number` ids that are already used.
    pub(super) fn id(&self, number: u32) -> String {
        let Derivation { project, digest, name } = self;
        let text = format!("{project}\n{digest}\n{number}\n{name}");
        Uuid::new_v5(&NAME_SPACE, text.as_bytes()).to_string()
    }

    /// Whether `id` is one of the derived ids.
    pub(super) fn has(&self, id: &str) -> bool {
        (0..MOST_IDS).any(|number| self.id(number) == id)
    }
}

/// Formats the digest of the image data for the derivation.
pub(super) fn of_content(digest: &Digest) -> String {
    format!("{}:{digest}", digest.algorithm())
}

/// Formats a published digest for the derivation.
pub(super) fn of_published(published: &Published) -> String {
    let suffix = if published.is_compressed { ":packed" } else { "" };
    of_content(&published.digest) + suffix
}

/// Number of derived ids that are tried before a random one. Each id but the last belongs to an image that
/// was deleted, or to a push that failed.
pub(super) const MOST_IDS: u32 = 64;

/// A random constant; it must never change.
const NAME_SPACE: Uuid = Uuid::from_u128(0x5d0c_9a6e_2f0b_4f57_9d8e_6a0f_6f3c_7b21);

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: `uuid.uuid5` of Python.
    #[test]
    fn derived_ids_equal_those_of_python() {
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let derivation = Derivation::new(Some("b9bd5e30605c4b1c837e5e29b527e31e"), abc, "noble");
        assert_eq!(derivation.id(0), "12e9c03e-85b7-5618-b6b1-58fb67fb00ba");
        assert_eq!(derivation.id(1), "3c131331-7fed-5905-9d1b-a4a87e533223");
        let compressed = Derivation::new(None, &format!("{abc}:packed"), "a\nb é");
        assert_eq!(compressed.id(63), "7c0ab198-fefb-5ca9-bb86-79e3111064fb");
        assert!(
            compressed.has("7c0ab198-fefb-5ca9-bb86-79e3111064fb")
                && !compressed.has("12e9c03e-85b7-5618-b6b1-58fb67fb00ba")
        );
    }
}
