//! How SQLite goes about lists: by an index that has the rows in order, begun at the right place.

use super::*;
use crate::keyset::{places, stretches};
use datastore_domain::{
    Anchor, DatastoreId, DatastoreType, KeyValue, ListFilter, ListQuery, OrderKey, Ordering,
    Paging, Side, Timestamp,
};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

struct Explain<Q>(Q);

impl<Q> QueryId for Explain<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<Db>> QueryFragment<Db> for Explain<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql("EXPLAIN QUERY PLAN ");
        self.0.walk_ast(out.reborrow())
    }
}

impl<Q> Query for Explain<Q> {
    type SqlType = (Integer, Integer, Integer, Text);
}

impl<Q> RunQueryDsl<Conn> for Explain<Q> {}

/// The steps, one after the other.
fn plan<Q: QueryFragment<Db>>(conn: &mut Conn, query: Q) -> String {
    let steps = Explain(query).load::<(i32, i32, i32, String)>(conn).expect("explains");
    steps.into_iter().map(|(_, _, _, step)| step).collect::<Vec<_>>().join("; ")
}

fn value(key: OrderKey, absent: bool) -> KeyValue {
    match key {
        OrderKey::CreatedAt => KeyValue::Time(Timestamp::from_micros(7).expect("valid")),
        OrderKey::Name | OrderKey::Type => KeyValue::Text("m".to_owned()),
        OrderKey::AvgResponseTimeMs => KeyValue::Number((!absent).then_some(7.0)),
    }
}

fn filters() -> [ListFilter; 5] {
    let any = ListFilter::default();
    [
        any.clone(),
        ListFilter { deleted: true, ..any.clone() },
        ListFilter { types: vec![DatastoreType::Graph], ..any.clone() },
        ListFilter { systems: vec![datastore_domain::System::Redis], ..any.clone() },
        ListFilter { is_active: Some(true), ..any },
    ]
}

fn cases() -> Vec<ListQuery> {
    let mut cases = Vec::new();
    for filter in filters() {
        for key in OrderKey::ALL {
            // Filters have indexes in the order that is used unless another is asked for.
            if filter.types.len() + filter.systems.len() > 0 && key != OrderKey::CreatedAt {
                continue;
            }
            for descending in [false, true] {
                let (filter, ordering) = (filter.clone(), vec![Ordering { key, descending }]);
                let paging = Paging::Cursor { size: 50, from: None };
                cases.push(ListQuery { filter, ordering, paging });
            }
        }
    }
    cases
}

#[tokio::test]
async fn lists_go_by_an_index_from_the_right_place_and_sort_nothing() {
    let folder = folder();
    let database = open(&folder);
    database.write::<_, RepositoryError>(migrations::run).await.expect("migrates");
    let explained = |conn: &mut Conn| {
        for query in cases() {
            for side in [Side::After, Side::Before] {
                let step = plan(conn, list::in_order(&query, side).limit(51));
                assert!(step.contains(" USING INDEX "), "{query:?}: {step}");
                assert!(!step.contains("TEMP B-TREE"), "{query:?}: {step}");
                for absent in [false, true] {
                    let key = query.ordering[0].key;
                    let id = DatastoreId::new(7).expect("positive");
                    let anchor = Anchor { keys: vec![value(key, absent)], id };
                    let places = places(&query.ordering, &anchor).expect("fits");
                    for stretch in stretches(&places, id, side, false, LOOKS_UP_PAIRS) {
                        let rows = list::within(list::in_order(&query, side), &stretch);
                        let step = plan(conn, rows.limit(51));
                        let what = format!("{query:?}, {stretch:?}: {step}");
                        assert!(step.starts_with("SEARCH datastores USING INDEX"), "{what}");
                        assert!(!step.contains("TEMP B-TREE"), "{what}");
                        // Every condition helps to find the place.
                        let columns = step.matches(['<', '>', '=']).count();
                        let kinds = usize::from(step.contains(" datastores_of_"));
                        assert_eq!(columns, stretch.len() + kinds, "{what}");
                    }
                }
            }
        }
        Ok::<_, Failure>(())
    };
    database.read::<_, RepositoryError>(explained).await.expect("answers");
}

/// No index has two keys in order; rows that are equal in the first are sorted, not the list.
#[tokio::test]
async fn orders_of_two_keys_sort_only_rows_that_are_equal_in_the_first() {
    let folder = folder();
    let database = open(&folder);
    database.write::<_, RepositoryError>(migrations::run).await.expect("migrates");
    let explained = |conn: &mut Conn| {
        let second = Ordering { key: OrderKey::Name, descending: false };
        for key in [OrderKey::CreatedAt, OrderKey::Type, OrderKey::AvgResponseTimeMs] {
            for descending in [false, true] {
                let ordering = vec![Ordering { key, descending }, second];
                let paging = Paging::Cursor { size: 50, from: None };
                let query = ListQuery { filter: ListFilter::default(), ordering, paging };
                for side in [Side::After, Side::Before] {
                    let step = plan(conn, list::in_order(&query, side).limit(51));
                    assert!(step.contains("FOR LAST 2 TERMS OF ORDER BY"), "{query:?}: {step}");
                }
            }
        }
        Ok::<_, Failure>(())
    };
    database.read::<_, RepositoryError>(explained).await.expect("answers");
}
