//! TLS, by one rustls for all systems.

mod any_certificate;

use crate::failure::Cause;
use crate::session::io_cause;
use crate::stream::GuardedStream;
use any_certificate::AnyCertificate;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::io;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whether the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    /// Encrypted, but with whoever answers.
    None,
    /// Checked against the trusted CAs and the host name.
    Full,
}

/// The CA file of the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaFileError {
    /// Not PEM.
    #[error("the CA file is not valid PEM")]
    Pem(#[source] rustls_pki_types::pem::Error),
    /// PEM, but without a certificate.
    #[error("the CA file holds no certificate")]
    Empty,
    /// A certificate in it cannot be a trust anchor.
    #[error("the CA file holds a certificate that cannot be used as a CA")]
    Certificate(#[source] rustls::Error),
}

/// Makes TLS connections.
pub(crate) struct Tls {
    unverified: TlsConnector,
    verified: TlsConnector,
}

impl Tls {
    /// Trusts the CAs of Mozilla's programme, and those of `ca_pem` besides.
    pub(crate) fn new(ca_pem: Option<&[u8]>) -> Result<Self, CaFileError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(pem) = ca_pem {
            add_roots(&mut roots, pem)?;
        }
        let verified = builder(&provider).with_root_certificates(roots).with_no_client_auth();
        let unverified = builder(&provider)
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate::new(&provider)))
            .with_no_client_auth();
        Ok(Self { unverified: connector(unverified), verified: connector(verified) })
    }

    /// Performs the handshake. Under [`Verification::Full`] the certificate must be for the host of
    /// the record, whatever address that led to.
    pub(crate) async fn handshake(
        &self,
        verification: Verification,
        stream: GuardedStream,
    ) -> Result<TlsStream<GuardedStream>, Cause> {
        // The dot that makes a name absolute is no part of the name in a certificate (RFC 6066, 3).
        let host = stream.host().bare();
        let name = ServerName::try_from(host.strip_suffix('.').unwrap_or(host).to_owned());
        let (connector, name) = match (verification, name) {
            (Verification::Full, Ok(name)) => (&self.verified, name),
            // No certificate can list what is no name, such as a numeric spelling.
            (Verification::Full, Err(_)) => return Err(Cause::CERTIFICATE_WRONG_NAME),
            (Verification::None, Ok(name)) => (&self.unverified, name),
            // Only the name that is indicated to the server depends on it; an address means none.
            (Verification::None, Err(_)) => (&self.unverified, stream.peer().ip().into()),
        };
        connector.connect(name, stream).await.map_err(|error| handshake_cause(&error))
    }
}

/// Whether `pem` is a file of certificate authorities.
///
/// # Errors
///
/// [`CaFileError`] says what it is instead.
pub fn check_authorities(pem: &[u8]) -> Result<(), CaFileError> {
    add_roots(&mut RootCertStore::empty(), pem)
}

fn add_roots(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), CaFileError> {
    let mut added = false;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(CaFileError::Pem)?;
        roots.add(certificate).map_err(CaFileError::Certificate)?;
        added = true;
    }
    if added { Ok(()) } else { Err(CaFileError::Empty) }
}

fn builder(
    provider: &Arc<CryptoProvider>,
) -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring offers TLS 1.2 and 1.3")
}

fn connector(mut config: ClientConfig) -> TlsConnector {
    // Each test is a whole handshake: a resumed session would not show the certificate again.
    config.resumption = Resumption::disabled();
    TlsConnector::from(Arc::new(config))
}

fn handshake_cause(error: &io::Error) -> Cause {
    let tls = error.get_ref().and_then(|source| source.downcast_ref::<rustls::Error>());
    match tls {
        None => io_cause(error),
        Some(rustls::Error::InvalidCertificate(reason)) => match reason {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                Cause::CERTIFICATE_EXPIRED
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Cause::CERTIFICATE_NOT_YET_VALID
            }
            CertificateError::UnknownIssuer => Cause::CERTIFICATE_UNKNOWN_ISSUER,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Cause::CERTIFICATE_WRONG_NAME
            }
            _ => Cause::CERTIFICATE_BAD,
        },
        Some(rustls::Error::InvalidMessage(_)) => Cause::NOT_TLS,
        Some(_) => Cause::TLS_HANDSHAKE,
    }
}
