//! The contract of the storage ports, as many small cases.
//!
//! An implementation runs all of them through [`storage_contract!`](crate::storage_contract), which
//! makes one test of each case: a failure names the promise that was broken.

pub mod assignments;
pub mod checks;
pub mod delete;
pub mod history;
pub mod list;
pub mod races;
pub mod repository;
pub mod restore;
pub mod tokens;
pub mod walks;

use datastore_domain::{
    Action, Datastore, DatastoreId, EntryId, HistoryFilter, Paging, RecordedEntry, Side,
};
use datastore_ports::{
    CheckLog, DatasetAssignments, DatastoreRepository, HistoryLog, NewDatastore, RepositoryError,
    TokenRepository,
};
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// What an entry tells was done.
pub(crate) fn action_of(entry: &RecordedEntry) -> Action {
    let known = Action::ALL.into_iter().find(|action| action.as_str() == entry.action);
    known.expect("an action of this program")
}

/// An empty storage under test.
#[expect(missing_docs, reason = "each is the port of its type")]
pub struct Subject {
    pub datastores: Arc<dyn DatastoreRepository>,
    pub assignments: Arc<dyn DatasetAssignments>,
    pub tokens: Arc<dyn TokenRepository>,
    pub checks: Arc<dyn CheckLog>,
    pub history: Arc<dyn HistoryLog>,
    /// What must live as long as the test: a folder, a database to be dropped.
    _guard: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject")
    }
}

impl Subject {
    /// A storage under test with what it needs to live, which is dropped last.
    pub fn new<S>(storage: Arc<S>, guard: impl Any + Send + Sync) -> Self
    where
        S: DatastoreRepository
            + DatasetAssignments
            + TokenRepository
            + CheckLog
            + HistoryLog
            + 'static,
    {
        Self {
            datastores: storage.clone(),
            assignments: storage.clone(),
            tokens: storage.clone(),
            checks: storage.clone(),
            history: storage,
            _guard: Box::new(guard),
        }
    }

    /// The history of one datastore, or all of it, in the order of recording.
    pub(crate) async fn recorded(&self, datastore: Option<DatastoreId>) -> Vec<RecordedEntry> {
        let filter = HistoryFilter { datastore, ..HistoryFilter::default() };
        let (mut entries, mut anchor) = (Vec::new(), EntryId(0));
        loop {
            let paging = Paging::Cursor { size: 500, from: Some((Side::Before, anchor)) };
            let page = self.history.entries(&filter, paging).await.expect("the storage answers");
            entries.extend(page.rows.into_iter().rev());
            match entries.last() {
                Some(last) if page.before => anchor = last.id,
                _ => return entries,
            }
        }
    }

    /// Stores a new datastore that must not fail.
    pub(crate) async fn insert(&self, new: NewDatastore) -> Datastore {
        let entry = crate::entry(Action::Create);
        self.datastores.insert(new, entry).await.expect("nothing is in the way of the insert")
    }

    pub(crate) async fn find(&self, id: DatastoreId) -> Option<Datastore> {
        self.datastores.find(id).await.expect("the storage answers")
    }

    /// Deletes a datastore at [`crate::at`]`(100)`.
    pub(crate) async fn delete(&self, datastore: &Datastore) -> Result<(), RepositoryError> {
        let deleted = datastore.delete(crate::at(100)).expect("it lives");
        let entry = crate::entry(Action::Delete);
        self.datastores.delete(&deleted, datastore.version, entry).await
    }
}

/// The number that no test reaches.
pub(crate) fn no_datastore() -> DatastoreId {
    DatastoreId::new(999_999).expect("positive")
}

/// Asserts the form of a result; shows the result when it is another.
macro_rules! assert_form {
    ($result:expr, $form:pat $(if $guard:expr)?) => {
        match $result {
            $form $(if $guard)? => {}
            other => panic!("expected {}, got {other:?}", stringify!($form $(if $guard)?)),
        }
    };
}
pub(crate) use assert_form;

/// One test for each case of the contract. `make` is an `async fn() -> Subject` in the same module
/// that gives an empty storage each time:
///
/// ```
/// # use datastore_testkit::{MemoryStorage, contract::Subject};
/// # use std::sync::Arc;
/// async fn make() -> Subject {
///     let storage = Arc::new(MemoryStorage::new());
///     Subject::new(storage, ())
/// }
///
/// datastore_testkit::storage_contract!(make);
/// ```
#[macro_export]
macro_rules! storage_contract {
    ($make:ident) => {
        $crate::storage_contract!(@group $make, repository: [
            finds_every_field_of_a_connection_by_parts,
            finds_every_field_of_a_connection_by_string,
            finds_absent_members_as_absent,
            keeps_text_byte_for_byte,
            finds_nothing_under_an_unknown_number,
            refuses_a_name_that_is_taken,
            tells_names_apart_by_case,
            frees_the_name_of_what_is_deleted,
            never_reuses_a_number,
            updates_every_field_and_changes_the_form,
            refuses_an_update_of_an_older_version,
            refuses_an_update_to_a_name_that_is_taken,
            takes_an_update_that_keeps_its_name,
            refuses_an_update_of_what_is_absent_or_deleted,
            answers_a_ping,
        ]);
        $crate::storage_contract!(@group $make, list: [
            is_empty_at_first,
            leaves_out_what_is_deleted,
            filters_by_type_system_and_activity,
            orders_by_creation_both_ways,
            orders_names_by_code_point,
            orders_types_by_code_point_and_ties_by_number,
            puts_absent_figures_last_both_ways,
            orders_by_several_keys_with_ties_in_the_last_direction,
            pages_without_loss_or_repetition,
            tells_of_pages_before_and_after,
            counts_beyond_the_last_page,
            takes_search_words_literally,
            searches_all_words_in_name_and_description_without_case,
            combines_filters_with_search_and_pages,
            finds_what_an_update_wrote,
        ]);
        $crate::storage_contract!(@group $make, delete: [
            hides_what_is_deleted,
            refuses_a_second_deletion,
            refuses_what_is_absent,
            refuses_an_older_version_before_it_looks_at_datasets,
            refuses_while_datasets_are_assigned_and_names_ten,
            counts_only_current_datasets,
        ]);
        $crate::storage_contract!(@group $make, walks: [
            meets_the_rows_of_the_pages_by_one_key,
            meets_the_rows_of_the_pages_by_two_keys,
            meets_the_rows_of_the_pages_by_three_keys,
            meets_deleted_ones_of_one_name,
            meets_nothing_in_an_empty_list,
            meets_what_filters_and_search_leave,
            is_not_disturbed_by_what_others_change,
            goes_on_where_a_row_was,
            takes_an_anchor_by_its_values,
        ]);
        $crate::storage_contract!(@group $make, restore: [
            finds_any_deleted_or_not,
            brings_everything_back,
            records_each_turn_with_its_version,
            refuses_a_name_that_is_taken_meanwhile,
            refuses_what_lives_is_absent_or_of_another_version,
            restores_without_datasets_and_takes_new_ones,
            lists_deleted_ones_by_themselves,
        ]);
        $crate::storage_contract!(@group $make, assignments: [
            assigns_and_lists_oldest_first,
            pages_and_counts,
            assigns_again_without_effect,
            takes_over_a_name_that_differs,
            refuses_an_absent_or_deleted_datastore,
            refuses_an_inactive_datastore_but_for_what_is_here,
            refuses_what_is_assigned_elsewhere,
            moves_when_told_to,
            releases_once,
            assigns_anew_after_a_release,
            remembers_past_ones_newest_first,
            remembers_those_of_deleted_datastores,
        ]);
        $crate::storage_contract!(@group $make, tokens: [
            finds_by_digest_only,
            lists_by_number,
            gets_by_number_and_pages,
            records_the_number_of_a_new_one,
            revokes_once,
            refuses_to_revoke_what_is_absent,
        ]);
        $crate::storage_contract!(@group $make, checks: [
            records_and_reads_in_order,
            keeps_every_step_and_code,
            tells_the_last_of_each_datastore,
            records_for_deleted_datastores_and_refuses_absent_ones,
        ]);
        $crate::storage_contract!(@group $make, history: [
            records_what_commands_did,
            records_nothing_for_what_was_refused,
            writes_changes_as_json_in_member_order,
            records_assignments_tokens_and_requests,
            records_what_changed_nothing,
            filters_newest_first_and_pages,
            walks_by_cursor_both_ways,
            meets_new_entries_before_the_first_page,
        ]);
        $crate::storage_contract!(@group $make, races: [
            t38_one_of_twenty_inserts_of_one_name_wins,
            t38_a_datastore_is_never_deleted_with_datasets,
            t38_one_of_ten_updates_of_one_version_wins,
            t38_a_dataset_lives_in_one_place,
            t38_datasets_move_in_opposite_directions,
            t38_a_dataset_leaves_a_place_once,
            t38_a_name_is_restored_or_created_anew,
            t38_of_two_deleted_ones_of_one_name_one_is_restored,
            t38_one_of_two_restores_wins,
            counts_and_lists_one_moment,
        ]);
    };
    (@group $make:ident, $group:ident: [$($case:ident),* $(,)?]) => {
        mod $group {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let subject = super::$make().await;
                    $crate::contract::$group::$case(&subject).await;
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests {
    /// A case that nobody runs proves nothing.
    #[test]
    fn every_case_is_in_the_list() {
        let list = include_str!("contract.rs");
        let groups = [
            include_str!("contract/assignments.rs"),
            include_str!("contract/checks.rs"),
            include_str!("contract/delete.rs"),
            include_str!("contract/history.rs"),
            include_str!("contract/list.rs"),
            include_str!("contract/races.rs"),
            include_str!("contract/repository.rs"),
            include_str!("contract/restore.rs"),
            include_str!("contract/tokens.rs"),
            include_str!("contract/walks.rs"),
        ];
        for source in groups {
            for rest in source.split("pub async fn ").skip(1) {
                let (case, _) = rest.split_once('(').expect("a function has parameters");
                assert!(list.contains(&format!("            {case},\n")), "{case}");
            }
        }
    }
}
