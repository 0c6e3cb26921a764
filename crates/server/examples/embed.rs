//! The registry inside another program: no HTTP, no settings, no tokens. The program decides who
//! acts, and brings its own way to test connections; here it has none.
//!
//! ```text
//! cargo run --package datastore-api --example embed
//! ```

use async_trait::async_trait;
use datastore_api::SystemClock;
use datastore_application::{Caller, Ports, ReadDatastores, Registry, Verify};
use datastore_crypto::{OsEntropy, RingCipher, key_file};
use datastore_domain::{
    Actor, DatastoreFields, ListFilter, ListQuery, Member, OrderKey, Ordering, PageRequest, Paging,
    ProbeReport, RecordId, Role, Secret, TokenId, TokenName,
};
use datastore_persistence::{DatabaseUrl, PoolSettings, Storage};
use datastore_ports::{ConnectionTest, ConnectionTester, TestError};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// A program that never connects to its datastores.
struct NoTests;

#[async_trait]
impl ConnectionTester for NoTests {
    async fn test(&self, _: ConnectionTest) -> Result<ProbeReport, TestError> {
        Err(TestError::Aborted("this program tests no connections".into()))
    }

    fn forget(&self, _: RecordId) {}
}

async fn registry(folder: &Path) -> Result<Registry, Box<dyn Error>> {
    let url = DatabaseUrl::sqlite(folder.join("registry.db"));
    let storage = Storage::open(&url, PoolSettings::default())?;
    storage.migrate().await?;
    let storage = Arc::new(storage);
    // A real program keeps this file: without it no stored secret can be read again.
    let ring = key_file::create(&folder.join("keys"))?;
    Ok(Registry::new(Ports {
        datastores: storage.clone(),
        assignments: storage.clone(),
        history: storage.clone(),
        checks: storage,
        cipher: Arc::new(RingCipher::new(ring)),
        tester: Arc::new(NoTests),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
    }))
}

fn by_name() -> ListQuery {
    ListQuery {
        filter: ListFilter::default(),
        ordering: vec![Ordering { key: OrderKey::Name, descending: false }],
        paging: Paging::Number(PageRequest { page: 1, size: PageRequest::DEFAULT_SIZE }),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let registry = registry(folder.path()).await?;
    let name = TokenName::try_from("embedding program").map_err(|error| error.detail)?;
    let caller =
        Caller { actor: Actor { token: TokenId(0), name, role: Role::Editor }, request_id: None };

    let text = |text: &str| Member::Given(text.to_owned());
    let fields = DatastoreFields {
        name: text("Orders"),
        r#type: text("sql"),
        system: text("postgres"),
        description: text("Orders since 2019."),
        server: text("db.example.com"),
        port: Member::Given(5432.0),
        username: text("app"),
        password: Member::Given(Secret::new("a secret".to_owned())),
        ..DatastoreFields::default()
    };
    let created = registry.create(&caller.clone().authorize()?, &fields, Verify::Never).await?;

    let granted = caller.authorize::<ReadDatastores>()?;
    let page = registry.list(&granted, by_name()).await?;
    assert_eq!(page.rows, [created]);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_runs() {
        super::main().expect("it runs");
    }
}
