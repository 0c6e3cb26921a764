//! Properties of the parser and of the mask.

use super::parse;
use crate::System;
use crate::connection_string::{ConnectionString, Structure, render};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn systems() -> impl Strategy<Value = System> {
    proptest::sample::select(System::ALL.to_vec())
}

/// Pieces of grammar in any order: far more of these are understood than of arbitrary text.
fn near_misses() -> impl Strategy<Value = String> {
    let pieces = "postgres mysql mongodb mongodb+srv redis rediss neo4j+s bolt+ssc cassandra :// : \
        @ / ? # & = , ; [ ] [::1] %25 %2F %00 %zz %C3%BC ü h 1 65535 u p *** sslmode ssl%2Dmode \
        require tls true authSource \u{7} \u{202E}";
    let pieces: Vec<_> = pieces.split(' ').filter(|p| !p.is_empty()).collect();
    proptest::collection::vec(proptest::sample::select(pieces), 0..16).prop_map(|p| p.concat())
}

/// A string that should be understood: all parts that a system may have, escaped.
fn good() -> impl Strategy<Value = (System, String)> {
    let login = proptest::option::of(("\\PC{1,12}", "[^\0]{1,24}"));
    let host = prop_oneof![
        "[a-zA-Z0-9_-]{1,20}(\\.[a-z0-9]{1,8}){0,2}",
        Just("[::1]".to_owned()),
        Just("[fe80::1%25eth0]".to_owned()),
    ];
    let port = proptest::option::of(1..=65_535_u16);
    let database = proptest::option::of("[a-zA-Z0-9üé_ -]{1,12}");
    let text = "\\PC{1,12}";
    (systems(), login, host, port, database, text, any::<bool>()).prop_map(assemble)
}

type Parts = (System, Option<(String, String)>, String, Option<u16>, Option<String>, String, bool);

fn assemble((system, login, host, port, database, text, tls): Parts) -> (System, String) {
    let login = login.map_or(String::new(), |(u, p)| format!("{}:{}@", escaped(&u), escaped(&p)));
    let port = port.map_or(String::new(), |p| format!(":{p}"));
    let database = match (system, database) {
        (_, None) => String::new(),
        (System::Redis, Some(_)) => "/7".to_owned(),
        (System::Mongodb, Some(name)) => format!("/{}", escaped(&name.replace(' ', "x"))),
        (_, Some(name)) => format!("/{}", escaped(&name)),
    };
    let text = escaped(&text);
    let query = match system {
        System::Postgres if tls => format!("?sslmode=require&APPLICATION_NAME={text}"),
        System::Postgres => format!("?application_name={text}"),
        System::Mysql => "?sslmode=verify_ca&charset=utf8mb4".to_owned(),
        System::Mongodb => format!("?tls={tls}&appName={text}"),
        System::Redis => "?%70rotocol=3".to_owned(),
        System::Neo4j => String::new(),
        System::Cassandra => "?tls=require".to_owned(),
    };
    (system, format!("{system}://{login}{host}{port}{database}{query}"))
}

/// What is understood prints, and what was printed is understood as the same.
fn prints_and_parses_back(string: &ConnectionString) {
    let printed = string.canonical();
    let again = Structure::read_unlimited(printed.expose(), string.system()).expect("canonical");
    assert_eq!(again, string.structure);
    assert_eq!(render::plain(&again, printed.expose().len()), printed);
    let shown = string.mask();
    let masked = ConnectionString::is_masked_form(shown, string.system());
    assert_eq!(masked, shown.contains(crate::MASK), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn t05_any_text_is_judged_without_panic(text in any::<String>(), system in systems()) {
        if let Ok(string) = parse(system, &text) {
            prints_and_parses_back(&string);
        }
    }

    #[test]
    fn t05_near_misses_are_judged_without_panic(text in near_misses(), system in systems()) {
        for text in [text.clone(), format!("{system}://{text}"), format!("{system}://u:p@h{text}")] {
            if let Ok(string) = parse(system, &text) {
                prints_and_parses_back(&string);
            }
        }
    }

    #[test]
    fn t05_what_is_accepted_prints_and_parses_back((system, text) in good()) {
        let string = parse(system, &text);
        prop_assert!(string.is_ok(), "{text}: {string:?}");
        prints_and_parses_back(&string.expect("asserted"));
    }

    /// The mask is the same for any secret: it cannot tell anything about it.
    #[test]
    fn t18_the_mask_does_not_depend_on_the_secrets(
        system in systems(),
        user in "[^\\p{Cc}]{1,12}",
        password in "[^\0]{4,40}",
        value in "[^\\p{Cc}]{4,40}",
    ) {
        let with = |password: &str, value: &str| {
            let login = format!("{system}://{}:{}@db.example", escaped(&user), escaped(password));
            let query = match system {
                System::Postgres => format!("?application_name={}", escaped(value)),
                System::Mongodb => format!("?appName={}", escaped(value)),
                System::Mysql | System::Redis | System::Neo4j | System::Cassandra => String::new(),
            };
            parse(system, &(login + &query)).expect("escaped").mask().to_owned()
        };
        let mask = with(&password, &value);
        prop_assert_eq!(&mask, &with("another secret", "another value"));
        // What a mask without any secret shows as well is no leak.
        let visible = mask.replace(crate::MASK, "");
        for secret in [&password, &value] {
            let leaks = mask.contains(secret.as_str()) && !visible.contains(secret.as_str());
            // A secret like "***@" is met by the mask's own delimiters, whatever the real one is.
            prop_assert!(!leaks || secret.contains('*'), "{mask}");
        }
    }
}
