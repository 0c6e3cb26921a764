//! The rows on one side of a place in an ordering, as conditions that an index answers.
//!
//! "After (sql, 12.5, 7)" in an order of two keys and the id is a list of stretches that follow each
//! other: equal in both keys and beyond in the id; equal in the first key and beyond in the second;
//! beyond in the first. Each is a range of an index, while one condition for all of them, with OR, or
//! with a bound on the first key alone, would walk over all rows that are equal in it.

use datastore_domain::{Anchor, DatastoreId, KeyValue, OrderKey, Ordering, Side};

/// A column of the ordering with the value that it has at the place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Key<'a> {
    CreatedAt(i64),
    Name(&'a str),
    Type(&'a str),
    ResponseTime(f64),
}

/// How a row compares with the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    Above,
    Below,
    From,
    UpTo,
}

impl Operator {
    fn new(upward: bool, inclusive: bool) -> Self {
        match (upward, inclusive) {
            (true, false) => Self::Above,
            (false, false) => Self::Below,
            (true, true) => Self::From,
            (false, true) => Self::UpTo,
        }
    }

    pub(crate) fn as_sql(self) -> &'static str {
        match self {
            Self::Equal => " = ",
            Self::Above => " > ",
            Self::Below => " < ",
            Self::From => " >= ",
            Self::UpTo => " <= ",
        }
    }
}

/// What rows of a stretch have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Condition<'a> {
    Key(Operator, Key<'a>),
    /// The key and the id as a pair.
    Pair(Operator, Key<'a>, i64),
    Id(Operator, i64),
    ResponseTimeIsAbsent(bool),
}

/// A key of the ordering and its value at the place; `None` for an absent response time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    key: Option<Key<'a>>,
    descending: bool,
}

/// The keys of the ordering with their values, unless the anchor is one of another ordering.
pub(crate) fn places<'a>(ordering: &[Ordering], anchor: &'a Anchor) -> Option<Vec<Place<'a>>> {
    if ordering.is_empty() || ordering.len() != anchor.keys.len() {
        return None;
    }
    let place = |(ordering, value): (&Ordering, &'a KeyValue)| {
        let key = match (ordering.key, value) {
            (OrderKey::CreatedAt, KeyValue::Time(at)) => Some(Key::CreatedAt(at.as_micros())),
            (OrderKey::Name, KeyValue::Text(text)) => Some(Key::Name(text)),
            (OrderKey::Type, KeyValue::Text(text)) => Some(Key::Type(text)),
            (OrderKey::AvgResponseTimeMs, KeyValue::Number(number)) => {
                number.map(Key::ResponseTime)
            }
            _ => return None,
        };
        Some(Place { key, descending: ordering.descending })
    };
    ordering.iter().zip(&anchor.keys).map(place).collect()
}

/// The stretches on one side of the place, nearest first; `inclusive` counts the place itself in.
/// The first two are one where a database looks up `pairs`.
pub(crate) fn stretches<'a>(
    places: &[Place<'a>],
    id: DatastoreId,
    side: Side,
    inclusive: bool,
    pairs: bool,
) -> Vec<Vec<Condition<'a>>> {
    let Some((last, before)) = places.split_last() else { return Vec::new() };
    let mut equal: Vec<_> = before.iter().map(Place::equal).collect();
    // The id decides between equal ones, in the direction of the last key.
    let operator = Operator::new(last.upward(side), inclusive);
    let mut stretches = Vec::new();
    let mut add = |equal: &[Condition<'a>], rest: &[Condition<'a>]| {
        stretches.push([equal, rest].concat());
    };
    match last.key {
        Some(key) if pairs => add(&equal, &[Condition::Pair(operator, key, id.get())]),
        _ => {
            add(&equal, &[last.equal(), Condition::Id(operator, id.get())]);
            last.beyond(side).into_iter().for_each(|beyond| add(&equal, &[beyond]));
        }
    }
    last.rest(side).into_iter().for_each(|rest| add(&equal, &[rest]));
    for place in before.iter().rev() {
        equal.pop();
        for condition in place.beyond(side).into_iter().chain(place.rest(side)) {
            add(&equal, &[condition]);
        }
    }
    stretches
}

impl<'a> Place<'a> {
    fn upward(&self, side: Side) -> bool {
        self.descending == (side == Side::Before)
    }

    fn equal(&self) -> Condition<'a> {
        let equal = |key| Condition::Key(Operator::Equal, key);
        self.key.map_or(Condition::ResponseTimeIsAbsent(true), equal)
    }

    fn beyond(&self, side: Side) -> Option<Condition<'a>> {
        let operator = Operator::new(self.upward(side), false);
        self.key.map(|key| Condition::Key(operator, key))
    }

    /// Absent figures come last in both directions: all of them after each figure, all figures
    /// before them.
    fn rest(&self, side: Side) -> Option<Condition<'a>> {
        match (self.key, side) {
            (Some(Key::ResponseTime(_)), Side::After) => {
                Some(Condition::ResponseTimeIsAbsent(true))
            }
            (None, Side::Before) => Some(Condition::ResponseTimeIsAbsent(false)),
            _ => None,
        }
    }
}
