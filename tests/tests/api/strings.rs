//! T05: connection strings that are refused, over HTTP.

use datastore_tests::{DATASTORES, TestServer, by_string};

/// System, what stands behind `SYSTEM://`, and the word that the answer must hold.
const REFUSED: [(&str, &str, &str); 66] = [
    ("postgres", "h?host=/var/run/x", "host"),
    ("postgres", "h?hostaddr=10.0.0.1", "hostaddr"),
    ("postgres", "h?port=1", "port"),
    ("postgres", "h?user=x", "user"),
    ("postgres", "h?password=canary", "password"),
    ("postgres", "h?passfile=/x", "passfile"),
    ("postgres", "h?service=x", "service"),
    ("postgres", "h?servicefile=/x", "servicefile"),
    ("postgres", "h?sslkey=/x", "sslkey"),
    ("postgres", "h?sslcert=/x", "sslcert"),
    ("postgres", "h?sslrootcert=/x", "sslrootcert"),
    ("postgres", "h?sslcrl=/x", "sslcrl"),
    ("postgres", "h?options=-c%20x", "options"),
    ("postgres", "h?require_auth=none", "require_auth"),
    ("postgres", "h?gssencmode=require", "gssencmode"),
    ("postgres", "h?krbsrvname=x", "krbsrvname"),
    ("postgres", "h?socketFactory=x", "socketFactory"),
    ("postgres", "h?SSLKEY=canary", "SSLKEY"),
    ("postgres", "h?%73slkey=canary", "sslkey"),
    ("postgres", "h?sslmode=disable&sslmode=require", "sslmode"),
    ("postgres", "h?sslmode=canary", "sslmode"),
    ("postgres", "h?connect_timeout=canary", "connect_timeout"),
    ("postgres", "h/db?allow=canary", "allow"),
    ("postgres", "h/db;x", "database"),
    ("postgres", "h/db%3Fsslmode=disable", "database"),
    ("postgres", "h/db#canary", "fragment"),
    ("postgres", "a,b/db", "host"),
    ("postgres", "%2Fvar%2Frun/db", "socket"),
    ("postgres", "/db", "host"),
    ("postgres", "u:canary%@h/db", "password"),
    ("postgres", "u:canary@x@h/db", "@"),
    ("postgres", "u%0d%0aSET:p@h/db", "user"),
    ("mysql", "h?socket=/x", "socket"),
    ("mysql", "h?prefer_socket=true", "prefer_socket"),
    ("mysql", "h?allowLoadLocalInfile=true", "allowLoadLocalInfile"),
    ("mysql", "h?local_infile=1", "local_infile"),
    ("mysql", "h?allowAllFiles=true", "allowAllFiles"),
    ("mysql", "h?init_command=canary", "init_command"),
    ("mysql", "h?enable_cleartext_plugin=1", "enable_cleartext_plugin"),
    ("mysql", "h?secure_auth=false", "secure_auth"),
    ("mysql", "h?allowPublicKeyRetrieval=true", "allowPublicKeyRetrieval"),
    ("mysql", "h?autoDeserialize=true", "autoDeserialize"),
    ("mysql", "h?queryInterceptors=x", "queryInterceptors"),
    ("mysql", "u:p@unix(/tmp/x)/db", "host"),
    ("mongodb", "h?tlsCAFile=/x", "tlsCAFile"),
    ("mongodb", "h?tlsCertificateKeyFile=/x", "tlsCertificateKeyFile"),
    ("mongodb", "h?tlsCertificateKeyFilePassword=canary", "tlsCertificateKeyFilePassword"),
    ("mongodb", "h?tlsInsecure=true", "tlsInsecure"),
    ("mongodb", "h?tlsAllowInvalidCertificates=true", "tlsAllowInvalidCertificates"),
    ("mongodb", "h?proxyHost=x", "proxyHost"),
    ("mongodb", "h?authMechanismProperties=x", "authMechanismProperties"),
    ("mongodb", "u:p@h?authMechanism=MONGODB-AWS", "authMechanism"),
    ("mongodb", "u:p@h?authMechanism=GSSAPI", "authMechanism"),
    ("mongodb", "u:p@h?authMechanism=PLAIN", "authMechanism"),
    ("mongodb", "h?compressors=zlib", "compressors"),
    ("mongodb", "h?srvServiceName=x", "srvServiceName"),
    ("mongodb", "h?loadBalanced=true", "loadBalanced"),
    ("mongodb", "1,2,3,4,5,6,7,8,9", "host"),
    ("redis", "h?unix=/x", "unix"),
    ("redis", "h?db=1", "db"),
    ("redis", "h?password=canary", "password"),
    ("redis", "h/65536", "0 to 65535"),
    ("neo4j", "h?policy=x", "policy"),
    ("neo4j", "h?encryption=false", "encryption"),
    ("cassandra", "h?secure_connect_bundle=/x", "secure_connect_bundle"),
    ("cassandra", "h?compression=lz4", "compression"),
];

#[test]
fn t05_strings_are_refused_by_name_and_never_quoted() {
    let server = TestServer::start();
    for (system, rest, word) in REFUSED {
        let body = by_string("a", system, &format!("{system}://{rest}"));
        let answer = server.editor.post(DATASTORES, &body);
        let problem = answer.problem(400, "validation_failed");
        assert_eq!(problem["errors"].as_array().map(Vec::len), Some(1), "{rest}: {problem}");
        assert_eq!(problem["errors"][0]["field"], "connection_string", "{rest}: {problem}");
        let detail = problem["errors"][0]["detail"].as_str().expect("text");
        assert!(detail.contains(word), "{rest}: {word} in {detail}");
        assert!(!answer.text().contains("canary"), "{rest}: {}", answer.text());
    }
    assert_eq!(server.editor.get(DATASTORES).json()["count"], 0);
}

#[test]
fn t04_other_schemes_are_refused() {
    let server = TestServer::start();
    for (system, string) in [
        ("postgres", "unix:/var/run/x"),
        ("postgres", "file:///etc/passwd"),
        ("postgres", "jdbc:postgresql://h/db"),
        ("postgres", "mysql://h/db"),
        ("postgres", "host=h password=canary"),
        ("mysql", "postgres://h/db"),
        ("redis", "redis+unix:///var/run/x"),
        ("redis", "unix:///var/run/x"),
        ("redis", "redis-sentinel://h"),
        ("neo4j", "bolt+routing://h"),
        ("mongodb", "http://h"),
    ] {
        let answer = server.editor.post(DATASTORES, &by_string("a", system, string));
        // White space is the first thing that is wrong with the words of libpq.
        let (code, reason) = match string.contains(' ') {
            true => ("invalid_character", "white space"),
            false => ("invalid_format", "Must begin with "),
        };
        let expected = [format!("connection_string:{code}")];
        assert_eq!(answer.errors(400, "validation_failed"), expected, "{string}");
        assert!(answer.text().contains(reason), "{}", answer.text());
        assert!(!answer.text().contains("canary"), "{}", answer.text());
    }
}

#[test]
fn a_string_has_at_most_4096_characters() {
    let server = TestServer::start();
    let string = |length: usize| {
        let start = "postgres://u:p@h?application_name=";
        format!("{start}{}", "x".repeat(length - start.len()))
    };
    let too_long = server.editor.post(DATASTORES, &by_string("a", "postgres", &string(4097)));
    assert_eq!(too_long.errors(400, "validation_failed"), ["connection_string:too_long"]);
}
