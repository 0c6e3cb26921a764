use super::*;
use datastore_http::Limits;
use std::fs;

fn refusal(text: &str) -> String {
    Settings::from_toml(text).expect_err(text).to_string()
}

fn environment(pairs: &[(&str, &str)]) -> Environment {
    let pairs = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Environment::from_variables(pairs)
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
            "setting http.bidn in the given text: there is no such setting; did you mean `http.bind`?",
        ),
        ("[http]\nbinds = 'x'", "did you mean `http.bind`?"),
        ("[http]\nbin = 'x'", "did you mean `http.bind`?"),
        ("[log]\nlovel = 'x'", "did you mean `log.level`?"),
        (
            "datadir = 'x'",
            "setting datadir in the given text: there is no such setting; did you mean `data_dir`?",
        ),
        (
            "[log]\ncolour = 'x'",
            "setting log.colour in the given text: there is no such setting; `data",
        ),
        (
            "htpp = 1",
            "setting htpp in the given text: there is no such setting; did you mean `http`?",
        ),
        ("server.bind = 'x'", "did you mean `http.bind`?"),
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
        ("\n[http", "the given text is not TOML: line 2: "),
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
        "[database]\nurl = { canary = 'canary', other = 'canary' }",
        "[shutdown]\ngrace = 'canary'",
    ] {
        let message = refusal(text);
        assert!(!message.contains("canary") && message.lines().count() == 1, "{message}");
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
        // What Kubernetes sets for a service of this name.
        ("DATASTORE_API_PORT", "tcp://10.0.0.1:80"),
        ("DATASTORE_API_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("DATASTORE_API_SERVICE_HOST", "10.0.0.1"),
        ("DATASTORE_API_SERVICE_PORT_HTTP", "80"),
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
        ("DATASTORE_API__HTTP__WORKRES", "did you mean DATASTORE_API__HTTP__WORKERS?"),
        ("DATASTORE_API__BIND", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTORE_API__HTTP__BIND__PORT", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTORE_API__CRYPTO__KEYS__FIRST", "did you mean DATASTORE_API__CRYPTO__KEYS?"),
        ("DATASTORE_API__CRYPTO__KEY", "did you mean DATASTORE_API__CRYPTO__KEYS?"),
        ("DATASTORE_API_HTTP__BIND", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTORE_API__HTTP_BIND", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTORE_API_HTTP_BIND", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTORE_API___HTTP__BIND", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTOREAPI__HTTP__BIND", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("datastore_api__http__bind", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTORE_API__http__bind", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTORE_API__DATABASE_POOLSIZE", "did you mean DATASTORE_API__DATABASE__POOL_SIZE?"),
        ("DATASTORE_API__SERVER__BIND", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTORE_API__COLOURS__RED", "`datastore-api config check` without it"),
        ("DATASTORE_API__", "`datastore-api config check` without it"),
    ] {
        let error = Settings::load(None, environment(&[(name, "canary")])).expect_err(name);
        let message = error.to_string();
        assert!(message.contains(name) && message.contains(expected), "{name}: {message}");
        assert!(error.lines().len() == 1 && !message.contains("canary"), "{message}");
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

#[test]
fn t44_all_bad_settings_are_named_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("some.toml");
    let text = "data_dir = ''\n[http]\nbind = 1\nbinds = 1\n[crypto]\nkeys = 'canary'\n\
                [shutdown]\ngrace = -1\n";
    fs::write(&file, text).expect("written");
    let variables = environment(&[
        ("DATASTORE_API__HTTP__BIND", "canary"),
        ("DATASTORE_API__LOG__LEVEL", "canary"),
        ("DATASTORE_API_LOG_LEVEL", "canary"),
    ]);
    let error = Settings::load(Some(&file), variables).expect_err("much is wrong");
    let in_file = format!("in --config {}: ", file.display());
    let expected = [
        ("crypto.keys", &*in_file, "DATASTORE_API__CRYPTO__KEYS"),
        ("data_dir", &in_file, "must not be empty"),
        ("http.bind", &in_file, "must be a text in quotes"),
        ("http.binds", &in_file, "did you mean `http.bind`?"),
        ("shutdown.grace", &in_file, "must be a time from 0s to 3600s"),
        ("DATASTORE_API_LOG_LEVEL", "", "did you mean DATASTORE_API__LOG__LEVEL?"),
        ("http.bind", "(DATASTORE_API__HTTP__BIND)", "must be an IP address and a port"),
        ("log.level", "(DATASTORE_API__LOG__LEVEL)", "must be error, warn"),
    ];
    assert_eq!(error.lines().len(), expected.len(), "{error}");
    for (line, (key, place, what)) in error.lines().iter().zip(expected) {
        let whole = line.contains(key) && line.contains(place) && line.contains(what);
        assert!(whole && !line.contains("canary"), "{key} {place} {what}: {line}");
    }
}

#[test]
fn t44_keys_of_both_kinds_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("some.toml");
    fs::write(&file, "crypto.key_file = 'canary'").expect("written");
    let keys = ("DATASTORE_API__CRYPTO__KEYS", "k1:canary");
    let named = ("DATASTORE_API__CRYPTO__KEY_FILE", "canary");
    let of_file = Settings::load(Some(&file), environment(&[keys]));
    let of_variable = Settings::load(None, environment(&[keys, named]));
    for (refused, place) in
        [(of_file, "some.toml: "), (of_variable, "(DATASTORE_API__CRYPTO__KEY_FILE): ")]
    {
        let message = refused.expect_err("two kinds").to_string();
        assert!(
            message.starts_with("setting crypto.key_file ") && message.contains(place),
            "{message}"
        );
        assert!(message.contains("DATASTORE_API__CRYPTO__KEYS") && !message.contains("canary"));
    }
    assert!(Settings::load(None, environment(&[keys])).is_ok());
    assert!(Settings::load(None, environment(&[named])).is_ok());
}

#[test]
fn times_have_fractions_and_units() {
    let grace = |written: &str| {
        let both = format!("[shutdown]\ngrace = {written}\ntimeout_seconds = {written}");
        Settings::from_toml(&both).map(|settings| {
            assert_eq!(settings.shutdown.grace, settings.shutdown.timeout);
            settings.shutdown.grace.as_millis()
        })
    };
    for (written, ms) in [
        ("0", 0),
        ("30", 30_000),
        ("1.5", 1500),
        ("'0.25'", 250),
        ("'2s'", 2000),
        ("'1.5s'", 1500),
        ("'500ms'", 500),
        ("'2m'", 120_000),
        ("'1h'", 3_600_000),
    ] {
        assert_eq!(grace(written), Ok(ms), "{written}");
    }
    for bad in ["-1", "3601", "'61m'", "''", "'s'", "'1 s'", "'1d'", "'1e3'", "nan", "inf", "true"]
    {
        let message = grace(bad).expect_err(bad).to_string();
        assert!(message.contains("timeout_seconds in the given text: must be a time"), "{message}");
    }
}

/// A key that is left out would be one that nobody learns of.
#[test]
fn every_setting_is_shown() {
    let shown = Settings::from_toml("").expect("valid").to_masked_toml();
    for line in include_str!("../../../../config/default.toml").lines() {
        let line = line.trim_start_matches("# ");
        let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains(' ')) else {
            continue;
        };
        let is_shown = |line: &str| {
            let set = line.starts_with(&format!("{key} = "));
            set || line == format!("# {key} is not set")
        };
        assert!(shown.lines().any(is_shown), "{key} in {shown}");
    }
}
