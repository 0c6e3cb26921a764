//! The layers of settings, and what is said of one that is bad.

use super::Settings;
use config::{Config, ConfigError, File, FileFormat, Map, Source, Value};
use datastore_domain::Secret;
use std::ffi::OsString;
use std::path::Path;

/// The first layer.
const DEFAULTS: &str = include_str!("../../../../config/default.toml");

/// What each variable of ours starts with. Two underscores, since container platforms set
/// `DATASTORE_API_PORT` and the like by themselves for a service of this name.
const PREFIX: &str = "DATASTORE_API__";

/// The one setting that has no place in a file.
const KEYS: &str = "DATASTORE_API__CRYPTO__KEYS";

/// A setting is unknown or bad. One line that names key, place and remedy, and never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

/// The variables of ours in the environment.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: Map<String, String>,
    keys: Option<Secret>,
}

impl Environment {
    /// Reads the environment of the process.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] when a variable of ours is not UTF-8.
    pub fn of_process() -> Result<Self, SettingsError> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        Self::from_variables(std::env::vars_os())
    }

    /// Takes the variables of ours out of `variables`.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] when one of them is not UTF-8.
    pub fn from_variables(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let mut environment = Self::default();
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            let text = value.into_string();
            let text = text.map_err(|_| SettingsError(format!("setting {name}: must be UTF-8")))?;
            if name == KEYS {
                environment.keys = Some(Secret::new(text));
            } else {
                environment.variables.insert(name.to_owned(), text);
            }
        }
        Ok(environment)
    }

    fn source(&self) -> config::Environment {
        config::Environment::with_prefix(PREFIX.trim_end_matches('_'))
            .prefix_separator("__")
            .separator("__")
            .source(Some(self.variables.clone()))
    }

    /// The variable that sets `key`.
    fn variable(key: &str) -> String {
        format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
    }
}

pub(super) fn load(
    config_file: Option<&Path>,
    environment: Environment,
) -> Result<Settings, SettingsError> {
    let mut layers = Layers::default();
    layers.add("the defaults", File::from_str(DEFAULTS, FileFormat::Toml))?;
    for name in ["config/default.toml", "config/local.toml"] {
        layers.add(name, File::new(name, FileFormat::Toml).required(false))?;
    }
    if let Some(path) = config_file {
        let name = path.display().to_string();
        if !path.is_file() {
            return Err(SettingsError(format!("--config {name}: there is no such file")));
        }
        layers.add(&name, File::from(path).format(FileFormat::Toml))?;
    }
    layers.add("the environment", environment.source())?;
    let mut settings = layers.settings()?;
    settings.crypto.keys = environment.keys;
    Ok(settings)
}

pub(super) fn from_toml(text: &str) -> Result<Settings, SettingsError> {
    let mut layers = Layers::default();
    layers.add("the defaults", File::from_str(DEFAULTS, FileFormat::Toml))?;
    layers.add("the given text", File::from_str(text, FileFormat::Toml))?;
    layers.settings()
}

/// The layers so far, the last one strongest.
#[derive(Default)]
struct Layers {
    sum: Config,
    settings: Option<Settings>,
}

impl Layers {
    /// Puts `layer` on top. Everything is checked after each layer, so that what is wrong can be
    /// blamed on the layer that brought it.
    fn add(
        &mut self,
        name: &str,
        layer: impl Source + Send + Sync + 'static,
    ) -> Result<(), SettingsError> {
        let sum = Config::builder().add_source(self.sum.clone()).add_source(layer).build();
        self.sum = sum.map_err(|error| explain(name, error))?;
        if self.sum.get::<Value>("crypto.keys").is_ok() {
            let remedy = "keys are taken from a key file (crypto.key_file) or from the environment";
            return Err(SettingsError(format!("setting crypto.keys in {name}: {remedy} ({KEYS})")));
        }
        let settings = self.sum.clone().try_deserialize();
        self.settings = Some(settings.map_err(|error| explain(name, error))?);
        Ok(())
    }

    fn settings(self) -> Result<Settings, SettingsError> {
        self.settings.ok_or_else(|| SettingsError("no settings".to_owned()))
    }
}

/// One line on what is wrong with the layer `name`. Of the library's errors only those parts are
/// used that hold no value.
fn explain(name: &str, error: ConfigError) -> SettingsError {
    let (key, what) = match error {
        ConfigError::FileParse { cause, .. } => {
            // Its Display would show the line.
            let what = cause.downcast_ref::<toml::de::Error>().map_or("", |e| e.message());
            return SettingsError(format!("{name} is not TOML: {}", one_line(what)));
        }
        ConfigError::At { key, error, .. } => (key, reason(&error)),
        ConfigError::Type { key, expected, .. } => (key, format!("must be {expected}")),
        other => (None, reason(&other)),
    };
    let mut key = key.unwrap_or_default();
    let mut what = what;
    if let Some((unknown, known)) = unknown_field(&what) {
        if !key.is_empty() {
            key.push('.');
        }
        key.push_str(unknown);
        let meant = known.into_iter().find(|known| is_one_slip_off(unknown, known));
        let advice = meant.map(|meant| format!("; did you mean `{meant}`?"));
        what = format!("unknown field `{unknown}`{}", advice.unwrap_or_else(|| LOOK.to_owned()));
    }
    if key.is_empty() {
        return SettingsError(format!("{name}: {what}"));
    }
    if name == "the environment" {
        return SettingsError(format!("setting {key} ({}): {what}", Environment::variable(&key)));
    }
    SettingsError(format!("setting {key} in {name}: {what}"))
}

/// What is said where no other key is close.
const LOOK: &str = "; `datastore-api config check` without it shows the settings that there are";

/// The unknown key and the known ones, of serde's sentence on a key that is none.
fn unknown_field(what: &str) -> Option<(&str, Vec<&str>)> {
    let (unknown, known) = what.strip_prefix("unknown field `")?.split_once('`')?;
    Some((unknown, known.split('`').skip(1).step_by(2).collect()))
}

/// Whether one letter more, less, other or swapped with the next turns `a` into `b`.
fn is_one_slip_off(a: &str, b: &str) -> bool {
    let (a, b): (Vec<_>, Vec<_>) = (a.chars().collect(), b.chars().collect());
    let same = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[same..], &b[same..]);
    match (a, b) {
        ([x, y, a @ ..], [v, w, b @ ..]) if (x, y) == (w, v) && a == b => true,
        ([_, a_rest @ ..], [_, b_rest @ ..]) if a_rest == b_rest => true,
        ([_, rest @ ..], _) if rest == b => true,
        (_, [_, rest @ ..]) => rest == a,
        _ => false,
    }
}

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
