//! A real PostgreSQL behind something that ends TLS and begins another, or says that there is none.

use crate::support::{
    ENOUGH, Fake, PASSWORD, assert_failed, database, holds, login, place, spec, test,
};
use crate::tls::untrusted;
use datastore_domain::{ChannelBinding, ConnectSpec, FailureCode, Step, System, TlsMode};
use datastore_testkit::live;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client, server};

/// The request for TLS, and the word that it is welcome.
const REQUEST: &[u8; 8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const WELCOME: &[u8; 1] = b"S";

#[expect(clippy::disallowed_methods, reason = "a proxy of the test, not a test of a connection")]
async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.expect("the server is up")
}

/// To the real server, whose certificate is checked.
async fn far(port: u16) -> client::TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(live("TEST_CA_FILE")).expect("a CA");
    roots.add(authority).expect("a CA");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut stream = connect(port).await;
    stream.write_all(REQUEST).await.expect("heard");
    let mut answer = [0; 1];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, WELCOME);
    let name = "localhost".try_into().expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS")
}

/// From the test, with a certificate of its own.
async fn near(mut stream: TcpStream) -> server::TlsStream<TcpStream> {
    let mut request = [0; 8];
    stream.read_exact(&mut request).await.expect("a request");
    assert_eq!(&request, REQUEST);
    stream.write_all(WELCOME).await.expect("heard");
    untrusted().accept(stream).await.expect("TLS")
}

async fn reencrypting(port: u16) -> Fake {
    Fake::start(move |stream| async move {
        let (mut near, mut far) = (near(stream).await, far(port).await);
        let _ = copy_bidirectional(&mut near, &mut far).await;
    })
    .await
}

/// A login that is bound to the certificate is refused there, whatever the password; one that the
/// record says is not to be bound gets through, and is judged by its password.
#[tokio::test]
async fn t08_a_login_is_bound_to_the_certificate_unless_the_record_says_otherwise_live() {
    let (_, port, name) = place(&live("TEST_POSTGRES_URL"));
    let proxy = reencrypting(port).await;
    let record = |channel_binding, password| ConnectSpec {
        channel_binding,
        credentials: login(Some("app_user"), Some(password)),
        database: database(&name, System::Postgres),
        tls: TlsMode::Require,
        ..spec(System::Postgres, "127.0.0.1", proxy.address.port())
    };
    for binding in [ChannelBinding::Prefer, ChannelBinding::Require] {
        let report = test(&record(binding, PASSWORD), ENOUGH).await;
        let message = assert_failed(&report, Step::Authenticate, FailureCode::TlsFailed);
        assert!(message.contains("channel_binding=disable"), "{message}");
        // A wrong password gets no further.
        let report = test(&record(binding, "wrong"), ENOUGH).await;
        assert!(report.result.is_err());
    }
    let report = test(&record(ChannelBinding::Disable, PASSWORD), ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    let report = test(&record(ChannelBinding::Disable, "wrong"), ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
}

/// Says "no TLS" for the server, and listens.
async fn stripping(port: u16) -> (Fake, Arc<Mutex<Vec<u8>>>) {
    let heard = Arc::<Mutex<Vec<u8>>>::default();
    let record = Arc::clone(&heard);
    let fake = Fake::start(move |mut near| {
        let record = Arc::clone(&record);
        async move {
            let mut request = [0; 8];
            near.read_exact(&mut request).await.expect("a request");
            assert_eq!(&request, REQUEST);
            near.write_all(b"N").await.expect("heard");
            let far = connect(port).await;
            let ((mut from_near, mut to_near), (mut from_far, mut to_far)) =
                (near.into_split(), far.into_split());
            let listen = async {
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = from_near.read(&mut buffer).await {
                    record.lock().expect("no panic").extend_from_slice(&buffer[..n]);
                    let _ = to_far.write_all(&buffer[..n]).await;
                }
            };
            // Whoever leaves first ends it for both.
            tokio::select! {
                () = listen => {}
                _ = copy(&mut from_far, &mut to_near) => {}
            }
        }
    })
    .await;
    (fake, heard)
}

#[tokio::test]
async fn t08_whoever_strips_tls_gets_no_password_live() {
    let (_, port, name) = place(&live("TEST_POSTGRES_URL"));
    for (tls, result) in [
        // The proof of the password is all that there is to hear.
        (TlsMode::Prefer, Ok(())),
        (TlsMode::Require, Err((Step::Tls, FailureCode::TlsFailed))),
        (TlsMode::VerifyFull, Err((Step::Tls, FailureCode::TlsFailed))),
    ] {
        let (proxy, heard) = stripping(port).await;
        let record = ConnectSpec {
            credentials: login(Some("app_user"), Some(PASSWORD)),
            database: database(&name, System::Postgres),
            tls,
            ..spec(System::Postgres, "127.0.0.1", proxy.address.port())
        };
        let report = test(&record, ENOUGH).await;
        let ended = report.result.map(|_| ()).map_err(|failure| (failure.step, failure.code));
        assert_eq!((ended, report.tls_used), (result, Some(false)), "{tls}");
        let heard = heard.lock().expect("no panic");
        assert!(!holds(&heard, PASSWORD.as_bytes()));
        assert_eq!(holds(&heard, b"app_user"), result.is_ok(), "{tls}");
    }
}
