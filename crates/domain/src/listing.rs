//! Questions about many datastores.

use crate::{Datastore, DatastoreId, DatastoreType, Description, Name, Profile, System, Timestamp};
use unicode_normalization::UnicodeNormalization;

/// Brings text into the form in which it is searched: NFC and lower case in all scripts.
///
/// Lower-casing goes character by character, and final sigma counts as sigma, so that a part of a
/// word is found wherever it stands in the word.
fn fold(text: &str) -> String {
    let lower = text.nfc().flat_map(char::to_lowercase);
    lower.map(|c| if c == 'ς' { 'σ' } else { c }).nfc().collect()
}

/// The text that searches look at: name and description, folded. The line break between them keeps
/// a word from matching across both, as words hold no white space.
#[must_use]
pub fn search_text(name: &Name, description: &Description) -> String {
    format!("{}\n{}", fold(name.as_str()), fold(description.as_str()))
}

/// Words that must all occur in a datastore's [`search_text`]; literal, folded. No words match all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchTerms(Vec<String>);

impl SearchTerms {
    /// Longest search, in characters.
    pub const MAX_CHARS: usize = 200;
    /// Most words in a search.
    pub const MAX_WORDS: usize = 10;

    /// Splits at white space; `None` when the text is over 200 characters or 10 words.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let words: Vec<_> = text.split_whitespace().map(fold).collect();
        (text.chars().count() <= Self::MAX_CHARS && words.len() <= Self::MAX_WORDS)
            .then_some(Self(words))
    }

    /// The words.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

/// Which datastores; an empty list or `None` filters nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Any of these types.
    pub types: Vec<DatastoreType>,
    /// Any of these systems.
    pub systems: Vec<System>,
    /// Active or not.
    pub is_active: Option<bool>,
    /// Words to find.
    pub search: SearchTerms,
    /// Deleted ones instead of those that live.
    pub deleted: bool,
}

/// What lists can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderKey {
    /// `created_at`
    CreatedAt,
    /// `name`, by code point
    Name,
    /// `type`, by code point
    Type,
    /// `avg_response_time_ms`, unknown ones last in both directions
    AvgResponseTimeMs,
}

impl OrderKey {
    /// All keys.
    pub const ALL: [Self; 4] = [Self::CreatedAt, Self::Name, Self::Type, Self::AvgResponseTimeMs];

    /// The name in queries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::Name => "name",
            Self::Type => "type",
            Self::AvgResponseTimeMs => "avg_response_time_ms",
        }
    }
}

/// One key with its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ordering {
    /// The key.
    pub key: OrderKey,
    /// Greatest first.
    pub descending: bool,
}

/// A page by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// From 1.
    pub page: u32,
    /// Rows a page, 1 to 500.
    pub size: u32,
}

impl PageRequest {
    /// Rows a page unless told otherwise.
    pub const DEFAULT_SIZE: u32 = 50;
    /// Most rows a page.
    pub const MAX_SIZE: u32 = 500;

    /// Rows before this page.
    #[must_use]
    pub fn offset(self) -> u64 {
        u64::from(self.page.saturating_sub(1)) * u64::from(self.size)
    }
}

/// On which side of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Rows that come before it.
    Before,
    /// Rows that come after it.
    After,
}

impl Side {
    /// The other one.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Before => Self::After,
            Self::After => Self::Before,
        }
    }
}

/// Which rows of a list whose rows are found again by `K`.
#[derive(Clone, Debug, PartialEq)]
pub enum Paging<K> {
    /// A page by number, with the count of all rows.
    Number(PageRequest),
    /// The `size` rows nearest to a row, on one side of it and in the order of the list; at the
    /// beginning of the list without one. Rows that come and go elsewhere move nothing, and the
    /// cost does not depend on the position.
    Cursor {
        /// Rows a page, 1 to 500.
        size: u32,
        /// The row, which need not exist any more, and the side.
        from: Option<(Side, K)>,
    },
}

/// The place of a datastore in an ordering: its keys, and its id for ties.
#[derive(Clone, Debug, PartialEq)]
pub struct Anchor {
    /// One value for each key of the ordering.
    pub keys: Vec<KeyValue>,
    /// The datastore.
    pub id: DatastoreId,
}

/// A datastore's value of an [`OrderKey`].
#[derive(Clone, Debug, PartialEq)]
pub enum KeyValue {
    /// [`OrderKey::CreatedAt`]
    Time(Timestamp),
    /// [`OrderKey::Name`], [`OrderKey::Type`]
    Text(String),
    /// [`OrderKey::AvgResponseTimeMs`]
    Number(Option<f64>),
}

impl Anchor {
    /// The place of `datastore`.
    #[must_use]
    pub fn of(datastore: &Datastore, ordering: &[Ordering]) -> Self {
        Self::at(datastore.id, datastore.created_at, &datastore.profile, ordering)
    }

    /// The place of the datastore with these members.
    #[must_use]
    pub fn at(
        id: DatastoreId,
        created_at: Timestamp,
        profile: &Profile,
        ordering: &[Ordering],
    ) -> Self {
        let value = |ordering: &Ordering| match ordering.key {
            OrderKey::CreatedAt => KeyValue::Time(created_at),
            OrderKey::Name => KeyValue::Text(profile.name.as_str().to_owned()),
            OrderKey::Type => {
                KeyValue::Text(profile.classification.datastore_type().as_str().to_owned())
            }
            OrderKey::AvgResponseTimeMs => {
                KeyValue::Number(profile.avg_response_time_ms.map(|time| time.get()))
            }
        };
        Self { keys: ordering.iter().map(value).collect(), id }
    }
}

/// A question for some datastores. Ties are broken by id, in the direction of the last key.
#[derive(Clone, Debug, PartialEq)]
pub struct ListQuery {
    /// Which.
    pub filter: ListFilter,
    /// In which order; not empty, no key twice.
    pub ordering: Vec<Ordering>,
    /// Which rows; an anchor has one value of the right kind for each key of `ordering`.
    pub paging: Paging<Anchor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(words: &str, name: &str, description: &str) -> bool {
        let text = search_text(
            &Name::try_from(name).expect("valid"),
            &Description::try_from(description).expect("valid"),
        );
        let terms = SearchTerms::new(words).expect("within limits");
        terms.words().iter().all(|word| text.contains(word))
    }

    #[test]
    fn search_ignores_case_in_all_scripts_and_takes_words_literally() {
        assert!(matches("primary POSTGRES", "Primary PostgreSQL", "x"));
        assert!(matches("ÜBER straße", "über", "Straße"));
        assert!(matches("жура", "ЖУРАВЛЬ", "x"));
        assert!(matches("ΟΔΟΣ", "οδος", "x"));
        assert!(matches("οδο", "ΟΔΟΣ", "x"));
        assert!(matches("e\u{301}t", "\u{c9}t\u{e9}", "x"));
        assert!(matches("100%", "x", "100% durable"));
        assert!(!matches("100%d", "x", "100 durable"));
        assert!(!matches("a_b", "axb", "x"));
        assert!(!matches("ab", "a", "b"));
    }

    #[test]
    fn limits_of_a_search() {
        assert!(SearchTerms::new(&"x".repeat(200)).is_some());
        assert!(SearchTerms::new(&"x".repeat(201)).is_none());
        assert!(SearchTerms::new(&"x ".repeat(10)).is_some());
        assert!(SearchTerms::new(&"x ".repeat(11)).is_none());
    }
}
