//! Where secrets are sealed before they are stored, and opened before they are used.

use crate::Error;
use datastore_domain::{
    ConnectionParts, ConnectionString, ConnectionTarget, Password, RecordId, SealedConnection,
    Secret, System,
};
use datastore_ports::{CredentialCipher, SealContext, SecretField};

/// Seals the secret of `target` for the record.
pub(crate) fn seal(
    cipher: &dyn CredentialCipher,
    record: RecordId,
    target: ConnectionTarget,
) -> Result<SealedConnection, Error> {
    match target {
        ConnectionTarget::Parts(parts) => {
            let context = SealContext { record, field: SecretField::Password };
            let plain = Secret::new(parts.password.expose().to_owned());
            Ok(SealedConnection::Parts {
                host: parts.host,
                port: parts.port,
                username: parts.username,
                password: cipher.seal(context, &plain)?,
                database: parts.database,
                tls: parts.tls,
            })
        }
        ConnectionTarget::Uri(string) => {
            let context = SealContext { record, field: SecretField::ConnectionString };
            let plain = Secret::new(string.expose().to_owned());
            Ok(SealedConnection::Uri {
                sealed: cipher.seal(context, &plain)?,
                mask: string.mask().to_owned(),
            })
        }
    }
}

/// Opens the secret of a record's connection to a system.
pub(crate) fn open(
    cipher: &dyn CredentialCipher,
    record: RecordId,
    system: System,
    connection: &SealedConnection,
) -> Result<ConnectionTarget, Error> {
    match connection {
        SealedConnection::Parts { host, port, username, password, database, tls } => {
            let context = SealContext { record, field: SecretField::Password };
            let password = Password::try_from(cipher.open(context, password)?)
                .map_err(|error| Error::Internal(Box::new(error)))?;
            Ok(ConnectionTarget::Parts(ConnectionParts {
                host: host.clone(),
                port: *port,
                username: username.clone(),
                password,
                database: database.clone(),
                tls: *tls,
            }))
        }
        SealedConnection::Uri { sealed, .. } => {
            let context = SealContext { record, field: SecretField::ConnectionString };
            let text = cipher.open(context, sealed)?;
            let string = ConnectionString::parse(text, system)
                .map_err(|error| Error::Internal(Box::new(error)))?;
            Ok(ConnectionTarget::Uri(string))
        }
    }
}
