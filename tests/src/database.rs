//! The registry's database, read and altered behind the server's back.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::{Connection as _, QueryResult, QueryableByName, RunQueryDsl as _, SqliteConnection};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use std::path::Path;

/// A connection to PostgreSQL that is driven from a thread without a runtime.
pub(crate) type PgClient = AsyncConnectionWrapper<AsyncPgConnection>;

/// A connection to a server's database, with every right.
pub enum Database {
    /// To the file.
    Sqlite(SqliteConnection),
    /// To the server.
    Postgres(Box<PgClient>),
}

#[derive(QueryableByName)]
struct Bytes {
    #[diesel(sql_type = Binary)]
    value: Vec<u8>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    value: String,
}

/// Does the same on whichever connection it is.
macro_rules! on {
    ($database:expr, $connection:ident => $work:expr) => {
        match $database {
            Database::Sqlite($connection) => $work,
            Database::Postgres(client) => {
                let $connection = &mut **client;
                $work
            }
        }
    };
}

/// The sealed secret, whichever form the datastore is in.
const SEALED: &str = "coalesce(password_sealed, connection_string_sealed)";

/// Every table of the registry.
const TABLES: [&str; 6] =
    ["datastores", "assignments", "tokens", "checks", "history", "sealed_canary"];

impl Database {
    /// Opens the SQLite file at `path`.
    ///
    /// # Panics
    ///
    /// When it does not open.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let path = path.to_str().expect("the path of a test is UTF-8");
        let mut connection = SqliteConnection::establish(path).expect("the database opens");
        connection.batch_execute("PRAGMA busy_timeout = 30000").expect("a setting");
        Self::Sqlite(connection)
    }

    /// Connects to a PostgreSQL database.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    #[must_use]
    #[track_caller]
    pub fn connect(url: &str) -> Self {
        let client = PgClient::establish(url).expect("the database server answers");
        Self::Postgres(Box::new(client))
    }

    /// The sealed secret of a datastore.
    #[must_use]
    #[track_caller]
    pub fn sealed(&mut self, id: i64) -> Vec<u8> {
        let query = format!("SELECT {SEALED} AS value FROM datastores WHERE id = {id}");
        let row: QueryResult<Bytes> = on!(self, c => diesel::sql_query(query).get_result(c));
        row.expect("a row").value
    }

    /// Writes `sealed` as the sealed password of a datastore.
    #[track_caller]
    pub fn set_sealed_password(&mut self, id: i64, sealed: &[u8]) {
        let parameter = if matches!(self, Self::Sqlite(_)) { "?" } else { "$1" };
        let update = format!("UPDATE datastores SET password_sealed = {parameter} WHERE id = {id}");
        let update = diesel::sql_query(update).bind::<Binary, _>(sealed);
        assert_eq!(on!(self, c => update.execute(c)), Ok(1));
    }

    /// An SQL expression of 16 random bytes.
    #[must_use]
    pub fn random_uuid(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "randomblob(16)",
            Self::Postgres(_) => "uuid_send(gen_random_uuid())",
        }
    }

    /// Everything that PostgreSQL stores, as text: bytes as hexadecimal digits.
    #[must_use]
    #[track_caller]
    pub fn dump(&mut self) -> String {
        let rows = TABLES.iter().flat_map(|table| match self {
            Self::Sqlite(_) => panic!("of a file every byte can be read: search its folder"),
            Self::Postgres(_) => self.lines(&format!("SELECT t::text AS value FROM {table} t")),
        });
        rows.collect::<Vec<_>>().join("\n")
    }

    /// Insists that the database finds nothing wrong with its own files: SQLite checks all of them,
    /// PostgreSQL reads every row by the table and by each index.
    #[track_caller]
    pub fn assert_integrity(&mut self) {
        match self {
            Self::Sqlite(_) => {
                let found =
                    self.lines("SELECT integrity_check AS value FROM pragma_integrity_check");
                assert_eq!(found, ["ok"]);
                let orphans = self.lines("SELECT \"table\" AS value FROM pragma_foreign_key_check");
                assert_eq!(orphans, [""; 0]);
            }
            Self::Postgres(_) => {
                // Rebuilding reads every row, and fails on duplicates under a unique index.
                for table in TABLES {
                    self.execute(&format!("REINDEX TABLE {table}; ANALYZE {table}"));
                    let _ = self.lines(&format!("SELECT t::text AS value FROM {table} t"));
                }
            }
        }
    }

    /// Runs statements.
    #[track_caller]
    pub fn execute(&mut self, statements: &str) {
        self.try_execute(statements).expect("the statements run");
    }

    /// Tries statements that may be refused.
    ///
    /// # Errors
    ///
    /// Why they were refused.
    pub fn try_execute(&mut self, statements: &str) -> Result<(), String> {
        on!(self, c => c.batch_execute(statements)).map_err(|error| error.to_string())
    }

    /// The one number that `query` selects as `value`.
    #[must_use]
    #[track_caller]
    pub fn number(&mut self, query: &str) -> i64 {
        let row: QueryResult<Number> = on!(self, c => diesel::sql_query(query).get_result(c));
        row.expect("a row").value
    }

    /// The text that `query` selects as `value`, row by row.
    #[must_use]
    #[track_caller]
    pub fn lines(&mut self, query: &str) -> Vec<String> {
        let rows: QueryResult<Vec<Line>> = on!(self, c => diesel::sql_query(query).get_results(c));
        rows.expect("rows").into_iter().map(|row| row.value).collect()
    }
}
