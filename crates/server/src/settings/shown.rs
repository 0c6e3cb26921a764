//! What is in effect, for people to read and for files to be made of.

use super::Settings;
use crate::telemetry;
use serde_json::{Map, Value};

pub(super) fn masked_toml(settings: &Settings) -> String {
    let mut effective = settings.clone();
    effective.database.url = Some(settings.database_url());
    if effective.crypto.keys.is_none() {
        effective.crypto.key_file = Some(settings.key_file());
    }
    effective.http.workers = Some(settings.http.workers());
    if let Some(limit) = settings.rate_limit.limit() {
        effective.rate_limit.burst = Some(limit.burst);
    }
    effective.log.format = Some(telemetry::format(settings.log));
    let value = serde_json::to_value(&effective).expect("settings are tables of plain values");
    let mut text = String::new();
    if let Value::Object(all) = &value {
        print(all, "", &mut text);
    }
    text
}

/// Prints a table: its own values, then the tables in it under their whole names.
fn print(table: &Map<String, Value>, path: &str, text: &mut String) {
    for (name, value) in table {
        let line = match value {
            Value::Object(_) => continue,
            Value::Null => format!("# {name} is not set\n"),
            value => format!("{name} = {}\n", in_toml(value)),
        };
        text.push_str(&line);
    }
    for (name, value) in table {
        let Value::Object(inner) = value else { continue };
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        text.push_str(&format!("\n[{path}]\n"));
        print(inner, &path, text);
    }
}

fn in_toml(value: &Value) -> String {
    let value = toml::Value::try_from(value).expect("a value without null is one of TOML");
    value.to_string()
}
