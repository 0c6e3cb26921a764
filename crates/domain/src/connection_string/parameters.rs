//! The allow-list: which parameters each system's strings may hold, and what their values may be.

use super::error::{ConnectionStringError as Error, Part};
use super::grammar::{cut, decode};
use crate::{MASK, PASSWORD_MASK, Secret, System};

/// One entry of an allow-list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// The spelling that is shown.
    pub(super) name: &'static str,
    alias: Option<&'static str>,
    value: Kind,
    /// What the value decides for us.
    pub(super) meaning: Meaning,
}

/// What a parameter decides about a connection test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// How much of TLS.
    Tls,
    /// Which database knows the user.
    AuthSource,
    /// How to log in.
    AuthMechanism,
    ChannelBinding,
    /// What the server must be.
    SessionAttributes,
    /// Which set the server must belong to.
    ReplicaSet,
    /// Whether to talk to one server of a set.
    DirectConnection,
    /// Nothing; it is kept for the applications that read the string.
    Kept,
}

/// The type of a value.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// One of these words, letter case aside.
    Choice(&'static [&'static str]),
    /// Whole number from 0 to this.
    Whole(u32),
    /// Text of 1 to this many characters, without control characters.
    Text(usize),
    /// Letters, digits, `-`, `_` and `.`; 1 to this many.
    Word(usize),
}

const FLAG: Kind = Kind::Choice(&["true", "false"]);

/// A day: longer than any deadline of ours, short enough to tell a typing error.
const SECONDS: Kind = Kind::Whole(86_400);
const MILLISECONDS: Kind = Kind::Whole(86_400_000);

const fn kept(name: &'static str, value: Kind) -> Rule {
    Rule { name, alias: None, value, meaning: Meaning::Kept }
}

const fn decides(meaning: Meaning, name: &'static str, value: Kind) -> Rule {
    Rule { name, alias: None, value, meaning }
}

/// Names and words of libpq, chapter "Connection Strings"; `allow` is left out, since no mode of
/// ours tries plain text first.
static POSTGRES: [Rule; 5] = [
    decides(
        Meaning::Tls,
        "sslmode",
        Kind::Choice(&["disable", "prefer", "require", "verify-ca", "verify-full"]),
    ),
    kept("application_name", Kind::Text(128)),
    kept("connect_timeout", SECONDS),
    decides(
        Meaning::ChannelBinding,
        "channel_binding",
        Kind::Choice(&["disable", "prefer", "require"]),
    ),
    decides(
        Meaning::SessionAttributes,
        "target_session_attrs",
        Kind::Choice(&["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]),
    ),
];

/// Words of `mysql --ssl-mode`, and those of libpq, which several drivers took over.
static MYSQL: [Rule; 3] = [
    Rule {
        name: "ssl-mode",
        alias: Some("sslmode"),
        value: Kind::Choice(&[
            "DISABLED",
            "PREFERRED",
            "REQUIRED",
            "VERIFY_CA",
            "VERIFY_IDENTITY",
            "disable",
            "prefer",
            "require",
            "verify-ca",
            "verify-full",
        ]),
        meaning: Meaning::Tls,
    },
    kept("charset", Kind::Word(32)),
    kept("connect_timeout", SECONDS),
];

/// Names of the MongoDB "URI Options" specification.
static MONGODB: [Rule; 11] = [
    decides(Meaning::AuthSource, "authSource", Kind::Text(255)),
    decides(
        Meaning::AuthMechanism,
        "authMechanism",
        Kind::Choice(&["SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN"]),
    ),
    decides(Meaning::Tls, "tls", FLAG),
    decides(Meaning::Tls, "ssl", FLAG),
    decides(Meaning::ReplicaSet, "replicaSet", Kind::Text(128)),
    decides(Meaning::DirectConnection, "directConnection", FLAG),
    kept("appName", Kind::Text(128)),
    kept("connectTimeoutMS", MILLISECONDS),
    kept(
        "readPreference",
        Kind::Choice(&[
            "primary",
            "primaryPreferred",
            "secondary",
            "secondaryPreferred",
            "nearest",
        ]),
    ),
    kept("retryWrites", FLAG),
    kept("w", Kind::Word(64)),
];

static REDIS: [Rule; 1] = [kept("protocol", Kind::Choice(&["2", "3"]))];

static NEO4J: [Rule; 0] = [];

static CASSANDRA: [Rule; 1] =
    [decides(Meaning::Tls, "tls", Kind::Choice(&["disable", "prefer", "require", "verify_full"]))];

fn allow_list(system: System) -> &'static [Rule] {
    match system {
        System::Postgres => &POSTGRES,
        System::Mysql => &MYSQL,
        System::Mongodb => &MONGODB,
        System::Redis => &REDIS,
        System::Neo4j => &NEO4J,
        System::Cassandra => &CASSANDRA,
    }
}

/// A parameter that passed its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) rule: &'static Rule,
    /// In the spelling of the rule when it is a choice. Any value may be a secret to its author.
    value: Secret,
}

impl Parameter {
    pub(super) fn value(&self) -> &str {
        self.value.expose()
    }
}

/// The parameter that decides about `meaning`.
pub(super) fn deciding(parameters: &[Parameter], meaning: Meaning) -> Option<&Parameter> {
    parameters.iter().find(|p| p.rule.meaning == meaning)
}

/// Reads `name=value&…`; a bare `?` has no parameters.
pub(super) fn read(query: Option<&str>, system: System) -> Result<Vec<Parameter>, Error> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for pair in query.filter(|q| !q.is_empty()).into_iter().flat_map(|q| q.split('&')) {
        let parameter = read_one(pair, system)?;
        if parameters.iter().any(|known| known.rule == parameter.rule) {
            return Err(Error::DuplicateParameter { name: parameter.rule.name });
        }
        parameters.push(parameter);
    }
    Ok(parameters)
}

fn read_one(pair: &str, system: System) -> Result<Parameter, Error> {
    let (name, value) = cut(pair, "=");
    // Without a value the "name" may be the rest of a secret that holds '&': it is not shown.
    let value = value.filter(|_| !name.is_empty()).ok_or(Error::ParameterSyntax)?;
    let name = decode(name, Part::ParameterName)?;
    let rules = allow_list(system);
    let rule = rules.iter().find(|rule| rule.is_named(&name)).ok_or_else(|| {
        Error::ParameterNotAllowed { name: harmless(&name), allowed: allowed_names(rules) }
    })?;
    let part = Part::Parameter(rule.name);
    // Some readers take ';' for '&', and what follows it for one more parameter.
    if value.contains(';') {
        return Err(Error::Unescaped { part, character: ';' });
    }
    let value = decode(value, part)?;
    if is_mask(&value) {
        return Err(Error::Masked { part });
    }
    let value = rule
        .value
        .check(&value)
        .ok_or_else(|| Error::ParameterValue { name: rule.name, allowed: rule.value.describe() })?;
    Ok(Parameter { rule, value })
}

/// Whether `value` is what an answer of ours shows in place of a secret.
pub(super) fn is_mask(value: &str) -> bool {
    value == MASK || value == PASSWORD_MASK
}

/// What is shown of a name that is not ours: 64 characters at most, nothing that a terminal, a log
/// or a page would act on.
fn harmless(name: &str) -> String {
    let shown = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }
    };
    name.chars().take(64).map(shown).collect()
}

fn allowed_names(rules: &[Rule]) -> String {
    if rules.is_empty() {
        return "no parameters are".to_owned();
    }
    let names: Vec<_> = rules.iter().map(|rule| rule.name).collect();
    format!("allowed are {}", names.join(", "))
}

impl Rule {
    /// ASCII only: no letter outside of it folds into a name of ours.
    fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
            || self.alias.is_some_and(|alias| alias.eq_ignore_ascii_case(name))
    }
}

impl Kind {
    /// The value as it is kept, when it is of this type.
    fn check(&self, value: &str) -> Option<Secret> {
        let fits = match self {
            Self::Choice(words) => {
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(value))?;
                return Some(Secret::new((*word).to_owned()));
            }
            Self::Whole(max) => {
                value.bytes().all(|b| b.is_ascii_digit())
                    && value.parse::<u32>().is_ok_and(|n| n <= *max)
            }
            Self::Text(max) => {
                (1..=*max).contains(&value.chars().count()) && !value.chars().any(char::is_control)
            }
            Self::Word(max) => {
                (1..=*max).contains(&value.len())
                    && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            }
        };
        fits.then(|| Secret::new(value.to_owned()))
    }

    fn describe(&self) -> String {
        match self {
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Whole(max) => format!("a whole number from 0 to {max}"),
            Self::Text(max) => format!("1 to {max} characters, without control characters"),
            Self::Word(max) => format!("1 to {max} letters, digits, '-', '_' or '.'"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t05_allow_lists_are_those_that_were_agreed() {
        let expected = [
            "sslmode application_name connect_timeout channel_binding target_session_attrs",
            "ssl-mode charset connect_timeout",
            "authSource authMechanism tls ssl replicaSet directConnection appName \
             connectTimeoutMS readPreference retryWrites w",
            "protocol",
            "",
            "tls",
        ];
        for (system, expected) in System::ALL.into_iter().zip(expected) {
            let names: Vec<_> = allow_list(system).iter().map(|rule| rule.name).collect();
            assert_eq!(names.join(" "), expected, "{system}");
        }
    }

    #[test]
    fn t05_a_refused_name_is_shown_harmlessly() {
        assert_eq!(harmless("ssl<key>\u{1b}[31m\u{202E}"), "ssl_key___31m_");
        assert_eq!(harmless(&"é".repeat(100)), "_".repeat(64));
    }
}
