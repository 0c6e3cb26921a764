//! Walks through many datastores.

use crate::support::postgres::TestServer;
use crate::support::{TestDatabase, migrated, on_both_databases, seed};
use datastore_domain::{
    Action, Anchor, Datastore, DatastoreId, DatastoreType, ListFilter, ListQuery, Name, OrderKey,
    Ordering, Paging, Side, System,
};
use datastore_persistence::Storage;
use datastore_ports::DatastoreRepository as _;
use datastore_testkit::{at, entry, new_datastore, page};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering as Memory};

on_both_databases! {
    every_row_that_stays_is_met_once_while_others_write,
}

const ROWS: u32 = 100_000;

/// Rows that writers delete or rename: some of each page.
fn may_change(id: DatastoreId) -> bool {
    id.get() % 97 == 0
}

async fn every_row_that_stays_is_met_once_while_others_write(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    seed(database, ROWS, "NULL");
    let done = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicU32::new(0));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..3 {
        writers.spawn(write(storage.clone(), writer, done.clone(), written.clone()));
    }
    // Renamed rows move in the first of the orders, rows of equal keys come in both.
    let by_name = walk(&storage, &[OrderKey::Name], false);
    let by_time = walk(&storage, &[OrderKey::AvgResponseTimeMs, OrderKey::CreatedAt], true);
    let (by_name, by_time) = tokio::join!(by_name, by_time);
    done.store(true, Memory::SeqCst);
    writers.join_all().await;
    for met in [by_name, by_time] {
        let stay = (1..=i64::from(ROWS)).filter_map(DatastoreId::new).filter(|id| !may_change(*id));
        let wrong: Vec<_> = stay.filter(|id| met.get(id) != Some(&1)).take(5).collect();
        assert!(wrong.is_empty(), "missed or met twice: {wrong:?}");
    }
    assert!(written.load(Memory::SeqCst) > 10, "the writers had their turns");
}

/// How often each row was met.
async fn walk(storage: &Storage, keys: &[OrderKey], descending: bool) -> HashMap<DatastoreId, u32> {
    let ordering: Vec<_> = keys.iter().map(|key| Ordering { key: *key, descending }).collect();
    let mut met = HashMap::new();
    let mut from = None;
    loop {
        let query = ListQuery {
            filter: ListFilter::default(),
            ordering: ordering.clone(),
            paging: Paging::Cursor { size: 500, from },
        };
        let page = storage.list(&query).await.expect("answers");
        for row in &page.rows {
            *met.entry(row.id).or_default() += 1;
        }
        let Some(last) = page.rows.last() else { return met };
        from = Some((Side::After, Anchor::of(last, &ordering)));
    }
}

/// Inserts, renames and deletes in turns until the walk is done.
async fn write(storage: Storage, writer: u32, done: Arc<AtomicBool>, written: Arc<AtomicU32>) {
    let ids = (1..=i64::from(ROWS)).rev().filter_map(DatastoreId::new);
    let ids = ids.filter(|id| may_change(*id) && id.get() % 3 == i64::from(writer));
    for (round, id) in ids.enumerate() {
        if done.load(Memory::SeqCst) {
            return;
        }
        let name = format!("node {writer} of round {round}");
        storage.insert(new_datastore(&name), entry(Action::Create)).await.expect("stores");
        let row = storage.find(id).await.expect("answers").expect("nobody else deletes it");
        let mut next = Datastore { version: row.version.next(), ..row.clone() };
        next.profile.name = Name::try_from(&*format!("A {name}")).expect("valid");
        storage.update(&next, row.version, entry(Action::Update)).await.expect("stores");
        let deleted = next.delete(at(1)).expect("it lives");
        if round % 2 == 0 {
            storage.delete(&deleted, next.version, entry(Action::Delete)).await.expect("deletes");
        }
        written.fetch_add(1, Memory::SeqCst);
    }
}

const SIZE: u32 = 50;

/// Pages by cursor at the beginning, in the middle and at the end, and one back from there.
async fn four_pages(
    storage: &Storage,
    filter: &ListFilter,
    ordering: &[Ordering],
    anchors: &[Anchor],
) {
    let cursor = |from| Paging::Cursor { size: SIZE, from };
    let [middle, end] = anchors else { panic!("two anchors") };
    let places = [
        None,
        Some((Side::After, middle.clone())),
        Some((Side::After, end.clone())),
        Some((Side::Before, end.clone())),
    ];
    for from in places {
        let (filter, ordering, paging) = (filter.clone(), ordering.to_vec(), cursor(from));
        let page = storage.list(&ListQuery { filter, ordering, paging }).await.expect("answers");
        assert_eq!(page.rows.len(), SIZE as usize);
    }
}

/// The places half way through and near the end.
async fn places(storage: &Storage, filter: &ListFilter, ordering: &[Ordering]) -> Vec<Anchor> {
    let mut places = Vec::new();
    let row = async |number| {
        let (filter, ordering, paging) =
            (filter.clone(), ordering.to_vec(), Paging::Number(page(number, 1)));
        storage.list(&ListQuery { filter, ordering, paging }).await.expect("answers")
    };
    let count = row(1).await.count.expect("a page by number");
    for number in [count / 2, count - 60] {
        let number = u32::try_from(number).expect("few rows");
        places.push(Anchor::of(&row(number).await.rows[0], ordering));
    }
    places
}

/// Counts what the server reads: a walk that reads what it has passed, or sorts the list, reads
/// thousands of rows for its fifty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_reads_no_more_for_the_last_page_than_for_the_first() {
    const MOST: i64 = 4 * 4 * SIZE as i64;
    let database = TestServer::new();
    let storage = migrated(&database).await;
    seed(&database, ROWS, "NULL");
    seed(&database, ROWS / 10, "2000000 + i");
    database.execute("ANALYZE").expect("the superuser may do so");
    let any = ListFilter::default();
    let deleted = ListFilter { deleted: true, ..any.clone() };
    let mut cases = Vec::new();
    for key in OrderKey::ALL {
        for descending in [false, true] {
            let ordering = vec![Ordering { key, descending }];
            cases.push((any.clone(), ordering.clone()));
            cases.push((deleted.clone(), ordering));
        }
    }
    let newest = vec![Ordering { key: OrderKey::CreatedAt, descending: true }];
    let of_type = ListFilter { types: vec![DatastoreType::Graph], ..any.clone() };
    let of_system = ListFilter { systems: vec![System::Redis], ..any.clone() };
    let inactive = ListFilter { is_active: Some(false), ..any };
    cases.extend([of_type, of_system, inactive].map(|filter| (filter, newest.clone())));
    let mut anchors = Vec::new();
    for (filter, ordering) in &cases {
        anchors.push(places(&storage, filter, ordering).await);
    }
    let mut before = database.reads();
    for ((filter, ordering), anchors) in cases.iter().zip(&anchors) {
        four_pages(&storage, filter, ordering, anchors).await;
        let after = database.reads();
        let reads = after - before;
        assert!((i64::from(4 * SIZE)..MOST).contains(&reads), "{reads}: {filter:?}, {ordering:?}");
        before = after;
    }
}
