use super::*;
use datastore_http::Limits;
use std::fs;

fn refusal(text: &str) -> String {
    Settings::from_toml(text).expect_err(text).to_string()
}

fn environment(pairs: &[(&str, &str)]) -> Environment {
    let pairs = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Environment::from_variables(pairs).expect("UTF-8")
}

#[test]
fn the_defaults_are_whole() {
    let settings = Settings::from_toml("").expect("the defaults are valid");
    assert_eq!(settings.http.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.database_url().to_string(), "sqlite://data/datastore-api.db");
    assert_eq!(settings.key_file(), PathBuf::from("data/keys"));
    assert_eq!(settings.connectivity.egress.allow, Cidr::ALL);
    assert_eq!(settings.http.limits(), Limits::default());
}

#[test]
fn t44_bad_settings_are_named() {
    for (text, expected) in [
        (
            "[http]\nbidn = 'x'",
            "setting http.bidn in the given text: unknown field `bidn`; did you mean `bind`?",
        ),
        ("[http]\nbinds = 'x'", "did you mean `bind`?"),
        ("[http]\nbin = 'x'", "did you mean `bind`?"),
        ("[log]\nlovel = 'x'", "did you mean `level`?"),
        (
            "datadir = 'x'",
            "setting datadir in the given text: unknown field `datadir`; did you mean",
        ),
        (
            "[log]\ncolour = 'x'",
            "setting log.colour in the given text: unknown field `colour`; `data",
        ),
        ("htpp = 1", "the given text: unknown field `htpp`"),
        ("[http]\nbind = 'localhost'", "setting http.bind in the given text: must be an IP"),
        ("[http]\nbind = 8080", "setting http.bind in the given text: must be a text"),
        ("[http]\nworkers = 0", "setting http.workers in the given text: must be a whole number"),
        ("[http]\nworkers = true", "setting http.workers"),
        (
            "[http]\nrequire_if_match = 1",
            "setting http.require_if_match in the given text: must be",
        ),
        ("[database]\npool_size = 1.5", "setting database.pool_size"),
        ("[database]\nurl = 'mysql://h'", "setting database.url in the given text: must begin"),
        ("[log]\nlevel = 'loud'", "setting log.level in the given text: must be error, warn"),
        (
            "[connectivity.egress]\ndeny = ['10.0.0.0/8', '10.0.0.1/8']",
            "deny in the given text: entry 2",
        ),
        ("[connectivity]\negress = 1", "setting connectivity.egress"),
        ("data_dir = ''", "setting data_dir in the given text: must not be empty"),
        ("[crypto]\nkeys = 'k1:canary'", "DATASTORE_API__CRYPTO__KEYS"),
        ("[http", "the given text is not TOML"),
    ] {
        let message = refusal(text);
        assert!(message.contains(expected), "{text}: {message}");
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn limits_of_http_have_ranges() {
    for (key, least, most) in [
        ("max_body_bytes", 1024, 16_777_216),
        ("body_timeout_ms", 100, 600_000),
        ("max_target_bytes", 256, 32_768),
        ("max_head_bytes", 1024, 65_536),
        ("max_head_fields", 8, 96),
        ("head_timeout_ms", 100, 600_000),
        ("max_connections", 1, 1_000_000),
        ("idle_timeout_ms", 100, 3_600_000),
        ("max_unsent_bytes", 65_536, 68_719_476_736_i64),
        ("write_timeout_ms", 100, 600_000),
    ] {
        let set = |value: i64| Settings::from_toml(&format!("http.{key} = {value}"));
        for good in [least, most] {
            assert!(set(good).is_ok(), "{key} = {good}");
        }
        for bad in [least - 1, most + 1] {
            let message = set(bad).expect_err(key).to_string();
            let range = format!(
                "http.{key} in the given text: must be a whole number from {least} to {most}"
            );
            assert!(message.contains(&range), "{message}");
        }
    }
}

#[test]
fn t16_no_refusal_quotes_a_value() {
    for text in [
        "data_dir = ['canary']",
        "[http]\nbind = 'canary'",
        "[http]\npublic_url = 'canary'",
        "[http]\nworkers = 'canary'",
        "[database]\nurl = 'canary'",
        "[database]\nurl = { canary = 'canary' }",
        "database = 'canary'",
        "[log]\nformat = 'canary'",
        "[connectivity.egress]\nallow = ['canary']",
        "[crypto]\nkey_file_group_read = 'canary'",
        "[database]\nurl = 'canary",
        "[database]\nurl = canary",
    ] {
        let message = refusal(text);
        assert!(!message.contains("canary"), "{message}");
    }
}

#[test]
fn later_layers_win() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("some.toml");
    fs::write(&file, "[database]\npool_size = 3\npool_wait_ms = 5").expect("written");
    let variables = environment(&[
        ("DATASTORE_API__DATABASE__POOL_SIZE", "4"),
        ("DATASTORE_API__CONNECTIVITY__EGRESS__ALLOW", "10.0.0.0/8, fd00::/8"),
        ("DATASTORE_API__CRYPTO__KEYS", "k1:canary"),
        ("DATASTORE_API_PORT", "tcp://10.0.0.1:80"),
    ]);
    let settings = Settings::load(Some(&file), variables).expect("valid");
    assert_eq!((settings.database.pool_size, settings.database.pool_wait_ms), (4, 5));
    assert_eq!(settings.connectivity.egress.allow.len(), 2);
    let shown = settings.to_masked_toml();
    assert!(shown.contains("keys = \"***\"") && !shown.contains("canary"), "{shown}");
}

#[test]
fn t44_bad_variables_are_named() {
    for (name, expected) in [
        (
            "DATASTORE_API__HTTP__WORKERS",
            "setting http.workers (DATASTORE_API__HTTP__WORKERS): must",
        ),
        ("DATASTORE_API__HTTP__WORKRES", "unknown field `workres`"),
        ("DATASTORE_API__BIND", "unknown field `bind`"),
        ("DATASTORE_API__HTTP__BIND__PORT", "setting http.bind"),
        ("DATASTORE_API__CRYPTO__KEYS__FIRST", "crypto.keys"),
        ("DATASTORE_API__", "the environment"),
    ] {
        let error = Settings::load(None, environment(&[(name, "canary")])).expect_err(name);
        let message = error.to_string();
        assert!(message.contains(expected) && !message.contains("canary"), "{message}");
    }
    let absent = Settings::load(Some("no/such.toml".as_ref()), Environment::default());
    let message = absent.expect_err("no such file").to_string();
    assert!(message.contains("--config no/such.toml"), "{message}");
}

#[test]
fn what_is_shown_can_be_read_again() {
    let settings = Settings::from_toml("[http]\nworkers = 2").expect("valid");
    let shown = settings.to_masked_toml();
    let again = Settings::from_toml(&shown).expect("valid");
    assert_eq!(again.to_masked_toml(), shown);
}

#[test]
fn public_urls_are_plain() {
    let url: PublicUrl = "https://a.example:8443/registry/".parse().expect("valid");
    assert_eq!(url.as_str(), "https://a.example:8443/registry");
    for bad in ["a.example", "ftp://a", "https://", "https:///x", "https://u:p@h", "http://h?q"] {
        assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
    }
}
