//! What holds for every input, likely or not.

use crate::support::{after, as_read, by_string, members, parts, stored};
use datastore_domain::{
    Datastore, DatastoreFields, Draft, Expected, Field, MASK, Member, PASSWORD_MASK, RevisionMode,
    SealedConnection, Secret, SecretPlan, System, TlsMode,
};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::sample::select;

/// A member of a value that is `likely` to be accepted, or any other, or none.
fn member<T: Clone + std::fmt::Debug + 'static>(
    likely: impl Strategy<Value = T> + 'static,
    any: impl Strategy<Value = T> + 'static,
    expected: Expected,
) -> impl Strategy<Value = Member<T>> {
    prop_oneof![
        20 => likely.prop_map(Member::Given),
        10 => Just(Member::Absent),
        1 => Just(Member::Null),
        1 => any.prop_map(Member::Given),
        1 => Just(Member::WrongType(expected)),
    ]
}

fn text(likely: &'static [&'static str]) -> impl Strategy<Value = Member<String>> {
    let likely = select(likely).prop_map(str::to_owned);
    member(likely, any::<String>(), Expected::Text)
}

fn secret(likely: &'static [&'static str]) -> impl Strategy<Value = Member<Secret>> {
    let likely = select(likely).prop_map(|t| Secret::new(t.to_owned()));
    member(likely, any::<String>().prop_map(Secret::new), Expected::Text)
}

fn number() -> impl Strategy<Value = Member<f64>> {
    member((1..=70_000_i32).prop_map(f64::from), any::<f64>(), Expected::Number)
}

const TYPES: &[&str] = &["sql", "sql", "sql", "document", "keyvalue", "graph", "column"];
const SYSTEMS: &[&str] =
    &["postgres", "postgres", "mysql", "mongodb", "redis", "neo4j", "cassandra"];
const SERVERS: &[&str] = &["db.example", "DB.Example", "evil.example", "[::1]", "::1"];
const STRINGS: &[&str] = &[
    "postgres://u:p@h",
    "mysql://h/db",
    "mongodb://u:p@a,b/?tls=true",
    "redis://:p@h/7",
    "neo4j+s://u:p@h",
    crate::support::STRING,
    crate::support::MASKED_STRING,
];

fn profiles() -> impl Strategy<Value = DatastoreFields> {
    let names = (text(&["Primary", " Second "]), text(&["Orders.", "x"]));
    let kinds = (text(TYPES), text(SYSTEMS));
    let active = member(any::<bool>(), any::<bool>(), Expected::Bool);
    (names, kinds, active, number(), number(), number()).prop_map(
        |((name, description), (r#type, system), is_active, connections, time, capacity)| {
            DatastoreFields {
                name,
                description,
                r#type,
                system,
                is_active,
                max_connections: connections,
                avg_response_time_ms: time,
                storage_capacity_gb: capacity,
                ..DatastoreFields::default()
            }
        },
    )
}

/// `fields`, with what is absent taken from `base`.
fn filled(fields: DatastoreFields, base: DatastoreFields) -> DatastoreFields {
    fn or<T: PartialEq>(member: Member<T>, base: Member<T>) -> Member<T> {
        if member == Member::Absent { base } else { member }
    }
    DatastoreFields {
        name: or(fields.name, base.name),
        r#type: or(fields.r#type, base.r#type),
        system: or(fields.system, base.system),
        description: or(fields.description, base.description),
        server: or(fields.server, base.server),
        port: or(fields.port, base.port),
        username: or(fields.username, base.username),
        password: or(fields.password, base.password),
        connection_string: or(fields.connection_string, base.connection_string),
        ..fields
    }
}

/// Any input, often a whole one; the connection by parts, by string, or by both.
fn inputs() -> impl Strategy<Value = DatastoreFields> {
    let port = member(select(vec![5432.0, 5433.0]), any::<f64>(), Expected::Number);
    let server = (text(SERVERS), port, text(&["app", "admin"]));
    let secret_of_parts = secret(&[PASSWORD_MASK, PASSWORD_MASK, "p", MASK]);
    let options = (text(&["app", "7"]), text(&["disable", "prefer", "require", "verify_full"]));
    let connection = (server, secret_of_parts, options, secret(STRINGS), 0..=5);
    (profiles(), connection).prop_map(
        |(profile, ((server, port, username), password, (database, tls), string, form))| {
            let mut fields = profile;
            let (by_string, whole) = (form % 3 == 1, form >= 3);
            if !by_string {
                (fields.server, fields.port, fields.username) = (server, port, username);
                (fields.password, fields.database, fields.tls) = (password, database, tls);
            }
            if form % 3 != 0 {
                fields.connection_string = string;
            }
            match (whole, by_string) {
                (true, true) => filled(fields, crate::support::by_string()),
                (true, false) => filled(fields, parts()),
                (false, _) => fields,
            }
        },
    )
}

fn modes() -> impl Strategy<Value = RevisionMode> {
    select(vec![RevisionMode::Replace, RevisionMode::Merge])
}

fn datastores() -> impl Strategy<Value = Datastore> {
    select(vec![
        stored(&parts()),
        stored(&json!(parts(); database: "app", tls: "verify_full")),
        stored(&by_string()),
    ])
}

/// Whether `kept` would take the stored secret elsewhere.
fn moves_the_secret(stored: &Datastore, system: System, kept: &SealedConnection) -> bool {
    let place = |connection: &SealedConnection| match connection {
        SealedConnection::Uri { sealed, mask } => {
            (sealed.clone(), mask.to_ascii_lowercase(), None, None)
        }
        SealedConnection::Parts { host, port, username, password, .. } => {
            let host = host.bare().to_ascii_lowercase();
            (password.clone(), host, Some(*port), Some(username.clone()))
        }
    };
    let tls = |connection: &SealedConnection| match connection {
        SealedConnection::Parts { tls, .. } => Some(*tls),
        SealedConnection::Uri { .. } => None,
    };
    system != stored.profile.classification.system()
        || place(kept) != place(&stored.connection)
        || tls(kept) < tls(&stored.connection)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, ..ProptestConfig::with_cases(1024)
    })]

    #[test]
    fn any_input_is_judged_without_panic_in_the_order_of_the_fields(fields in inputs()) {
        if let Err(violations) = Draft::new(&fields, TlsMode::Disable) {
            let told: Vec<_> = violations.as_slice().iter().map(|v| v.field).collect();
            prop_assert!(!told.is_empty() && told.is_sorted(), "{told:?}");
        }
    }

    /// Each member is at fault for one reason at a time.
    #[test]
    fn no_member_is_named_twice(fields in inputs(), stored in datastores(), mode in modes()) {
        for violations in [Draft::new(&fields, TlsMode::Disable).err(), stored.revise(fields, mode, TlsMode::Disable).err()] {
            for field in Field::ALL {
                let named = violations.iter().flat_map(|v| v.as_slice()).filter(|v| v.field == field);
                prop_assert!(named.count() <= 1, "{violations:?}");
            }
        }
    }

    #[test]
    fn what_is_accepted_and_put_back_as_read_changes_nothing(fields in inputs()) {
        if Draft::new(&fields, TlsMode::Disable).is_ok() {
            let stored = stored(&fields);
            prop_assert_eq!(stored.revise(as_read(&stored), RevisionMode::Replace, TlsMode::Disable), Ok(None));
            prop_assert_eq!(stored.revise(as_read(&stored), RevisionMode::Merge, TlsMode::Disable), Ok(None));
        }
    }

    /// A PUT ends where a creation of the same input would.
    #[test]
    fn a_put_makes_what_a_creation_makes(fields in inputs(), stored in datastores()) {
        if Draft::new(&fields, TlsMode::Disable).is_ok() {
            let created = crate::support::stored(&fields);
            let put = stored.revise(fields, RevisionMode::Replace, TlsMode::Disable).expect("a creation may be put");
            let changed = put.map_or_else(|| stored.clone(), |revision| after(&stored, revision));
            prop_assert_eq!(members(&changed), members(&created));
        }
    }

    #[test]
    fn t14_no_write_takes_a_kept_secret_elsewhere(
        fields in inputs(), stored in datastores(), mode in modes(),
    ) {
        if let Ok(Some(revision)) = stored.revise(fields, mode, TlsMode::Disable)
            && let SecretPlan::Keep(kept) = &revision.connection
        {
            let system = revision.profile.classification.system();
            prop_assert!(!moves_the_secret(&stored, system, kept), "{revision:?}");
        }
    }

    /// What a write changes is recorded, and nothing else is.
    #[test]
    fn the_history_names_the_members_that_changed(
        fields in inputs(), stored in datastores(), mode in modes(),
    ) {
        if let Ok(Some(revision)) = stored.revise(fields, mode, TlsMode::Disable) {
            let recorded: Vec<_> = revision.changes.iter().map(|c| c.member).collect();
            let changed = after(&stored, revision);
            for ((name, before), (_, now)) in members(&stored).into_iter().zip(members(&changed)) {
                let is_secret = matches!(name, "password" | "connection_string");
                let differs = before != now;
                let fits = recorded.contains(&name) == differs || (is_secret && !differs);
                prop_assert!(fits, "{name}: {recorded:?}");
            }
        }
    }
}
