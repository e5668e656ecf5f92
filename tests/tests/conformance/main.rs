//! One suite for the sandbox and for a real Glance behind Keystone, which keeps the sandbox faithful.
//!
//! All assertions use the client, with the messages that users see.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod data;
mod imports;
mod lists;
mod metadefs;
mod records;
mod sharing;
mod stores;
mod virtual_disks;
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

/// A service with its users: a member of a project, a reader of it, a member of another project, and an
/// administrator.
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

/// Long enough for a very small image on a busy machine.
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

/// The message of a response that is not a success.
fn message(error: &Error) -> String {
    error.answer().unwrap_or_else(|| panic!("no answer: {error:?}")).message.clone()
}

imgpush_scene::suites! { by run:
    records {
        a_new_record_is_queued_and_empty
        an_invalid_record_is_refused_with_the_reason
        a_patch_changes_writable_attributes
        a_commit_sends_the_changes
        a_protected_image_stays
        tags_are_added_and_removed
        a_deleted_image_is_not_found
        an_id_is_never_used_twice
        a_deactivated_image_can_be_reactivated
        a_reader_may_only_read
        the_service_reports_its_formats
        every_schema_is_available
        an_invalid_token_is_refused
    }
    data {
        data_makes_an_image_active_with_both_hashes
        data_of_unknown_length_is_sent_chunked
        empty_data_makes_an_empty_image
        another_size_than_declared_is_refused_and_can_be_corrected
        an_interrupted_body_leaves_the_record_queued
        data_of_another_format_is_refused_after_the_last_byte
        data_needs_formats_first
        an_early_refusal_ends_the_upload_and_has_no_other_effect
        data_is_downloaded_completely_and_in_ranges
        an_image_without_data_is_reported
    }
    virtual_disks {
        the_virtual_size_of_a_vhdx_is_recorded
        a_vmdk_whose_footer_differs_is_refused
    }
    lists {
        records_are_found_by_their_attributes
        every_filter_is_applied_by_the_server
        times_and_sizes_are_compared
        pages_follow_each_other_to_the_end
        lists_are_ordered_and_cut
        an_image_is_found_by_its_id_or_name
        a_name_of_several_images_is_ambiguous
        names_with_odd_characters_are_found
        an_invalid_filter_is_refused
    }
    sharing {
        members_see_what_they_accept
        only_shared_images_have_members
        public_images_are_visible_to_all_and_set_by_administrators
        community_images_are_listed_on_request
    }
    imports {
        staged_data_becomes_an_image
        a_failed_import_is_detected_although_it_stays_importing
        the_service_fetches_from_the_web
        a_missing_source_fails_the_import
        an_image_is_copied_from_another_region
        an_image_in_another_region_must_exist
        invalid_imports_are_refused
        a_failed_import_can_be_tried_again
        tasks_are_for_administrators
        waiting_has_an_end
        waiting_ends_when_an_upload_does
    }
    stores {
        stores_are_listed
        data_is_stored_in_the_named_store
        an_import_fills_many_stores
        administrators_copy_and_remove
        an_unknown_store_is_refused
        a_location_makes_an_image
        a_location_with_another_hash_is_refused
        a_store_without_random_reads_refuses_a_range
        locations_need_permissions
        the_cache_is_for_administrators
    }
    metadefs {
        a_namespace_is_created_changed_and_deleted
        an_invalid_namespace_is_refused
        namespaces_are_for_administrators_and_public_ones_for_all
        namespaces_are_listed_in_pages
        properties_are_defined_and_replaced
        properties_are_kept_as_the_service_stores_them
        objects_group_properties
        tags_of_a_namespace_are_added_and_removed
        namespaces_are_associated_with_resource_types
        a_protected_namespace_keeps_its_parts
        a_namespace_is_copied_with_all_parts
        names_with_odd_characters_are_found
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
