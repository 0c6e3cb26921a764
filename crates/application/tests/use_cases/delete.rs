//! Soft deletion.

use crate::support::{Mocks, granted, locate, stored};
use datastore_application::{ChangeDatastores, Error};
use datastore_domain::{Action, Datastore, RequestId, Version};
use datastore_ports::RepositoryError;
use datastore_testkit::at;

async fn delete(mocks: Mocks, expected: Option<&[Version]>) -> Result<(), Error> {
    let registry = mocks.registry();
    let located = locate::<ChangeDatastores>(&registry, stored().id).await;
    registry.delete(&granted(), located, expected).await
}

#[tokio::test]
async fn a_deletion_keeps_the_row_and_enters_the_history() {
    let stored = stored();
    let mut mocks = Mocks::at(at(60)).finds(&stored, 1);
    let before = stored.clone();
    mocks.datastores.expect_delete().once().returning(move |deleted, expected, entry| {
        let next = before.version.next();
        let gone = Datastore { version: next, deleted_at: Some(at(60)), ..before.clone() };
        assert_eq!((deleted, expected), (&gone, before.version));
        assert_eq!((entry.actor.as_str(), entry.action), ("ops", Action::Delete));
        assert_eq!((entry.datastore, entry.version), (Some(before.id), Some(next)));
        assert_eq!((entry.at, entry.request_id), (at(60), RequestId::new("request-9")));
        assert_eq!(entry.changes, []);
        Ok(())
    });
    delete(mocks, Some(&[stored.version])).await.expect("deleted");
}

#[tokio::test]
async fn a_stale_precondition_deletes_nothing() {
    let stored = stored();
    let mocks = Mocks::at(at(60)).finds(&stored, 1);
    let error = delete(mocks, Some(&[stored.version.next()])).await.expect_err("stale");
    assert!(matches!(error, Error::PreconditionFailed), "{error:?}");
}

/// The deletion is refused once with a version conflict; what then?
async fn overtaken(expected: Option<&[Version]>) -> Result<(), Error> {
    let before = stored();
    let after = Datastore { version: before.version.next(), ..before.clone() };
    let current = after.version;
    let mut mocks = Mocks::at(at(60));
    let mut first = Some(before);
    mocks
        .datastores
        .expect_find()
        .times(2)
        .returning(move |_| Ok(Some(first.take().unwrap_or_else(|| after.clone()))));
    mocks.datastores.expect_delete().returning(move |_, expected, _| {
        if expected == current { Ok(()) } else { Err(RepositoryError::VersionConflict) }
    });
    delete(mocks, expected).await
}

#[tokio::test]
async fn an_overtaken_deletion_is_tried_again_unless_there_is_a_precondition() {
    overtaken(None).await.expect("deleted at the second try");
    let error = overtaken(Some(&[stored().version])).await.expect_err("changed meanwhile");
    assert!(matches!(error, Error::PreconditionFailed), "{error:?}");
}

#[tokio::test]
async fn what_is_in_use_is_not_deleted_and_the_datasets_are_named() {
    let mut mocks = Mocks::at(at(60)).finds(&stored(), 1);
    mocks.datastores.expect_delete().once().returning(|_, _, _| {
        Err(RepositoryError::InUse { datasets: vec!["orders".to_owned()], count: 12 })
    });
    let error = delete(mocks, None).await.expect_err("in use");
    let Error::InUse { datasets, count } = error else { panic!("{error:?}") };
    assert_eq!((datasets, count), (vec!["orders".to_owned()], 12));
}
