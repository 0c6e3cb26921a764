//! What comes out in storage that keeps its promises.

use crate::support::{by_parts, by_string, describe, granted, locate, secret, text};
use datastore_application::{
    AssignDatasets, AssignRequest, ChangeDatastores, DatastoreView, Error, Ports, Registry,
    TestConnections, Verify,
};
use datastore_domain::{
    Action, DatastoreFields, DatastoreId, HistoryEntry, RevisionMode, SealedConnection, Version,
};
use datastore_ports::{DatastoreRepository, MockConnectionTester, TestError};
use datastore_testkit::{FixedClock, MemoryStorage, PlainCipher, SeededEntropy, dataset};
use std::sync::Arc;
use std::time::Duration;

struct World {
    storage: Arc<MemoryStorage>,
    clock: Arc<FixedClock>,
    registry: Registry,
}

impl World {
    fn new() -> Self {
        let mut tester = MockConnectionTester::new();
        tester.expect_forget().return_const(());
        Self::with_tester(tester)
    }

    fn with_tester(tester: MockConnectionTester) -> Self {
        let (storage, clock) = (Arc::new(MemoryStorage::new()), Arc::new(FixedClock::default()));
        let registry = Registry::new(Ports {
            datastores: storage.clone(),
            assignments: storage.clone(),
            history: storage.clone(),
            checks: storage.clone(),
            cipher: Arc::new(PlainCipher::new()),
            tester: Arc::new(tester),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
        });
        Self { storage, clock, registry }
    }

    async fn create(&self, fields: &DatastoreFields) -> DatastoreId {
        self.registry.create(&granted(), fields, Verify::Never).await.expect("created").id
    }

    async fn patch(&self, id: DatastoreId, fields: &DatastoreFields) -> DatastoreView {
        self.clock.advance(Duration::from_secs(1));
        let located = locate::<ChangeDatastores>(&self.registry, id).await;
        let mode = RevisionMode::Merge;
        self.registry
            .revise(&granted(), located, fields, mode, None, Verify::Never)
            .await
            .expect("patched")
    }

    async fn sealed(&self, id: DatastoreId) -> Vec<u8> {
        let found = self.storage.find(id).await.expect("in memory").expect("it lives");
        let (SealedConnection::Parts { password: sealed, .. }
        | SealedConnection::Uri { sealed, .. }) = found.connection;
        sealed.as_bytes().to_vec()
    }

    fn updates(&self) -> Vec<HistoryEntry> {
        let mut entries = self.storage.entries();
        entries.retain(|entry| entry.action == Action::Update);
        entries
    }
}

#[tokio::test]
async fn two_patches_of_different_members_both_survive() {
    let world = World::new();
    let id = world.create(&by_parts()).await;
    // Both have read the same version before either writes.
    let first = locate::<ChangeDatastores>(&world.registry, id).await;
    let second = locate::<ChangeDatastores>(&world.registry, id).await;
    let rename = DatastoreFields { name: text("Renamed"), ..DatastoreFields::default() };
    let mode = RevisionMode::Merge;
    let registry = &world.registry;
    registry
        .revise(&granted(), first, &rename, mode, None, Verify::Never)
        .await
        .expect("not overtaken");
    let view =
        registry.revise(&granted(), second, &describe("New."), mode, None, Verify::Never).await;
    let view = view.expect("overtaken, tried again");
    assert_eq!(view.profile.name.as_str(), "Renamed");
    assert_eq!(view.profile.description.as_str(), "New.");
    assert_eq!(view.version, Version::FIRST.next().next());
    let versions: Vec<_> = world.updates().iter().filter_map(|e| e.version).collect();
    assert_eq!(versions.iter().map(|v| v.get()).collect::<Vec<_>>(), [2, 3]);
}

#[tokio::test]
async fn t15_the_same_secret_twice_makes_two_versions_two_ciphertexts_and_two_entries() {
    for (fields, again) in [
        (by_parts(), DatastoreFields { password: by_parts().password, ..Default::default() }),
        (
            by_string(),
            DatastoreFields {
                connection_string: by_string().connection_string,
                ..Default::default()
            },
        ),
    ] {
        let world = World::new();
        let id = world.create(&fields).await;
        let mut sealed = vec![world.sealed(id).await];
        for version in [2, 3] {
            let view = world.patch(id, &again).await;
            assert_eq!(view.version.get(), version);
            sealed.push(world.sealed(id).await);
        }
        assert!(sealed[0] != sealed[1] && sealed[1] != sealed[2] && sealed[0] != sealed[2]);
        assert_eq!(world.updates().len(), 2);
    }
}

#[tokio::test]
async fn a_mask_written_back_leaves_no_trace() {
    let world = World::new();
    let id = world.create(&by_parts()).await;
    let sealed = world.sealed(id).await;
    let masked = DatastoreFields { password: secret("***encrypted***"), ..by_parts() };
    let view = world.patch(id, &masked).await;
    assert_eq!((view.version, view.created_at), (Version::FIRST, view.updated_at));
    assert_eq!(world.sealed(id).await, sealed);
    assert_eq!(world.updates(), []);
}

/// What was sealed at creation, and again when the form changed, opens for a test.
#[tokio::test]
async fn a_connection_test_uses_the_secret_that_was_written_last() {
    let mut tester = MockConnectionTester::new();
    tester.expect_test().times(2).returning(|test| {
        let password = test.spec.credentials.and_then(|c| c.password).expect("a password");
        Err(TestError::Aborted(password.expose().into()))
    });
    // The change closes what was logged in to with the old secret; the creation has nothing to close.
    tester.expect_forget().once().return_const(());
    let world = World::with_tester(tester);
    let id = world.create(&by_parts()).await;
    let tried = async || {
        let located = locate::<TestConnections>(&world.registry, id).await;
        let deadline = Duration::from_secs(5);
        let error = world.registry.test_connection(&granted(), &located, deadline, false).await;
        let Err(Error::Internal(cause)) = error else { panic!("{error:?}") };
        std::error::Error::source(&*cause).expect("the tester's").to_string()
    };
    assert_eq!(tried().await, "p@ss:w/rd");
    let string = DatastoreFields {
        connection_string: by_string().connection_string,
        ..DatastoreFields::default()
    };
    world.patch(id, &string).await;
    assert_eq!(tried().await, "p@ss");
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_its_name_is_free_once_no_dataset_lives_there() {
    let world = World::new();
    let id = world.create(&by_parts()).await;
    let taken = world.registry.create(&granted(), &by_string(), Verify::Never).await;
    assert!(matches!(taken, Err(Error::NameTaken)), "{taken:?}");
    let registry = &world.registry;
    let located = locate::<AssignDatasets>(registry, id).await;
    let request = AssignRequest { dataset: dataset("orders"), name: None, move_here: false };
    registry.assign(&granted(), &located, request).await.expect("assigned");
    let delete = async || {
        let located = locate::<ChangeDatastores>(registry, id).await;
        registry.delete(&granted(), located, None).await
    };
    let in_use = delete().await;
    assert!(matches!(in_use, Err(Error::InUse { count: 1, .. })), "{in_use:?}");
    registry.release(&granted(), &located, &dataset("orders")).await.expect("released");
    delete().await.expect("deleted");
    let gone = registry.get(&granted(), id).await;
    assert!(matches!(gone, Err(Error::NotFound("datastore"))), "{gone:?}");
    assert_ne!(world.create(&by_string()).await, id);
}
