//! Tests of datastores in the registry.

use super::CommandError;
use super::row::CheckRow;
use crate::settings::Settings;
use crate::wiring;
use datastore_application::{
    Caller, DatastoreView, Error, Forbidden, Granted, ReadDatastores, Registry, TestConnections,
};
use datastore_domain::{
    Actor, ListFilter, ListQuery, OrderKey, Ordering, PageRequest, Paging, Role, Side, TokenId,
    TokenName,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Tests at a time: fewer than what one server, which many datastores may share, is asked to bear.
const AT_A_TIME: usize = 8;

/// Which datastores.
pub(super) enum Registered {
    AllActive,
    /// By number or by name.
    Some(Vec<String>),
}

/// The operator at the command line, as the history calls them. They hold the database and its
/// keys, so nothing is kept from them.
fn operator() -> Caller {
    let name = TokenName::try_from("command line").expect("a valid name");
    Caller { actor: Actor { token: TokenId(0), name, role: Role::Admin }, request_id: None }
}

/// Tests them, in the order that they were named in, all of them by name.
pub(super) async fn check(
    which: Registered,
    timeout: Duration,
    settings: &Settings,
) -> Result<Vec<CheckRow>, CommandError> {
    let registry = wiring::open_registry(settings).await?;
    let reader = operator().authorize::<ReadDatastores>().map_err(refused)?;
    let tester = operator().authorize::<TestConnections>().map_err(refused)?;
    let known = all(&registry, &reader).await;
    let known = known.map_err(|e| CommandError::UseCase("the datastores cannot be read", e))?;
    let chosen = match which {
        Registered::AllActive => known.into_iter().filter(|d| d.profile.is_active).collect(),
        Registered::Some(names) => {
            let find = |name: String| find(&known, &name).ok_or(CommandError::NoDatastore(name));
            names.into_iter().map(find).collect::<Result<_, _>>()?
        }
    };
    Ok(test_all(&registry, &tester, chosen, timeout).await)
}

fn refused(error: Forbidden) -> CommandError {
    CommandError::UseCase("an operator may test connections", Error::Internal(Box::new(error)))
}

async fn all(
    registry: &Registry,
    granted: &Granted<ReadDatastores>,
) -> Result<Vec<DatastoreView>, Error> {
    let mut datastores: Vec<DatastoreView> = Vec::new();
    let ordering = vec![Ordering { key: OrderKey::Name, descending: false }];
    loop {
        let from = datastores.last().map(|last| (Side::After, last.anchor(&ordering)));
        let paging = Paging::Cursor { size: PageRequest::MAX_SIZE, from };
        let filter = ListFilter::default();
        let query = ListQuery { filter, ordering: ordering.clone(), paging };
        let page = registry.list(granted, query).await?;
        datastores.extend(page.rows);
        if !page.after {
            return Ok(datastores);
        }
    }
}

/// A number is that of a datastore, everything else a name.
fn find(known: &[DatastoreView], wanted: &str) -> Option<DatastoreView> {
    let is_it = |datastore: &&DatastoreView| match wanted.parse::<i64>() {
        Ok(number) => datastore.id.get() == number,
        Err(_) => datastore.profile.name.as_str() == wanted,
    };
    known.iter().find(is_it).cloned()
}

async fn test_all(
    registry: &Registry,
    granted: &Granted<TestConnections>,
    datastores: Vec<DatastoreView>,
    timeout: Duration,
) -> Vec<CheckRow> {
    let slots = Arc::new(Semaphore::new(AT_A_TIME));
    let mut tests = JoinSet::new();
    for (place, datastore) in datastores.into_iter().enumerate() {
        let (registry, granted, slots) = (registry.clone(), granted.clone(), slots.clone());
        tests.spawn(async move {
            let _slot = slots.acquire_owned().await;
            (place, test(&registry, &granted, &datastore, timeout).await)
        });
    }
    let mut rows = tests.join_all().await;
    rows.sort_by_key(|(place, _)| *place);
    rows.into_iter().map(|(_, row)| row).collect()
}

async fn test(
    registry: &Registry,
    granted: &Granted<TestConnections>,
    datastore: &DatastoreView,
    timeout: Duration,
) -> CheckRow {
    let name = datastore.profile.name.as_str().to_owned();
    let system = datastore.profile.classification.system();
    let report = async {
        let located = registry.locate(granted, datastore.id).await?;
        registry.test_connection(granted, &located, timeout).await
    };
    match report.await {
        Ok(report) => CheckRow::tested(Some(datastore.id.get()), name, system, report),
        Err(error) => {
            CheckRow::not_tested(datastore.id.get(), name, system, CommandError::chain(&error))
        }
    }
}
