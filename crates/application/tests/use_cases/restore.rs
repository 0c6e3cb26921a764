//! Bringing deleted datastores back.

use crate::support::{Mocks, granted, stored};
use datastore_application::{DatastoreView, Error, Registry, RestoreDatastores};
use datastore_domain::{Action, Datastore, RequestId};
use datastore_ports::RepositoryError;
use datastore_testkit::at;

/// The stored datastore, deleted.
fn deleted() -> Datastore {
    stored().delete(at(30)).expect("it lives")
}

/// Look-ups of deleted ones too find these, one after the other, and then the last of them.
fn finding(found: &[Datastore]) -> Mocks {
    let mut mocks = Mocks::at(at(60));
    let mut left: Vec<_> = found.iter().rev().cloned().collect();
    mocks.datastores.expect_find_any().returning(move |id| {
        let next = if left.len() > 1 { left.pop() } else { left.first().cloned() };
        assert!(next.as_ref().is_some_and(|next| next.id == id));
        Ok(next)
    });
    mocks
}

async fn restore(registry: &Registry) -> Result<DatastoreView, Error> {
    let granted = granted::<RestoreDatastores>();
    let located = registry.locate_any(&granted, stored().id).await?;
    registry.restore(&granted, located, None).await
}

#[tokio::test]
async fn what_comes_back_is_as_it_was_and_enters_the_history() {
    let gone = deleted();
    let mut mocks = finding(std::slice::from_ref(&gone));
    let before = gone.clone();
    mocks.datastores.expect_restore().once().returning(move |restored, expected, entry| {
        assert_eq!((restored, expected), (&before.restore(at(60)).expect("gone"), before.version));
        assert_eq!((entry.actor.as_str(), entry.action), ("ops", Action::Restore));
        assert_eq!((entry.datastore, entry.version), (Some(before.id), Some(restored.version)));
        assert_eq!((entry.at, entry.request_id), (at(60), RequestId::new("request-9")));
        assert_eq!(entry.changes, []);
        Ok(())
    });
    let view = restore(&mocks.registry()).await.expect("restored");
    assert_eq!((view.version, view.deleted_at), (gone.version.next(), None));
    assert_eq!((view.profile, view.updated_at), (gone.profile, at(60)));
}

#[tokio::test]
async fn what_lives_stays_as_it_is() {
    let view = restore(&finding(&[stored()]).registry()).await.expect("nothing to do");
    assert_eq!(view.version, stored().version);
}

#[tokio::test]
async fn what_another_restored_meanwhile_is_answered_as_it_is() {
    let gone = deleted();
    let back = gone.restore(at(45)).expect("gone");
    for error in [RepositoryError::VersionConflict, RepositoryError::NotFound] {
        let mut mocks = finding(&[gone.clone(), gone.clone(), back.clone()]);
        let mut errors = Some(error);
        let overtaken = move |_: &Datastore, _, _| Err(errors.take().expect("one try"));
        mocks.datastores.expect_restore().once().returning(overtaken);
        let view = restore(&mocks.registry()).await.expect("it lives");
        assert_eq!((view.version, view.updated_at), (back.version, at(45)));
    }
}

#[tokio::test]
async fn a_name_that_is_taken_meanwhile_is_told_and_so_is_what_never_was() {
    let mut mocks = finding(&[deleted()]);
    mocks.datastores.expect_restore().once().returning(|_, _, _| Err(RepositoryError::NameTaken));
    let error = restore(&mocks.registry()).await.expect_err("taken");
    assert!(matches!(error, Error::NameTaken), "{error:?}");
    let mut mocks = Mocks::at(at(60));
    mocks.datastores.expect_find_any().once().returning(|_| Ok(None));
    let error = restore(&mocks.registry()).await.expect_err("unknown");
    assert!(matches!(error, Error::NotFound("datastore")), "{error:?}");
}
