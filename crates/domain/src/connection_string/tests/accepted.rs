//! What is understood, and as what.

use super::{parse, rows};
use crate::connection_string::ConnectionString;
use crate::{System, TlsMode};

/// What a test would connect to, in one line: `user password @ hosts / database tls [auth]`.
fn summary(string: &ConnectionString) -> String {
    let spec = string.connect_spec();
    let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let login = spec.credentials.as_ref().map_or("none".to_owned(), |c| {
        let user = or_dash(c.username.as_ref().map(|u| u.as_str()));
        format!("{user} {}", or_dash(c.password.as_ref().map(|p| p.expose())))
    });
    let port = |port: Option<crate::Port>| port.map_or("srv".to_owned(), |p| p.to_string());
    let hosts: Vec<_> =
        spec.endpoints.iter().map(|e| format!("{} {}", e.host.bare(), port(e.port))).collect();
    let database = or_dash(spec.database.as_ref().map(|d| d.as_str()));
    let mut line = format!("{login} @ {} / {database} {}", hosts.join(" | "), spec.tls);
    if spec.auth_source.is_some() || spec.auth_mechanism.is_some() {
        let source = or_dash(spec.auth_source.as_ref().map(|s| s.as_str()));
        line += &format!(" [{source} {}]", or_dash(spec.auth_mechanism.as_deref()));
    }
    line
}

/// For lines `text => summary => mask`.
fn check(system: System, table: &str) {
    for [text, expected, mask] in rows(table) {
        let string = parse(system, text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(summary(&string), expected, "{text}");
        assert_eq!(string.mask(), mask, "{text}");
        assert_eq!((string.expose(), string.system()), (text, system));
        assert_eq!(string.connect_spec().system, system);
        assert!(!ConnectionString::is_masked_form(text, system), "{text}");
        let masked = ConnectionString::is_masked_form(mask, system);
        assert_eq!(masked, mask.contains("***"), "{mask}");
    }
}

#[test]
fn postgres_strings_are_understood() {
    check(
        System::Postgres,
        "
        postgres://u:p@h/db => u p @ h 5432 / db prefer => postgres://u:***@h/db
        postgresql://u:p@h:6000/db => u p @ h 6000 / db prefer => postgresql://u:***@h:6000/db
        POSTGRES://h => none @ h 5432 / - prefer => postgres://h
        postgres://u@h/ => u - @ h 5432 / - prefer => postgres://u@h
        postgres://u:@h/? => u - @ h 5432 / - prefer => postgres://u@h
        postgres://u:a:b@h => u a:b @ h 5432 / - prefer => postgres://u:***@h
        postgres://u:a+b@h => u a+b @ h 5432 / - prefer => postgres://u:***@h
        postgres://ü:p@h/dß => ü p @ h 5432 / dß prefer => postgres://%C3%BC:***@h/d%C3%9F
        postgres://u%40x:p%40ss%3Aw%2Frd%2520%23%3F@h/d%20b => u@x p@ss:w/rd%20#? @ h 5432 / d b prefer => postgres://u%40x:***@h/d%20b
        postgres://u:p@[::1]:1/db => u p @ ::1 1 / db prefer => postgres://u:***@[::1]:1/db
        postgres://h/?sslmode=disable => none @ h 5432 / - disable => postgres://h?sslmode=***
        postgres://h?SslMode=REQUIRE => none @ h 5432 / - require => postgres://h?sslmode=***
        postgres://h?ssl%6Dode=verify-ca => none @ h 5432 / - verify_full => postgres://h?sslmode=***
        postgres://h?application_name=a%20b&sslmode=verify-full => none @ h 5432 / - verify_full => postgres://h?application_name=***&sslmode=***
        postgres://h?channel_binding=require&connect_timeout=9 => none @ h 5432 / - prefer => postgres://h?channel_binding=***&connect_timeout=***
        postgres://h?target_session_attrs=read-write => none @ h 5432 / - prefer => postgres://h?target_session_attrs=***
        ",
    );
}

#[test]
fn mysql_strings_are_understood() {
    check(
        System::Mysql,
        "
        mysql://root@h => root - @ h 3306 / - prefer => mysql://root@h
        mariadb://u:p@h:3307/db => u p @ h 3307 / db prefer => mariadb://u:***@h:3307/db
        mysql://h?ssl-mode=DISABLED => none @ h 3306 / - disable => mysql://h?ssl-mode=***
        mysql://h?ssl-mode=PREFERRED => none @ h 3306 / - prefer => mysql://h?ssl-mode=***
        mysql://h?sslmode=required => none @ h 3306 / - require => mysql://h?ssl-mode=***
        mysql://h?ssl-mode=VERIFY_CA => none @ h 3306 / - verify_full => mysql://h?ssl-mode=***
        mysql://h?ssl-mode=VERIFY_IDENTITY => none @ h 3306 / - verify_full => mysql://h?ssl-mode=***
        mysql://h?sslmode=verify-full => none @ h 3306 / - verify_full => mysql://h?ssl-mode=***
        mysql://h?charset=utf8mb4&connect_timeout=0 => none @ h 3306 / - prefer => mysql://h?charset=***&connect_timeout=***
        ",
    );
}

#[test]
fn mongodb_strings_are_understood() {
    check(
        System::Mongodb,
        "
        mongodb://h => none @ h 27017 / - disable => mongodb://h
        mongodb://u:p@h => u p @ h 27017 / - disable => mongodb://u:***@h
        mongodb://u:p@h/db => u p @ h 27017 / db disable [db -] => mongodb://u:***@h/db
        mongodb://u:p@h/db?authSource=admin => u p @ h 27017 / db disable [admin -] => mongodb://u:***@h/db?authSource=***
        mongodb://u:p@a:1,b,[::1]:3/?replicaSet=rs0 => u p @ a 1 | b 27017 | ::1 3 / - disable => mongodb://u:***@a:1,b,[::1]:3?replicaSet=***
        mongodb://1,2,3,4,5,6,7,8 => none @ 1 27017 | 2 27017 | 3 27017 | 4 27017 | 5 27017 | 6 27017 | 7 27017 | 8 27017 / - disable => mongodb://1,2,3,4,5,6,7,8
        mongodb://h?ssl=true&tls=true => none @ h 27017 / - verify_full => mongodb://h?ssl=***&tls=***
        mongodb://h?ssl=false => none @ h 27017 / - disable => mongodb://h?ssl=***
        mongodb://u:p@h?authmechanism=scram-sha-256 => u p @ h 27017 / - disable [- SCRAM-SHA-256] => mongodb://u:***@h?authMechanism=***
        mongodb://u:p@h?authMechanism=PLAIN&ssl=true => u p @ h 27017 / - verify_full [$external PLAIN] => mongodb://u:***@h?authMechanism=***&ssl=***
        mongodb+srv://u:p@c.x.org/db => u p @ c.x.org srv / db verify_full => mongodb+srv://u:***@c.x.org/db
        mongodb+srv://c.x.org?tls=false => none @ c.x.org srv / - disable => mongodb+srv://c.x.org?tls=***
        mongodb://h?readPreference=nearest&w=majority&appName=x => none @ h 27017 / - disable => mongodb://h?readPreference=***&w=***&appName=***
        mongodb://h?directConnection=true&connectTimeoutMS=500 => none @ h 27017 / - disable => mongodb://h?directConnection=***&connectTimeoutMS=***
        mongodb://h?retryWrites=false&w=1 => none @ h 27017 / - disable => mongodb://h?retryWrites=***&w=***
        ",
    );
    let srv = parse(System::Mongodb, "mongodb+srv://c.x.org").expect("a valid string");
    assert!(srv.connect_spec().discover_by_srv);
    assert_eq!(srv.connect_spec().replica_set, None);
    let set = parse(System::Mongodb, "mongodb://a,b?REPLICASET=rs%200").expect("a valid string");
    assert_eq!(set.connect_spec().replica_set.as_deref(), Some("rs 0"));
}

#[test]
fn redis_neo4j_and_cassandra_strings_are_understood() {
    check(
        System::Redis,
        "
        redis://h => none @ h 6379 / - disable => redis://h
        redis://:p@h/0 => - p @ h 6379 / 0 disable => redis://:***@h/0
        rediss://u:p@h:1/65535 => u p @ h 1 / 65535 verify_full => rediss://u:***@h:1/65535
        redis://h?protocol=3 => none @ h 6379 / - disable => redis://h?protocol=***
        ",
    );
    check(
        System::Neo4j,
        "
        bolt://u:p@h => u p @ h 7687 / - disable => bolt://u:***@h
        bolt+s://h => none @ h 7687 / - verify_full => bolt+s://h
        bolt+ssc://h => none @ h 7687 / - require => bolt+ssc://h
        neo4j://h/neo4j => none @ h 7687 / neo4j disable => neo4j://h/neo4j
        neo4j+s://h:1 => none @ h 1 / - verify_full => neo4j+s://h:1
        neo4j+ssc://h => none @ h 7687 / - require => neo4j+ssc://h
        ",
    );
    check(
        System::Cassandra,
        "
        cassandra://u:p@h/ks => u p @ h 9042 / ks prefer => cassandra://u:***@h/ks
        cassandra://h?tls=disable => none @ h 9042 / - disable => cassandra://h?tls=***
        cassandra://h?tls=prefer => none @ h 9042 / - prefer => cassandra://h?tls=***
        cassandra://h?TLS=require => none @ h 9042 / - require => cassandra://h?tls=***
        cassandra://h?tls=verify_full => none @ h 9042 / - verify_full => cassandra://h?tls=***
        ",
    );
}

/// Saving is allowed; the network policy judges the address at the test.
#[test]
fn t01_odd_spellings_of_addresses_are_hosts() {
    let hosts = "169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.43518 \
                 [::ffff:169.254.169.254] [::ffff:a9fe:a9fe] [64:ff9b::a9fe:a9fe] [fe80::1%25lo] \
                 metadata.example.";
    for host in hosts.split_whitespace() {
        let text = format!("redis://{host}:6379/0");
        let string = parse(System::Redis, &text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(string.mask(), text);
    }
    let zone =
        parse(System::Redis, "redis://[fe80::1%25lo]").expect("a valid string").connect_spec();
    assert_eq!(zone.endpoints[0].host.as_str(), "[fe80::1%lo]");
}

#[test]
fn templates_of_the_catalogue_are_strings_of_their_system() {
    for entry in crate::CATALOGUE.iter().flat_map(|t| t.systems) {
        let filled =
            [("{username}", "u"), ("{password}", "p"), ("{server}", "h"), ("{database}", "0")];
        let text = filled
            .iter()
            .fold(entry.connection_string_template.to_owned(), |t, (name, v)| t.replace(name, v));
        let string = parse(entry.system, &text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(string.connect_spec().tls, TlsMode::VerifyFull, "{text}");
    }
}
