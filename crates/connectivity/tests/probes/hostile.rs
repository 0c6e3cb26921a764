//! Servers that are something else, or mean harm: an answer in time, and never success (T10).

use crate::support::{ENOUGH, Fake, assert_failed, drip, test};
use datastore_domain::{ConnectSpec, FailureCode, Step, System, TlsMode};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Where the client speaks first.
const CLIENT_FIRST: [System; 5] =
    [System::Postgres, System::Redis, System::Mongodb, System::Neo4j, System::Cassandra];

/// A server that sends `bytes` to whoever comes, and then reads on.
async fn says(bytes: &'static [u8]) -> Fake {
    Fake::start(move |mut stream| async move {
        let _ = stream.write_all(bytes).await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    })
    .await
}

fn plain(fake: &Fake, system: System) -> ConnectSpec {
    ConnectSpec { tls: TlsMode::Disable, ..fake.spec(system) }
}

#[tokio::test]
async fn t10_other_protocols_are_a_mismatch() {
    for greeting in [
        &b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"[..],
        // 'S' is a message of PostgreSQL; the length that follows is none.
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"J\0\0\0\x0a8.0.36\0\x0b\0\0\0aaaaaaaa\0",
        b"220 mail.example ESMTP\r\n",
        b"\x15\x03\x01\0\x02\x02\x28",
        b"\xff\xfb\x01\xff\xfb\x03",
        b"\0\0\0\0\0\0\0\0",
    ] {
        let fake = says(greeting).await;
        for system in CLIENT_FIRST.into_iter().chain([System::Mysql]) {
            if system == System::Mysql && greeting.starts_with(b"J\0\0\0\x0a") {
                continue;
            }
            let report = test(&plain(&fake, system), ENOUGH).await;
            assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
        }
    }
}

#[tokio::test]
async fn t10_lengths_beyond_reason_are_a_mismatch() {
    for (system, bytes) in [
        (System::Postgres, &b"R\xff\xff\xff\xff"[..]),
        (System::Postgres, b"R\x7f\xff\xff\xff"),
        (System::Postgres, b"E\0\x10\0\x01"),
        (System::Postgres, b"R\0\0\0\x03"),
        (System::Redis, b"$4294967295\r\n"),
        (System::Redis, b"$9223372036854775807\r\n"),
        (System::Redis, b"*4294967295\r\n"),
        (System::Mysql, b"\xff\xff\xff\0"),
        (System::Mysql, b"\x01\0\x01\0"),
        (System::Mysql, b"\0\0\0\0"),
        (System::Mongodb, b"\xff\xff\xff\xff"),
        (System::Mongodb, b"\xff\xff\xff\x7f"),
        (System::Mongodb, b"\x01\0\x01\0"),
        (System::Mongodb, b"\x19\0\0\0"),
        // SUCCESS with a list, a text and a map of 4 GiB.
        (System::Neo4j, b"\0\0\x08\x05\0\x07\xB1\x70\xD6\xFF\xFF\xFF\xFF\0\0"),
        (System::Neo4j, b"\0\0\x08\x05\0\x08\xB1\x70\xA1\xD2\xFF\xFF\xFF\xFF\0\0"),
        (System::Neo4j, b"\0\0\x08\x05\0\x07\xB1\x70\xDA\xFF\xFF\xFF\xFF\0\0"),
        (System::Cassandra, b"\x84\0\0\0\x03\xff\xff\xff\xff"),
        (System::Cassandra, b"\x84\0\0\0\x03\0\0\0\x02\xff\xff"),
    ] {
        let fake = says(bytes).await;
        let report = test(&plain(&fake, system), ENOUGH).await;
        assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
    }
}

#[tokio::test]
async fn t10_endless_answers_end() {
    for (system, chunk) in [
        // A line without an end, and notices without one.
        (System::Redis, &b"+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"[..]),
        (System::Postgres, b"N\0\0\0\x1eMaaaaaaaaaaaaaaaaaaaaaaa\0\0"),
        // Signs of life.
        (System::Neo4j, b"\0\0\x08\x05\0\0\0\0\0\0\0\0"),
        // Messages that belong elsewhere: greetings, answers to nobody, events.
        (System::Mysql, b"\x05\0\0\0\x0a8.0\0"),
        (System::Mongodb, b"\x1a\0\0\0\x07\0\0\0\x07\0\0\0\xdd\x07\0\0\0\0\0\0\0\x05\0\0\0\0"),
        (System::Cassandra, b"\x84\0\xff\xff\x0c\0\0\0\0"),
    ] {
        let fake = Fake::start(move |mut stream| async move {
            let chunks = chunk.repeat(1024);
            while stream.write_all(&chunks).await.is_ok() {}
        })
        .await;
        let report = test(&plain(&fake, system), ENOUGH).await;
        assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
    }
}

/// A server that sends a message of the system, which will take minutes.
pub(crate) async fn trickle_of(system: System) -> Fake {
    // The start of the message, and what it goes on with.
    let (start, byte) = match system {
        System::Postgres => (&b"N\0\0\x40\0"[..], b"a"),
        System::Mysql => (&b"\0\x40\0\0\x0a"[..], b"8"),
        System::Mongodb => (&b"\0\x40\0\0\x07\0\0\0\x01\0\0\0\xdd\x07\0\0"[..], b"\0"),
        System::Redis => (&b"+"[..], b"a"),
        System::Neo4j => (&b"\0\0\x08\x05\x40\0"[..], b"a"),
        System::Cassandra => (&b"\x84\0\0\0\x03\0\0\x40\0"[..], b"a"),
    };
    Fake::start(move |mut stream| async move {
        for first in start {
            let _ = stream.write_all(&[*first]).await;
        }
        drip(&mut stream, byte).await;
    })
    .await
}

#[tokio::test]
async fn t10_one_byte_at_a_time_ends_at_the_deadline() {
    for system in System::ALL {
        let fake = trickle_of(system).await;
        let began = Instant::now();
        let report = test(&plain(&fake, system), Duration::from_millis(300)).await;
        // T10 allows 300 ms beyond the deadline.
        let took = began.elapsed();
        assert!(took < Duration::from_millis(600), "{took:?}");
        assert_failed(&report, Step::Authenticate, FailureCode::Timeout);
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_told_from_one_that_refuses() {
    for system in CLIENT_FIRST {
        for tls in [TlsMode::Disable, TlsMode::Require] {
            let fake = Fake::start(|mut stream| async move {
                let _ = stream.read(&mut [0; 4096]).await;
            })
            .await;
            let report = test(&ConnectSpec { tls, ..fake.spec(system) }, ENOUGH).await;
            let step = if tls == TlsMode::Disable { Step::Authenticate } else { Step::Tls };
            let message = assert_failed(&report, step, FailureCode::ServerClosed);
            assert!(message.contains("closed the connection"), "{message}");
            assert_eq!(fake.accepted(), 1, "no second try");
        }
    }
}
