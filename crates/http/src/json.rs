//! Strict JSON: no duplicate keys, at most 32 levels, nothing after the value.

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};
use std::fmt;
use zeroize::Zeroizing;

/// Most levels of arrays and objects.
const MAX_DEPTH: usize = 32;
const DUPLICATE: &str = "duplicate key";
const TOO_DEEP: &str = "nested too deeply";

/// A JSON value. Text is wiped on drop, as it may be a secret.
#[derive(Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(Zeroizing<String>),
    Array,
    Object(Vec<(String, Json)>),
}

/// Why a text is not JSON as taken here; says where, never what stands there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct JsonError(pub(crate) String);

impl Json {
    /// Reads one value.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let value = Level(0)
            .deserialize(&mut deserializer)
            .and_then(|value| deserializer.end().map(|()| value));
        value.map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            let text = error.to_string();
            JsonError(if text.starts_with(DUPLICATE) {
                format!("An object has the same key twice ({place}).")
            } else if text.starts_with(TOO_DEEP) {
                format!("Values are nested over {MAX_DEPTH} levels ({place}).")
            } else {
                format!("The body is not valid JSON in UTF-8 ({place}).")
            })
        })
    }
}

/// Reads a value at this depth.
struct Level(usize);

impl Level {
    fn deeper<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.0 == MAX_DEPTH { Err(E::custom(TOO_DEEP)) } else { Ok(Self(self.0 + 1)) }
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "members hold no whole number beyond 2^53")]
    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "members hold no whole number beyond 2^53")]
    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(Zeroizing::new(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        // No member takes an array: its items are read for their form and dropped.
        while items.next_element_seed(self.deeper()?)?.is_some() {}
        Ok(Json::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object: Vec<(String, Json)> = Vec::new();
        self.deeper::<A::Error>()?;
        while let Some(Key(key)) = entries.next_key()? {
            let value = entries.next_value_seed(self.deeper()?)?;
            object.push((key, value));
        }
        let mut keys: Vec<_> = object.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(A::Error::custom(DUPLICATE));
        }
        Ok(Json::Object(object))
    }
}

/// A key, owned.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t30_what_is_not_strict_json_is_refused() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        let refused: Vec<Vec<u8>> = vec![
            b"".to_vec(),
            b"{".to_vec(),
            b"{\"a\":1,\"a\":2}".to_vec(),
            b"{\"a\":1,\"\\u0061\":2}".to_vec(),
            b"{\"x\":{\"a\":1,\"a\":2}}".to_vec(),
            b"{\"a\":1} x".to_vec(),
            b"\xef\xbb\xbf{}".to_vec(),
            b"{\"a\":\"\xff\"}".to_vec(),
            b"{\"a\":\"\\ud800\"}".to_vec(),
            b"{\"a\":1e999}".to_vec(),
            b"{\"a\":NaN}".to_vec(),
            b"{'a':1}".to_vec(),
            b"{\"a\":1,}".to_vec(),
            b"{\"a\":01}".to_vec(),
            deep(33).into_bytes(),
            ("{\"a\":".repeat(32) + "{}" + &"}".repeat(32)).into_bytes(),
            deep(100_000).into_bytes(),
        ];
        for bytes in refused {
            assert!(
                Json::parse(&bytes).is_err(),
                "{}",
                String::from_utf8_lossy(&bytes[..bytes.len().min(40)])
            );
        }
        assert!(Json::parse(deep(32).as_bytes()).is_ok());
        assert!(Json::parse(b" {\"a\": [1, \"\\u00e9\", null, true, {\"b\": -0}]} ").is_ok());
    }

    #[test]
    fn errors_say_where_and_never_what() {
        let error = Json::parse(b"{\"password\": \"hunter2\", hunter2}").expect_err("malformed");
        assert!(!error.0.contains("hunter2"), "{}", error.0);
        let error = Json::parse(b"{\"a\":1,\"a\":2}").expect_err("duplicate");
        assert!(error.0.contains("same key twice"), "{}", error.0);
    }
}
