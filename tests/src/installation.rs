//! Where one registry lives: its database, its keys, and a folder, whoever serves it.

use crate::postgres::{PostgresDatabase, await_end_of_sessions};
use crate::process::{Process, command, made_token, token_command};
use crate::{Backend, Database};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const URL: &str = "DATASTORE_API__DATABASE__URL";
/// Patient: the machine may be busy, and a login takes thousands of hashes, slow in a debug build.
const PATIENCE: (&str, &str) = ("DATASTORE_API__DATABASE__POOL_WAIT_MS", "30000");

/// Where one registry lives; removed on drop, when nobody serves it any more.
#[derive(Debug)]
pub struct Installation {
    folder: TempDir,
    /// Address of the database; `None` for a file in the folder.
    url: Option<String>,
    _owned: Option<PostgresDatabase>,
}

impl Installation {
    /// A new one. On PostgreSQL it has its schema and a key already, since a server makes no key
    /// for a database that others may share; on SQLite the first start makes everything.
    #[must_use]
    pub fn new(backend: Backend) -> Self {
        Self::of(match backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(PostgresDatabase::migrated()),
        })
    }

    /// One whose database is as it came: on PostgreSQL without the schema, for a file as
    /// [`Installation::new`].
    #[must_use]
    pub fn empty(backend: Backend) -> Self {
        Self::of(match backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(PostgresDatabase::empty()),
        })
    }

    /// One in a database that the caller looks after: empty, or served before.
    #[must_use]
    pub fn in_database(url: String) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let installation = Self { folder, url: Some(url), _owned: None };
        make_keys(&installation.data_dir());
        installation
    }

    fn of(postgres: Option<PostgresDatabase>) -> Self {
        match postgres {
            Some(owned) => {
                let url = owned.url();
                Self { _owned: Some(owned), ..Self::in_database(url) }
            }
            None => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                Self { folder, url: None, _owned: None }
            }
        }
    }

    /// Which database it is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.url.as_ref().map_or(Backend::Sqlite, |_| Backend::Postgres)
    }

    /// The folder that a server keeps everything in, but for a database of PostgreSQL.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Settings of a server of it, as lines of TOML.
    pub(crate) fn settings(&self) -> String {
        let mut text = format!("data_dir = '{}'\n", self.data_dir().display());
        if let Some(url) = &self.url {
            text += &format!("database.url = '{url}'\n");
        }
        text
    }

    /// A command of the binary, on this registry.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(&self.data_dir(), arguments);
        command.envs(self.variables());
        command
    }

    /// Starts the binary and waits until it says where it listens.
    #[must_use]
    pub fn serve(&self, variables: &[(&str, &str)]) -> Process {
        let own = self.variables();
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        let all: Vec<_> = own.chain(variables.iter().copied()).collect();
        Process::serve(&self.data_dir(), &all)
    }

    /// Makes a token on the command line.
    #[must_use]
    pub fn token(&self, role: &str) -> String {
        let mut command = token_command(&self.data_dir(), role, &[]);
        command.envs(self.variables());
        made_token(command)
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let url = self.url.iter().map(|url| (URL, url.clone()));
        std::iter::once((PATIENCE.0, PATIENCE.1.to_owned())).chain(url).collect()
    }

    /// The database, beside the servers.
    #[must_use]
    pub fn database(&self) -> Database {
        match &self.url {
            None => Database::open(&self.data_dir().join("datastore-api.db")),
            Some(url) => Database::connect(url),
        }
    }

    /// Waits until the database has ended what a killed server left running: on PostgreSQL a
    /// commit may still be on its way, while a file is as the process left it.
    pub fn await_quiet(&self) {
        if let Some(url) = &self.url {
            await_end_of_sessions(url);
        }
    }
}

/// A key file with one new key, for its owner alone.
fn make_keys(data_dir: &Path) {
    DirBuilder::new().mode(0o700).create(data_dir).expect("a new folder");
    let mut key = [0; 32];
    let mut random = std::fs::File::open("/dev/urandom").expect("random bytes");
    random.read_exact(&mut key).expect("random bytes");
    let file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(data_dir.join("keys"));
    writeln!(file.expect("a new file"), "k1:{}", STANDARD.encode(key)).expect("a key file");
}
