//! The embedded database, read and altered behind the server's back.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection};
use std::path::Path;

/// A connection to a server's SQLite file.
pub struct Database(SqliteConnection);

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

/// The sealed secret, whichever form the datastore is in.
const SEALED: &str = "coalesce(password_sealed, connection_string_sealed)";

impl Database {
    /// Opens the file at `path`.
    ///
    /// # Panics
    ///
    /// When it does not open.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let path = path.to_str().expect("the path of a test is UTF-8");
        let mut connection = SqliteConnection::establish(path).expect("the database opens");
        connection.batch_execute("PRAGMA busy_timeout = 30000").expect("a setting");
        Self(connection)
    }

    /// The sealed secret of a datastore.
    #[must_use]
    #[track_caller]
    pub fn sealed(&mut self, id: i64) -> Vec<u8> {
        let query = format!("SELECT {SEALED} AS value FROM datastores WHERE id = {id}");
        let row: Bytes = diesel::sql_query(query).get_result(&mut self.0).expect("a row");
        row.value
    }

    /// Writes `sealed` as the sealed password of a datastore.
    #[track_caller]
    pub fn set_sealed_password(&mut self, id: i64, sealed: &[u8]) {
        let update = "UPDATE datastores SET password_sealed = ? WHERE id = ?";
        let update = diesel::sql_query(update).bind::<Binary, _>(sealed).bind::<BigInt, _>(id);
        assert_eq!(update.execute(&mut self.0), Ok(1));
    }

    /// Runs statements.
    #[track_caller]
    pub fn execute(&mut self, statements: &str) {
        self.0.batch_execute(statements).expect("the statements run");
    }

    /// Tries statements that may be refused.
    ///
    /// # Errors
    ///
    /// Why they were refused.
    pub fn try_execute(&mut self, statements: &str) -> Result<(), String> {
        self.0.batch_execute(statements).map_err(|error| error.to_string())
    }

    /// The one number that `query` selects as `value`.
    #[must_use]
    #[track_caller]
    pub fn number(&mut self, query: &str) -> i64 {
        diesel::sql_query(query).get_result::<Number>(&mut self.0).expect("a row").value
    }

    /// The text that `query` selects as `value`, row by row.
    #[must_use]
    #[track_caller]
    pub fn lines(&mut self, query: &str) -> Vec<String> {
        let rows = diesel::sql_query(query).get_results::<Line>(&mut self.0).expect("rows");
        rows.into_iter().map(|row| row.value).collect()
    }
}
