//! Deleted datastores, and bringing them back.

#![expect(missing_docs, reason = "the names of the cases say what they check")]

use super::{Subject, assert_form, no_datastore};
use crate::contract::action_of;
use crate::{assignment, at, dataset, entry, new_datastore, new_datastore_by_string, page};
use datastore_domain::{
    Action, Datastore, DatastoreId, DatastoreType, ListFilter, ListQuery, Paging, SearchTerms,
    Version,
};
use datastore_ports::{NewDatastore, RepositoryError};

/// Stores and deletes; the result is the row as it is then.
async fn deleted(subject: &Subject, new: NewDatastore) -> Datastore {
    let stored = subject.insert(new).await;
    subject.delete(&stored).await.expect("it lives");
    stored.delete(at(100)).expect("it lived")
}

/// Restores at [`at`]`(200)`.
async fn restore(
    subject: &Subject,
    datastore: &Datastore,
    expected: Version,
) -> Result<Datastore, RepositoryError> {
    let restored = datastore.restore(at(200)).expect("it is deleted");
    subject.datastores.restore(&restored, expected, entry(Action::Restore)).await?;
    Ok(restored)
}

async fn find_any(subject: &Subject, id: DatastoreId) -> Option<Datastore> {
    subject.datastores.find_any(id).await.expect("the storage answers")
}

pub async fn finds_any_deleted_or_not(subject: &Subject) {
    let living = subject.insert(new_datastore("living")).await;
    let gone = deleted(subject, new_datastore_by_string("gone")).await;
    assert_eq!(find_any(subject, living.id).await, Some(living));
    assert_eq!(find_any(subject, gone.id).await.as_ref(), Some(&gone));
    assert_eq!(gone.deleted_at, Some(at(100)));
    assert_eq!(find_any(subject, no_datastore()).await, None);
}

pub async fn brings_everything_back(subject: &Subject) {
    for new in [new_datastore("by parts"), new_datastore_by_string("by string")] {
        let gone = deleted(subject, new).await;
        let restored = restore(subject, &gone, gone.version).await.expect("nothing is in the way");
        assert_eq!((restored.version.get(), restored.updated_at), (3, at(200)));
        assert_eq!(subject.find(gone.id).await.as_ref(), Some(&restored));
        assert_eq!(find_any(subject, gone.id).await, Some(restored));
        let again = subject.datastores.insert(
            NewDatastore { profile: gone.profile.clone(), ..new_datastore("x") },
            entry(Action::Create),
        );
        assert_form!(again.await, Err(RepositoryError::NameTaken));
    }
}

pub async fn records_each_turn_with_its_version(subject: &Subject) {
    let mut row = subject.insert(new_datastore("one")).await;
    for _ in 0..2 {
        subject.delete(&row).await.expect("it lives");
        let gone = row.delete(at(100)).expect("it lives");
        row = restore(subject, &gone, gone.version).await.expect("nothing is in the way");
    }
    let entries = subject.recorded(Some(row.id)).await;
    let turns = entries.iter().map(|entry| (action_of(entry), entry.version.map(Version::get)));
    let expected = [
        (Action::Create, Some(1)),
        (Action::Delete, Some(2)),
        (Action::Restore, Some(3)),
        (Action::Delete, Some(4)),
        (Action::Restore, Some(5)),
    ];
    assert_eq!(turns.collect::<Vec<_>>(), expected);
}

pub async fn refuses_a_name_that_is_taken_meanwhile(subject: &Subject) {
    let gone = deleted(subject, new_datastore("one")).await;
    let meanwhile = subject.insert(new_datastore("one")).await;
    let refused = restore(subject, &gone, gone.version).await;
    assert_form!(refused, Err(RepositoryError::NameTaken));
    assert_eq!(find_any(subject, gone.id).await.as_ref(), Some(&gone));
    assert_eq!(subject.recorded(Some(gone.id)).await.len(), 2);
    subject.delete(&meanwhile).await.expect("it lives");
    restore(subject, &gone, gone.version).await.expect("the name is free");
}

pub async fn refuses_what_lives_is_absent_or_of_another_version(subject: &Subject) {
    let gone = deleted(subject, new_datastore("one")).await;
    for expected in [Version::FIRST, gone.version.next()] {
        let refused = restore(subject, &gone, expected).await;
        assert_form!(refused, Err(RepositoryError::VersionConflict));
    }
    // Version before name: who acts on what is outdated learns that first.
    let other = subject.insert(new_datastore("one")).await;
    let refused = restore(subject, &gone, Version::FIRST).await;
    assert_form!(refused, Err(RepositoryError::VersionConflict));
    let absent = Datastore { id: no_datastore(), ..gone.clone() };
    let refused = restore(subject, &absent, absent.version).await;
    assert_form!(refused, Err(RepositoryError::NotFound));
    subject.delete(&other).await.expect("it lives");
    restore(subject, &gone, gone.version).await.expect("the name is free");
    for expected in [gone.version, gone.version.next()] {
        let refused = restore(subject, &gone, expected).await;
        assert_form!(refused, Err(RepositoryError::NotFound));
    }
}

pub async fn restores_without_datasets_and_takes_new_ones(subject: &Subject) {
    let stored = subject.insert(new_datastore("one")).await;
    let assign = |seconds| {
        let wish = assignment("d", at(seconds));
        subject.assignments.assign(stored.id, wish, false, entry(Action::Assign))
    };
    assign(1).await.expect("nothing is in the way");
    let dataset = dataset("d");
    let release = subject.assignments.release(stored.id, &dataset, at(2), entry(Action::Release));
    release.await.expect("it is here");
    subject.delete(&stored).await.expect("nothing is assigned");
    let gone = stored.delete(at(100)).expect("it lives");
    restore(subject, &gone, gone.version).await.expect("nothing is in the way");
    let current = subject.assignments.current(stored.id, page(1, 9)).await;
    assert_eq!(current.expect("the storage answers").rows, []);
    assign(300).await.expect("it lives again");
    let periods = subject.assignments.history(stored.id, page(1, 9)).await;
    assert_eq!(periods.expect("the storage answers").count, Some(2));
}

pub async fn lists_deleted_ones_by_themselves(subject: &Subject) {
    subject.insert(new_datastore("living")).await;
    let first = deleted(subject, new_datastore("same")).await;
    let second = deleted(subject, new_datastore("same")).await;
    let string = deleted(subject, new_datastore_by_string("other")).await;
    let list = |filter| async move {
        let ordering = super::list::by(&[(datastore_domain::OrderKey::Name, true)]);
        let paging = Paging::Number(page(1, 9));
        let found = subject.datastores.list(&ListQuery { filter, ordering, paging }).await;
        let found = found.expect("the storage answers");
        assert_eq!(found.count, Some(found.rows.len() as u64));
        found.rows
    };
    let all = ListFilter { deleted: true, ..ListFilter::default() };
    assert_eq!(list(all.clone()).await, [second.clone(), first, string]);
    let search = SearchTerms::new("SAME").expect("within the limits");
    let found = ListFilter { search, types: vec![DatastoreType::Sql], ..all.clone() };
    assert_eq!(list(found).await.len(), 2);
    let none = ListFilter { is_active: Some(false), ..all.clone() };
    assert_eq!(list(none).await, []);
    restore(subject, &second, second.version).await.expect("nothing is in the way");
    assert_eq!(list(all).await.len(), 2);
    assert_eq!(list(ListFilter::default()).await.len(), 2);
}
