//! `check`: connection tests from the command line.

mod registered;
mod row;

use super::output::{OutputFormat, render};
use super::{CommandError, print};
use crate::settings::Settings;
use crate::wiring;
use clap::Args;
use datastore_domain::{ConnectionString, Secret, TokenId};
use datastore_ports::{ConnectionTest, ConnectionTester as _};
use registered::Registered;
use row::CheckRow;
use std::io::{self, IsTerminal as _, Read as _};
use std::time::Duration;
use zeroize::Zeroizing;

/// Bytes of the longest connection string, and of a line break. What is longer is refused by the
/// parser for its length.
const MAX_INPUT: usize = 4 * 4096 + 2;

#[derive(Debug, Args)]
pub(super) struct CheckCommand {
    #[command(flatten)]
    what: What,
    /// One deadline for all steps of a test, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 5000,
        value_parser = clap::value_parser!(u32).range(100..=30_000))]
    timeout_ms: u32,
    /// The form of the results; without it a table on a terminal, and JSON otherwise.
    #[arg(long, value_enum)]
    output: Option<OutputFormat>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Datastores by number or by name. `-` alone: a connection string, read from standard input.
    #[arg(value_name = "DATASTORE")]
    datastores: Vec<String>,
    /// All active datastores.
    #[arg(long)]
    all: bool,
    /// A connection string, read from this environment variable.
    #[arg(long, value_name = "NAME")]
    url_env: Option<String>,
}

/// Whether `text` could be the rest of a connection string: a user, a password and a host.
fn is_login(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(login, _)| login.contains(':'))
}

/// What is to be tested.
enum Subject {
    /// A connection string; the registry is not needed.
    String(Secret),
    /// Datastores of the registry.
    Registered(Registered),
}

impl What {
    fn subject(self) -> Result<Subject, CommandError> {
        if let Some(name) = self.url_env {
            return of_variable(name).map(Subject::String);
        }
        if self.all {
            return Ok(Subject::Registered(Registered::AllActive));
        }
        if self.datastores == ["-"] {
            return of_standard_input().map(Subject::String);
        }
        // Whoever lists the processes of the machine reads their arguments; it is not repeated.
        let is_string = |text: &String| text.contains("://") || is_login(text);
        if self.datastores.iter().any(is_string) {
            return Err(CommandError::StringInArguments);
        }
        Ok(Subject::Registered(Registered::Some(self.datastores)))
    }
}

pub(super) async fn run(command: CheckCommand, settings: &Settings) -> Result<(), CommandError> {
    let timeout = Duration::from_millis(command.timeout_ms.into());
    let rows = match command.what.subject()? {
        Subject::String(text) => vec![check_string(text, timeout, settings).await?],
        Subject::Registered(which) => registered::check(which, timeout, settings).await?,
    };
    let own = if io::stdout().is_terminal() { OutputFormat::Table } else { OutputFormat::Json };
    print(&render(&rows, command.output.unwrap_or(own)))?;
    match rows.iter().filter(|row| !row.is_up()).count() {
        0 => Ok(()),
        down => Err(CommandError::Down { down, all: rows.len() }),
    }
}

async fn check_string(
    text: Secret,
    timeout: Duration,
    settings: &Settings,
) -> Result<CheckRow, CommandError> {
    let string = ConnectionString::parse_by_scheme(text).map_err(CommandError::ConnectionString)?;
    // Nobody else is there to take slots from.
    let spec = string.connect_spec();
    let test = ConnectionTest { spec, deadline: timeout, token: TokenId(0), reuse: None };
    let report = wiring::probes(settings)?.test(test).await.map_err(CommandError::Test)?;
    Ok(CheckRow::tested(None, string.mask().to_owned(), string.system(), report))
}

fn of_variable(name: String) -> Result<Secret, CommandError> {
    // What is no name is not repeated: whoever took it for the string itself has shown it enough.
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(CommandError::NoVariable);
    }
    #[expect(clippy::disallowed_methods, reason = "the variable is none of our settings")]
    let value = std::env::var_os(&name);
    let value = value.and_then(|value| value.into_string().ok());
    value.map(Secret::new).ok_or(CommandError::Unset(name))
}

fn of_standard_input() -> Result<Secret, CommandError> {
    // Allocated once, so that no copy of the secret stays behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_INPUT));
    let read = io::stdin().lock().take(MAX_INPUT as u64).read_to_string(&mut text);
    read.map_err(|e| CommandError::System("standard input cannot be read", e))?;
    let end = text.strip_suffix('\n').map_or(&**text, |line| line.trim_end_matches('\r')).len();
    text.truncate(end);
    Ok(Secret::new(std::mem::take(&mut *text)))
}
