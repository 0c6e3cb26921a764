//! Every cause, with what is said about it.

use super::Cause;
use datastore_domain::FailureCode;

/// For a server that offers a user one method of authentication, which we do not speak.
macro_rules! only {
    ($method:literal) => {
        Cause::new(
            FailureCode::AuthenticationUnsupported,
            concat!(
                "{product} offers this user only ",
                $method,
                ", which this service does not support. Use a user that logs in with a password."
            ),
        )
    };
}

/// Constants by the step where they first occur.
impl Cause {
    pub(crate) const NAME_UNKNOWN: Self = Self::new(
        FailureCode::DnsFailed,
        "Could not resolve the host name. Check its spelling and the name servers.",
    );
    pub(crate) const LOOKUP_TIMED_OUT: Self = Self::new(
        FailureCode::DnsFailed,
        "Could not resolve the host name: the lookup timed out. Check the name servers.",
    );
    pub(crate) const TOO_MANY_ADDRESSES: Self = Self::new(
        FailureCode::DnsFailed,
        "Could not resolve the host name to a usable list: it has more than 16 addresses. Use a \
         name that leads to the server alone.",
    );
    pub(crate) const BLOCKED: Self = Self::new(
        FailureCode::BlockedByPolicy,
        "The address of the host is blocked by the network policy of this service. Check the host, \
         or ask the operator about connectivity.egress.",
    );
    pub(crate) const NO_SRV_RECORDS: Self = Self::new(
        FailureCode::DnsFailed,
        "Could not resolve the host name to servers: it has no usable SRV records \
         (_mongodb._tcp). Check its spelling, or name the hosts in a mongodb:// string.",
    );
    pub(crate) const SRV_ELSEWHERE: Self = Self::new(
        FailureCode::DnsFailed,
        "Could not resolve the host name to servers: its SRV records name one outside of its \
         parent domain, which is not followed. Check who answers for the name.",
    );
    pub(crate) const TXT_REFUSED: Self = Self::new(
        FailureCode::DnsFailed,
        "Could not resolve the host name to servers: its TXT record sets more than authSource and \
         replicaSet, or there are several. Check who answers for the name.",
    );

    pub(crate) const REFUSED: Self = Self::new(
        FailureCode::ConnectionRefused,
        "Connection refused. Check that {product} is running and listens on this host and port.",
    );
    pub(crate) const UNREACHABLE: Self = Self::new(
        FailureCode::Unreachable,
        "The host is unreachable. Check the address, the routes and the firewalls.",
    );

    pub(crate) const TIMED_OUT: Self =
        Self::new(FailureCode::Timeout, "Timed out while {doing}. {check}");
    pub(crate) const CLOSED: Self = Self::new(
        FailureCode::ServerClosed,
        "The server closed the connection while {doing}. Check that the port belongs to {product} \
         and that the server accepts connections from here.",
    );

    pub(crate) const PLAIN_TEXT_CLOSED: Self = Self::new(
        FailureCode::ServerClosed,
        "The server closed the connection while {doing}, before it said anything. Check that the \
         port belongs to {product}, and whether it insists on TLS: then set {tls}.",
    );

    pub(crate) const TLS_BELOW_MINIMUM: Self = Self::new(
        FailureCode::TlsFailed,
        "The datastore asks for less TLS than the operator of this service demands \
         (connectivity.tls.minimum), so nothing was sent. Set {tls}, whichever is enough.",
    );
    pub(crate) const TLS_NOT_OFFERED: Self = Self::new(
        FailureCode::TlsFailed,
        "TLS is asked for, but the server offers none. Check its TLS settings; if it should offer \
         TLS, somebody in between may be stripping it.",
    );
    pub(crate) const TLS_DEMANDED: Self = Self::new(
        FailureCode::TlsFailed,
        "{product} accepts only encrypted connections. Set {tls}.",
    );
    pub(crate) const NOT_TLS: Self = Self::new(
        FailureCode::TlsFailed,
        "TLS failed: the answer was not TLS. Check that this port expects TLS.",
    );
    pub(crate) const TLS_HANDSHAKE: Self = Self::new(
        FailureCode::TlsFailed,
        "TLS failed: the handshake was not completed. Check that the server speaks TLS 1.2 or 1.3 \
         and asks for no client certificate.",
    );
    pub(crate) const CERTIFICATE_EXPIRED: Self = Self::new(
        FailureCode::TlsFailed,
        "TLS failed: the server's certificate has expired. Renew it.",
    );
    pub(crate) const CERTIFICATE_NOT_YET_VALID: Self = Self::new(
        FailureCode::TlsFailed,
        "TLS failed: the server's certificate is not valid yet. Check it and the clocks.",
    );
    pub(crate) const CERTIFICATE_UNKNOWN_ISSUER: Self = Self::new(
        FailureCode::TlsFailed,
        "TLS failed: the server's certificate was issued by an unknown CA. Have the operator add \
         the CA to connectivity.tls.ca_file.",
    );
    pub(crate) const CERTIFICATE_WRONG_NAME: Self = Self::new(
        FailureCode::TlsFailed,
        "TLS failed: the server's certificate is for another host name. Use a name that it lists.",
    );
    pub(crate) const CERTIFICATE_BAD: Self = Self::new(
        FailureCode::TlsFailed,
        "TLS failed: the server's certificate is not acceptable. Check that it is an X.509 \
         certificate of version 3, its signature, purpose and constraints.",
    );

    pub(crate) const LOGIN_REJECTED: Self = Self::new(
        FailureCode::AuthenticationFailed,
        "Authentication failed: {product} rejected the user name or the password. Check both, and \
         whether this user may log in from here.",
    );
    pub(crate) const LOGIN_REJECTED_UNENCRYPTED: Self = Self::new(
        FailureCode::AuthenticationFailed,
        "Authentication failed: {product} rejected the user name or the password. Check both, and \
         whether this user may log in from here and without TLS (REQUIRE SSL or \
         require_secure_transport).",
    );
    pub(crate) const LOGIN_REJECTED_BY_SOURCE: Self = Self::new(
        FailureCode::AuthenticationFailed,
        "Authentication failed: {product} rejected the user name or the password. Check both, and \
         which database knows the user: admin, unless a connection string names another one.",
    );
    pub(crate) const NOT_ADMITTED: Self = Self::new(
        FailureCode::PermissionDenied,
        "Permission denied: {product} admits no login of this user to this database from here, \
         whatever the password, which it did not ask for. Check pg_hba.conf on the server, and \
         whether it wants TLS or a client certificate.",
    );
    pub(crate) const MAY_NOT_LOG_IN: Self = Self::new(
        FailureCode::PermissionDenied,
        "Permission denied: {product} accepted the password, but this role is not one to log in \
         with. Have it altered (LOGIN), or use another user.",
    );
    pub(crate) const PASSWORD_EXPIRED: Self = Self::new(
        FailureCode::PermissionDenied,
        "Permission denied: {product} accepted the password, but it has expired. Set a new one.",
    );
    pub(crate) const ACCOUNT_LOCKED: Self = Self::new(
        FailureCode::PermissionDenied,
        "Permission denied: {product} says that this account is locked. Have it unlocked, and \
         check whether failed logins lock it.",
    );
    pub(crate) const HOST_BLOCKED: Self = Self::new(
        FailureCode::PermissionDenied,
        "Permission denied: {product} blocks this host after too many connection errors. Have it \
         unblocked (mysqladmin flush-hosts), and find out what causes the errors.",
    );
    pub(crate) const PASSWORD_MISSING: Self = Self::new(
        FailureCode::AuthenticationFailed,
        "Authentication failed: {product} asks for a password, and none is given. Give the record \
         one.",
    );
    pub(crate) const LOGIN_LOCKED: Self = Self::new(
        FailureCode::PermissionDenied,
        "Permission denied: {product} refuses every login of this user for a while, after too many \
         with a wrong password; this one was not checked. Wait some seconds, test again, and look \
         for who keeps using a wrong password.",
    );
    pub(crate) const MECHANISM_UNSUPPORTED: Self = Self::new(
        FailureCode::AuthenticationUnsupported,
        "{product} asks for a kind of authentication that this service does not support. Use a \
         user that logs in with a password.",
    );
    pub(crate) const MECHANISM_NOT_OFFERED: Self = Self::new(
        FailureCode::AuthenticationUnsupported,
        "{product} does not offer this user the mechanism of authentication that was used. Leave \
         out authMechanism to have it negotiated, or check which mechanisms the user has.",
    );
    pub(crate) const ONLY_PLAIN: Self = Self::new(
        FailureCode::AuthenticationUnsupported,
        "{product} offers this user only PLAIN, which hands the password over as it is. Set \
         authMechanism=PLAIN, which needs TLS, to permit that.",
    );
    pub(crate) const ONLY_X509: Self = only!("certificates (MONGODB-X509)");
    pub(crate) const ONLY_AWS: Self = only!("MONGODB-AWS");
    pub(crate) const ONLY_OIDC: Self = only!("MONGODB-OIDC");
    pub(crate) const OTHER_REPLICA_SET: Self = Self::new(
        FailureCode::ProtocolMismatch,
        "The server does not belong to the replica set that the record names, so the password was \
         not used. Check replicaSet and the hosts.",
    );
    pub(crate) const NO_DATA_HERE: Self = Self::new(
        FailureCode::QueryFailed,
        "{product} was reached, but this member of the replica set holds no data to log in with: it \
         is an arbiter, or is starting or recovering. Name another member, or try again later.",
    );
    pub(crate) const CHANNEL_UNBOUND: Self = Self::new(
        FailureCode::AuthenticationUnsupported,
        "{product} does not prove the encrypted channel at the login (SCRAM-SHA-256-PLUS), which \
         channel_binding=require asks for, so the password was not used.",
    );
    pub(crate) const CHANNEL_CUT: Self = Self::new(
        FailureCode::TlsFailed,
        "The certificate that was seen here is not the one of {product}: something in between ends \
         TLS and begins another, so the login was refused whatever the password. Where a proxy is \
         meant to do that, set channel_binding=disable in the connection string.",
    );
    pub(crate) const CLEAR_TEXT_REFUSED: Self = Self::new(
        FailureCode::AuthenticationUnsupported,
        "{product} asks for the password in clear text over an unencrypted connection, so it was \
         not sent. Set {tls}.",
    );
    pub(crate) const KEY_REFUSED: Self = Self::new(
        FailureCode::AuthenticationUnsupported,
        "{product} asks for the password under a key of its own over an unencrypted connection \
         (caching_sha2_password), where anybody could name that key, so it was not sent. Set {tls}.",
    );
    pub(crate) const ONLY_OLD_PASSWORD: Self = only!("mysql_old_password (before version 4.1)");
    pub(crate) const ONLY_SHA256: Self = only!("sha256_password");
    pub(crate) const ONLY_DIALOG: Self = only!("the dialog of PAM");
    pub(crate) const ONLY_PARSEC: Self = only!("PARSEC");
    pub(crate) const ONLY_KERBEROS: Self = only!("Kerberos (GSSAPI)");
    pub(crate) const ONLY_OAUTH: Self = only!("OAuth (OAUTHBEARER)");
    pub(crate) const ONLY_BOUND_SCRAM: Self = Self::new(
        FailureCode::AuthenticationUnsupported,
        "{product} offers this user only SCRAM-SHA-256-PLUS, which needs TLS with a certificate that \
         a login can be bound to. Set {tls}.",
    );
    pub(crate) const ONLY_LDAP_SASL: Self = only!("LDAP with SASL");
    pub(crate) const ONLY_WINDOWS: Self = only!("Windows accounts");
    pub(crate) const ONLY_WEBAUTHN: Self = only!("a security key (WebAuthn)");
    pub(crate) const ONLY_OPENID: Self = only!("OpenID Connect");
    pub(crate) const ONLY_DSE: Self = only!("the login of DataStax Enterprise");
    pub(crate) const ONLY_CLIENT_CERTIFICATE: Self = only!("client certificates");
    pub(crate) const USER_NAMES_UNSUPPORTED: Self = Self::new(
        FailureCode::AuthenticationUnsupported,
        "This {product} server knows no user names, only a password (before version 6). Leave out \
         the user name or use `default`.",
    );
    pub(crate) const SCRAM_ROUNDS: Self = Self::new(
        FailureCode::ProtocolMismatch,
        "{product} asks for an unreasonable amount of password hashing (SCRAM, allowed are 4096 to \
         600000 rounds). Check that the server is the right one.",
    );
    pub(crate) const SERVER_UNPROVEN: Self = Self::new(
        FailureCode::ProtocolMismatch,
        "The server did not prove that it knows the password. Check that it is the right server: \
         it may be an impostor.",
    );

    pub(crate) const NO_SUCH_DATABASE: Self = Self::new(
        FailureCode::DatabaseNotFound,
        "The database does not exist on this server. Check its name: {database}",
    );
    pub(crate) const TAKES_NO_WRITES: Self = Self::new(
        FailureCode::QueryFailed,
        "target_session_attrs asks for read-write, and the server is read-only. Check that it is \
         the primary, and default_transaction_read_only.",
    );
    pub(crate) const TAKES_WRITES: Self = Self::new(
        FailureCode::QueryFailed,
        "target_session_attrs asks for read-only, and the server takes writes. Check that it is the \
         right one.",
    );
    pub(crate) const IS_A_STANDBY: Self = Self::new(
        FailureCode::QueryFailed,
        "target_session_attrs asks for the primary, and the server is a standby. Check that it is \
         the right one.",
    );
    pub(crate) const IS_NO_STANDBY: Self = Self::new(
        FailureCode::QueryFailed,
        "target_session_attrs asks for a standby, and the server is none. Check that it is the \
         right one.",
    );
    pub(crate) const FORBIDDEN: Self = Self::new(
        FailureCode::PermissionDenied,
        "Permission denied: {product} does not let this login do what the test needs. Check the \
         rights of the user, and from where it may connect.",
    );
    pub(crate) const DATABASE_FORBIDDEN: Self = Self::new(
        FailureCode::PermissionDenied,
        "Permission denied: {product} does not let this user open the database. Check the rights of \
         the user and the name of the database: one that does not exist gets the same answer.",
    );
    pub(crate) const SERVER_FULL: Self = Self::new(
        FailureCode::TooManyConnections,
        "{product} has too many connections and accepts no more. Try again later, find out who \
         holds them, or raise its limit ({limit}).",
    );
    pub(crate) const NOT_THE_PROTOCOL: Self = Self::new(
        FailureCode::ProtocolMismatch,
        "What answered does not speak the protocol of {product}. Check that the port belongs to it.",
    );
    pub(crate) const SERVER_TOO_OLD: Self = Self::new(
        FailureCode::ProtocolMismatch,
        "{product} answered, but speaks no version of its protocol that this service knows. Check \
         the version of the server: it knows MongoDB since 3.6, Neo4j since 4.4 and Cassandra since \
         2.2.",
    );
    pub(crate) const TOO_MUCH_DATA: Self = Self::new(
        FailureCode::ProtocolMismatch,
        "The server sent more data than the protocol of {product} calls for. Check that the port \
         belongs to it.",
    );
    pub(crate) const FILE_ASKED_FOR: Self = Self::new(
        FailureCode::ProtocolMismatch,
        "The server answered the test query by asking for a file of this machine (LOCAL INFILE), \
         and got none. Check that it is the right server: it may be an impostor.",
    );
    pub(crate) const NOT_READY: Self = Self::new(
        FailureCode::QueryFailed,
        "{product} is starting, stopping or loading its data. Try again later.",
    );
    pub(crate) const SNAPSHOT_FAILED: Self = Self::new(
        FailureCode::QueryFailed,
        "{product} let the login in, but takes no commands, as it could not save its last snapshot \
         (MISCONF). Check its disk and its log.",
    );
    pub(crate) const POOLER_ALONE: Self = Self::new(
        FailureCode::QueryFailed,
        "A pooler in front of {product} was reached, but has no connection to the server itself. \
         Check the server, and the log of the pooler.",
    );
    pub(crate) const MEMBERS_UNREACHABLE: Self = Self::new(
        FailureCode::QueryFailed,
        "{product} was reached, but could not reach other members of its cluster. Check their \
         state.",
    );
    pub(crate) const SERVER_ERROR: Self = Self::new(
        FailureCode::QueryFailed,
        "{product} reported an error while {doing}. Its log says more.",
    );
    pub(crate) const WRONG_ANSWER: Self = Self::new(
        FailureCode::QueryFailed,
        "{product} did not answer the test query with what it asks for. Check that the server is \
         the right one, and what stands in between.",
    );
}
