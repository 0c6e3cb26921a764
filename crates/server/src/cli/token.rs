//! `token create`, `token list` and `token revoke`.

use super::output::{OutputFormat, Row, render};
use super::{CommandError, print};
use crate::clock::SystemClock;
use crate::settings::Settings;
use crate::wiring;
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use datastore_application::{Access, Author, Error};
use datastore_domain::{Lifetime, PageRequest, Role, TokenId, TokenName, TokenRecord};
use datastore_ports::Clock as _;
use serde::Serialize;

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

fn token_name(text: &str) -> Result<TokenName, String> {
    TokenName::try_from(text).map_err(|error| error.detail)
}

/// The operator at the command line, as the history calls them.
#[expect(clippy::disallowed_methods, reason = "this is the command line")]
fn operator() -> Author {
    Author::command_line()
}

/// All tokens, page by page.
async fn all_tokens(access: &Access) -> Result<Vec<TokenRecord>, Error> {
    let mut page = PageRequest { page: 1, size: PageRequest::MAX_SIZE };
    let mut tokens = Vec::new();
    loop {
        let found = access.list_tokens(&operator(), page).await?;
        tokens.extend(found.rows);
        if !found.after {
            return Ok(tokens);
        }
        page.page += 1;
    }
}

pub(super) async fn run(command: TokenCommand, settings: &Settings) -> Result<(), CommandError> {
    let storage = wiring::open_current(settings).await?;
    let access = wiring::access(&storage);
    match command {
        TokenCommand::Create { name, role, expires } => {
            let end = expires.map(|lifetime| lifetime.end(access.now()));
            let made = access.create_token(&operator(), name, role, end).await;
            let made = made.map_err(|e| CommandError::UseCase("no token was made", e))?;
            print(&format!("{}\n", made.token.expose()))
        }
        TokenCommand::List { output } => {
            let tokens = all_tokens(&access).await;
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
