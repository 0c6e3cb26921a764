//! Logins that are tried without saving them.

use crate::support::told;
use datastore_domain::{
    CandidateLogin, ConnectSpec, ConnectionString, Expected, Member, PASSWORD_MASK, Secret, System,
};

fn secret(text: &str) -> Member<Secret> {
    Member::Given(Secret::new(text.to_owned()))
}

fn stored(string: &str) -> ConnectSpec {
    let string = ConnectionString::parse_by_scheme(Secret::new(string.to_owned()));
    string.expect("a valid string").connect_spec()
}

#[test]
fn nothing_named_is_no_login() {
    for username in [Member::Absent, Member::Null] {
        for password in [Member::Absent, Member::Null] {
            assert_eq!(CandidateLogin::new(&username, &password), Ok(None));
        }
    }
}

/// T14: the stored password is not sent for a user of somebody else's choice.
#[test]
fn t14_a_user_needs_a_password_of_its_own() {
    let user = || Member::Given("app".to_owned());
    for (username, password, expected) in [
        (user(), Member::Absent, "password reentry_required"),
        (user(), Member::Null, "password reentry_required"),
        (user(), secret(PASSWORD_MASK), "password masked_value"),
        (Member::Null, secret(PASSWORD_MASK), "password masked_value"),
        (user(), secret(""), "password blank"),
        (user(), Member::WrongType(Expected::Text), "password invalid_type"),
        (Member::Given("a\u{0}".to_owned()), secret("p"), "username invalid_character"),
        (Member::WrongType(Expected::Text), secret("p"), "username invalid_type"),
        (
            Member::WrongType(Expected::Text),
            Member::Null,
            "username invalid_type, password reentry_required",
        ),
    ] {
        let violations = CandidateLogin::new(&username, &password).expect_err(expected);
        assert_eq!(told(&violations), expected);
    }
}

#[test]
fn a_login_takes_the_place_of_the_stored_one_and_nothing_else() {
    let stored_spec = stored("postgres://owner:old@db.example:5433/app?sslmode=require");
    let login = |username| CandidateLogin::new(&username, &secret("new"));
    for (username, expected) in
        [(Member::Absent, "owner"), (Member::Given("other".to_owned()), "other")]
    {
        let login = login(username).expect("valid").expect("a login");
        let spec = stored_spec.clone().with_login(login);
        let credentials = spec.credentials.clone().expect("a login");
        assert_eq!(credentials.username.expect("a user").as_str(), expected);
        assert_eq!(credentials.password.expect("a password").expose(), "new");
        assert_eq!(spec.secrets(), ["new", "old"], "neither is to be shown");
        let credentials = stored_spec.credentials.clone();
        let as_before = ConnectSpec { credentials, unused_password: None, ..spec };
        assert_eq!(as_before, stored_spec);
    }
    // A server without a login may be tried with one.
    let open = stored("redis://cache.example");
    assert_eq!((open.system, &open.credentials), (System::Redis, &None));
    let login = login(Member::Absent).expect("valid").expect("a login");
    let credentials = open.with_login(login).credentials.expect("a login");
    assert_eq!(credentials.username, None);
}
