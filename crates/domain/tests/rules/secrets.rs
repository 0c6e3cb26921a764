//! No secret is ever seen in what is printed or recorded.

use crate::support::{PASSWORD, STRING, by_string, parts, stored};
use datastore_domain::{
    ConnectionTarget, DatastoreFields, Draft, Password, RevisionMode, Secret, TlsMode,
};
use std::fmt::Debug;

/// Neither the secret nor its percent-encoded form: both begin alike.
fn check(value: &impl Debug) {
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!shown.contains("c4n4ry"), "{shown}");
    }
}

#[test]
fn t16_debug_of_nothing_that_holds_a_secret_shows_it() {
    let secret = Secret::new(PASSWORD.to_owned());
    assert_eq!(format!("{secret} {secret:?}"), "*** ***");
    check(&Password::try_from(secret).expect("valid"));
    for fields in [parts(), by_string()] {
        check(&fields);
        let draft = Draft::new(&fields, TlsMode::Disable).expect("valid");
        check(&draft);
        check(&draft.target.connect_spec(draft.profile.classification.system()));
        if let ConnectionTarget::Uri(string) = &draft.target {
            check(string);
            check(&string.canonical());
        }
        check(&stored(&fields));
    }
}

fn secrets_written() -> [DatastoreFields; 3] {
    let anew = json!(server: "h", port: 1, username: "u", password: PASSWORD);
    [json!(password: PASSWORD, database: "app"), json!(connection_string: STRING), anew]
}

#[test]
fn t16_revisions_and_their_history_hold_no_plain_secret() {
    for stored in [stored(&parts()), stored(&by_string())] {
        for fields in secrets_written() {
            if let Ok(revision) = stored.revise(fields, RevisionMode::Merge, TlsMode::Disable) {
                check(&revision.expect("a secret was written"));
            }
        }
    }
}

#[test]
fn t16_the_history_of_a_creation_holds_no_secret() {
    for fields in [parts(), by_string()] {
        let changes = Draft::new(&fields, TlsMode::Disable).expect("valid").changes();
        check(&changes);
        // The mask of a string shows where it leads; the history does not need it.
        assert!(!format!("{changes:?}").contains("***"), "{changes:?}");
    }
}
