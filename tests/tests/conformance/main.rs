//! One suite for the sandbox and for a real Glance behind Keystone, so that the sandbox cannot drift.
//!
//! Everything is asserted through the client, with the words users see.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod data;
mod imports;
mod lists;
mod records;
mod sharing;
mod stores;
mod web;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use imgpush_client::{Error, Image, ImageClient, NewImage, UploadOptions, WaitOptions};
use imgpush_sandbox::{ADMIN, OTHER_USER, READER, USER};
use imgpush_scene::{Scene, Side};

/// MD5 and SHA-512 of `abc`, from the standards.
const ABC_MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
const ABC_SHA512: &str = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                          2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

/// A service as its users see it: a member of a project, one who may only read in it, a member of
/// another project, and an administrator.
struct Clouds {
    demo: ImageClient,
    reader: ImageClient,
    other: ImageClient,
    admin: ImageClient,
}

fn unique(name: &str) -> String {
    format!("{name}-{}", uuid::Uuid::new_v4())
}

fn raw(name: &str) -> NewImage {
    NewImage::named(unique(name)).with_formats("raw", "bare")
}

fn abc() -> Full<Bytes> {
    Full::from("abc")
}

fn sized(bytes: u64) -> UploadOptions {
    UploadOptions::sized(bytes)
}

/// Long enough for the smallest image on a busy machine.
fn patient() -> WaitOptions {
    WaitOptions::default()
        .with_timeout(Duration::from_secs(60))
        .with_interval(Duration::from_millis(300))
}

/// An active image of three bytes.
async fn active(client: &ImageClient, name: &str) -> Image {
    let image = client.create(&raw(name)).await.unwrap();
    client.upload(image.id(), abc(), &sized(3)).await.unwrap();
    client.image(image.id()).await.unwrap()
}

/// The message of an answer that is not a success.
fn message(error: &Error) -> String {
    error.answer().unwrap_or_else(|| panic!("no answer: {error:?}")).message.clone()
}

imgpush_scene::suites! { by run:
    records {
        a_new_record_is_queued_and_empty
        a_record_that_cannot_be_is_refused_with_the_reason
        a_patch_changes_what_it_may
        a_commit_sends_what_changed
        a_protected_image_stays
        tags_come_and_go
        what_is_gone_is_not_found
        an_id_is_never_taken_twice
        a_closed_image_opens_again
        a_reader_may_only_read
        the_service_says_what_it_takes
        every_schema_is_there
        a_token_that_is_none_is_refused
    }
    data {
        data_makes_it_active_with_both_hashes
        data_of_unknown_length_goes_out_chunked
        no_data_at_all_makes_an_empty_image
        another_size_than_announced_is_refused_and_can_be_repaired
        a_body_that_breaks_off_leaves_the_record_queued
        data_of_another_format_is_refused_after_the_last_byte
        data_needs_formats_first
        an_early_refusal_ends_the_sending_and_harms_nothing
        data_comes_back_whole_and_in_parts
        what_has_no_data_says_so
    }
    lists {
        records_are_found_by_what_they_hold
        every_filter_is_the_servers
        times_and_sizes_are_compared
        pages_follow_each_other_to_the_end
        lists_are_ordered_and_cut
        an_image_is_found_by_its_id_or_name
        a_name_of_several_is_no_name
        names_with_odd_characters_are_found
        a_filter_that_is_none_is_refused
    }
    sharing {
        members_see_what_they_accept
        only_shared_images_have_members
        what_is_public_is_for_all_and_by_administrators
        community_images_are_listed_when_asked_for
    }
    imports {
        staged_data_becomes_an_image
        a_failed_import_is_noticed_though_it_stays_importing
        the_service_fetches_from_the_web
        a_source_that_is_not_there_fails_the_import
        an_image_comes_from_another_region
        an_image_of_another_region_must_be_there
        imports_that_cannot_be_are_refused
        a_failed_import_can_be_tried_again
        tasks_are_the_administrators
        waiting_has_an_end
        waiting_ends_when_an_upload_does
    }
    stores {
        stores_are_listed
        data_goes_to_the_store_that_is_named
        an_import_fills_many_stores
        administrators_copy_and_remove
        a_store_that_is_none_is_refused
        a_location_makes_an_image
        a_location_with_another_hash_is_refused
        a_store_without_random_reads_refuses_a_range
        locations_are_not_for_everybody
        the_cache_is_the_administrators
    }
}

fn run(side: Side, test: impl AsyncFnOnce(&Clouds)) {
    let scene = Scene::builder().on(side).start_blocking();
    scene.block_on(async {
        let clouds = Clouds {
            demo: scene.login(USER).await,
            reader: scene.login(READER).await,
            other: scene.login(OTHER_USER).await,
            admin: scene.login(ADMIN).await,
        };
        test(&clouds).await;
    });
}
