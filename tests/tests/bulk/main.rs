//! Many images at a time, by a program that may be killed at any moment, or runs twice: one suite before
//! the sandbox and before a real Glance.
//!
//! Each test asserts how the program ends and what it says, and what the service shows afterwards when it
//! is asked directly. The digests to compare with are those of `sha512sum`.

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
        what_is_there_survives_every_kill
    }
    twice {
        runs_at_the_same_time_make_one_image_of_each
    }
    broken {
        images_that_are_broken_do_not_spoil_the_others
    }
}

/// Quotas of its own has no real cloud that others use as well.
#[test]
fn uploads_at_once_and_bytes_stay_within_the_quotas() {
    quotas::uploads_at_once_and_bytes_stay_within();
}
