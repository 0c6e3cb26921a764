//! The layers of settings, and what is said of those that are bad: all at once, so that one start is
//! enough to see them.

use super::Settings;
use super::environment::{Environment, KEYS, Meant};
use super::known::{self, Known};
use config::{Config, ConfigError, File, FileFormat, Map, Source, Value, ValueKind};
use datastore_domain::Secret;
use std::fmt;
use std::io;
use std::path::Path;

/// The first layer.
const DEFAULTS: &str = include_str!("../../../../config/default.toml");

/// The settings are not valid: one line for each that is unknown or bad, which names key, place and
/// remedy, and never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct SettingsError(Vec<String>);

impl SettingsError {
    /// The lines; there is one at least.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

pub(super) fn load(
    config_file: Option<&Path>,
    environment: Environment,
) -> Result<Settings, SettingsError> {
    let mut layers = Layers::new();
    for name in ["config/default.toml", "config/local.toml"] {
        layers.add_file(Path::new(name), name, false);
    }
    if let Some(path) = config_file {
        layers.add_file(path, &format!("--config {}", path.display()), true);
    }
    layers.add_environment(&environment);
    layers.settings(environment.keys)
}

pub(super) fn from_toml(text: &str) -> Result<Settings, SettingsError> {
    let mut layers = Layers::new();
    layers.add_text("the given text", text);
    layers.settings(None)
}

/// Where a setting was set.
#[derive(Clone)]
enum Place {
    /// The file, or what stands for one.
    File(String),
    /// The environment variable.
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => write!(f, "in {name}"),
            Self::Variable(name) => write!(f, "({name})"),
        }
    }
}

/// The layers so far, the last one strongest.
struct Layers {
    defaults: Config,
    sum: Config,
    known: Known,
    faults: Vec<String>,
    /// Where the key file was named last.
    key_file: Option<Place>,
}

impl Layers {
    fn new() -> Self {
        let defaults = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        let defaults = defaults.build().expect("the defaults are TOML");
        let known = Known::of(&parsed(defaults.clone()).expect("the defaults are valid"));
        Self { sum: defaults.clone(), defaults, known, faults: Vec::new(), key_file: None }
    }

    fn add_file(&mut self, path: &Path, name: &str, is_required: bool) {
        match std::fs::read_to_string(path) {
            Ok(text) => self.add_text(name, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if is_required {
                    self.fault(format!("{name}: there is no such file; name one that is there"));
                }
            }
            Err(error) => {
                let remedy = "let the user of this process read it, or take it away";
                self.fault(format!("{name} cannot be read; {remedy}: {error}"));
            }
        }
    }

    fn add_text(&mut self, name: &str, text: &str) {
        let table = match File::from_str(text, FileFormat::Toml).collect() {
            Ok(table) => table,
            Err(error) => return self.fault(not_toml(name, text, error)),
        };
        let mut settings = Vec::new();
        for (key, value) in table {
            flatten(key, value, &mut settings);
        }
        settings.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (key, value) in settings {
            self.add_setting(&Place::File(name.to_owned()), &key, value);
        }
    }

    fn add_environment(&mut self, environment: &Environment) {
        for (name, value) in environment.variables() {
            let place = Place::Variable(name.to_owned());
            match (Environment::meant(name, &self.known), value.to_str()) {
                (Meant::Nothing, _) => {}
                (Meant::Unknown(advice), _) => {
                    self.fault(format!("variable {name}: there is no such setting; {advice}"));
                }
                (Meant::Setting(key), None) => self.bad(&place, &key, "must be UTF-8"),
                (Meant::Setting(key), Some(text)) => {
                    self.add_setting(&place, &key, Value::new(None, text));
                }
            }
        }
    }

    /// Puts one setting on top. It is checked by itself, on top of the defaults, so that what is
    /// wrong can be blamed on it, and is told even when a later layer overrides it.
    fn add_setting(&mut self, place: &Place, key: &str, value: Value) {
        if known::is_within(key, "crypto.keys") {
            let remedy = "keys are taken from a key file (crypto.key_file) or from the environment";
            return self.bad(place, "crypto.keys", &format!("{remedy} ({KEYS})"));
        }
        if self.known.is_unknown(key) {
            let advice = self.known.advice(key, |key| format!("`{key}`"));
            return self.bad(place, key, &format!("there is no such setting; {advice}"));
        }
        if known::is_within(key, "crypto.key_file") {
            self.key_file = Some(place.clone());
        }
        let key = self.known.setting_of(key).unwrap_or(key).to_owned();
        let setting = One { key: key.clone(), value };
        if let Err(error) = on_top(&self.defaults, &setting).and_then(parsed) {
            return self.bad(place, &key, &reason(&error));
        }
        match on_top(&self.sum, &setting) {
            Ok(sum) => self.sum = sum,
            Err(error) => self.bad(place, &key, &reason(&error)),
        }
    }

    fn bad(&mut self, place: &Place, key: &str, what: &str) {
        self.fault(format!("setting {key} {place}: {what}"));
    }

    /// Notes a fault, which may be seen from each of several parts of one value.
    fn fault(&mut self, line: String) {
        if !self.faults.contains(&line) {
            self.faults.push(line);
        }
    }

    fn settings(mut self, keys: Option<Secret>) -> Result<Settings, SettingsError> {
        if let (Some(place), Some(_)) = (self.key_file.clone(), &keys) {
            let what = format!(
                "keys are given by {KEYS} as well, and only one of the two can count; take one away"
            );
            self.bad(&place, "crypto.key_file", &what);
        }
        match parsed(self.sum.clone()) {
            Ok(mut settings) if self.faults.is_empty() => {
                settings.crypto.keys = keys;
                return Ok(settings);
            }
            Err(error) if self.faults.is_empty() => self.fault(reason(&error)),
            _ => {}
        }
        Err(SettingsError(self.faults))
    }
}

/// One setting as a layer of its own.
#[derive(Clone, Debug)]
struct One {
    key: String,
    value: Value,
}

impl Source for One {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(Map::from_iter([(self.key.clone(), self.value.clone())]))
    }
}

fn on_top(layers: &Config, setting: &One) -> Result<Config, ConfigError> {
    Config::builder().add_source(layers.clone()).add_source(setting.clone()).build()
}

fn parsed(layers: Config) -> Result<Settings, ConfigError> {
    layers.try_deserialize()
}

/// The settings in a value, by their whole keys. What is no setting is one too: it is refused later.
fn flatten(key: String, value: Value, settings: &mut Vec<(String, Value)>) {
    match value.kind {
        ValueKind::Table(table) if !table.is_empty() => {
            for (name, value) in table {
                flatten(format!("{key}.{name}"), value, settings);
            }
        }
        kind => settings.push((key, Value::new(None, kind))),
    }
}

/// One line on a text that is not TOML. Of the library's error only those parts are used that hold
/// no value: its Display would show the line.
fn not_toml(name: &str, text: &str, error: ConfigError) -> String {
    let ConfigError::FileParse { cause, .. } = error else {
        return format!("{name}: {}", reason(&error));
    };
    let Some(error) = cause.downcast_ref::<toml::de::Error>() else {
        return format!("{name} is not TOML");
    };
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    format!("{name} is not TOML: line {line}: {}", one_line(error.message()))
}

/// What is wrong with a single value, without the value.
fn reason(error: &ConfigError) -> String {
    match error {
        // Single values have messages of our own (`strict`), so this is text where a table belongs.
        ConfigError::Message(text) if text.starts_with("invalid type") => "must be a table".into(),
        ConfigError::Message(text) => one_line(text),
        ConfigError::Type { expected, .. } => format!("must be {expected}"),
        ConfigError::At { error, .. } => reason(error),
        _ => "cannot be read".to_owned(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
