//! The example program runs and says what it is there to show.

#[path = "../../examples/validate.rs"]
#[expect(dead_code, reason = "`main` does nothing but print the report")]
mod validate;

#[test]
fn the_example_reports_violations_and_a_masked_connection() {
    let mut report = Vec::new();
    validate::report(&mut report).expect("memory takes every write");
    let report = String::from_utf8(report).expect("text");
    for line in [
        "name (required): This field is required.",
        "port (out_of_range): Must be between 1 and 65535.",
        "system (type_mismatch): System redis is of type keyvalue; type sql takes postgres, mysql.",
        "Orders at postgresql://app:***@db.example/orders?sslmode=***",
    ] {
        assert!(report.lines().any(|l| l.trim() == line), "{line:?} in\n{report}");
    }
    assert!(!report.contains("hunter2"), "{report}");
}
