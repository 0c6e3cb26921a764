//! Results of connection tests.

#![expect(missing_docs, reason = "the names of the cases say what they check")]

use super::{Subject, assert_form, no_datastore};
use crate::{at, entry, new_datastore};
use datastore_domain::{Action, Check, Datastore, FailureCode, Step};
use datastore_ports::RepositoryError;

fn success(seconds: i64, response_time_ms: f64) -> Check {
    Check { at: at(seconds), failure: None, response_time_ms: Some(response_time_ms) }
}

async fn record(subject: &Subject, datastore: &Datastore, check: Check) {
    let recorded = subject.checks.record(datastore.id, check, entry(Action::ConnectionTest)).await;
    recorded.expect("the datastore exists");
}

async fn since(subject: &Subject, datastore: &Datastore, seconds: i64) -> Vec<Check> {
    subject.checks.since(datastore.id, at(seconds)).await.expect("the storage answers")
}

pub async fn records_and_reads_in_order(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let checks = [success(20, 1.5), success(10, 2.0), success(20, 0.1), success(15, 3.0)];
    for check in checks {
        record(subject, &one, check).await;
    }
    let [a, b, c, d] = checks;
    assert_eq!(since(subject, &one, 0).await, [b, d, a, c]);
    assert_eq!(since(subject, &one, 15).await, [d, a, c]);
    assert_eq!(since(subject, &one, 16).await, [a, c]);
    assert!(since(subject, &one, 21).await.is_empty());
}

pub async fn keeps_every_step_and_code(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let mut checks = Vec::new();
    for (second, code) in (0..).zip(FailureCode::ALL) {
        let step = Step::ALL[usize::try_from(second).expect("small") % Step::ALL.len()];
        let response_time_ms = (second % 2 == 0).then_some(0.25);
        let check = Check { at: at(second), failure: Some((step, code)), response_time_ms };
        record(subject, &one, check).await;
        checks.push(check);
    }
    assert_eq!(since(subject, &one, 0).await, checks);
}

pub async fn tells_the_last_of_each_datastore(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    let other = subject.insert(new_datastore("other")).await;
    let last = async |datastore: &Datastore| {
        subject.checks.last(datastore.id).await.expect("the storage answers")
    };
    assert_eq!(last(&one).await, None);
    record(subject, &one, success(1, 1.0)).await;
    record(subject, &one, success(2, 2.0)).await;
    record(subject, &other, success(3, 3.0)).await;
    assert_eq!(last(&one).await, Some(success(2, 2.0)));
    assert_eq!(last(&other).await, Some(success(3, 3.0)));
    assert_eq!(subject.checks.last(no_datastore()).await.expect("answers"), None);
}

pub async fn records_for_deleted_datastores_and_refuses_absent_ones(subject: &Subject) {
    let one = subject.insert(new_datastore("one")).await;
    subject.delete(&one).await.expect("it lives");
    record(subject, &one, success(1, 1.0)).await;
    assert_eq!(since(subject, &one, 0).await, [success(1, 1.0)]);
    let before = subject.recorded(None).await;
    let entry = entry(Action::ConnectionTest);
    let absent = subject.checks.record(no_datastore(), success(1, 1.0), entry).await;
    assert_form!(absent, Err(RepositoryError::NotFound));
    assert_eq!(subject.recorded(None).await, before);
}
