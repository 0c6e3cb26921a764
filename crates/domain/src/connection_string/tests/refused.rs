//! What is refused, and why.

use super::{check_all_refused, check_refused, parse};
use crate::{System, ViolationCode};

#[test]
fn other_schemes_are_refused() {
    check_all_refused(
        System::Postgres,
        ViolationCode::InvalidFormat,
        "
        h:5432 => begin with postgresql:// or postgres://
        postgres => begin with
        postgres:/h/db => begin with
        mysql://h/db => begin with
        jdbc:postgresql://h/db => begin with
        user:x://y@h => begin with
        postgres:// => name a host
        ",
    );
    check_all_refused(
        System::Redis,
        ViolationCode::InvalidFormat,
        "
        redis-sentinel://h => begin with redis:// or rediss://
        redis+cluster://h => begin with
        ",
    );
    check_all_refused(
        System::Neo4j,
        ViolationCode::InvalidFormat,
        "bolt+routing://h => begin with neo4j://",
    );
}

#[test]
fn t04_unix_sockets_and_files_are_refused() {
    let code = ViolationCode::InvalidFormat;
    check_all_refused(
        System::Postgres,
        code,
        "
        postgres:///db => name a host
        postgres://u:p@/var/run/postgresql => name a host
        postgres:///db?host=/var/run/postgresql => name a host
        postgres://%2Fvar%2Frun%2Fpostgresql/db => Unix socket
        postgres://u:p@%2fvar%2frun/db => Unix socket
        postgres://%40abstract/db => Unix socket
        postgres://u:p@@abstract/db => '@'
        unix:/var/run/postgresql => begin with
        file:///etc/passwd => begin with
        ",
    );
    check_all_refused(
        System::Redis,
        code,
        "
        redis+unix:///var/run/redis.sock => begin with
        unix:///var/run/redis.sock => begin with
        redis-socket:///tmp/redis.sock => begin with
        redis://unix:/tmp/redis.sock => port
        ",
    );
    check_all_refused(
        System::Mongodb,
        code,
        "
        mongodb://%2Ftmp%2Fmongodb-27017.sock/db => Unix socket
        mongodb://h,%2Ftmp%2Fmongodb.sock/db => Unix socket
        ",
    );
    check_all_refused(
        System::Mysql,
        code,
        "
        mysql://u:p@%2Ftmp%2Fmysql.sock/db => Unix socket
        mysql://u:p@unix(/tmp/mysql.sock)/db => host
        mysql://u:p@tcp(h:3306)/db => host
        ",
    );
}

#[test]
fn t05_hosts_hold_nothing_else() {
    let code = ViolationCode::InvalidFormat;
    check_all_refused(
        System::Postgres,
        code,
        "
        postgres://a,b/db => at most 1 host
        postgres://a:1,b:2/db => at most 1 host
        postgres://h;x/db => host
        postgres://h%3Fx/db => host
        postgres://h%20x/db => host
        postgres://h\\x/db => host
        postgres://h&x/db => host
        postgres://::1/db => brackets
        postgres://[::1/db => brackets
        postgres://[127.0.0.1]/db => host
        postgres://[h]/db => host
        postgres://[v1.x]/db => host
        postgres://[::1]x/db => port
        postgres://[fe80::1%lo]/db => percent escape in the host
        postgres://[%3A%3A1]/db => percent escape in the host
        postgres://h:/db => port
        postgres://h:0/db => port
        postgres://h:65536/db => port
        postgres://h:+80/db => port
        postgres://h:5432x/db => port
        postgres://:5432/db => name a host
        ",
    );
    check_all_refused(
        System::Mongodb,
        code,
        "
        mongodb://a,,b => name a host
        mongodb://a, => name a host
        mongodb://1,2,3,4,5,6,7,8,9 => at most 8
        mongodb+srv://a,b => at most 1
        mongodb+srv://a:27017 => without a port
        mongodb+srv://127.0.0.1 => without a port
        mongodb+srv://[::1] => without a port
        ",
    );
    check_refused(System::Redis, code, "redis://a,b", "at most 1");
    check_refused(System::Cassandra, code, "cassandra://a,b", "at most 1");
}

#[test]
fn t05_databases_hold_nothing_else() {
    check_all_refused(
        System::Postgres,
        ViolationCode::InvalidCharacter,
        "
        postgres://h/db;x => '?', '#', ';'
        postgres://h/db&x => '?', '#', ';'
        postgres://h/db%3Fsslmode%3Ddisable => '?', '#', ';'
        postgres://h/db%23 => '?', '#', ';'
        ",
    );
    check_all_refused(
        System::Mongodb,
        ViolationCode::InvalidCharacter,
        "
        mongodb://h/a%2Fb => '/'
        mongodb://h/a.b => '.'
        mongodb://h/$db => '$'
        ",
    );
    let code = ViolationCode::InvalidFormat;
    check_refused(System::Postgres, code, "postgres://h/a/b", "'/' in the database");
    check_refused(System::Postgres, code, "postgres://h/db/", "'/' in the database");
    check_refused(System::Postgres, code, "postgres://h/%E0", "percent escape in the database");
    for index in ["db", "65536", "-1", "0x1", "1%20"] {
        check_refused(System::Redis, code, &format!("redis://h/{index}"), "0 to 65535");
    }
}

#[test]
fn incomplete_or_ambiguous_logins_are_refused() {
    let code = ViolationCode::InvalidFormat;
    check_all_refused(
        System::Postgres,
        code,
        "
        postgres://@h/db => user name
        postgres://:p@h/db => user name
        postgres://u:p%@h/db => percent escape in the password
        postgres://u%zz:p@h/db => percent escape in the user name
        postgres://u:%C0%80@h/db => percent escape in the password
        ",
    );
    check_refused(System::Mongodb, code, "mongodb://u:a:b@h", "':' in the password");
    for login in ["p", "u:", ":", ""] {
        check_refused(System::Redis, code, &format!("redis://{login}@h"), ":password@");
    }
    for system in [System::Mongodb, System::Neo4j, System::Cassandra] {
        check_refused(system, code, &format!("{system}://u@h"), "no password");
        check_refused(system, code, &format!("{system}://u:@h"), "no password");
    }
}

#[test]
fn t09_control_characters_are_refused() {
    let code = ViolationCode::InvalidCharacter;
    for (text, hint) in [
        ("postgres://h/db\n", "control characters"),
        ("postgres://u\0@h/db", "control characters"),
        ("postgres://u\u{85}@h/db", "control characters"),
        ("postgres://h/d b", "white space"),
        (" postgres://h/db", "white space"),
        ("host=h password=p", "white space"),
        ("postgres://u%0D%0ASET:p@h/db", "the user name"),
        ("postgres://u%C2%85:p@h/db", "the user name"),
        ("postgres://u:p@h/d%0Ab", "the database"),
        ("postgres://u:p@h/d%00b", "the database"),
        ("postgres://u:p%00w@h/db", "the password: Must not contain the NUL"),
    ] {
        check_refused(System::Postgres, code, text, hint);
    }
    // Passwords are kept byte for byte; only NUL ends one early for some server.
    assert!(parse(System::Postgres, "postgres://u:p%0Aw@h/db").is_ok());
}

#[test]
fn lengths_are_limited() {
    let with_password = |n: usize| format!("postgres://u:{}@h", "p".repeat(n));
    assert!(parse(System::Postgres, &with_password(1024)).is_ok());
    let of_length = |n: usize| format!("postgres://{}", "é".repeat(n - 11));
    for (text, hint) in [
        (with_password(1025), "the password: Must be at most 1024"),
        (format!("postgres://{}@h", "u".repeat(256)), "the user name: Must be at most 255"),
        (format!("postgres://h/{}", "d".repeat(256)), "the database: Must be at most 255"),
        (of_length(4096), "the host: Must be at most 255"),
        (of_length(4097), "Must be at most 4096 characters"),
    ] {
        check_refused(System::Postgres, ViolationCode::TooLong, &text, hint);
    }
    check_refused(System::Postgres, ViolationCode::Blank, "", "empty");
}
