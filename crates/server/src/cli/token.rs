//! `token create`, `token list` and `token revoke`.

use super::output::{OutputFormat, Row, render};
use super::{CommandError, print};
use crate::clock::SystemClock;
use crate::settings::Settings;
use crate::wiring;
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use datastore_domain::{Role, TokenId, TokenName, TokenRecord};
use datastore_ports::Clock as _;
use serde::Serialize;
use std::str::FromStr;

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token and print it, and nothing else, on standard output. It is shown this once.
    Create {
        /// What or who it is for.
        #[arg(long, value_parser = token_name)]
        name: TokenName,
        /// What its holder may do.
        #[arg(long, value_parser = PossibleValuesParser::new(Role::ALL.map(Role::as_str))
            .try_map(|name| name.parse::<Role>()))]
        role: Role,
        /// How long it counts, in days or hours, such as 90d or 12h. Without it: until revoked.
        #[arg(long, value_name = "DURATION")]
        expires: Option<Lifetime>,
    },
    /// List all tokens, without their secrets.
    List {
        /// The form of the list.
        #[arg(long, value_enum, default_value = "table")]
        output: OutputFormat,
    },
    /// Revoke a token from the next request on.
    Revoke {
        /// Its number, from `token list`.
        id: i64,
    },
}

/// How long a token counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime {
    seconds: i64,
}

impl FromStr for Lifetime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected 1d to 36500d (days), or 1h to 876000h (hours)";
        let (digits, unit) = match text.split_at_checked(text.len().saturating_sub(1)) {
            Some((digits, "d")) => (digits, 24),
            Some((digits, "h")) => (digits, 1),
            _ => return Err(EXPECTED),
        };
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let count: i64 = digits.parse().ok().filter(|_| is_number).ok_or(EXPECTED)?;
        let hours = count.checked_mul(unit).filter(|hours| (1..=876_000).contains(hours));
        Ok(Self { seconds: hours.ok_or(EXPECTED)? * 3600 })
    }
}

fn token_name(text: &str) -> Result<TokenName, String> {
    TokenName::try_from(text).map_err(|error| error.detail)
}

/// The operator at the command line, as the history calls them.
fn operator() -> TokenName {
    TokenName::try_from("command line").expect("a valid name")
}

pub(super) async fn run(command: TokenCommand, settings: &Settings) -> Result<(), CommandError> {
    let storage = wiring::open_current(settings).await?;
    let access = wiring::access(&storage);
    match command {
        TokenCommand::Create { name, role, expires } => {
            let end = expires.map(|lifetime| SystemClock.now().plus_seconds(lifetime.seconds));
            let made = access.create_token(&operator(), name, role, end).await;
            let made = made.map_err(|e| CommandError::UseCase("no token was made", e))?;
            print(&format!("{}\n", made.token.expose()))
        }
        TokenCommand::List { output } => {
            let tokens = access.list_tokens().await;
            let tokens = tokens.map_err(|e| CommandError::UseCase("tokens cannot be listed", e))?;
            let rows: Vec<_> = tokens.iter().map(TokenRow::new).collect();
            print(&render(&rows, output))
        }
        TokenCommand::Revoke { id } => {
            let done = access.revoke_token(&operator(), TokenId(id)).await;
            done.map_err(|e| {
                CommandError::UseCase("nothing was revoked (`token list` shows the numbers)", e)
            })
        }
    }
}

#[derive(Serialize)]
struct TokenRow {
    id: i64,
    name: String,
    role: &'static str,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    valid: bool,
}

impl TokenRow {
    fn new(token: &TokenRecord) -> Self {
        Self {
            id: token.id.0,
            name: token.name.as_str().to_owned(),
            role: token.role.as_str(),
            created_at: token.created_at.to_string(),
            expires_at: token.expires_at.map(|at| at.to_string()),
            revoked_at: token.revoked_at.map(|at| at.to_string()),
            valid: token.is_valid(SystemClock.now()),
        }
    }

    fn state(&self) -> &'static str {
        match (self.valid, &self.revoked_at) {
            (true, _) => "valid",
            (false, Some(_)) => "revoked",
            (false, None) => "expired",
        }
    }
}

impl Row for TokenRow {
    const TITLES: &'static [&'static str] = &["ID", "NAME", "ROLE", "STATE", "CREATED", "EXPIRES"];

    fn columns(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.name.clone(),
            self.role.to_owned(),
            self.state().to_owned(),
            self.created_at.clone(),
            self.expires_at.clone().unwrap_or_else(|| "never".to_owned()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_days_or_hours() {
        let seconds = |text: &str| text.parse::<Lifetime>().map(|l| l.seconds).ok();
        assert_eq!(seconds("90d"), Some(90 * 86_400));
        assert_eq!(seconds("12h"), Some(12 * 3_600));
        for bad in ["", "d", "0d", "-1d", "+1d", "1.5d", "90", "90 d", "36501d", "1w", "é"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
