//! The settings that there are, and which of them is meant by a name that is none.

use super::Settings;
use serde_json::Value;

/// What is said where no setting is close.
const LOOK: &str = "`datastore-api config check` without it shows the settings that there are";

/// Most letters that are too many, missing, wrong or swapped in a name that is still understood.
const SLIPS: usize = 2;

/// The settings that there are.
pub(super) struct Known {
    /// Their keys, such as `http.bind`.
    keys: Vec<String>,
}

impl Known {
    pub(super) fn of(settings: &Settings) -> Self {
        let value = serde_json::to_value(settings).expect("settings are tables of plain values");
        let mut keys = Vec::new();
        collect("", &value, &mut keys);
        Self { keys }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// Whether `key` is neither a setting, nor a part of one, nor a table of some.
    pub(super) fn is_unknown(&self, key: &str) -> bool {
        !self.keys().any(|known| is_within(key, known) || is_within(known, key))
    }

    /// The setting that `key` is, or is a part of.
    pub(super) fn setting_of(&self, key: &str) -> Option<&str> {
        self.keys().find(|known| is_within(key, known))
    }

    /// What to do about `unknown`, a key that is none: the nearest right name, as `shown` writes it.
    pub(super) fn advice(&self, unknown: &str, shown: fn(&str) -> String) -> String {
        match self.nearest(unknown) {
            Some(meant) => format!("did you mean {}?", shown(meant)),
            None => LOOK.to_owned(),
        }
    }

    fn nearest(&self, unknown: &str) -> Option<&str> {
        if let Some(known) = self.setting_of(unknown) {
            return Some(known);
        }
        let bare_unknown = bare(unknown);
        let tables = self.keys().filter_map(|key| key.rsplit_once('.')).map(|(table, _)| table);
        let names = self.keys().chain(tables);
        let slips = |name: &str| slips(&bare_unknown, &bare(name));
        let near = names.map(|name| (slips(name), name)).min_by_key(|(slips, _)| *slips);
        if let Some((_, name)) = near.filter(|(slips, _)| *slips <= SLIPS) {
            return Some(name);
        }
        // In a section that is none, or in none at all.
        let last = unknown.rsplit('.').next();
        let mut same = self.keys().filter(|key| key.rsplit('.').next() == last);
        same.next().filter(|_| same.next().is_none())
    }
}

/// Whether `key` is `table`, or in it.
pub(super) fn is_within(key: &str, table: &str) -> bool {
    key.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn collect(path: &str, value: &Value, keys: &mut Vec<String>) {
    let Value::Object(table) = value else {
        keys.push(path.to_owned());
        return;
    };
    for (name, value) in table {
        let dot = if path.is_empty() { "" } else { "." };
        collect(&format!("{path}{dot}{name}"), value, keys);
    }
}

fn bare(name: &str) -> Vec<char> {
    name.chars().filter(|c| !matches!(c, '.' | '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// How many letters have to be added, taken away, changed, or swapped with the next to make `b` of
/// `a` (optimal string alignment).
fn slips(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let changed = last[j] + usize::from(x != y);
            let mut least = changed.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == &b[j - 1] && &a[i - 1] == y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        for (a, b, expected) in [
            ("", "", 0),
            ("bind", "bind", 0),
            ("bidn", "bind", 1),
            ("bin", "bind", 1),
            ("binds", "bind", 1),
            ("band", "bind", 1),
            ("", "bind", 4),
            ("workres", "workers", 1),
            ("colour", "workers", 5),
        ] {
            assert_eq!(slips(&bare(a), &bare(b)), expected, "{a} {b}");
            assert_eq!(slips(&bare(b), &bare(a)), expected, "{b} {a}");
        }
    }
}
