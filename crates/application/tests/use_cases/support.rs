//! Mocked ports that forbid every call that a test does not expect, and inputs.

use datastore_application::{Caller, Error, Granted, Located, Permission, Ports, Registry};
use datastore_domain::{
    Actor, Change, Datastore, DatastoreFields, DatastoreId, FieldChange, Member, RequestId, Role,
    Secret, Timestamp, TokenId, Version, Violations,
};
use datastore_ports::{
    Cause, MockCheckLog, MockClock, MockConnectionTester, MockCredentialCipher,
    MockDatasetAssignments, MockDatastoreRepository, MockEntropy, MockHistoryLog, NewDatastore,
};
use datastore_testkit::{new_datastore, token_name};
use std::sync::Arc;

/// Ports of which nothing is expected: a call that a test did not allow is a panic.
#[derive(Default)]
pub(crate) struct Mocks {
    pub(crate) datastores: MockDatastoreRepository,
    pub(crate) assignments: MockDatasetAssignments,
    pub(crate) history: MockHistoryLog,
    pub(crate) checks: MockCheckLog,
    pub(crate) cipher: MockCredentialCipher,
    pub(crate) tester: MockConnectionTester,
    pub(crate) clock: MockClock,
    pub(crate) entropy: MockEntropy,
}

impl Mocks {
    /// Nothing is expected but questions for the time, and that sessions are closed.
    pub(crate) fn at(now: Timestamp) -> Self {
        let mut mocks = Self::default();
        mocks.clock.expect_now().return_const(now);
        mocks.tester.expect_forget().return_const(());
        mocks
    }

    /// The datastore is looked up so many times.
    pub(crate) fn finds(mut self, datastore: &Datastore, times: usize) -> Self {
        let (id, found) = (datastore.id, datastore.clone());
        self.datastores
            .expect_find()
            .times(times)
            .returning(move |asked| Ok((asked == id).then(|| found.clone())));
        self
    }

    pub(crate) fn registry(self) -> Registry {
        Registry::new(Ports {
            datastores: Arc::new(self.datastores),
            assignments: Arc::new(self.assignments),
            history: Arc::new(self.history),
            checks: Arc::new(self.checks),
            cipher: Arc::new(self.cipher),
            tester: Arc::new(self.tester),
            clock: Arc::new(self.clock),
            entropy: Arc::new(self.entropy),
        })
    }
}

/// An admin called `ops`, in request `request-9`, with the permission asked for.
pub(crate) fn granted<P: Permission>() -> Granted<P> {
    let actor = Actor { token: TokenId(1), name: token_name("ops"), role: Role::Admin };
    let caller = Caller { actor, request_id: RequestId::new("request-9") };
    caller.authorize().expect("an admin may do all")
}

/// Datastore 7 at version 3.
pub(crate) fn stored_from(new: NewDatastore) -> Datastore {
    Datastore {
        id: DatastoreId::new(7).expect("positive"),
        record: new.record,
        version: Version::new(3).expect("positive"),
        created_at: new.at,
        updated_at: new.at,
        deleted_at: None,
        profile: new.profile,
        connection: new.connection,
    }
}

/// Datastore 7 at version 3, by parts.
pub(crate) fn stored() -> Datastore {
    stored_from(new_datastore("Primary"))
}

/// Starts a change, as every handler does.
pub(crate) async fn locate<P: Permission>(registry: &Registry, id: DatastoreId) -> Located {
    registry.locate(&granted::<P>(), id).await.expect("it is there")
}

pub(crate) fn text(text: &str) -> Member<String> {
    Member::Given(text.to_owned())
}

pub(crate) fn secret(text: &str) -> Member<Secret> {
    Member::Given(Secret::new(text.to_owned()))
}

pub(crate) const PASSWORD: &str = "p@ss:w/rd";
pub(crate) const STRING: &str = "postgres://app:p%40ss@db.example/app";

fn described() -> DatastoreFields {
    DatastoreFields {
        name: text("Orders"),
        r#type: text("sql"),
        system: text("postgres"),
        description: text("All orders."),
        ..DatastoreFields::default()
    }
}

/// A valid input by parts.
pub(crate) fn by_parts() -> DatastoreFields {
    DatastoreFields {
        server: text("db.example"),
        port: Member::Given(5432.0),
        username: text("app"),
        password: secret(PASSWORD),
        ..described()
    }
}

/// A valid input by connection string.
pub(crate) fn by_string() -> DatastoreFields {
    DatastoreFields { connection_string: secret(STRING), ..described() }
}

/// A PATCH of the description.
pub(crate) fn describe(description: &str) -> DatastoreFields {
    DatastoreFields { description: text(description), ..DatastoreFields::default() }
}

/// A cause that only the log may see.
pub(crate) fn cause() -> Cause {
    "canary".into()
}

/// Whether the error is of this kind, and keeps its cause to itself.
pub(crate) fn assert_internal(error: &Error) {
    assert!(matches!(error, Error::Internal(_)), "{error:?}");
    assert_eq!(error.to_string(), "an internal error");
}

/// `port out_of_range` of an error that must be about the input.
pub(crate) fn violations(error: &Error) -> String {
    let Error::Invalid(violations) = error else { panic!("{error:?}") };
    told(violations)
}

fn told(violations: &Violations) -> String {
    let each = violations.as_slice().iter().map(|v| format!("{} {}", v.field, v.code.as_str()));
    each.collect::<Vec<_>>().join(", ")
}

/// `description, password (secret)`
pub(crate) fn changed_members(changes: &[Change]) -> String {
    let each = changes.iter().map(|change| match change.change {
        FieldChange::Secret => format!("{} (secret)", change.member),
        FieldChange::Value { .. } => change.member.to_owned(),
    });
    each.collect::<Vec<_>>().join(", ")
}
