//! What the TXT record beside the SRV records of a `mongodb+srv` name may say.

use super::error::ConnectionStringError as Error;
use super::parameters::{self, Meaning, deciding};
use super::rules::database_name;
use crate::{DatabaseName, System};

/// The options of a TXT record. What the connection string itself says goes before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeedlistOptions {
    /// Database that knows the user.
    pub auth_source: Option<DatabaseName>,
    /// Name of the set that the servers belong to.
    pub replica_set: Option<String>,
}

impl SeedlistOptions {
    /// Reads `text`, by the rules for the parameters of a connection string. MongoDB's "Initial DNS
    /// Seedlist Discovery" allows `authSource` and `replicaSet` (and `loadBalanced`, which we do
    /// not speak): whoever answers for the name must not be able to switch off more.
    ///
    /// # Errors
    ///
    /// [`ConnectionStringError`](Error), when it says anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let parameters = parameters::read(Some(text), System::Mongodb)?;
        let is_allowed = |meaning| matches!(meaning, Meaning::AuthSource | Meaning::ReplicaSet);
        if let Some(other) = parameters.iter().find(|p| !is_allowed(p.rule.meaning)) {
            return Err(Error::ParameterNotAllowed {
                name: other.rule.name.to_owned(),
                allowed: "allowed are authSource and replicaSet".to_owned(),
            });
        }
        let value = |meaning| deciding(&parameters, meaning);
        let auth_source = value(Meaning::AuthSource)
            .map(|source| database_name(source.value(), source.rule.name))
            .transpose()?;
        let replica_set = value(Meaning::ReplicaSet).map(|set| set.value().to_owned());
        Ok(Self { auth_source, replica_set })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(Option<&str>, Option<&str>)>) {
        let options = SeedlistOptions::parse(text).ok();
        let read = options.as_ref().map(|options| {
            let source = options.auth_source.as_ref().map(|source| source.as_str());
            (source, options.replica_set.as_deref())
        });
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn t05_a_txt_record_sets_the_source_and_the_set_and_nothing_else() {
        check(
            "authSource=admin&replicaSet=atlas-1-shard-0",
            Some((Some("admin"), Some("atlas-1-shard-0"))),
        );
        check("AUTHSOURCE=%24external", Some((Some("$external"), None)));
        check("replicaSet=rs0", Some((None, Some("rs0"))));
        check("", Some((None, None)));
        for refused in [
            "authSource=admin&tls=false",
            "ssl=false",
            "loadBalanced=true",
            "authMechanism=PLAIN",
            "tlsInsecure=true",
            "directConnection=true",
            "authSource=a&authSource=b",
            "authSource=",
            "authSource",
            "authSource=a;tls=false",
            "authSource=a%00",
            "v=spf1 -all",
        ] {
            check(refused, None);
        }
    }

    proptest::proptest! {
        #[test]
        fn t05_no_record_makes_it_panic(text in "(authSource=|replicaSet=)?[-&=;%a-fA-F0-9 \\PC]{0,40}") {
            let _ = SeedlistOptions::parse(&text);
        }
    }
}
