//! Pages of datastores.

#![expect(missing_docs, reason = "the names of the cases say what they check")]

use super::Subject;
use crate::{at, entry, new_datastore, page};
use datastore_domain::{
    Action, Classification, Datastore, DatastoreType, Description, ListFilter, ListQuery, Measure,
    Name, OrderKey, Ordering, Paging, SealedConnection, SearchTerms, System,
};

pub(super) fn by(keys: &[(OrderKey, bool)]) -> Vec<Ordering> {
    keys.iter().map(|&(key, descending)| Ordering { key, descending }).collect()
}

async fn names_of(subject: &Subject, query: &ListQuery) -> (u64, Vec<String>) {
    let page = subject.datastores.list(query).await.expect("the storage answers");
    let name = |row: &Datastore| row.profile.name.as_str().to_owned();
    (page.count.expect("a page by number"), page.rows.iter().map(name).collect())
}

/// Names on one large page.
async fn all(subject: &Subject, filter: ListFilter, ordering: Vec<Ordering>) -> Vec<String> {
    let query = ListQuery { filter, ordering, paging: Paging::Number(page(1, 500)) };
    let (count, names) = names_of(subject, &query).await;
    assert_eq!(count, names.len() as u64);
    names
}

async fn in_order(subject: &Subject, keys: &[(OrderKey, bool)]) -> Vec<String> {
    all(subject, ListFilter::default(), by(keys)).await
}

/// Names in the order of creation.
async fn filtered(subject: &Subject, filter: ListFilter) -> Vec<String> {
    all(subject, filter, by(&[(OrderKey::CreatedAt, false)])).await
}

async fn found(subject: &Subject, words: &str) -> Vec<String> {
    let search = SearchTerms::new(words).expect("within the limits");
    filtered(subject, ListFilter { search, ..ListFilter::default() }).await
}

/// A datastore for each row: name, system, seconds of creation, response time.
pub(super) async fn fill(
    subject: &Subject,
    rows: &[(&str, System, i64, Option<f64>)],
) -> Vec<Datastore> {
    let mut stored = Vec::new();
    for (name, system, created, response) in rows {
        let mut new = new_datastore(name);
        new.at = at(*created);
        new.profile.classification = Classification::from(*system);
        // The builder's database is no valid one of Redis.
        if let SealedConnection::Parts { database, .. } = &mut new.connection {
            *database = None;
        }
        new.profile.avg_response_time_ms =
            response.map(|number| Measure::try_from(number).expect("valid"));
        stored.push(subject.insert(new).await);
    }
    stored
}

async fn fill_named(subject: &Subject, names: &[&str]) -> Vec<Datastore> {
    let rows: Vec<_> = names.iter().map(|name| (*name, System::Postgres, 0, None)).collect();
    fill(subject, &rows).await
}

pub async fn is_empty_at_first(subject: &Subject) {
    assert!(in_order(subject, &[(OrderKey::Name, false)]).await.is_empty());
}

pub async fn leaves_out_what_is_deleted(subject: &Subject) {
    let stored = fill_named(subject, &["a", "b", "c"]).await;
    subject.delete(&stored[1]).await.expect("it lives");
    assert_eq!(in_order(subject, &[(OrderKey::Name, false)]).await, ["a", "c"]);
}

pub async fn filters_by_type_system_and_activity(subject: &Subject) {
    let rows: Vec<_> =
        System::ALL.into_iter().map(|system| (system.as_str(), system, 0, None)).collect();
    let stored = fill(subject, &rows).await;
    let mut inactive = stored[1].clone();
    inactive.version = inactive.version.next();
    inactive.profile.is_active = false;
    let update = subject.datastores.update(&inactive, stored[1].version, entry(Action::Update));
    update.await.expect("nothing is in the way");

    let types =
        |types: &[DatastoreType]| ListFilter { types: types.to_vec(), ..ListFilter::default() };
    let sql = filtered(subject, types(&[DatastoreType::Sql])).await;
    assert_eq!(sql, ["postgres", "mysql"]);
    let two = filtered(subject, types(&[DatastoreType::Graph, DatastoreType::Document])).await;
    assert_eq!(two, ["mongodb", "neo4j"]);
    let systems = vec![System::Redis, System::Mysql];
    let any = ListFilter { systems: systems.clone(), ..ListFilter::default() };
    assert_eq!(filtered(subject, any).await, ["mysql", "redis"]);
    let both = ListFilter { systems, ..types(&[DatastoreType::Sql]) };
    assert_eq!(filtered(subject, both.clone()).await, ["mysql"]);
    let active = ListFilter { is_active: Some(true), ..both };
    assert!(filtered(subject, active).await.is_empty());
    let inactive = ListFilter { is_active: Some(false), ..ListFilter::default() };
    assert_eq!(filtered(subject, inactive).await, ["mysql"]);
}

pub async fn orders_by_creation_both_ways(subject: &Subject) {
    let rows = [
        ("noon", System::Postgres, 20, None),
        ("dawn", System::Postgres, 10, None),
        ("tie of noon", System::Postgres, 20, None),
    ];
    fill(subject, &rows).await;
    let up = in_order(subject, &[(OrderKey::CreatedAt, false)]).await;
    assert_eq!(up, ["dawn", "noon", "tie of noon"]);
    let down = in_order(subject, &[(OrderKey::CreatedAt, true)]).await;
    assert_eq!(down, ["tie of noon", "noon", "dawn"]);
}

/// Collations of languages would put `é` beside `e`, and `a` beside `A`.
pub async fn orders_names_by_code_point(subject: &Subject) {
    let names =
        ["Z", "a", "~", "\u{e9}", "e", "\u{10000}", "\u{ffee}", "_", " B".trim(), "a b", "a-b"];
    fill_named(subject, &names).await;
    let mut expected = names.to_vec();
    expected.sort_by_key(|name| name.chars().collect::<Vec<_>>());
    assert_eq!(in_order(subject, &[(OrderKey::Name, false)]).await, expected);
    expected.reverse();
    assert_eq!(in_order(subject, &[(OrderKey::Name, true)]).await, expected);
}

pub async fn orders_types_by_code_point_and_ties_by_number(subject: &Subject) {
    let rows = [
        ("sql 1", System::Postgres, 5, None),
        ("graph", System::Neo4j, 4, None),
        ("sql 2", System::Mysql, 3, None),
        ("column", System::Cassandra, 2, None),
    ];
    fill(subject, &rows).await;
    let up = in_order(subject, &[(OrderKey::Type, false)]).await;
    assert_eq!(up, ["column", "graph", "sql 1", "sql 2"]);
    let down = in_order(subject, &[(OrderKey::Type, true)]).await;
    assert_eq!(down, ["sql 2", "sql 1", "graph", "column"]);
}

pub async fn puts_absent_figures_last_both_ways(subject: &Subject) {
    let rows = [
        ("none 1", System::Postgres, 0, None),
        ("slow", System::Postgres, 0, Some(100.0)),
        ("none 2", System::Postgres, 0, None),
        ("fast", System::Postgres, 0, Some(0.5)),
        ("slow too", System::Postgres, 0, Some(100.0)),
    ];
    fill(subject, &rows).await;
    let up = in_order(subject, &[(OrderKey::AvgResponseTimeMs, false)]).await;
    assert_eq!(up, ["fast", "slow", "slow too", "none 1", "none 2"]);
    let down = in_order(subject, &[(OrderKey::AvgResponseTimeMs, true)]).await;
    assert_eq!(down, ["slow too", "slow", "fast", "none 2", "none 1"]);
}

pub async fn orders_by_several_keys_with_ties_in_the_last_direction(subject: &Subject) {
    let rows = [
        ("p slow", System::Postgres, 1, Some(9.0)),
        ("r", System::Redis, 1, None),
        ("p none", System::Postgres, 2, None),
        ("m slow", System::Mysql, 1, Some(9.0)),
        ("m fast", System::Mysql, 3, Some(1.0)),
    ];
    fill(subject, &rows).await;
    let keys = [(OrderKey::Type, true), (OrderKey::AvgResponseTimeMs, false)];
    let names = in_order(subject, &keys).await;
    assert_eq!(names, ["m fast", "p slow", "m slow", "p none", "r"]);
    let keys = [(OrderKey::AvgResponseTimeMs, false), (OrderKey::Type, true)];
    let names = in_order(subject, &keys).await;
    assert_eq!(names, ["m fast", "m slow", "p slow", "p none", "r"]);
}

pub async fn pages_without_loss_or_repetition(subject: &Subject) {
    let names: Vec<_> = (0..7).map(|n| format!("n{n}")).collect();
    fill_named(subject, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for size in 1..=8 {
        let mut seen = Vec::new();
        for number in 1..=7_u32.div_ceil(size) {
            let ordering = by(&[(OrderKey::Type, false)]);
            let paging = Paging::Number(page(number, size));
            let query = ListQuery { filter: ListFilter::default(), ordering, paging };
            let (count, names) = names_of(subject, &query).await;
            assert_eq!(count, 7, "size {size}, page {number}");
            seen.extend(names);
        }
        assert_eq!(seen, names, "size {size}");
    }
}

pub async fn tells_of_pages_before_and_after(subject: &Subject) {
    fill_named(subject, &["a", "b", "c"]).await;
    let cases = [
        (1, 2, false, true),
        (2, 2, true, false),
        (3, 2, true, false),
        (1, 3, false, false),
        (2, 1, true, true),
        (3, 1, true, false),
        (9, 1, true, false),
        (1, 500, false, false),
    ];
    let ask = |filter, number, size| async move {
        let (ordering, paging) =
            (by(&[(OrderKey::Name, false)]), Paging::Number(page(number, size)));
        let page = subject.datastores.list(&ListQuery { filter, ordering, paging }).await;
        let page = page.expect("the storage answers");
        (page.before, page.after)
    };
    for (number, size, before, after) in cases {
        let found = ask(ListFilter::default(), number, size).await;
        assert_eq!(found, (before, after), "page {number} of {size}");
    }
    let nothing = ListFilter { is_active: Some(false), ..ListFilter::default() };
    assert_eq!(ask(nothing, 2, 3).await, (false, false));
}

pub async fn counts_beyond_the_last_page(subject: &Subject) {
    fill_named(subject, &["a", "b", "c"]).await;
    for (number, size) in [(2, 3), (2, 500), (9, 1), (u32::MAX, 500), (u32::MAX, u32::MAX)] {
        let ordering = by(&[(OrderKey::Name, false)]);
        let paging = Paging::Number(page(number, size));
        let query = ListQuery { filter: ListFilter::default(), ordering, paging };
        assert_eq!(names_of(subject, &query).await, (3, vec![]), "page {number} of {size}");
    }
}

pub async fn takes_search_words_literally(subject: &Subject) {
    let names =
        ["100% sure", "100 sure", "a_b", "axb", "o'clock", "\"quoted\"", "back\\slash", "[a-z]*"];
    fill_named(subject, &names).await;
    assert_eq!(found(subject, "100%").await, ["100% sure"]);
    assert_eq!(found(subject, "%").await, ["100% sure"]);
    assert_eq!(found(subject, "a_b").await, ["a_b"]);
    assert_eq!(found(subject, "o'clock").await, ["o'clock"]);
    assert_eq!(found(subject, "\"quoted\"").await, ["\"quoted\""]);
    assert_eq!(found(subject, "back\\slash").await, ["back\\slash"]);
    assert_eq!(found(subject, "\\").await, ["back\\slash"]);
    assert_eq!(found(subject, "[a-z]*").await, ["[a-z]*"]);
    assert!(found(subject, "' OR 1=1 --").await.is_empty());
    assert!(found(subject, "nul\0").await.is_empty());
    assert_eq!(found(subject, "   ").await.len(), names.len());
}

pub async fn searches_all_words_in_name_and_description_without_case(subject: &Subject) {
    let stored = [("Größe ÜBER", "ЖУРАВЛЬ"), ("ΟΔΟΣ", "straße"), ("e\u{301}cole", "Number 3")];
    for (name, description) in stored {
        let mut new = new_datastore(name);
        new.profile.description = Description::try_from(description).expect("valid");
        subject.insert(new).await;
    }
    assert_eq!(found(subject, "grösse").await, Vec::<String>::new());
    assert_eq!(found(subject, "GRÖSSE größe").await, Vec::<String>::new());
    assert_eq!(found(subject, "größe").await, ["Größe ÜBER"]);
    assert_eq!(found(subject, "über журав").await, ["Größe ÜBER"]);
    assert_eq!(found(subject, "über straße").await, Vec::<String>::new());
    assert_eq!(found(subject, "οδος STRASSE").await, Vec::<String>::new());
    assert_eq!(found(subject, "οδος STRAßE").await, ["ΟΔΟΣ"]);
    assert_eq!(found(subject, "\u{c9}COLE 3").await, ["\u{e9}cole"]);
    // A word does not reach from the name into the description.
    assert!(found(subject, "ecolenumber").await.is_empty());
}

pub async fn combines_filters_with_search_and_pages(subject: &Subject) {
    let rows: Vec<_> = (0..20)
        .map(|n| {
            (format!("node {n:02}"), if n % 2 == 0 { System::Postgres } else { System::Redis })
        })
        .collect();
    let rows: Vec<_> =
        rows.iter().map(|(name, system)| (name.as_str(), *system, 0, None)).collect();
    fill(subject, &rows).await;
    let filter = ListFilter {
        types: vec![DatastoreType::Sql],
        systems: vec![System::Postgres, System::Redis],
        is_active: Some(true),
        search: SearchTerms::new("node relational 1").expect("within the limits"),
        deleted: false,
    };
    let ordering = by(&[(OrderKey::Name, true)]);
    let query = ListQuery { filter, ordering, paging: Paging::Number(page(2, 2)) };
    let expected = ["node 14", "node 12"].map(str::to_owned).to_vec();
    assert_eq!(names_of(subject, &query).await, (5, expected));
}

pub async fn finds_what_an_update_wrote(subject: &Subject) {
    let stored = fill_named(subject, &["before"]).await.remove(0);
    let mut changed = stored.clone();
    changed.version = stored.version.next();
    changed.profile.name = Name::try_from("After").expect("valid");
    let update = subject.datastores.update(&changed, stored.version, entry(Action::Update));
    update.await.expect("nothing is in the way");
    assert!(found(subject, "before").await.is_empty());
    assert_eq!(found(subject, "AFTER").await, ["After"]);
}
