//! The rows on one side of a place in an ordering, as conditions that an index answers.
//!
//! "After (sql, 12.5, 7)" in an order of three keys is a list of stretches that follow each other:
//! equal in the first two keys and beyond the third; equal in the first and beyond the second;
//! beyond the first. Each is a range of an index, while one condition for all of them, with OR, or
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

/// What rows of a stretch have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Condition<'a> {
    Equal(Key<'a>),
    Above(Key<'a>),
    Below(Key<'a>),
    ResponseTimeIsAbsent(bool),
    IdAbove(i64),
    IdBelow(i64),
    IdFrom(i64),
    IdUpTo(i64),
}

/// A key of the ordering and its value at the place; `None` for an absent response time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    key: Option<Key<'a>>,
    descending: bool,
}

/// The keys of the ordering with their values, unless the anchor is one of another ordering.
pub(crate) fn places<'a>(ordering: &[Ordering], anchor: &'a Anchor) -> Option<Vec<Place<'a>>> {
    if ordering.len() != anchor.keys.len() {
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
pub(crate) fn stretches<'a>(
    places: &[Place<'a>],
    id: DatastoreId,
    side: Side,
    inclusive: bool,
) -> Vec<Vec<Condition<'a>>> {
    let mut stretches = Vec::new();
    let mut equal: Vec<Condition<'a>> = places.iter().map(Place::equal).collect();
    let upward = |descending| descending == (side == Side::Before);
    let last = places.last().is_some_and(|last| last.descending);
    let ties = match (upward(last), inclusive) {
        (true, false) => Condition::IdAbove(id.get()),
        (true, true) => Condition::IdFrom(id.get()),
        (false, false) => Condition::IdBelow(id.get()),
        (false, true) => Condition::IdUpTo(id.get()),
    };
    stretches.push([&equal[..], &[ties]].concat());
    for place in places.iter().rev() {
        equal.pop();
        for beyond in place.beyond(upward(place.descending), side) {
            stretches.push([&equal[..], &[beyond]].concat());
        }
    }
    stretches
}

impl<'a> Place<'a> {
    fn equal(&self) -> Condition<'a> {
        self.key.map_or(Condition::ResponseTimeIsAbsent(true), Condition::Equal)
    }

    /// Absent figures come last in both directions.
    fn beyond(&self, upward: bool, side: Side) -> Vec<Condition<'a>> {
        let Some(key) = self.key else {
            return match side {
                Side::Before => vec![Condition::ResponseTimeIsAbsent(false)],
                Side::After => Vec::new(),
            };
        };
        let mut beyond = vec![if upward { Condition::Above(key) } else { Condition::Below(key) }];
        if matches!(key, Key::ResponseTime(_)) && side == Side::After {
            beyond.push(Condition::ResponseTimeIsAbsent(true));
        }
        beyond
    }
}
