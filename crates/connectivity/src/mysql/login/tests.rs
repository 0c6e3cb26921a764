//! When the password itself is handed over, which depends on where it goes.

use super::*;
use crate::tests::{PASSWORD, PLACES, contains, session, spec};
use datastore_domain::System;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const OK: &[u8] = b"\0\0\0\x02\0\0\0";

/// Logs in at a server that says `replies`, the first of them with the number 2; the result, and
/// all that the client said.
async fn log_in(peer: &str, tls: TlsMode, replies: &[&[u8]]) -> (Result<(), Cause>, Vec<u8>) {
    let spec = spec(System::Mysql, tls);
    let (mut session, mut far) = session(peer).await;
    for (i, reply) in (2_u8..).step_by(2).zip(replies) {
        far.write_all(&codec::packet(i, reply)).await.expect("sent");
    }
    far.shutdown().await.expect("nothing more to say");
    let capabilities = !capability::TLS;
    let greeting = Greeting { capabilities, nonce: [7; codec::NONCE], method: Some(Method::Sha2) };
    let mut mysql = Mysql::new(&spec);
    mysql.sequence = 1;
    let result = mysql.authenticate(&mut session, &greeting).await;
    drop(session);
    let mut heard = Vec::new();
    far.read_to_end(&mut heard).await.expect("closed");
    (result, heard)
}

#[tokio::test]
async fn t08_clear_text_goes_where_nobody_reads_along_or_the_record_says_so() {
    for (peer, tls, allowed) in PLACES {
        let replies = [&b"\xfemysql_clear_password\0"[..], OK];
        let (result, heard) = log_in(peer, tls, &replies).await;
        let expected = if allowed { Ok(()) } else { Err(Cause::CLEAR_TEXT_REFUSED) };
        assert_eq!(result, expected, "{peer} {tls}");
        let got_it = contains(&heard, PASSWORD.as_bytes());
        assert_eq!(got_it, allowed, "{peer} {tls}");
    }
}

/// A key of 2048 bits, as MySQL makes one for itself.
const KEY: &str = include_str!("key.pem");

#[tokio::test]
async fn t08_no_key_is_asked_for_where_somebody_may_answer_with_their_own() {
    for (peer, tls, allowed) in PLACES {
        let key = [b"\x01", KEY.as_bytes()].concat();
        let (result, heard) = log_in(peer, tls, &[b"\x01\x04", &key, OK]).await;
        let expected = if allowed { Ok(()) } else { Err(Cause::KEY_REFUSED) };
        assert_eq!(result, expected, "{peer} {tls}");
        let asked = contains(&heard, b"\x01\0\0\x03\x02");
        assert_eq!(asked, allowed, "{peer} {tls}");
        assert!(!contains(&heard, PASSWORD.as_bytes()), "{peer} {tls}");
    }
}

#[tokio::test]
async fn a_login_that_the_server_remembers_takes_one_proof() {
    let (result, heard) = log_in("10.0.0.1", TlsMode::Prefer, &[b"\x01\x03"]).await;
    // The word that the login is good is still to come.
    assert_eq!(result, Err(Cause::CLOSED));
    assert!(contains(&heard, &methods::sha2(PASSWORD, &[7; 20])));
}
