//! Secrets that can be told anywhere, and the search for them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::path::Path;

/// What a search looks for.
#[derive(Clone, Debug, Default)]
pub struct Canaries(Vec<(String, Vec<u8>)>);

impl Canaries {
    /// Adds a secret in every spelling in which it could leak.
    pub fn add(&mut self, label: &str, username: &str, secret: &str) {
        let json = serde_json::Value::from(secret).to_string();
        let login = format!("{username}:{secret}");
        let mut spelt = vec![
            ("raw", secret.to_owned()),
            ("percent-encoded", utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string()),
            ("JSON-escaped", json.trim_matches('"').to_owned()),
            ("debug-escaped", format!("{secret:?}").trim_matches('"').to_owned()),
            ("form-encoded", secret.replace(' ', "+")),
            ("reversed login", login.chars().rev().collect()),
        ];
        // A base64 text depends on where in a group of three the secret begins.
        for (name, text) in [("base64", secret.to_owned()), ("base64 login", login)] {
            spelt.push((name, STANDARD.encode(&text)));
            spelt.push((name, STANDARD_NO_PAD.encode(&text)));
            spelt.push((name, URL_SAFE.encode(&text)));
        }
        let hex = secret.bytes().map(|b| format!("{b:02x}")).collect();
        spelt.push(("hexadecimal", hex));
        for (name, text) in spelt {
            self.0.push((format!("{label}, {name}"), text.into_bytes()));
        }
    }

    /// Which of them occur in `haystack`.
    #[must_use]
    pub fn found_in(&self, haystack: &[u8]) -> Vec<&str> {
        let occurs = |needle: &[u8]| haystack.windows(needle.len()).any(|part| part == needle);
        let found = self.0.iter().filter(|(_, needle)| occurs(needle));
        found.map(|(label, _)| label.as_str()).collect()
    }

    /// Insists that none of them occurs.
    #[track_caller]
    pub fn assert_absent(&self, place: &str, haystack: &[u8]) {
        let found = self.found_in(haystack);
        assert!(found.is_empty(), "{place} holds {found:?}");
    }

    /// Insists that none of them occurs in any file below `folder`; returns how many files were
    /// read.
    #[track_caller]
    pub fn assert_absent_below(&self, folder: &Path) -> usize {
        let entries = std::fs::read_dir(folder).expect("the folder can be read");
        let mut files = 0;
        for entry in entries {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                files += self.assert_absent_below(&path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                self.assert_absent(&path.display().to_string(), &bytes);
                files += 1;
            }
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_found() {
        let mut canaries = Canaries::default();
        canaries.add("c", "u", "q\"7 ä/=");
        for text in [
            "x q\"7 ä/= x",
            "%71%227%20%C3%A4%2F%3D".replace("%71", "q").as_str(),
            r#"q\"7 ä/="#,
            &format!("Basic {}", STANDARD.encode("u:q\"7 ä/=")),
            "=/ä 7\"q:u",
        ] {
            assert!(!canaries.found_in(text.as_bytes()).is_empty(), "{text}");
        }
        assert!(canaries.found_in(b"nothing of the kind").is_empty());
    }
}
