//! The only text of a server that is ever shown: its version and the name of a database.

use datastore_domain::MASK;

/// Longest text of a server that is shown, in characters.
const MAX_SHOWN: usize = 128;

/// Secrets shorter than this are not looked for: a version without its digits would give away a
/// one-digit password rather than hide it.
const SHORTEST_BLANKED: usize = 4;

/// `text` with `secrets` blanked, as the server sent it: before anything is cut off or put in other
/// words, which could leave a part of one.
pub(crate) fn blanked(text: &str, secrets: &[&str]) -> String {
    let long = secrets.iter().filter(|secret| secret.chars().count() >= SHORTEST_BLANKED);
    long.fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
}

/// `text` made fit to be shown: printable characters only, `secrets` blanked, not too long; `None`
/// when nothing is left.
pub(crate) fn shown(text: &str, secrets: &[&str]) -> Option<String> {
    let secrets: Vec<_> = secrets.iter().map(|secret| printable(secret)).collect();
    let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
    // The order matters: taking characters out, or cutting off, could make a secret appear or leave
    // a part of it.
    let clean = blanked(&printable(text), &secrets);
    let cut: String = clean.trim().chars().take(MAX_SHOWN).collect();
    if cut.is_empty() { None } else { Some(cut) }
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| is_printable(*c)).collect()
}

/// Neither a control character, nor one that changes how others are read or cannot be seen.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFF}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, secret: &str, expected: Option<&str>) {
        assert_eq!(shown(text, &[secret]).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn t17_only_printable_text_without_the_secret_is_shown() {
        check("PostgreSQL 15.18", "hunter2", Some("PostgreSQL 15.18"));
        check("7.0 hunter2 hunter2", "hunter2", Some("7.0 *** ***"));
        check("\u{1b}[31m7.0\u{1b}[0m\u{7}", "hunter2", Some("[31m7.0[0m"));
        check("7\u{202e}0\u{200b}1", "hunter2", Some("701"));
        check("  \n", "hunter2", None);
        check("hun\u{0}ter2", "hunter2", Some("***"));
        check("a b\u{7}", "a b\u{7}", Some("a b"));
        check("se\u{1}cret and \u{2}", "se\u{3}cret", Some("*** and"));
    }

    #[test]
    fn t17_every_secret_is_blanked_as_it_was_sent() {
        let blanked = |text| blanked(text, &["hunter2/x", "stored", "abc"]);
        assert_eq!(blanked("7 hunter2/x stored"), "7 *** ***");
        assert_eq!(blanked("abc hunter2"), "abc hunter2", "too short to be hidden, and no secret");
    }

    #[test]
    fn t17_a_secret_across_the_cut_leaves_no_part() {
        let text = format!("{}hunter2", "x".repeat(124));
        let result = shown(&text, &["hunter2"]).expect("text is left");
        assert_eq!(result.chars().count(), 127);
        assert!(!result.contains("hunt"));
    }

    proptest::proptest! {
        #[test]
        fn t17_no_text_shows_the_secret(
            secret in "\\PC{4,20}", before in "\\PC{0,140}", after in ".{0,20}"
        ) {
            let text = format!("{before}{secret}{after}");
            let result = shown(&text, &[&secret]).unwrap_or_default();
            proptest::prop_assert!(result.chars().count() <= MAX_SHOWN);
            proptest::prop_assert!(result.chars().all(is_printable));
            let plain = printable(&secret);
            let is_looked_for = plain.chars().count() >= SHORTEST_BLANKED;
            proptest::prop_assert!(!is_looked_for || !result.contains(&plain));
        }
    }
}
