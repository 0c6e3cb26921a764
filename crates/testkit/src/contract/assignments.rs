//! Assignments of datasets.

#![expect(missing_docs, reason = "the names of the cases say what they check")]

use super::{Subject, assert_form, no_datastore};
use crate::contract::action_of;
use crate::{assignment, at, dataset, entry, new_datastore, page, token_name};
use datastore_domain::{
    Action, Assignment, AssignmentPeriod, DatasetName, Datastore, DatastoreId, Timestamp,
};
use datastore_ports::{AssignOutcome, AssignmentError};

async fn assign(
    subject: &Subject,
    datastore: DatastoreId,
    assignment: Assignment,
    move_here: bool,
) -> Result<AssignOutcome, AssignmentError> {
    subject.assignments.assign(datastore, assignment, move_here, entry(Action::Assign)).await
}

async fn assigned(subject: &Subject, datastore: &Datastore, id: &str, seconds: i64) -> Assignment {
    let wish = assignment(id, at(seconds));
    let outcome = assign(subject, datastore.id, wish.clone(), false).await;
    assert_form!(outcome, Ok(AssignOutcome::Assigned(made)) if made == wish);
    wish
}

async fn release(
    subject: &Subject,
    datastore: DatastoreId,
    id: &str,
) -> Result<(), AssignmentError> {
    subject.assignments.release(datastore, &dataset(id), at(500), entry(Action::Release)).await
}

async fn current(subject: &Subject, datastore: DatastoreId) -> Vec<Assignment> {
    let page = subject.assignments.current(datastore, page(1, 500)).await;
    let page = page.expect("the storage answers");
    assert_eq!(page.count, Some(page.rows.len() as u64));
    page.rows
}

async fn entries(subject: &Subject, datastore: DatastoreId) -> Vec<Action> {
    let lines = subject.recorded(Some(datastore)).await;
    lines.into_iter().map(|line| action_of(&line)).collect()
}

pub async fn assigns_and_lists_oldest_first(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let other = subject.insert(new_datastore("other")).await;
    let late = assigned(subject, &one, "late", 30).await;
    let early = assigned(subject, &one, "early", 10).await;
    let tie = assigned(subject, &one, "a tie".replace(' ', "-").as_str(), 10).await;
    assigned(subject, &other, "elsewhere", 1).await;
    assert_eq!(current(subject, one.id).await, [early, tie, late]);
    assert!(current(subject, no_datastore()).await.is_empty());
}

pub async fn pages_and_counts(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let mut all = Vec::new();
    for number in 0..5 {
        all.push(assigned(subject, &one, &format!("d{number}"), number).await);
    }
    for (number, expected) in [(1, &all[..2]), (2, &all[2..4]), (3, &all[4..]), (4, &[])] {
        let page = subject.assignments.current(one.id, page(number, 2)).await;
        let page = page.expect("the storage answers");
        assert_eq!((page.count, page.rows.as_slice()), (Some(5), expected), "page {number}");
    }
}

pub async fn assigns_again_without_effect(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let name = DatasetName::try_from("Orders").expect("valid");
    let first = Assignment { name: Some(name), ..assignment("d", at(1)) };
    assign(subject, one.id, first.clone(), false).await.expect("nothing is in the way");
    for move_here in [false, true] {
        for name in [None, first.name.clone()] {
            let assigned_by = token_name("somebody else");
            let again = Assignment { name, assigned_by, ..assignment("d", at(9)) };
            let outcome = assign(subject, one.id, again, move_here).await;
            assert_form!(outcome, Ok(AssignOutcome::AlreadyHere(kept)) if kept == first);
        }
    }
    assert_eq!(current(subject, one.id).await, [first]);
    assert_eq!(entries(subject, one.id).await, [Action::Create, Action::Assign]);
}

pub async fn takes_over_a_name_that_differs(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let first = assigned(subject, &one, "d", 1).await;
    let mut expected = first;
    for text in ["Orders", "Orders of 2025"] {
        let name = DatasetName::try_from(text).expect("valid");
        let again = Assignment { name: Some(name.clone()), ..assignment("d", at(9)) };
        let outcome = assign(subject, one.id, again, false).await;
        expected.name = Some(name);
        assert_form!(outcome, Ok(AssignOutcome::AlreadyHere(kept)) if kept == expected);
    }
    assert_eq!(current(subject, one.id).await, [expected]);
    let rename = Action::DatasetRename;
    assert_eq!(entries(subject, one.id).await, [Action::Create, Action::Assign, rename, rename]);
}

async fn periods(subject: &Subject, datastore: DatastoreId) -> Vec<(String, i64, Option<i64>)> {
    let page = subject.assignments.history(datastore, page(1, 500)).await;
    let page = page.expect("the storage answers");
    assert_eq!(page.count, Some(page.rows.len() as u64));
    let seconds = |time: Timestamp| (time.as_micros() - at(0).as_micros()) / 1_000_000;
    let period = |period: AssignmentPeriod| {
        let Assignment { dataset, assigned_at, .. } = period.assignment;
        (dataset.as_str().to_owned(), seconds(assigned_at), period.released_at.map(seconds))
    };
    page.rows.into_iter().map(period).collect()
}

pub async fn remembers_past_ones_newest_first(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let other = subject.insert(new_datastore("other")).await;
    for (id, seconds) in [("late", 30), ("early", 10), ("tie", 10), ("here", 20)] {
        assigned(subject, &one, id, seconds).await;
    }
    release(subject, one.id, "early").await.expect("it is here");
    assign(subject, other.id, assignment("late", at(40)), true).await.expect("it may be moved");
    assigned(subject, &one, "early", 600).await;
    let period = |id: &str, from, to| (id.to_owned(), from, to);
    let expected = [
        period("early", 600, None),
        period("late", 30, Some(40)),
        period("here", 20, None),
        period("tie", 10, None),
        period("early", 10, Some(500)),
    ];
    assert_eq!(periods(subject, one.id).await, expected);
    assert_eq!(periods(subject, other.id).await, [period("late", 40, None)]);
    assert_eq!(periods(subject, no_datastore()).await, []);
    for (number, rows, before, after) in
        [(1, 2, false, true), (3, 1, true, false), (4, 0, true, false)]
    {
        let page = subject.assignments.history(one.id, page(number, 2)).await;
        let page = page.expect("the storage answers");
        assert_eq!((page.count, page.rows.len()), (Some(5), rows), "page {number}");
        assert_eq!((page.before, page.after), (before, after), "page {number}");
    }
}

pub async fn remembers_those_of_deleted_datastores(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let name = DatasetName::try_from("Orders").expect("valid");
    let first = Assignment { name: Some(name), ..assignment("d", at(1)) };
    assign(subject, one.id, first.clone(), false).await.expect("nothing is in the way");
    release(subject, one.id, "d").await.expect("it is here");
    subject.delete(&one).await.expect("nothing is assigned");
    let page = subject.assignments.history(one.id, page(1, 9)).await;
    let expected = AssignmentPeriod { assignment: first, released_at: Some(at(500)) };
    assert_eq!(page.expect("the storage answers").rows, [expected]);
}

pub async fn refuses_an_absent_or_deleted_datastore(subject: &Subject) {
    let gone = subject.insert(new_datastore("gone")).await;
    subject.delete(&gone).await.expect("it lives");
    for id in [gone.id, no_datastore()] {
        let result = assign(subject, id, assignment("d", at(1)), true).await;
        assert_form!(result, Err(AssignmentError::NoDatastore));
        assert_form!(release(subject, id, "d").await, Err(AssignmentError::NoDatastore));
    }
}

async fn deactivate(subject: &Subject, datastore: &Datastore) {
    let mut next = datastore.clone();
    next.version = datastore.version.next();
    next.profile.is_active = false;
    let update = subject.datastores.update(&next, datastore.version, entry(Action::Update));
    update.await.expect("nothing is in the way");
}

pub async fn refuses_an_inactive_datastore_but_for_what_is_here(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let other = subject.insert(new_datastore("other")).await;
    let here = assigned(subject, &one, "here", 1).await;
    assigned(subject, &other, "there", 1).await;
    deactivate(subject, &one).await;
    for (id, move_here) in [("new", false), ("there", false), ("there", true)] {
        let result = assign(subject, one.id, assignment(id, at(2)), move_here).await;
        assert_form!(result, Err(AssignmentError::Inactive));
    }
    let again = assign(subject, one.id, assignment("here", at(2)), false).await;
    assert_form!(again, Ok(AssignOutcome::AlreadyHere(kept)) if kept == here);
    release(subject, one.id, "here").await.expect("an inactive datastore lets go");
}

pub async fn refuses_what_is_assigned_elsewhere(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let other = subject.insert(new_datastore("other")).await;
    let first = assigned(subject, &one, "d", 1).await;
    let result = assign(subject, other.id, assignment("d", at(2)), false).await;
    assert_form!(
        result,
        Err(AssignmentError::AssignedElsewhere { datastore }) if datastore == one.id
    );
    assert_eq!(current(subject, one.id).await, [first]);
    assert!(current(subject, other.id).await.is_empty());
    assert_eq!(entries(subject, other.id).await, [Action::Create]);
}

pub async fn moves_when_told_to(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let other = subject.insert(new_datastore("other")).await;
    assigned(subject, &one, "d", 1).await;
    let name = DatasetName::try_from("Orders").expect("valid");
    let there = Assignment { name: Some(name), ..assignment("d", at(2)) };
    let outcome = assign(subject, other.id, there.clone(), true).await;
    assert_form!(outcome, Ok(AssignOutcome::Assigned(made)) if made == there);
    assert!(current(subject, one.id).await.is_empty());
    assert_eq!(current(subject, other.id).await, std::slice::from_ref(&there));
    assert_form!(release(subject, one.id, "d").await, Err(AssignmentError::NotAssigned));
    // Both sides remember it, and who names no name keeps the known one.
    let left = [Action::Create, Action::Assign, Action::Release];
    assert_eq!(entries(subject, one.id).await, left);
    assert_eq!(entries(subject, other.id).await, [Action::Create, Action::Assign]);
    let outcome = assign(subject, one.id, assignment("d", at(3)), true).await;
    assert_form!(outcome, Ok(AssignOutcome::Assigned(made)) if made.name == there.name);
}

pub async fn releases_once(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let other = subject.insert(new_datastore("other")).await;
    assigned(subject, &one, "d", 1).await;
    let elsewhere = release(subject, other.id, "d").await;
    assert_form!(elsewhere, Err(AssignmentError::NotAssigned));
    release(subject, one.id, "d").await.expect("it is here");
    assert_form!(release(subject, one.id, "d").await, Err(AssignmentError::NotAssigned));
    assert!(current(subject, one.id).await.is_empty());
    let expected = [Action::Create, Action::Assign, Action::Release];
    assert_eq!(entries(subject, one.id).await, expected);
}

pub async fn assigns_anew_after_a_release(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let other = subject.insert(new_datastore("other")).await;
    assigned(subject, &one, "d", 1).await;
    release(subject, one.id, "d").await.expect("it is here");
    let again = assigned(subject, &one, "d", 7).await;
    assert_eq!(current(subject, one.id).await, [again]);
    release(subject, one.id, "d").await.expect("it is here");
    assigned(subject, &other, "d", 8).await;
}
