//! Which parameters are refused, and which values of the others.

use super::{check_all_refused, check_refused, parse};
use crate::{ChannelBinding, System, ViolationCode};

#[test]
fn t05_parameters_off_the_list_are_refused_by_name() {
    let postgres = "host hostaddr port user password passfile service servicefile sslkey sslcert \
        sslrootcert sslcrl options require_auth gssencmode krbsrvname socketFactory dbname \
        replication sslpassword load_balance_hosts";
    let mysql = "socket prefer_socket allowLoadLocalInfile local_infile allowAllFiles init_command \
        enable_cleartext_plugin secure_auth allowPublicKeyRetrieval autoDeserialize \
        queryInterceptors pool_max ssl-ca unix_socket";
    let mongodb = "tlsCAFile tlsCertificateKeyFile tlsCertificateKeyFilePassword tlsInsecure \
        tlsAllowInvalidCertificates tlsAllowInvalidHostnames proxyHost proxyPassword \
        authMechanismProperties compressors srvServiceName srvMaxHosts loadBalanced";
    for (system, names) in [
        (System::Postgres, postgres),
        (System::Mysql, mysql),
        (System::Mongodb, mongodb),
        (System::Redis, "unix user pass db password sentinel cluster insecure tls"),
        (System::Neo4j, "policy region trust encryption database tls"),
        (System::Cassandra, "secure_connect_bundle sslcert compression contact_points ssl"),
    ] {
        for name in names.split_whitespace() {
            let text = format!("{system}://h?{name}=canary-value");
            let error = parse(system, &text).expect_err(&text);
            assert_eq!(error.code(), ViolationCode::ParameterNotAllowed, "{text}");
            assert!(error.to_string().contains(&format!("'{name}'")), "{text}: {error}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{text}: {error}");
        }
    }
}

#[test]
fn t08_a_string_says_whether_the_login_is_bound_to_the_channel() {
    for (parameters, expected) in [
        ("", ChannelBinding::Prefer),
        ("?channel_binding=prefer", ChannelBinding::Prefer),
        ("?channel_binding=REQUIRE", ChannelBinding::Require),
        ("?channel_binding=disable", ChannelBinding::Disable),
    ] {
        let string = parse(System::Postgres, &format!("postgres://u:p@h{parameters}"));
        let spec = string.expect("a string").connect_spec();
        assert_eq!(spec.channel_binding, expected, "{parameters}");
    }
}

#[test]
fn t05_parameters_cannot_be_disguised() {
    // U+017F ("ſ") folds to "s" in full Unicode case folding.
    check_all_refused(
        System::Postgres,
        ViolationCode::ParameterNotAllowed,
        "
        postgres://h?SSLKEY=x => 'SSLKEY'
        postgres://h?%73slkey=x => 'sslkey'
        postgres://h?sslmode=disable&sslmode=require => more than once
        postgres://h?sslmode=disable&SSL%4dODE=disable => 'sslmode' must not be given more
        postgres://h?%C5%BFslmode=disable => '_slmode'
        postgres://h/db?allow=1 => 'allow'
        postgres://h?sslmode%00=require => 'sslmode_'
        postgres://h?%20sslmode=require => '_sslmode'
        postgres://h?sslmode=disable?sslkey=x => 'sslmode' must be one of
        postgres://h?ssl%256Dode=require => 'ssl_6Dode'
        ",
    );
    check_all_refused(
        System::Mysql,
        ViolationCode::ParameterNotAllowed,
        "mysql://h?ssl-mode=REQUIRED&sslmode=REQUIRED => 'ssl-mode' must not be given more",
    );
    check_all_refused(
        System::Postgres,
        ViolationCode::InvalidFormat,
        "
        postgres://h?sslmode=require& => ?name=value
        postgres://h?&sslmode=require => ?name=value
        postgres://h?sslmode => ?name=value
        postgres://h?=x => ?name=value
        postgres://h?application_name=a;options=b => ';'
        postgres://h?sslmode=%7 => percent escape in the parameter 'sslmode'
        postgres://h?ssl%mode=require => percent escape in a parameter name
        postgres://h?application_name=%FF => UTF-8
        postgres://h#insecure => fragment
        postgres://h/db?sslmode=require#x => fragment
        postgres://h?application_name=a@b => '@'
        ",
    );
    let code = ViolationCode::InvalidFormat;
    check_refused(System::Redis, code, "rediss://h#insecure", "fragment");
}

#[test]
fn t05_values_are_checked_by_type() {
    let code = ViolationCode::ParameterNotAllowed;
    check_all_refused(
        System::Postgres,
        code,
        "
        postgres://h?sslmode=allow => one of disable
        postgres://h?sslmode= => one of disable
        postgres://h?connect_timeout=-1 => whole number
        postgres://h?connect_timeout=+1 => whole number
        postgres://h?connect_timeout=1e3 => whole number
        postgres://h?connect_timeout= => whole number
        postgres://h?connect_timeout=99999999999 => whole number
        postgres://h?application_name=a%0Ab => control characters
        postgres://h?application_name=%00 => control characters
        ",
    );
    check_refused(System::Mysql, code, "mysql://h?charset=utf8%27", "letters");
    check_refused(System::Mysql, code, "mysql://h?ssl-mode=SKIP", "one of DISABLED");
    check_refused(System::Redis, code, "redis://h?protocol=4", "one of 2, 3");
    check_refused(System::Cassandra, code, "cassandra://h?tls=yes", "one of disable");
    check_all_refused(
        System::Mongodb,
        code,
        "
        mongodb://h?tls=1 => one of true, false
        mongodb://h?tls=true&ssl=false => contradicts
        mongodb://h?authSource= => 1 to 255
        mongodb://h?w=a%20b => letters
        mongodb://a,b?directConnection=true => several hosts
        mongodb+srv://c.x.org?directConnection=true => several hosts
        ",
    );
}

#[test]
fn t07_mechanisms_that_read_files_or_call_services_are_refused() {
    check_all_refused(
        System::Mongodb,
        ViolationCode::ParameterNotAllowed,
        "
        mongodb://u:p@h?authMechanism=MONGODB-AWS => SCRAM-SHA-256
        mongodb://u:p@h?authMechanism=MONGODB-OIDC => SCRAM-SHA-256
        mongodb://u:p@h?authMechanism=GSSAPI&tls=true => SCRAM-SHA-256
        mongodb://u:p@h?authMechanism=MONGODB-X509&tls=true => SCRAM-SHA-256
        mongodb://h?authMechanism=SCRAM-SHA-1 => user name
        ",
    );
}

#[test]
fn t08_plain_needs_tls() {
    check_all_refused(
        System::Mongodb,
        ViolationCode::ParameterNotAllowed,
        "
        mongodb://u:p@h?authMechanism=PLAIN => tls=true
        mongodb://u:p@h?authMechanism=PLAIN&tls=false => tls=true
        mongodb+srv://u:p@c.x.org?authMechanism=PLAIN&tls=false => tls=true
        ",
    );
}
