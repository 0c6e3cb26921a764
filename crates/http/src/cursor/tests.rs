use super::*;
use datastore_domain::{ListFilter, SearchTerms, System};
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::{select, subsequence};

const PATH: &str = "/list/";

fn list(ordering: &[Ordering]) -> Datastores {
    Datastores::new(PATH, &ListFilter::default(), ordering)
}

fn orderings() -> impl Strategy<Value = Vec<Ordering>> {
    let keys = subsequence(OrderKey::ALL.to_vec(), 1..=OrderKey::ALL.len()).prop_shuffle();
    let directions = proptest::collection::vec(any::<bool>(), OrderKey::ALL.len());
    (keys, directions).prop_map(|(keys, directions)| {
        let each = keys.into_iter().zip(directions);
        each.map(|(key, descending)| Ordering { key, descending }).collect()
    })
}

fn values(key: OrderKey) -> impl Strategy<Value = KeyValue> {
    let last = Timestamp::parse("9999-12-31T23:59:59.999999Z").expect("valid").as_micros();
    match key {
        OrderKey::CreatedAt => (-last / 9..=last)
            .prop_map(|micros| KeyValue::Time(Timestamp::from_micros(micros).expect("in range")))
            .boxed(),
        OrderKey::Name => any::<String>()
            .prop_filter_map("a name", |text| Name::try_from(text.as_str()).ok())
            .prop_map(|name| KeyValue::Text(name.as_str().to_owned()))
            .boxed(),
        OrderKey::Type => select(DatastoreType::ALL.to_vec())
            .prop_map(|t| KeyValue::Text(t.as_str().to_owned()))
            .boxed(),
        OrderKey::AvgResponseTimeMs => {
            let finite = any::<f64>().prop_filter("finite", |number| number.is_finite());
            prop_oneof![Just(None), finite.prop_map(Some)].prop_map(KeyValue::Number).boxed()
        }
    }
}

fn anchors() -> impl Strategy<Value = (Vec<Ordering>, Anchor)> {
    orderings().prop_flat_map(|ordering| {
        let keys: Vec<_> = ordering.iter().map(|o| values(o.key).boxed()).collect();
        (Just(ordering), keys, 1..=i64::MAX).prop_map(|(ordering, keys, id)| {
            (ordering, Anchor { keys, id: DatastoreId::new(id).expect("positive") })
        })
    })
}

fn sides() -> impl Strategy<Value = Side> {
    select(vec![Side::Before, Side::After])
}

/// Whether each value is of the kind of its key.
fn fits(anchor: &Anchor, ordering: &[Ordering]) -> bool {
    let fit = |(ordering, value): (&Ordering, &KeyValue)| match ordering.key {
        OrderKey::CreatedAt => matches!(value, KeyValue::Time(_)),
        OrderKey::Name | OrderKey::Type => matches!(value, KeyValue::Text(_)),
        OrderKey::AvgResponseTimeMs => {
            matches!(value, KeyValue::Number(number) if number.is_none_or(f64::is_finite))
        }
    };
    anchor.keys.len() == ordering.len() && ordering.iter().zip(&anchor.keys).all(fit)
}

proptest! {
    #[test]
    fn a_cursor_leads_back_to_its_place((ordering, anchor) in anchors(), side in sides()) {
        let list = list(&ordering);
        let cursor = list.cursor(side, &anchor);
        prop_assert!(cursor.len() <= MAX_LENGTH);
        prop_assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        let (read_side, read) = list.parse(&cursor).expect("own cursor");
        prop_assert_eq!(read_side, side);
        // By bits, so that not even the sign of a zero is lost.
        prop_assert_eq!(list.write(&read), list.write(&anchor));
        prop_assert_eq!(read, anchor);
    }

    #[test]
    fn no_text_is_more_than_refused(ordering in orderings(), text in any::<String>()) {
        prop_assert!(list(&ordering).parse(&text).is_none());
        prop_assert!(Entries(Scope::new(PATH)).parse(&text).is_none());
    }

    /// Whoever makes up a cursor with the right digest gets a place of the right kinds, or none.
    #[test]
    fn forged_places_have_the_kinds_of_the_ordering(
        ordering in orderings(),
        side in sides(),
        place in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let list = list(&ordering);
        if let Some((_, anchor)) = list.parse(&list.scope.encode(side, &place)) {
            prop_assert!(fits(&anchor, &ordering), "{anchor:?}");
            prop_assert_eq!(list.write(&anchor), place);
        }
    }

    #[test]
    fn a_place_of_one_ordering_is_none_of_another(
        (ordering, anchor) in anchors(),
        other in orderings(),
        side in sides(),
    ) {
        let cursor = list(&ordering).cursor(side, &anchor);
        prop_assert_eq!(list(&other).parse(&cursor).is_some(), ordering == other);
        // Not even when the digest is made to fit.
        let other = list(&other);
        if let Some(read) = other.read(&list(&ordering).write(&anchor)) {
            prop_assert!(fits(&read, &other.ordering), "{read:?}");
        }
    }

    #[test]
    fn entries_have_cursors_too(id in any::<i64>(), side in sides()) {
        let entries = Entries(Scope::new(PATH));
        let cursor = entries.cursor(side, &EntryId(id));
        prop_assert_eq!(entries.parse(&cursor), Some((side, EntryId(id))));
        prop_assert_eq!(Entries(Scope::new("/other/")).parse(&cursor), None);
    }
}

fn by(key: OrderKey, descending: bool) -> Vec<Ordering> {
    vec![Ordering { key, descending }]
}

fn place(value: KeyValue, id: i64) -> Anchor {
    Anchor { keys: vec![value], id: DatastoreId::new(id).expect("positive") }
}

#[test]
fn what_was_cut_or_altered_is_no_cursor() {
    let list = list(&by(OrderKey::Name, false));
    let cursor = list.cursor(Side::After, &place(KeyValue::Text("orders".to_owned()), 7));
    for at in 0..cursor.len() {
        assert!(list.parse(&cursor[..at]).is_none(), "cut at {at}");
        let mut altered = cursor.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).expect("ascii");
        assert!(list.parse(&altered).is_none(), "altered at {at}");
    }
    for more in ["A", "=", "AA", " "] {
        assert!(list.parse(&format!("{cursor}{more}")).is_none(), "{more}");
    }
}

#[test]
fn a_cursor_is_bound_to_filters_in_whatever_spelling() {
    let ordering = by(OrderKey::Name, false);
    let filter = ListFilter {
        types: vec![DatastoreType::Sql, DatastoreType::Graph],
        systems: vec![System::Postgres],
        is_active: Some(true),
        search: SearchTerms::new("red Blue").expect("valid"),
        deleted: false,
    };
    let anchor = place(KeyValue::Text("orders".to_owned()), 7);
    let cursor = Datastores::new(PATH, &filter, &ordering).cursor(Side::After, &anchor);
    let taken = |filter: &ListFilter| Datastores::new(PATH, filter, &ordering).parse(&cursor);
    let same = ListFilter {
        types: vec![DatastoreType::Graph, DatastoreType::Sql, DatastoreType::Graph],
        search: SearchTerms::new(" blue red").expect("valid"),
        ..filter.clone()
    };
    assert_eq!(taken(&same), Some((Side::After, anchor)));
    for other in [
        ListFilter { types: vec![DatastoreType::Sql], ..filter.clone() },
        ListFilter { types: vec![], ..filter.clone() },
        ListFilter { systems: vec![], ..filter.clone() },
        ListFilter { is_active: None, ..filter.clone() },
        ListFilter { is_active: Some(false), ..filter.clone() },
        ListFilter { search: SearchTerms::new("redblue").expect("valid"), ..filter.clone() },
        ListFilter { deleted: true, ..filter.clone() },
    ] {
        assert_eq!(taken(&other), None, "{other:?}");
    }
    let elsewhere = Datastores::new("/other/", &filter, &ordering);
    assert_eq!(elsewhere.parse(&cursor), None);
}

#[test]
fn the_longest_place_fits() {
    let keys = OrderKey::ALL.map(|key| Ordering { key, descending: false });
    let name = "\u{10FFFD}".repeat(255);
    assert_eq!(Name::try_from(name.as_str()).expect("a name").as_str(), name);
    let longest = |key: &OrderKey| match key {
        OrderKey::CreatedAt => KeyValue::Time(Timestamp::from_micros(0).expect("in range")),
        OrderKey::Name => KeyValue::Text(name.clone()),
        OrderKey::Type => KeyValue::Text("keyvalue".to_owned()),
        OrderKey::AvgResponseTimeMs => KeyValue::Number(Some(f64::MAX)),
    };
    let keys_of = OrderKey::ALL.iter().map(longest).collect();
    let anchor = Anchor { keys: keys_of, id: DatastoreId::new(i64::MAX).expect("positive") };
    let list = list(&keys);
    let cursor = list.cursor(Side::Before, &anchor);
    assert!((1_400..=MAX_LENGTH).contains(&cursor.len()), "{}", cursor.len());
    assert_eq!(list.parse(&cursor), Some((Side::Before, anchor)));
}

#[test]
fn names_that_are_none_and_figures_that_are_none_are_no_places() {
    let names = list(&by(OrderKey::Name, false));
    for name in ["", "a\0b", " a", "e\u{301}", "a\u{202e}"] {
        let cursor = names.cursor(Side::After, &place(KeyValue::Text(name.to_owned()), 1));
        assert_eq!(names.parse(&cursor), None, "{name:?}");
    }
    let numbers = list(&by(OrderKey::AvgResponseTimeMs, false));
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let cursor = numbers.cursor(Side::After, &place(KeyValue::Number(Some(number)), 1));
        assert_eq!(numbers.parse(&cursor), None, "{number}");
    }
}

#[test]
fn the_place_beside_takes_the_row_in() {
    let at = |id| place(KeyValue::Number(None), id);
    let ids = |descending| {
        let list = list(&by(OrderKey::AvgResponseTimeMs, descending));
        [Side::Before, Side::After].map(|side| list.beside(&at(7), side).map(|a| a.id.get()))
    };
    // Ascending, what comes before 8 includes 7.
    assert_eq!(ids(false), [Some(8), Some(6)]);
    assert_eq!(ids(true), [Some(6), Some(8)]);
    let entries = Entries(Scope::new(PATH));
    assert_eq!(entries.beside(&EntryId(7), Side::Before), Some(EntryId(6)));
    assert_eq!(entries.beside(&EntryId(7), Side::After), Some(EntryId(8)));
}
