//! Soft deletion.

#![expect(missing_docs, reason = "the names of the cases say what they check")]

use super::{Subject, assert_form, no_datastore};
use crate::{assignment, at, dataset, entry, new_datastore};
use datastore_domain::{Action, Datastore};
use datastore_ports::RepositoryError;

async fn assign(subject: &Subject, datastore: &Datastore, id: &str) {
    let assigned = subject.assignments.assign(
        datastore.id,
        assignment(id, at(1)),
        false,
        entry(Action::Assign),
    );
    assigned.await.expect("nothing is in the way");
}

pub async fn hides_what_is_deleted(subject: &Subject) {
    let stored = subject.insert(new_datastore("one")).await;
    subject.delete(&stored).await.expect("it lives");
    assert_eq!(subject.find(stored.id).await, None);
}

pub async fn refuses_a_second_deletion(subject: &Subject) {
    let stored = subject.insert(new_datastore("one")).await;
    subject.delete(&stored).await.expect("it lives");
    assert_form!(subject.delete(&stored).await, Err(RepositoryError::NotFound));
}

pub async fn refuses_what_is_absent(subject: &Subject) {
    let stored = subject.insert(new_datastore("one")).await;
    let absent = Datastore { id: no_datastore(), ..stored };
    assert_form!(subject.delete(&absent).await, Err(RepositoryError::NotFound));
}

pub async fn refuses_an_older_version_before_it_looks_at_datasets(subject: &Subject) {
    let stored = subject.insert(new_datastore("one")).await;
    let next = Datastore { version: stored.version.next(), updated_at: at(60), ..stored.clone() };
    let update = subject.datastores.update(&next, stored.version, entry(Action::Update));
    update.await.expect("nothing is in the way");
    assign(subject, &stored, "d").await;
    assert_form!(subject.delete(&stored).await, Err(RepositoryError::VersionConflict));
    assert_form!(subject.delete(&next).await, Err(RepositoryError::InUse { .. }));
    assert_eq!(subject.find(stored.id).await, Some(next));
}

pub async fn refuses_while_datasets_are_assigned_and_names_ten(subject: &Subject) {
    let stored = subject.insert(new_datastore("one")).await;
    for number in (0..12).rev() {
        assign(subject, &stored, &format!("d{number:02}")).await;
    }
    assign(subject, &stored, "Z").await;
    let ten = ["Z", "d00", "d01", "d02", "d03", "d04", "d05", "d06", "d07", "d08"];
    match subject.delete(&stored).await {
        Err(RepositoryError::InUse { datasets, count }) => {
            assert_eq!((datasets, count), (ten.map(str::to_owned).to_vec(), 13));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(subject.find(stored.id).await, Some(stored));
}

pub async fn counts_only_current_datasets(subject: &Subject) {
    let here = subject.insert(new_datastore("here")).await;
    let there = subject.insert(new_datastore("there")).await;
    assign(subject, &here, "released").await;
    assign(subject, &here, "moved").await;
    assign(subject, &there, "elsewhere").await;
    let released = dataset("released");
    let release = subject.assignments.release(here.id, &released, at(2), entry(Action::Release));
    release.await.expect("it is here");
    let moved = subject.assignments.assign(
        there.id,
        assignment("moved", at(2)),
        true,
        entry(Action::Assign),
    );
    moved.await.expect("it may be moved");
    subject.delete(&here).await.expect("no dataset is left");
    match subject.delete(&there).await {
        Err(RepositoryError::InUse { datasets, count: 2 }) => {
            assert_eq!(datasets, ["elsewhere", "moved"]);
        }
        other => panic!("{other:?}"),
    }
}
