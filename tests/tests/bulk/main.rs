//! Batches of many images by a program that may be killed at any moment, or runs twice: one suite for the
//! sandbox and for a real Glance.
//!
//! Each test asserts the exit code and the output of the program, and the content of the service, which it
//! requests directly afterwards. The expected digests are from `sha512sum`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broken;
mod images;
mod kills;
mod quotas;
mod scene;
mod twice;

imgpush_scene::suites! {
    kills {
        a_journal_survives_every_kill
        existing_images_survive_every_kill
    }
    twice {
        concurrent_runs_create_one_image_of_each
    }
    broken {
        damaged_images_do_not_affect_the_others
    }
}

/// A real cloud that others use as well cannot have quotas for this test.
#[test]
fn concurrent_uploads_and_bytes_stay_within_the_quotas() {
    quotas::concurrent_uploads_and_bytes_stay_within();
}
