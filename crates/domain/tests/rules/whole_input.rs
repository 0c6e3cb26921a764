//! Inputs as wholes: what is required, and that everything wrong is said at once.

use crate::support::{Json, parts, refusal, stored, with};
use datastore_domain::{DatastoreFields, Draft, System, TlsMode};

const NO_PARTS: &str = "server required, port required, username required, password required";

#[test]
fn name_type_system_and_description_are_required() {
    for name in ["name", "type", "system", "description"] {
        assert_eq!(refusal(&with(parts(), name, &Json::Null)), format!("{name} required"));
    }
    let nothing = refusal(&DatastoreFields::default());
    let described = "name required, type required, system required, description required";
    assert_eq!(nothing, format!("{described}, {NO_PARTS}"));
}

#[test]
fn every_system_is_accepted_with_its_type_alone() {
    for system in System::ALL {
        let input = crate::support::parts_of(system);
        assert_eq!(refusal(&input), "", "{system}");
        for other in
            System::ALL.into_iter().filter(|o| o.datastore_type() != system.datastore_type())
        {
            let mismatch = json!(input.clone(); type: other.datastore_type().as_str());
            assert_eq!(refusal(&mismatch), "system type_mismatch", "{system}");
        }
    }
}

#[test]
fn all_violations_come_in_one_answer_in_the_order_of_the_fields() {
    let input = json!(
        tls: "always", database: "", storage_capacity_gb: "big", avg_response_time_ms: -1,
        max_connections: 0, is_active: 1, password: "", username: "a\nb", port: 0, server: "a b",
        description: " ", system: "oracle", type: "tables", name: "",
    );
    let expected = "name blank, type unknown_choice, system unknown_choice, description blank, \
                    server invalid_format, port out_of_range, username invalid_character, \
                    password blank, is_active invalid_type, max_connections out_of_range, \
                    avg_response_time_ms out_of_range, storage_capacity_gb invalid_type, \
                    database blank, tls unknown_choice";
    assert_eq!(refusal(&input), expected);
    let violations = Draft::new(&input, TlsMode::Disable).expect_err("refused");
    assert!(violations.as_slice().iter().all(|v| v.detail.ends_with('.')), "{violations:?}");
    assert!(violations.to_string().starts_with("14 invalid field(s): name, type, system"));
}

/// A system that is known by itself is enough to judge the connection.
#[test]
fn the_connection_is_judged_by_its_system_although_the_type_is_missing() {
    let redis = json!(parts(); system: "redis", type: Json::Null, database: "app");
    assert_eq!(refusal(&redis), "type required, database invalid_format");
    let string = json!(system: "mysql", connection_string: "postgres://u:p@h");
    let expected =
        "name required, type required, description required, connection_string invalid_format";
    assert_eq!(refusal(&string), expected);
}

#[test]
fn t16_no_violation_quotes_the_value() {
    let canary = "c4n4ry\u{1b}";
    for name in datastore_domain::Field::ALL.map(datastore_domain::Field::name) {
        let base = if name == "connection_string" { crate::support::by_string() } else { parts() };
        let input = with(base, name, &canary.repeat(2000).into());
        let violations = Draft::new(&input, TlsMode::Disable).expect_err("over every limit");
        assert!(!format!("{violations} {violations:?}").contains("c4n4ry"), "{violations:?}");
    }
}

/// The example of the requirements, number for number and word for word.
fn example() -> DatastoreFields {
    json!(
        name: "Primary PostgreSQL", type: "sql", system: "postgres",
        description: "Main relational database for structured data with ACID compliance. \
                      Optimized for complex queries and data integrity.",
        server: "db.company.com", port: 5432, username: "app_user", password: "***encrypted***",
        connection_string: Json::Null, is_active: true, max_connections: 100,
        avg_response_time_ms: 15.2, storage_capacity_gb: 1000,
    )
}

#[test]
fn the_example_of_the_requirements_is_valid_with_a_password() {
    let input = json!(example(); password: "s3cret");
    assert_eq!(refusal(&input), "");
    let datastore = stored(&input);
    let put =
        datastore.revise(example(), datastore_domain::RevisionMode::Replace, TlsMode::Disable);
    assert_eq!(put, Ok(None), "written back as it is answered");
}

/// What stands for the password is the only thing wrong with it.
#[test]
fn the_example_of_the_requirements_needs_its_password() {
    assert_eq!(refusal(&example()), "password masked_value");
}
