//! Commands at the same moment.

#![expect(missing_docs, reason = "the names of the cases say what they check")]

use super::Subject;
use crate::{assignment, at, entry, new_datastore, page};
use datastore_domain::{Action, Datastore};
use datastore_ports::{AssignOutcome, AssignmentError, RepositoryError};
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Runs the futures at the same moment and gives their results in no order.
async fn together<F>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let futures: Vec<_> = futures.into_iter().collect();
    let start = Arc::new(Barrier::new(futures.len()));
    let mut tasks = JoinSet::new();
    for future in futures {
        let start = start.clone();
        tasks.spawn(async move {
            start.wait().await;
            future.await
        });
    }
    tasks.join_all().await
}

pub async fn t38_one_of_twenty_inserts_of_one_name_wins(subject: &Subject) {
    for round in 0..5 {
        let name = format!("name {round}");
        let results = together((0..20).map(|_| {
            let (datastores, new) = (subject.datastores.clone(), new_datastore(&name));
            async move { datastores.insert(new, entry(Action::Create)).await }
        }));
        let results = results.await;
        let won = results.iter().filter(|result| result.is_ok()).count();
        let lost = results.iter().filter(|r| matches!(r, Err(RepositoryError::NameTaken))).count();
        assert_eq!((won, lost), (1, 19), "round {round}: {results:?}");
    }
    assert_eq!(subject.history.history(None).await.len(), 5);
}

pub async fn t38_a_datastore_is_never_deleted_with_datasets(subject: &Subject) {
    let (mut assigned_first, mut deleted_first) = (0, 0);
    for round in 0..200 {
        let stored = subject.insert(new_datastore(&format!("round {round}"))).await;
        let (assign, delete) = delete_against_assign(subject, &stored, round).await;
        let current = subject.assignments.current(stored.id, page(1, 10)).await;
        let current = current.expect("the storage answers").count;
        let lives = subject.find(stored.id).await.is_some();
        match (assign, delete) {
            (Ok(_), Err(RepositoryError::InUse { count: 1, .. })) if lives && current == 1 => {
                assigned_first += 1;
            }
            (Err(AssignmentError::NoDatastore), Ok(())) if !lives && current == 0 => {
                deleted_first += 1;
            }
            other => panic!("round {round}: {other:?}, lives: {lives}, current: {current}"),
        }
    }
    assert_eq!(assigned_first + deleted_first, 200);
}

async fn delete_against_assign(
    subject: &Subject,
    stored: &Datastore,
    round: i32,
) -> (Result<AssignOutcome, AssignmentError>, Result<(), RepositoryError>) {
    let start = Arc::new(Barrier::new(2));
    let assign = tokio::spawn({
        let (assignments, start, id) = (subject.assignments.clone(), start.clone(), stored.id);
        let wish = assignment(&format!("d{round}"), at(1));
        async move {
            start.wait().await;
            assignments.assign(id, wish, false, entry(Action::Assign)).await
        }
    });
    let delete = tokio::spawn({
        let (datastores, start, stored) = (subject.datastores.clone(), start, stored.clone());
        async move {
            start.wait().await;
            let deleted = stored.delete(at(100)).expect("it lives");
            datastores.delete(&deleted, stored.version, entry(Action::Delete)).await
        }
    });
    (assign.await.expect("does not panic"), delete.await.expect("does not panic"))
}

pub async fn t38_one_of_ten_updates_of_one_version_wins(subject: &Subject) {
    let stored = subject.insert(new_datastore("one")).await;
    let results = together((0..10).map(|writer| {
        let datastores = subject.datastores.clone();
        let mut next = stored.clone();
        next.version = stored.version.next();
        next.profile = crate::profile(&format!("by writer {writer}"));
        let expected = stored.version;
        async move { datastores.update(&next, expected, entry(Action::Update)).await }
    }));
    let results = results.await;
    let won = results.iter().filter(|result| result.is_ok()).count();
    let conflict = |r: &&Result<(), _>| matches!(r, Err(RepositoryError::VersionConflict));
    let lost = results.iter().filter(conflict).count();
    assert_eq!((won, lost), (1, 9), "{results:?}");
    assert_eq!(subject.history.history(Some(stored.id)).await.len(), 2);
}

pub async fn t38_a_dataset_lives_in_one_place(subject: &Subject) {
    let mut stored = Vec::new();
    for number in 0..6 {
        stored.push(subject.insert(new_datastore(&format!("n{number}"))).await.id);
    }
    for move_here in [false, true] {
        let wish = assignment(if move_here { "moved" } else { "kept" }, at(1));
        let results = together(stored.clone().into_iter().map(|id| {
            let (assignments, wish) = (subject.assignments.clone(), wish.clone());
            async move { assignments.assign(id, wish, move_here, entry(Action::Assign)).await }
        }));
        let results = results.await;
        let won = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, if move_here { 6 } else { 1 }, "{results:?}");
    }
    let mut places = 0;
    for id in stored {
        let current = subject.assignments.current(id, page(1, 10)).await;
        places += current.expect("the storage answers").count;
    }
    assert_eq!(places, 2, "two datasets live in one place each");
}
