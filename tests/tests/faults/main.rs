//! Faults that a push survives, and how it ends otherwise: one suite for the sandbox and for a real Glance,
//! through a proxy with scripted faults.
//!
//! Each test asserts the exit code and the output of the program, and the content of the service, which it
//! requests directly afterwards. The proxy's journal shows that the fault happened, and how often data was
//! sent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod again;
mod answers;
mod cuts;
mod pauses;
mod refusals;
mod restarts;
mod scene;
mod sources;
mod staging;
mod stalls;
mod tokens;

imgpush_scene::suites! {
    cuts {
        a_cut_connection_is_retried
        retries_end_if_the_connection_is_always_cut
        sources_that_cannot_be_read_again_are_sent_once
    }
    stalls {
        a_stalled_connection_is_replaced
        without_a_response_the_record_is_checked
        a_slow_connection_does_not_count_as_stalled
        a_slow_response_is_awaited
    }
    refusals {
        an_overloaded_service_is_retried
        decisions_of_the_service_are_not_retried
        a_refusal_before_a_reset_is_read_if_possible
        a_transient_refusal_before_a_reset_is_retried
        a_refusal_of_all_attempts_is_shown
    }
    answers {
        a_lost_response_is_recovered_from_the_record
        a_wrong_response_after_all_data_causes_no_retry
        an_invalid_response_counts_as_a_failed_connection
        a_repeated_response_counts_once
        other_data_than_was_sent_is_never_a_success
        failures_of_small_calls_are_tolerated
    }
    pauses {
        pauses_grow_and_each_is_reported
        the_service_may_ask_for_a_pause
        zero_retries_are_one_attempt
        the_time_for_retries_ends
        an_interrupt_during_a_pause_leaves_no_record
    }
    restarts {
        a_killed_worker_only_costs_the_record
        a_restarted_service_gets_the_image
    }
    tokens {
        a_token_that_expires_during_an_upload_is_renewed
        a_token_that_is_refused_is_renewed
        a_login_that_is_always_refused_ends_the_push
        an_unavailable_identity_service_is_retried
    }
    sources {
        a_truncated_file_is_no_failure_of_the_service
        an_interrupted_download_is_no_failure_of_the_service
    }
    again {
        every_mode_detects_identical_images
        a_skip_costs_one_request
        replaced_images_are_retired_and_kept_ones_reported
        concurrent_runs_create_one_image
        the_record_of_a_killed_run_is_left_and_named
        an_upload_that_never_ends_is_not_touched
    }
    staging {
        an_interrupted_staging_is_retried
        a_staging_that_cannot_be_retried_is_reported
    }
}
