//! What a push survives, and how it ends where it cannot: one suite before the sandbox and before a real
//! Glance, through a proxy that breaks what passes.
//!
//! Each test asserts how the program ends and what it says, what the service shows afterwards when it is
//! asked directly, and by the proxy's journal that the fault took place and how often data was sent.

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
        a_cut_connection_is_made_up_for
        a_connection_that_is_always_cut_is_given_up
        what_cannot_be_read_again_is_sent_once
    }
    stalls {
        a_connection_that_takes_nothing_is_left_for_another
        a_service_that_never_answers_is_asked_what_it_has
        what_is_slow_is_not_taken_for_stalled
        an_answer_that_comes_slowly_is_waited_for
    }
    refusals {
        an_overloaded_service_is_tried_again
        what_the_service_decided_is_not_tried_again
        a_refusal_behind_which_the_connection_is_reset_is_read_where_it_can_be
        a_passing_refusal_behind_which_the_connection_is_reset_is_survived
        a_refusal_of_all_tries_is_shown
    }
    answers {
        a_lost_answer_is_made_up_for_by_asking
        a_wrong_answer_behind_data_that_arrived_costs_nothing
        what_is_no_answer_is_a_broken_connection
        an_answer_that_comes_twice_is_one
        other_data_than_was_sent_is_never_a_success
        trouble_of_the_small_calls_is_survived
    }
    pauses {
        pauses_grow_and_each_is_said
        the_service_may_ask_for_a_pause
        no_retries_are_one_try
        the_time_for_retries_ends
        an_interrupt_in_a_pause_leaves_nothing
    }
    restarts {
        a_worker_that_is_killed_costs_the_record_only
        a_service_that_is_started_again_gets_the_image
    }
    tokens {
        a_token_that_ends_in_mid_upload_is_renewed
        a_token_that_is_refused_is_renewed
        a_login_that_is_always_refused_ends_it
        an_identity_service_in_trouble_is_waited_for
    }
    sources {
        a_file_that_is_cut_short_is_no_failure_of_the_service
        a_web_server_that_breaks_off_is_no_failure_of_the_service
    }
    again {
        every_mode_knows_what_is_the_same
        a_skip_costs_one_request
        what_is_replaced_is_retired_and_what_stays_is_said
        runs_at_once_make_one_image
        the_record_of_a_run_that_was_killed_is_left_and_named
        an_upload_that_never_ends_is_left_alone
    }
    staging {
        a_broken_staging_is_done_again
        a_staging_that_cannot_be_done_again_says_so
    }
}
