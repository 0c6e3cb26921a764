//! Writes that have their connection tested first.

use crate::support::{Mocks, cause, describe, granted, locate, stored};
use crate::test_connection::report;
use datastore_application::{ChangeDatastores, Error, Verify};
use datastore_domain::{
    DatabaseName, Datastore, RevisionMode, SealedConnection, Secret, System, Version,
};
use datastore_ports::{RepositoryError, TestError};
use datastore_testkit::at;
use std::sync::{Arc, Mutex};

/// What is stored, once somebody else has changed which database is opened.
fn changed_meanwhile() -> Datastore {
    let mut changed = stored();
    changed.version = Version::new(4).expect("positive");
    if let SealedConnection::Parts { database, .. } = &mut changed.connection {
        *database = Some(DatabaseName::new("another", System::Postgres).expect("valid"));
    }
    changed
}

/// While a test runs others may write: nothing is stored that was not tested as it is stored.
#[tokio::test]
async fn what_was_changed_during_the_test_is_tested_as_it_is_then() {
    let mut mocks = Mocks::at(at(60));
    let (first, then) = (stored(), changed_meanwhile());
    let mut looks = 0;
    mocks.datastores.expect_find().times(4).returning(move |_| {
        looks += 1;
        // Located, and in the first turn.
        Ok(Some(if looks <= 2 { first.clone() } else { then.clone() }))
    });
    mocks.cipher.expect_open().returning(|_, _| Ok(Secret::new("p".to_owned())));
    let tested = Arc::new(Mutex::new(Vec::new()));
    let seen = tested.clone();
    mocks.tester.expect_test().times(2).returning(move |test| {
        let database = test.spec.database.expect("a database").as_str().to_owned();
        seen.lock().expect("no panic").push(database);
        Ok(report(Ok(())))
    });
    mocks.history.expect_record().times(2).returning(|_| Ok(()));
    mocks.datastores.expect_update().once().returning(|changed, expected, _| {
        assert_eq!((changed.version.get(), expected.get()), (5, 4));
        Ok(())
    });
    let registry = mocks.registry();
    let located = locate::<ChangeDatastores>(&registry, stored().id).await;
    let (fields, mode, verify) = (describe("New."), RevisionMode::Merge, Verify::Always);
    let view = registry.revise(&granted(), located, &fields, mode, None, verify).await;
    assert_eq!(view.expect("stored").profile.description.as_str(), "New.");
    assert_eq!(*tested.lock().expect("no panic"), ["registry", "another"]);
}

/// Neither a test that did not run nor one without a trace lets a write through.
#[tokio::test]
async fn what_could_not_be_tested_is_not_stored() {
    for full in [true, false] {
        let mut mocks = Mocks::at(at(60)).finds(&stored(), 2);
        mocks.cipher.expect_open().returning(|_, _| Ok(Secret::new("p".to_owned())));
        mocks.tester.expect_test().once().returning(move |_| match full {
            true => Err(TestError::CapacityExceeded),
            false => Ok(report(Ok(()))),
        });
        let unavailable = |_| Err(RepositoryError::Unavailable(cause()));
        mocks.history.expect_record().times(usize::from(!full)).returning(unavailable);
        let registry = mocks.registry();
        let located = locate::<ChangeDatastores>(&registry, stored().id).await;
        let (fields, mode, verify) = (describe("New."), RevisionMode::Merge, Verify::Always);
        let error = registry.revise(&granted(), located, &fields, mode, None, verify).await;
        match error.expect_err("not stored") {
            Error::ProbeCapacityExceeded => assert!(full),
            Error::Unavailable(_) => assert!(!full),
            error => panic!("{error:?}"),
        }
    }
}
