//! Reading of single values. Every layer but the environment is typed, and its types must fit: no
//! number is taken for a flag, and no fraction is rounded. In the environment all is text.
//!
//! No message holds the value.

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// One value as written. Tables and dates are `Other`.
enum Written {
    Flag(bool),
    Integer(i64),
    Fraction(f64),
    Text(String),
    List(Vec<Written>),
    Other,
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WrittenVisitor)
    }
}

struct WrittenVisitor;

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Written, E> {
        Ok(Written::Flag(flag))
    }

    fn visit_i64<E>(self, integer: i64) -> Result<Written, E> {
        Ok(Written::Integer(integer))
    }

    fn visit_string<E>(self, text: String) -> Result<Written, E> {
        Ok(Written::Text(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Written, E> {
        Ok(Written::Text(text.to_owned()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Written, E> {
        Ok(Written::Fraction(number))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
        while map.next_entry::<String, Written>()?.is_some() {}
        Ok(Written::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Written, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Written::List(items))
    }
}

fn text<E: Error>(written: Written) -> Result<String, E> {
    match written {
        Written::Text(text) if text.is_empty() => Err(E::custom("must not be empty")),
        Written::Text(text) => Ok(text),
        _ => Err(E::custom("must be a text in quotes")),
    }
}

fn parse<T, E>(text: &str) -> Result<T, E>
where
    T: FromStr<Err: fmt::Display>,
    E: Error,
{
    text.parse().map_err(|error| E::custom(error))
}

/// A whole number from `MIN` to `MAX`.
pub(super) fn number<'de, const MIN: i64, const MAX: i64, T, D>(d: D) -> Result<T, D::Error>
where
    T: TryFrom<i64>,
    D: Deserializer<'de>,
{
    let number = match Written::deserialize(d)? {
        Written::Integer(number) => Some(number),
        Written::Text(text) => text.parse().ok(),
        Written::Flag(_) | Written::Fraction(_) | Written::List(_) | Written::Other => None,
    };
    number
        .filter(|number| (MIN..=MAX).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| D::Error::custom(format!("must be a whole number from {MIN} to {MAX}")))
}

/// As [`number`], for a key that may be absent.
pub(super) fn some_number<'de, const MIN: i64, const MAX: i64, T, D>(
    d: D,
) -> Result<Option<T>, D::Error>
where
    T: TryFrom<i64>,
    D: Deserializer<'de>,
{
    number::<MIN, MAX, T, D>(d).map(Some)
}

/// A duration of up to `MAX` seconds: a number of seconds, which may have a fraction, or such a number
/// with its unit, as in `500ms`, `1.5s`, `2m` and `1h`.
pub(super) fn duration<'de, const MAX: u32, D>(d: D) -> Result<Duration, D::Error>
where
    D: Deserializer<'de>,
{
    let seconds = match Written::deserialize(d)? {
        Written::Integer(number) => u32::try_from(number).ok().map(f64::from),
        Written::Fraction(number) => Some(number),
        Written::Text(text) => seconds(&text),
        Written::Flag(_) | Written::List(_) | Written::Other => None,
    };
    let seconds = seconds.filter(|seconds| (0.0..=f64::from(MAX)).contains(seconds));
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).ok_or_else(|| {
        D::Error::custom(format!(
            "must be a time from 0s to {MAX}s: seconds, or a number with ms, s, m or h, such as 1.5s"
        ))
    })
}

fn seconds(text: &str) -> Option<f64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.parse().ok()?;
    match unit {
        "ms" => Some(number / 1000.0),
        "" | "s" => Some(number),
        "m" => Some(number * 60.0),
        "h" => Some(number * 3600.0),
        _ => None,
    }
}

/// `true` or `false`.
pub(super) fn flag<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    let flag = match Written::deserialize(d)? {
        Written::Flag(flag) => Some(flag),
        Written::Text(text) => text.parse().ok(),
        Written::Integer(_) | Written::Fraction(_) | Written::List(_) | Written::Other => None,
    };
    flag.ok_or_else(|| D::Error::custom("must be true or false"))
}

/// A text that `T` can be read from.
pub(super) fn parsed<'de, T, D>(d: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    parse(&text::<D::Error>(Written::deserialize(d)?)?)
}

/// As [`parsed`], for a key that may be absent.
pub(super) fn some_parsed<'de, T, D>(d: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    parsed(d).map(Some)
}

/// A path.
pub(super) fn path<'de, D: Deserializer<'de>>(d: D) -> Result<PathBuf, D::Error> {
    text(Written::deserialize(d)?).map(PathBuf::from)
}

/// As [`path`], for a key that may be absent.
pub(super) fn some_path<'de, D: Deserializer<'de>>(d: D) -> Result<Option<PathBuf>, D::Error> {
    path(d).map(Some)
}

/// An address with a port.
pub(super) fn socket<'de, D: Deserializer<'de>>(d: D) -> Result<SocketAddr, D::Error> {
    let text: String = text(Written::deserialize(d)?)?;
    let parsed = text.parse();
    parsed.map_err(|_| {
        D::Error::custom("must be an IP address and a port, such as 127.0.0.1:8080 or [::]:8080")
    })
}

/// A list of texts; one text with commas in the environment, where an empty one is an empty list.
pub(super) fn list<'de, T, D>(d: D) -> Result<Vec<T>, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    let items = match Written::deserialize(d)? {
        Written::List(items) => items.into_iter().map(text).collect::<Result<_, D::Error>>()?,
        Written::Text(text) if text.trim().is_empty() => Vec::new(),
        Written::Text(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
        Written::Flag(_) | Written::Integer(_) | Written::Fraction(_) | Written::Other => {
            return Err(D::Error::custom("must be a list of texts"));
        }
    };
    let items = items.iter().enumerate();
    items
        .map(|(at, item)| {
            item.parse().map_err(|error| D::Error::custom(format!("entry {}: {error}", at + 1)))
        })
        .collect()
}
