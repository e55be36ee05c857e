//! What every store promises, as tests: [`store_suite!`](crate::store_suite) stamps one for each promise.
//!
//! A promise is an async function of a store that holds nothing. It uses the port alone, never sleeps, and holds
//! on every machine; so the list in the macro is the specification of [`TaskStore`].

pub mod committing;
pub mod creating;
pub mod deleting;
pub mod due;
mod fixtures;
pub mod listing;
pub mod model;
pub mod reading;
pub mod receipts;
pub mod seeking;
pub mod verbatim;

use std::sync::Arc;

use crate::ports::TaskStore;

/// A store to test, with whatever has to live as long as the store.
pub trait Subject {
    /// The store, which holds nothing at first.
    fn store(&self) -> Arc<dyn TaskStore>;
}

impl<S: TaskStore> Subject for Arc<S> {
    fn store(&self) -> Arc<dyn TaskStore> {
        Self::clone(self)
    }
}

impl Subject for Arc<dyn TaskStore> {
    fn store(&self) -> Arc<dyn TaskStore> {
        Self::clone(self)
    }
}

impl<S: Subject, G> Subject for (S, G) {
    fn store(&self) -> Arc<dyn TaskStore> {
        self.0.store()
    }
}

/// Stamps one test for each promise of [`TaskStore`], in a module of the name given.
///
/// The expression builds a store that holds nothing, and may await: an `Arc` of a store, or a pair of it and what
/// has to outlive it, such as a directory. The crate needs `tokio` with `macros` and `rt-multi-thread`.
///
/// ```
/// # use std::sync::Arc;
/// # use taskcast_actors::memory::MemoryStore;
/// taskcast_actors::store_suite!(memory, Arc::new(MemoryStore::new()));
/// ```
#[macro_export]
macro_rules! store_suite {
    ($name:ident, $build:expr) => {
        $crate::__store_suite! { $name, $build;
            creating {
                a_new_log_is_at_its_beginning
                what_was_never_created_is_nowhere
                an_id_is_taken_only_once
                of_concurrent_creates_of_one_id_one_wins
                a_log_can_be_created_with_events
                a_replacement_takes_the_place_as_a_whole
                replacing_nothing_just_creates
            }
            committing {
                a_commit_appends_and_moves_the_version
                a_commit_without_events_moves_the_revision
                a_commit_at_another_incarnation_conflicts
                a_commit_at_another_version_conflicts
                a_commit_at_another_revision_conflicts
                of_concurrent_commits_at_one_stamp_one_wins
                writers_that_try_again_leave_no_hole
                a_conflict_harms_nobody_else
                a_head_changes_only_with_a_commit_that_says_so
                a_checkpoint_is_kept_replaced_and_removed
                a_caller_that_goes_away_tears_nothing
            }
            reading {
                pages_follow_each_other_without_a_hole
                a_page_ends_once_it_holds_enough_bytes
                a_page_ends_where_the_range_or_the_log_ends
                nothing_is_read_behind_the_end
                a_dropped_event_leaves_its_place_and_its_series
                a_hidden_event_is_still_there_to_be_folded
                an_erased_event_leaves_its_place_without_its_series
                a_payload_that_is_gone_stays_gone
                without_deltas_accumulate_events_are_only_places
                another_incarnation_is_gone
                a_commit_can_hide_and_drop_what_it_appends
            }
            seeking {
                an_id_finds_its_index_whatever_happened_to_the_event
                an_id_that_is_not_there_finds_nothing
                ids_of_an_imported_log_are_found_anywhere
                a_time_finds_the_first_later_event
                a_time_finds_the_first_later_event_of_an_unsorted_log
            }
            listing {
                tasks_are_listed_in_creation_order
                a_listing_goes_on_behind_any_task_and_says_whether_more_follow
                a_status_filter_follows_the_changes
                a_type_filter_matches_exactly_or_by_prefix
                a_tag_filter_wants_all_of_its_tags
                an_assign_mode_filter_wants_exactly_that
                filters_work_together
                paging_neither_skips_nor_repeats_while_tasks_come_and_go
            }
            due {
                what_is_due_comes_in_order_from_behind_the_cursor
                a_due_time_follows_the_head
            }
            deleting {
                a_deleted_task_is_nowhere
                another_incarnation_is_not_deleted
                a_log_that_is_created_again_starts_at_its_beginning
                a_long_log_disappears_at_once
            }
            receipts {
                what_was_put_is_found_byte_for_byte
                a_swap_wants_exactly_what_is_there
                of_concurrent_swaps_over_one_receipt_one_is_made
                a_receipt_is_gone_once_its_time_is_over
                a_swap_that_is_made_twice_finds_its_own
                receipts_that_are_over_harm_no_others
                receipts_outlive_the_tasks
            }
            verbatim {
                user_json_comes_back_byte_for_byte
                a_megabyte_comes_back_byte_for_byte
                every_field_of_an_event_comes_back
                every_field_of_a_head_comes_back_with_its_secrets
                numbers_come_back_up_to_the_largest
            }
            model {
                any_history_is_the_one_of_the_reference
            }
        }
    };
}

/// Not for use: the inside of [`store_suite!`](crate::store_suite).
#[doc(hidden)]
#[macro_export]
macro_rules! __store_suite {
    ($name:ident, $build:expr; $($file:ident { $($promise:ident)+ })+) => {
        async fn $name() -> impl $crate::testing::store_suite::Subject {
            $build
        }

        mod $name {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    let subject = super::$name().await;
                    let store = $crate::testing::store_suite::Subject::store(&subject);
                    $crate::testing::store_suite::$file::$promise(store).await;
                }
            )+)+
        }
    };
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::memory::MemoryStore;

    crate::store_suite!(memory, Arc::new(MemoryStore::new()));

    #[test]
    fn every_promise_is_stamped() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/testing/store_suite");
        let list = include_str!("store_suite.rs");
        for file in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            for line in text.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
                let name = line.split('(').next().unwrap();
                assert!(list.lines().any(|stamped| stamped.trim() == name), "{name} is not stamped");
            }
        }
    }
}
