//! Commands at the same moment.

#![expect(missing_docs, reason = "the names of the cases say what they check")]

use super::Subject;
use crate::contract::action_of;
use crate::{assignment, at, dataset, entry, new_datastore, page};
use datastore_domain::{Action, Datastore, ListFilter, ListQuery, OrderKey, Paging};
use datastore_ports::{
    AssignOutcome, AssignmentError, DatastoreRepository, NewDatastore, RepositoryError,
};
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
    assert_eq!(subject.recorded(None).await.len(), 5);
}

pub async fn t38_a_datastore_is_never_deleted_with_datasets(subject: &Subject) {
    for round in 0..200 {
        let stored = subject.insert(new_datastore(&format!("round {round}"))).await;
        let (assign, delete) = delete_against_assign(subject, &stored, round).await;
        let current = subject.assignments.current(stored.id, page(1, 10)).await;
        let current = current.expect("the storage answers").rows.len();
        let lives = subject.find(stored.id).await.is_some();
        match (assign, delete) {
            (Ok(_), Err(RepositoryError::InUse { count: 1, .. })) if lives && current == 1 => {}
            (Err(AssignmentError::NoDatastore), Ok(())) if !lives && current == 0 => {}
            other => panic!("round {round}: {other:?}, lives: {lives}, current: {current}"),
        }
    }
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
    assert_eq!(subject.recorded(Some(stored.id)).await.len(), 2);
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
        places += current.expect("the storage answers").rows.len();
    }
    assert_eq!(places, 2, "two datasets live in one place each");
}

/// Each move touches both datastores, in opposite order: none may wait for the other for ever.
pub async fn t38_datasets_move_in_opposite_directions(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await.id;
    let other = subject.insert(new_datastore("other")).await.id;
    let results = together((0..8).map(|task| {
        let assignments = subject.assignments.clone();
        async move {
            for round in 0..10 {
                let place = if (task + round) % 2 == 0 { one } else { other };
                let wish = assignment(&format!("d{task}"), at(round));
                assignments.assign(place, wish, true, entry(Action::Assign)).await?;
            }
            Ok::<_, AssignmentError>(())
        }
    }));
    for result in results.await {
        result.expect("nothing stands in the way of a move");
    }
}

/// A dataset that one releases while another moves it away leaves its place once.
pub async fn t38_a_dataset_leaves_a_place_once(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await.id;
    let other = subject.insert(new_datastore("other")).await.id;
    for round in 0..50 {
        let wish = assignment("d", at(round));
        let assigned = subject.assignments.assign(one, wish, true, entry(Action::Assign)).await;
        assigned.expect("nothing stands in the way");
        together([true, false].map(|moves| {
            let assignments = subject.assignments.clone();
            async move {
                if moves {
                    let wish = assignment("d", at(round));
                    let moved = assignments.assign(other, wish, true, entry(Action::Assign)).await;
                    moved.expect("nothing stands in the way");
                } else {
                    let left = entry(Action::Release);
                    match assignments.release(one, &dataset("d"), at(round), left).await {
                        Ok(()) | Err(AssignmentError::NotAssigned) => {}
                        Err(error) => panic!("round {round}: {error:?}"),
                    }
                }
            }
        }))
        .await;
    }
    let lines = subject.recorded(Some(one)).await;
    let of = |action| lines.iter().filter(|line| action_of(line) == action).count();
    assert_eq!((of(Action::Assign), of(Action::Release)), (50, 50));
}

async fn deleted(subject: &Subject, name: &str) -> Datastore {
    let stored = subject.insert(new_datastore(name)).await;
    subject.delete(&stored).await.expect("it lives");
    stored.delete(at(100)).expect("it lived")
}

async fn restore(
    datastores: &dyn DatastoreRepository,
    gone: &Datastore,
) -> Result<(), RepositoryError> {
    let restored = gone.restore(at(200)).expect("it is deleted");
    datastores.restore(&restored, gone.version, entry(Action::Restore)).await
}

/// How many living datastores have the name.
async fn living(subject: &Subject, name: &str) -> usize {
    let ordering = super::list::by(&[(OrderKey::Name, false)]);
    let (filter, paging) = (ListFilter::default(), Paging::Number(page(1, 500)));
    let page = subject.datastores.list(&ListQuery { filter, ordering, paging }).await;
    let rows = page.expect("the storage answers").rows;
    rows.iter().filter(|row| row.profile.name.as_str() == name).count()
}

/// One has the name, the other is told that it is taken.
fn assert_one_has_the_name(results: &[Result<(), RepositoryError>], round: i32) {
    let won = results.iter().filter(|result| result.is_ok()).count();
    let lost = results.iter().filter(|r| matches!(r, Err(RepositoryError::NameTaken))).count();
    assert_eq!((won, lost), (1, 1), "round {round}: {results:?}");
}

pub async fn t38_a_name_is_restored_or_created_anew(subject: &Subject) {
    for round in 0..100 {
        let name = format!("round {round}");
        let gone = deleted(subject, &name).await;
        let results = together([true, false].map(|restores| {
            let (datastores, gone, new) =
                (subject.datastores.clone(), gone.clone(), new_datastore(&name));
            async move {
                if restores {
                    return restore(&*datastores, &gone).await;
                }
                datastores.insert(new, entry(Action::Create)).await.map(|_| ())
            }
        }));
        assert_one_has_the_name(&results.await, round);
        assert_eq!(living(subject, &name).await, 1, "round {round}");
    }
}

pub async fn t38_of_two_deleted_ones_of_one_name_one_is_restored(subject: &Subject) {
    for round in 0..100 {
        let name = format!("round {round}");
        let both = [deleted(subject, &name).await, deleted(subject, &name).await];
        let results = together(both.map(|gone| {
            let datastores = subject.datastores.clone();
            async move { restore(&*datastores, &gone).await }
        }));
        assert_one_has_the_name(&results.await, round);
        assert_eq!(living(subject, &name).await, 1, "round {round}");
    }
}

pub async fn t38_one_of_two_restores_wins(subject: &Subject) {
    for round in 0..100 {
        let gone = deleted(subject, &format!("round {round}")).await;
        let results = together([(), ()].map(|()| {
            let (datastores, gone) = (subject.datastores.clone(), gone.clone());
            async move { restore(&*datastores, &gone).await }
        }));
        let results = results.await;
        let won = results.iter().filter(|result| result.is_ok()).count();
        let late = |r: &&Result<(), _>| {
            matches!(r, Err(RepositoryError::NotFound | RepositoryError::VersionConflict))
        };
        let lost = results.iter().filter(late).count();
        assert_eq!((won, lost), (1, 1), "round {round}: {results:?}");
        assert_eq!(subject.recorded(Some(gone.id)).await.len(), 3, "round {round}");
        let lives = subject.find(gone.id).await.expect("it was restored");
        assert_eq!(lives.version, gone.version.next(), "round {round}");
    }
}

/// Each row carries the number of rows that there were with it.
pub async fn counts_and_lists_one_moment(subject: &Subject) {
    const ROWS: i64 = 150;
    let datastores = subject.datastores.clone();
    let writer = tokio::spawn(async move {
        for number in 1..=ROWS {
            let new = NewDatastore { at: at(number), ..new_datastore(&number.to_string()) };
            datastores.insert(new, entry(Action::Create)).await.expect("nothing is in the way");
        }
    });
    let mut last = 0;
    while last < ROWS {
        let ordering = super::list::by(&[(OrderKey::CreatedAt, true)]);
        let (filter, paging) = (ListFilter::default(), Paging::Number(page(1, 1)));
        let found = subject.datastores.list(&ListQuery { filter, ordering, paging }).await;
        let found = found.expect("the storage answers");
        if let [newest] = &found.rows[..] {
            last = newest.profile.name.as_str().parse().expect("a number");
        }
        assert_eq!(found.count, u64::try_from(last).ok());
    }
    writer.await.expect("does not panic");
}
