mod plans;

use super::*;
use crate::schema::sealed_canary;
use diesel::sql_types::{Integer, Text};

fn open(folder: &tempfile::TempDir) -> Sqlite {
    Sqlite::open(&folder.path().join("x.db"), &PoolSettings::default()).expect("opens")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn number(conn: &mut Conn, pragma: &str) -> i32 {
    let value = diesel::dsl::sql::<Integer>(&format!("{pragma} FROM pragma_{pragma}"));
    diesel::select(value).get_result(conn).expect("reads")
}

#[tokio::test(flavor = "multi_thread")]
async fn t35_every_connection_is_set_up_to_be_durable() {
    const FULL: i32 = 2;
    let folder = folder();
    let database = open(&folder);
    let settings = |conn: &mut Conn| {
        let mode = diesel::dsl::sql::<Text>("journal_mode FROM pragma_journal_mode");
        let mode: String = diesel::select(mode).get_result(conn).expect("reads");
        let names = ["synchronous", "foreign_keys", "secure_delete", "query_only"];
        Ok::<_, Failure>((mode, names.map(|name| number(conn, name))))
    };
    let writer = database.write::<_, RepositoryError>(settings).await.expect("answers");
    assert_eq!(writer, ("wal".to_owned(), [FULL, 1, 1, 0]));
    let reader = database.read::<_, RepositoryError>(settings).await.expect("answers");
    assert_eq!(reader, ("wal".to_owned(), [FULL, 1, 1, 1]));
}

/// One wait for all who are before: not first those of this process, and then as long for others.
#[tokio::test(flavor = "multi_thread")]
async fn t37_who_waited_for_writers_here_waits_the_less_for_those_elsewhere() {
    const WAITED: Duration = Duration::from_millis(50);
    let (folder, whole) = (folder(), PoolSettings::default().write_timeout);
    let database = open(&folder);
    let left = |conn: &mut Conn| Ok::<_, Failure>(busy_timeout(conn));
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (end, ending) = std::sync::mpsc::channel::<()>();
    let first = database.write::<_, RepositoryError>(move |conn| {
        begun.send(left(conn)?).expect("the test waits");
        ending.recv().expect("the test ends it");
        Ok(())
    });
    let others = async {
        let alone = has_begun.await.expect("it begins");
        let mut second = std::pin::pin!(database.write::<_, RepositoryError>(left));
        let wait = tokio::time::timeout(WAITED, &mut second).await;
        assert!(wait.is_err(), "the first one still writes");
        end.send(()).expect("it waits for that");
        (alone, second.await.expect("it is its turn"))
    };
    let (first, (alone, waited)) = tokio::join!(first, others);
    first.expect("writes");
    let [alone, waited] = [alone, waited].map(|left| Duration::from_millis(left.into()));
    assert!(Duration::ZERO < alone && alone <= whole, "{alone:?}");
    assert!(waited <= whole - WAITED, "{waited:?}");
}

fn busy_timeout(conn: &mut Conn) -> u32 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Integer)]
        timeout: i32,
    }
    diesel::sql_query("PRAGMA busy_timeout")
        .get_result::<Row>(conn)
        .expect("reads")
        .timeout
        .cast_unsigned()
}

fn insert_canary(conn: &mut Conn) -> QueryResult<usize> {
    let row = (sealed_canary::id.eq(1), sealed_canary::sealed.eq(&b"x"[..]));
    diesel::insert_into(sealed_canary::table).values(row).execute(conn)
}

#[tokio::test(flavor = "multi_thread")]
async fn t46_a_panic_inside_a_transaction_leaves_nothing_behind() {
    let folder = folder();
    let database = open(&folder);
    database.write::<_, RepositoryError>(migrations::run).await.expect("migrates");
    let panicked = database
        .write::<(), RepositoryError>(|conn| {
            transaction(conn, |conn| {
                insert_canary(conn)?;
                panic!("on purpose")
            })
        })
        .await;
    assert!(matches!(panicked, Err(RepositoryError::Internal(_))), "{panicked:?}");
    let canary = database.read::<_, RepositoryError>(sealed::canary).await.expect("answers");
    assert_eq!(canary, None);
    let write = |conn: &mut Conn| transaction(conn, |conn| Ok(insert_canary(conn)?));
    let written = database.write::<_, RepositoryError>(write).await.expect("writes again");
    assert_eq!(written, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t39_a_database_that_takes_no_writes_is_named_and_recovers() {
    let folder = folder();
    let database = open(&folder);
    database.write::<_, RepositoryError>(migrations::run).await.expect("migrates");
    let read_only = |on: &str| {
        let sql = format!("PRAGMA query_only = {on}");
        database.write::<_, RepositoryError>(move |conn| Ok(conn.batch_execute(&sql)?))
    };
    read_only("ON").await.expect("sets");
    let write = |conn: &mut Conn| transaction(conn, |conn| Ok(insert_canary(conn)?));
    let refused = database.write::<_, RepositoryError>(write).await;
    let Err(RepositoryError::Unavailable(cause)) = refused else { panic!("{refused:?}") };
    assert_eq!(cause.to_string(), "it is read-only");
    assert!(database.fault().is_known());
    database.read::<_, RepositoryError>(repository::ping).await.expect("reads go on");
    read_only("OFF").await.expect("sets");
    database.write::<_, RepositoryError>(repository::touch).await.expect("writes");
    database.write::<_, RepositoryError>(write).await.expect("writes");
}

/// The only writer, and as many readers as there are, one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn t46_a_panic_costs_no_connection_for_good() {
    let folder = folder();
    let path = folder.path().join("x.db");
    let settings = PoolSettings { size: 2, ..PoolSettings::default() };
    let database = Arc::new(Sqlite::open(&path, &settings).expect("opens"));
    database.write::<_, RepositoryError>(migrations::run).await.expect("migrates");
    for _ in 0..5 {
        let work = |_: &mut Conn| -> Result<(), Failure> { panic!("on purpose") };
        database.write::<_, RepositoryError>(work).await.expect_err("it panicked");
        database.scan::<_, RepositoryError>(work).await.expect_err("it panicked");
        let reading = database.clone();
        let read = tokio::spawn(async move { reading.read::<_, RepositoryError>(work).await });
        assert!(read.await.expect_err("it panicked").is_panic());
    }
    database.write::<_, RepositoryError>(repository::touch).await.expect("writes");
    database.scan::<_, RepositoryError>(repository::ping).await.expect("reads");
    database.read::<_, RepositoryError>(repository::ping).await.expect("reads");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_cannot_write() {
    let folder = folder();
    let database = open(&folder);
    database.write::<_, RepositoryError>(migrations::run).await.expect("migrates");
    let refused = database.read::<_, RepositoryError>(|conn| Ok(insert_canary(conn)?)).await;
    assert!(refused.is_err(), "{refused:?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn t23_a_file_that_others_may_read_is_made_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    drop(open(&folder));
    let mode =
        |path: &std::path::Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    let files = || std::fs::read_dir(folder.path()).expect("a folder");
    for file in files() {
        let path = file.expect("a file").path();
        let open_to_all = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&path, open_to_all).expect("it is ours");
    }
    let database = open(&folder);
    database.write::<_, RepositoryError>(migrations::run).await.expect("migrates");
    for file in files() {
        let path = file.expect("a file").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}
