//! Lists by cursor.

#![expect(missing_docs, reason = "the names of the cases say what they check")]

use super::Subject;
use super::list::{by, fill};
use crate::{at, entry, new_datastore, page};
use datastore_domain::{
    Action, Anchor, Datastore, KeyValue, ListFilter, ListQuery, Name, OrderKey, Ordering, Paging,
    SearchTerms, Side, System,
};
use datastore_ports::Page;

/// What is walked through, and how.
#[derive(Clone, Debug)]
struct Walk {
    filter: ListFilter,
    ordering: Vec<Ordering>,
    size: u32,
}

impl Walk {
    fn new(ordering: Vec<Ordering>, size: u32) -> Self {
        Self { filter: ListFilter::default(), ordering, size }
    }

    async fn ask(&self, subject: &Subject, paging: Paging<Anchor>) -> Page<Datastore> {
        let (filter, ordering) = (self.filter.clone(), self.ordering.clone());
        let query = ListQuery { filter, ordering, paging };
        subject.datastores.list(&query).await.expect("the storage answers")
    }

    async fn first(&self, subject: &Subject) -> Page<Datastore> {
        self.ask(subject, Paging::Cursor { size: self.size, from: None }).await
    }

    async fn from(&self, subject: &Subject, side: Side, row: &Datastore) -> Page<Datastore> {
        let from = Some((side, Anchor::of(row, &self.ordering)));
        self.ask(subject, Paging::Cursor { size: self.size, from }).await
    }

    /// All rows on one numbered page.
    async fn all(&self, subject: &Subject) -> Vec<Datastore> {
        self.ask(subject, Paging::Number(page(1, 500))).await.rows
    }

    /// Walks from the beginning to the end and back, and expects these rows.
    async fn expect(&self, subject: &Subject, rows: &[Datastore]) {
        let size = self.size as usize;
        let pages: Vec<_> = rows.chunks(size).collect();
        let mut next = self.first(subject).await;
        for (number, expected) in pages.iter().enumerate() {
            let is_last = number + 1 == pages.len();
            assert_eq!((next.before, next.after), (number > 0, !is_last), "{self:?}: {number}");
            assert_eq!(names(&next.rows), names(expected), "{self:?}: page {number}");
            assert_eq!(next.rows, *expected);
            assert_eq!(next.count, None);
            next = self.from(subject, Side::After, &expected[expected.len() - 1]).await;
        }
        assert!(next.rows.is_empty() && !next.after, "{self:?}: beyond the end");
        assert_eq!(next.before, !rows.is_empty());
        self.expect_backwards(subject, rows).await;
    }

    /// Walks from before the last row to the beginning.
    async fn expect_backwards(&self, subject: &Subject, rows: &[Datastore]) {
        let Some((mut anchor, rest)) = rows.split_last() else { return };
        for expected in rest.rchunks(self.size as usize) {
            let page = self.from(subject, Side::Before, anchor).await;
            assert_eq!(names(&page.rows), names(expected), "{self:?}: back");
            assert_eq!(page.rows, expected);
            assert_eq!((page.before, page.after), (expected[0].id != rows[0].id, true));
            anchor = &expected[0];
        }
        let page = self.from(subject, Side::Before, anchor).await;
        assert!(
            page.rows.is_empty() && !page.before && page.after,
            "{self:?}: before the beginning"
        );
    }
}

fn names(rows: &[Datastore]) -> Vec<&str> {
    rows.iter().map(|row| row.profile.name.as_str()).collect()
}

/// In UTF-16 the last ones, of two units each, would come before U+FFEE.
const NAMES: [&str; 12] = [
    "Z",
    "a",
    "a b",
    "\u{e9}",
    "e\u{328}",
    "Ж",
    "ش",
    "日本",
    "\u{ffee}",
    "\u{10000}",
    "\u{1F418}",
    "\u{1F418}a",
];

/// Rows with equal keys in all combinations that come by: a generator with a fixed seed.
async fn fill_with_ties(subject: &Subject) -> Vec<Datastore> {
    const SYSTEMS: [System; 4] =
        [System::Postgres, System::Mysql, System::Neo4j, System::Cassandra];
    const TIMES: [Option<f64>; 4] = [None, Some(0.1 + 0.2), Some(0.3), Some(1e300)];
    let mut state = 7_u32;
    let mut choose = |choices: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize % choices
    };
    let rows = NAMES.map(|name| {
        let (system, time) = (SYSTEMS[choose(4)], TIMES[choose(4)]);
        (name, system, i64::try_from(choose(3)).expect("small"), time)
    });
    fill(subject, &rows).await
}

/// All orderings by so many keys.
fn orderings(keys: usize) -> Vec<Vec<Ordering>> {
    let mut orderings = vec![Vec::new()];
    for _ in 0..keys {
        let longer = orderings.iter().flat_map(|shorter: &Vec<Ordering>| {
            let rest =
                OrderKey::ALL.into_iter().filter(|key| shorter.iter().all(|o| o.key != *key));
            let next = rest.flat_map(|key| by(&[(key, false), (key, true)]));
            next.map(|next| [&shorter[..], &[next]].concat()).collect::<Vec<_>>()
        });
        orderings = longer.collect();
    }
    orderings
}

async fn meets_all(subject: &Subject, keys: usize, sizes: &[u32], filter: ListFilter) {
    let orderings = orderings(keys);
    for (number, ordering) in orderings.into_iter().enumerate() {
        let size = sizes[number % sizes.len()];
        let walk = Walk { filter: filter.clone(), ..Walk::new(ordering, size) };
        let rows = walk.all(subject).await;
        assert_eq!(rows.len(), NAMES.len());
        walk.expect(subject, &rows).await;
    }
}

pub async fn meets_the_rows_of_the_pages_by_one_key(subject: &Subject) {
    fill_with_ties(subject).await;
    for size in [1, 2, 3, 7, 12, 500] {
        meets_all(subject, 1, &[size], ListFilter::default()).await;
    }
}

pub async fn meets_the_rows_of_the_pages_by_two_keys(subject: &Subject) {
    fill_with_ties(subject).await;
    meets_all(subject, 2, &[2, 3, 7, 1, 5], ListFilter::default()).await;
}

pub async fn meets_the_rows_of_the_pages_by_three_keys(subject: &Subject) {
    fill_with_ties(subject).await;
    meets_all(subject, 3, &[3, 7, 5], ListFilter::default()).await;
}

/// Deleted ones may have one name, too.
pub async fn meets_deleted_ones_of_one_name(subject: &Subject) {
    for (number, name) in NAMES.iter().enumerate() {
        let mut new = new_datastore(NAMES[number % 3]);
        new.at = at(i64::try_from(name.len()).expect("short"));
        let stored = subject.insert(new).await;
        subject.delete(&stored).await.expect("it lives");
    }
    subject.insert(new_datastore("it lives")).await;
    let deleted = ListFilter { deleted: true, ..ListFilter::default() };
    meets_all(subject, 1, &[1, 2, 3, 7], deleted.clone()).await;
    meets_all(subject, 2, &[5], deleted).await;
}

pub async fn meets_nothing_in_an_empty_list(subject: &Subject) {
    for ordering in orderings(1) {
        let walk = Walk::new(ordering.clone(), 3);
        walk.expect(subject, &[]).await;
        let elsewhere = subject.insert(new_datastore("gone")).await;
        subject.delete(&elsewhere).await.expect("it lives");
        for side in [Side::Before, Side::After] {
            let page = walk.from(subject, side, &elsewhere).await;
            let nothing = Page { count: None, before: false, after: false, rows: Vec::new() };
            assert_eq!(page, nothing, "{ordering:?}");
        }
    }
}

pub async fn meets_what_filters_and_search_leave(subject: &Subject) {
    let stored = fill_with_ties(subject).await;
    let of_sql = |row: &&Datastore| row.profile.classification.datastore_type().as_str() == "sql";
    let mut expected: Vec<_> = stored.iter().filter(of_sql).cloned().collect();
    assert!((3..NAMES.len()).contains(&expected.len()), "some are left and some are not");
    expected.sort_by(|a, b| b.profile.name.cmp(&a.profile.name));
    for words in ["", "relational"] {
        let search = SearchTerms::new(words).expect("within the limits");
        let systems = vec![System::Postgres, System::Mysql];
        let filter = ListFilter { systems, search, is_active: Some(true), ..ListFilter::default() };
        let walk = Walk { filter, ..Walk::new(by(&[(OrderKey::Name, true)]), 2) };
        walk.expect(subject, &expected).await;
    }
    let search = SearchTerms::new("nul\0").expect("within the limits");
    let filter = ListFilter { search, ..ListFilter::default() };
    let walk = Walk { filter, ..Walk::new(by(&[(OrderKey::Name, true)]), 2) };
    walk.expect(subject, &[]).await;
}

async fn rename(subject: &Subject, row: &Datastore, name: &str) -> Datastore {
    let mut next = row.clone();
    next.version = row.version.next();
    next.profile.name = Name::try_from(name).expect("a test names a valid datastore");
    let update = subject.datastores.update(&next, row.version, entry(Action::Update));
    update.await.expect("nothing is in the way");
    next
}

/// Letters are rows that stay; between the pages others come, go and change their names.
pub async fn is_not_disturbed_by_what_others_change(subject: &Subject) {
    let letters = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let stored = fill(subject, &letters.map(|name| (name, System::Postgres, 0, None))).await;
    let walk = Walk::new(by(&[(OrderKey::Name, false)]), 3);
    let mut next = walk.first(subject).await;
    let mut met = Vec::new();
    while met.len() < letters.len() {
        met.extend(next.rows.iter().map(|row| row.profile.name.as_str().to_owned()));
        let round = met.len();
        subject.insert(new_datastore(&format!("0 behind {round}"))).await;
        let gone = subject.insert(new_datastore(&format!("0 gone {round}"))).await;
        subject.delete(&gone).await.expect("it lives");
        let jumps = subject.insert(new_datastore(&format!("z ahead {round}"))).await;
        rename(subject, &jumps, &format!("1 behind {round}")).await;
        subject.insert(new_datastore(&format!("z ahead {round}"))).await;
        let last = next.rows.last().expect("letters are left").clone();
        next = walk.from(subject, Side::After, &last).await;
    }
    assert_eq!(met, letters);
    assert_eq!(names(&next.rows), ["z ahead 3", "z ahead 6", "z ahead 9"]);
    let back = walk.from(subject, Side::Before, &stored[4]).await;
    assert_eq!(names(&back.rows), ["b", "c", "d"]);
}

/// An anchor is a place, whatever became of the row that stood there.
pub async fn goes_on_where_a_row_was(subject: &Subject) {
    let rows = ["a", "b", "c", "d", "e"].map(|name| (name, System::Postgres, 0, Some(1.0)));
    let stored = fill(subject, &rows).await;
    let walk = Walk::new(by(&[(OrderKey::Name, false)]), 2);
    subject.delete(&stored[2]).await.expect("it lives");
    rename(subject, &stored[1], "z").await;
    for place in [&stored[1], &stored[2]] {
        let after = walk.from(subject, Side::After, place).await;
        assert_eq!((names(&after.rows), after.before, after.after), (vec!["d", "e"], true, true));
        let before = walk.from(subject, Side::Before, place).await;
        assert_eq!((names(&before.rows), before.before, before.after), (vec!["a"], false, true));
    }
    // Nothing is left before the first page: no way leads there.
    subject.delete(&stored[0]).await.expect("it lives");
    let after = walk.from(subject, Side::After, &stored[0]).await;
    assert_eq!((names(&after.rows), after.before, after.after), (vec!["d", "e"], false, true));
}

/// The keys decide, not where the row of that number stands now.
pub async fn takes_an_anchor_by_its_values(subject: &Subject) {
    let rows = [("a", None), ("b", Some(1.0)), ("c", Some(2.0)), ("d", None)];
    let rows = rows.map(|(name, time)| (name, System::Postgres, 0, time));
    let stored = fill(subject, &rows).await;
    let walk = Walk::new(by(&[(OrderKey::AvgResponseTimeMs, true)]), 9);
    let from = |number, row: &Datastore| {
        Some((Side::After, Anchor { keys: vec![KeyValue::Number(number)], id: row.id }))
    };
    let cases: [(_, &Datastore, &[&str]); 5] = [
        (Some(9.0), &stored[0], &["c", "b", "d", "a"]),
        (Some(1.5), &stored[3], &["b", "d", "a"]),
        (Some(1.0), &stored[3], &["b", "d", "a"]),
        (Some(1.0), &stored[0], &["d", "a"]),
        (None, &stored[3], &["a"]),
    ];
    for (number, row, expected) in cases {
        let paging = Paging::Cursor { size: 9, from: from(number, row) };
        let page = walk.ask(subject, paging).await;
        assert_eq!(names(&page.rows), expected, "{number:?}, {:?}", row.id);
    }
}
