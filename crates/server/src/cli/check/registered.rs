//! Tests of datastores in the registry.

use super::CommandError;
use super::row::CheckRow;
use crate::settings::Settings;
use crate::wiring;
use datastore_application::{
    DatastoreView, Error, Granted, ReadDatastores, Registry, TestConnections,
};
use datastore_domain::{
    DatastoreId, ListFilter, ListQuery, OrderKey, Ordering, PageRequest, Paging, Side,
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

/// The operator's proof of a permission.
#[expect(clippy::disallowed_methods, reason = "this is the command line")]
fn operator<P>() -> Granted<P> {
    Granted::command_line()
}

/// Tests them, in the order that they were named in, all of them by name.
pub(super) async fn check(
    which: Registered,
    timeout: Duration,
    settings: &Settings,
) -> Result<Vec<CheckRow>, CommandError> {
    let registry = wiring::open_registry(settings).await?;
    let chosen = match which {
        Registered::AllActive => {
            let all = all(&registry).await?;
            let active = |datastore: &DatastoreView| datastore.profile.is_active;
            let active: Vec<_> = all.into_iter().filter(active).collect();
            // A pipeline that looks at the wrong registry is not told that all is well.
            if active.is_empty() {
                return Err(CommandError::NoneActive);
            }
            active
        }
        Registered::Some(wanted) => find(&registry, wanted).await?,
    };
    Ok(test_all(&registry, chosen, timeout).await)
}

fn unreadable(error: Error) -> CommandError {
    CommandError::UseCase("the datastores cannot be read", error)
}

/// All datastores, by name.
async fn all(registry: &Registry) -> Result<Vec<DatastoreView>, CommandError> {
    let reader = operator::<ReadDatastores>();
    let mut datastores: Vec<DatastoreView> = Vec::new();
    let ordering = vec![Ordering { key: OrderKey::Name, descending: false }];
    loop {
        let from = datastores.last().map(|last| (Side::After, last.anchor(&ordering)));
        let paging = Paging::Cursor { size: PageRequest::MAX_SIZE, from };
        let filter = ListFilter::default();
        let query = ListQuery { filter, ordering: ordering.clone(), paging };
        let page = registry.list(&reader, query).await.map_err(unreadable)?;
        datastores.extend(page.rows);
        if !page.after {
            return Ok(datastores);
        }
    }
}

/// A number is that of a datastore, everything else a name, which is looked for among all of them.
async fn find(
    registry: &Registry,
    wanted: Vec<String>,
) -> Result<Vec<DatastoreView>, CommandError> {
    let has_names = wanted.iter().any(|wanted| wanted.parse::<i64>().is_err());
    let known = if has_names { all(registry).await? } else { Vec::new() };
    let mut found = Vec::new();
    for wanted in wanted {
        let datastore = match wanted.parse() {
            Ok(number) => by_number(registry, number).await?,
            Err(_) => known.iter().find(|known| known.profile.name.as_str() == wanted).cloned(),
        };
        found.push(datastore.ok_or(CommandError::NoDatastore(wanted))?);
    }
    Ok(found)
}

async fn by_number(
    registry: &Registry,
    number: i64,
) -> Result<Option<DatastoreView>, CommandError> {
    let Some(id) = DatastoreId::new(number) else { return Ok(None) };
    match registry.get(&operator::<ReadDatastores>(), id).await {
        Ok(datastore) => Ok(Some(datastore)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(unreadable(error)),
    }
}

async fn test_all(
    registry: &Registry,
    datastores: Vec<DatastoreView>,
    timeout: Duration,
) -> Vec<CheckRow> {
    let slots = Arc::new(Semaphore::new(AT_A_TIME));
    let mut tests = JoinSet::new();
    for (place, datastore) in datastores.into_iter().enumerate() {
        let (registry, slots) = (registry.clone(), slots.clone());
        tests.spawn(async move {
            let _slot = slots.acquire_owned().await;
            (place, test(&registry, &datastore, timeout).await)
        });
    }
    let mut rows = tests.join_all().await;
    rows.sort_by_key(|(place, _)| *place);
    rows.into_iter().map(|(_, row)| row).collect()
}

async fn test(registry: &Registry, datastore: &DatastoreView, timeout: Duration) -> CheckRow {
    let tester = operator::<TestConnections>();
    let name = datastore.profile.name.as_str().to_owned();
    let system = datastore.profile.classification.system();
    let report = async {
        let located = registry.locate(&tester, datastore.id).await?;
        registry.test_connection(&tester, &located, timeout, false).await
    };
    match report.await {
        Ok(report) => CheckRow::tested(Some(datastore.id.get()), name, system, report),
        Err(error) => {
            CheckRow::not_tested(datastore.id.get(), name, system, CommandError::chain(&error))
        }
    }
}
