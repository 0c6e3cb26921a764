//! Cursors: places in lists, as clients carry them from one page to the next.
//!
//! A cursor is `format version, digest, side, place` in base64url. The digest covers the list with
//! its filters and ordering, and all that follows, so that a cursor of another list, or one that was
//! cut or altered, is told from one of ours. It is no signature: who makes cursors up gets pages of
//! rows that they may read anyway, and what the place holds is checked like any input.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use datastore_domain::{
    Anchor, DatastoreId, DatastoreType, EntryId, KeyValue, ListFilter, Name, OrderKey, Ordering,
    Side, Timestamp,
};
use sha2::{Digest, Sha256};

/// Longest cursor, in characters. The longest that is handed out orders by name and by everything
/// else: 255 characters of four bytes make about 1,070 bytes of place, in base64 1,430 characters.
pub(crate) const MAX_LENGTH: usize = 2048;

const FORMAT: u8 = 1;
const DIGEST: usize = 16;

/// What cursors are good for: one list, under these filters, in this ordering.
#[derive(Clone, Debug)]
pub(crate) struct Scope(Sha256);

impl Scope {
    /// All of the list at `path`.
    pub(crate) fn new(path: &str) -> Self {
        let mut scope = Self(Sha256::new());
        scope.add("path", [path]);
        scope
    }

    /// Adds a filter, or the ordering, with its values in their canonical order.
    pub(crate) fn add<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a str>) {
        // Each text with its length, so that no two lists of texts look alike.
        let mut text = |text: &str| {
            self.0.update(text.len().to_be_bytes());
            self.0.update(text);
        };
        text(name);
        let mut count: u64 = 0;
        for value in values {
            text(value);
            count += 1;
        }
        self.0.update(count.to_be_bytes());
    }

    fn digest(&self, rest: &[u8]) -> [u8; DIGEST] {
        let digest = self.0.clone().chain_update(rest).finalize();
        std::array::from_fn(|at| digest[at])
    }

    /// The cursor of the rows on one side of a place.
    fn encode(&self, side: Side, place: &[u8]) -> String {
        let mut rest = vec![match side {
            Side::Before => 0,
            Side::After => 1,
        }];
        rest.extend_from_slice(place);
        let bytes = [&[FORMAT], &self.digest(&rest)[..], &rest].concat();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Side and place of a cursor of this scope; `None` for anything else.
    fn decode(&self, text: &str) -> Option<(Side, Vec<u8>)> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (&[FORMAT], bytes) = bytes.split_first_chunk()? else { return None };
        let (digest, rest) = bytes.split_first_chunk::<DIGEST>()?;
        if *digest != self.digest(rest) {
            return None;
        }
        let side = match rest.first()? {
            0 => Side::Before,
            1 => Side::After,
            _ => return None,
        };
        Some((side, rest[1..].to_vec()))
    }
}

/// A list whose rows have places of the kind `K`.
pub(crate) trait Places<K> {
    /// The scope of its cursors.
    fn scope(&self) -> &Scope;
    /// Writes a place down.
    fn write(&self, place: &K) -> Vec<u8>;
    /// Reads a place; `None` when no row of the list could have it.
    fn read(&self, bytes: &[u8]) -> Option<K>;
    /// The place next to this one on that side, for a page that takes the row of `place` in as well;
    /// `None` where places end.
    fn beside(&self, place: &K, side: Side) -> Option<K>;

    /// The cursor of the rows on one side of a place.
    fn cursor(&self, side: Side, place: &K) -> String {
        self.scope().encode(side, &self.write(place))
    }

    /// Side and place of a cursor of this list.
    fn parse(&self, cursor: &str) -> Option<(Side, K)> {
        let (side, bytes) = self.scope().decode(cursor)?;
        Some((side, self.read(&bytes)?))
    }
}

/// Datastores in an ordering.
#[derive(Debug)]
pub(crate) struct Datastores {
    scope: Scope,
    ordering: Vec<Ordering>,
}

impl Datastores {
    /// The list at `path`.
    pub(crate) fn new(path: &str, filter: &ListFilter, ordering: &[Ordering]) -> Self {
        let mut scope = Scope::new(path);
        let mut types: Vec<_> = filter.types.iter().map(|t| t.as_str()).collect();
        let mut systems: Vec<_> = filter.systems.iter().map(|s| s.as_str()).collect();
        let mut words: Vec<_> = filter.search.words().iter().map(String::as_str).collect();
        for list in [&mut types, &mut systems, &mut words] {
            list.sort_unstable();
            list.dedup();
        }
        let truth = |truth: bool| if truth { "true" } else { "false" };
        scope.add("type", types);
        scope.add("system", systems);
        scope.add("is_active", filter.is_active.map(truth));
        scope.add("search", words);
        scope.add("deleted", [truth(filter.deleted)]);
        let direction = |o: &Ordering| if o.descending { "-" } else { "" };
        scope.add("ordering", ordering.iter().flat_map(|o| [direction(o), o.key.as_str()]));
        Self { scope, ordering: ordering.to_vec() }
    }
}

impl Places<Anchor> for Datastores {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn write(&self, place: &Anchor) -> Vec<u8> {
        let mut bytes = Vec::new();
        for key in &place.keys {
            match key {
                KeyValue::Time(time) => bytes.extend(time.as_micros().to_be_bytes()),
                KeyValue::Text(text) => {
                    // Names have at most 1,020 bytes.
                    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
                    bytes.extend(length.to_be_bytes());
                    bytes.extend(text.as_bytes());
                }
                KeyValue::Number(None) => bytes.push(0),
                KeyValue::Number(Some(number)) => {
                    bytes.push(1);
                    bytes.extend(number.to_bits().to_be_bytes());
                }
            }
        }
        bytes.extend(place.id.get().to_be_bytes());
        bytes
    }

    fn read(&self, bytes: &[u8]) -> Option<Anchor> {
        let mut rest = bytes;
        let mut keys = Vec::with_capacity(self.ordering.len());
        for Ordering { key, .. } in &self.ordering {
            keys.push(match key {
                OrderKey::CreatedAt => {
                    KeyValue::Time(Timestamp::from_micros(whole(&mut rest)?).ok()?)
                }
                OrderKey::Name => {
                    let name = text(&mut rest)?;
                    let is_name = Name::try_from(name).is_ok_and(|n| n.as_str() == name);
                    KeyValue::Text(is_name.then(|| name.to_owned())?)
                }
                OrderKey::Type => {
                    let name: DatastoreType = text(&mut rest)?.parse().ok()?;
                    KeyValue::Text(name.as_str().to_owned())
                }
                OrderKey::AvgResponseTimeMs => KeyValue::Number(number(&mut rest)?),
            });
        }
        let id = DatastoreId::new(whole(&mut rest)?)?;
        rest.is_empty().then_some(Anchor { keys, id })
    }

    fn beside(&self, place: &Anchor, side: Side) -> Option<Anchor> {
        // Ties are broken by id, in the direction of the last key.
        let descending = self.ordering.last().is_some_and(|last| last.descending);
        let step = if descending == (side == Side::Before) { -1 } else { 1 };
        let id = DatastoreId::new(place.id.get().checked_add(step)?)?;
        Some(Anchor { keys: place.keys.clone(), id })
    }
}

/// Entries of the history, newest first.
#[derive(Debug)]
pub(crate) struct Entries(pub(crate) Scope);

impl Places<EntryId> for Entries {
    fn scope(&self) -> &Scope {
        &self.0
    }

    fn write(&self, place: &EntryId) -> Vec<u8> {
        place.0.to_be_bytes().to_vec()
    }

    fn read(&self, mut bytes: &[u8]) -> Option<EntryId> {
        let id = whole(&mut bytes)?;
        bytes.is_empty().then_some(EntryId(id))
    }

    fn beside(&self, place: &EntryId, side: Side) -> Option<EntryId> {
        let step = if side == Side::Before { -1 } else { 1 };
        place.0.checked_add(step).map(EntryId)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

fn whole(rest: &mut &[u8]) -> Option<i64> {
    take(rest).map(i64::from_be_bytes)
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::from(u16::from_be_bytes(take(rest)?));
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    std::str::from_utf8(head).ok()
}

/// A figure, or that it is unknown; never one that databases cannot compare.
fn number(rest: &mut &[u8]) -> Option<Option<f64>> {
    match take(rest)? {
        [0] => Some(None),
        [1] => {
            let number = f64::from_bits(u64::from_be_bytes(take(rest)?));
            number.is_finite().then_some(Some(number))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
