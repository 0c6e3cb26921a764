//! Creation: judged, sealed, stored, in this order.

use crate::support::{
    Mocks, PASSWORD, STRING, assert_internal, by_parts, by_string, cause, changed_members, granted,
    stored_from, violations,
};
use datastore_application::{ConnectionView, Error, Verify};
use datastore_domain::{
    Action, DatastoreFields, Member, RecordId, RequestId, SealedConnection, SealedValue,
};
use datastore_ports::{CipherError, RepositoryError, SecretField};
use datastore_testkit::at;

const RANDOM: [u8; 32] = [0xab; 32];

/// A create of `fields` seals `plain` as `field` of the very record that it inserts.
async fn check(fields: DatastoreFields, field: SecretField, plain: &'static str, recorded: &str) {
    let mut mocks = Mocks::at(at(5));
    let record = RecordId::from_entropy(RANDOM);
    mocks.entropy.expect_bytes().once().returning(|| Ok(RANDOM));
    mocks.cipher.expect_seal().once().returning(move |context, secret| {
        assert_eq!((context.record, context.field), (record, field));
        assert_eq!(secret.expose(), plain);
        Ok(SealedValue::new(b"sealed".to_vec()))
    });
    let recorded = recorded.to_owned();
    mocks.datastores.expect_insert().once().returning(move |new, entry| {
        assert_eq!((new.record, new.at), (record, at(5)));
        let (SealedConnection::Parts { password: sealed, .. }
        | SealedConnection::Uri { sealed, .. }) = &new.connection;
        assert_eq!(sealed.as_bytes(), b"sealed");
        assert_eq!((entry.actor.as_str(), entry.action), ("ops", Action::Create));
        assert_eq!((entry.datastore, entry.version, entry.at), (None, None, at(5)));
        assert_eq!(entry.request_id, RequestId::new("request-9"));
        assert_eq!(changed_members(&entry.changes), recorded);
        Ok(stored_from(new))
    });
    let view = mocks.registry().create(&granted(), &fields, Verify::Never).await.expect("created");
    assert_eq!(view.profile.name.as_str(), "Orders");
    assert!(view.connection.is_some(), "an admin sees where it leads");
}

#[tokio::test]
async fn a_create_seals_for_the_record_that_it_inserts() {
    check(
        by_parts(),
        SecretField::Password,
        PASSWORD,
        "name, type, system, description, server, port, username, password (secret), is_active, \
         tls",
    )
    .await;
    check(
        by_string(),
        SecretField::ConnectionString,
        STRING,
        "name, type, system, description, connection_string (secret), is_active",
    )
    .await;
}

#[tokio::test]
async fn a_refused_create_asks_nothing_of_any_port() {
    let fields = DatastoreFields { port: Member::Given(0.0), ..by_parts() };
    let error = Mocks::default()
        .registry()
        .create(&granted(), &fields, Verify::Never)
        .await
        .expect_err("refused");
    assert_eq!(violations(&error), "port out_of_range");
}

#[tokio::test]
async fn what_cannot_be_sealed_is_not_stored() {
    let mut mocks = Mocks::at(at(0));
    mocks.entropy.expect_bytes().returning(|| Ok(RANDOM));
    mocks.cipher.expect_seal().returning(|_, _| Err(CipherError(cause())));
    let error = mocks
        .registry()
        .create(&granted(), &by_parts(), Verify::Never)
        .await
        .expect_err("not sealed");
    assert_internal(&error);

    let mut mocks = Mocks::at(at(0));
    mocks.entropy.expect_bytes().returning(|| Err(cause()));
    let error = mocks
        .registry()
        .create(&granted(), &by_parts(), Verify::Never)
        .await
        .expect_err("no record id");
    assert_internal(&error);
}

#[tokio::test]
async fn what_the_storage_refuses_is_told_in_the_terms_of_the_caller() {
    let answer = async |refusal: fn() -> RepositoryError| {
        let mut mocks = Mocks::at(at(0));
        mocks.entropy.expect_bytes().returning(|| Ok(RANDOM));
        mocks.cipher.expect_seal().returning(|_, _| Ok(SealedValue::new(Vec::new())));
        mocks.datastores.expect_insert().once().returning(move |_, _| Err(refusal()));
        mocks.registry().create(&granted(), &by_parts(), Verify::Never).await.expect_err("refused")
    };
    assert!(matches!(answer(|| RepositoryError::NameTaken).await, Error::NameTaken));
    let error = answer(|| RepositoryError::Unavailable(cause())).await;
    assert!(matches!(error, Error::Unavailable(_)));
    assert_eq!(error.to_string(), "the storage is unavailable");
    // Asked once: a mock that is asked again fails.
    let error = answer(|| RepositoryError::OutcomeUnknown(cause())).await;
    assert!(matches!(error, Error::OutcomeUnknown(_)));
    let corrupt = || RepositoryError::Corrupt { table: "datastores", id: 7, column: "port" };
    assert_internal(&answer(corrupt).await);
}

#[tokio::test]
async fn the_answer_shows_the_mask_and_not_the_string() {
    let mut mocks = Mocks::at(at(0));
    mocks.entropy.expect_bytes().returning(|| Ok(RANDOM));
    mocks.cipher.expect_seal().returning(|_, _| Ok(SealedValue::new(Vec::new())));
    mocks.datastores.expect_insert().returning(|new, _| Ok(stored_from(new)));
    let view =
        mocks.registry().create(&granted(), &by_string(), Verify::Never).await.expect("created");
    let mask = "postgres://app:***@db.example/app".to_owned();
    assert_eq!(view.connection, Some(ConnectionView::Uri { mask }));
}
