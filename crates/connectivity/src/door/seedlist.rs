//! The servers behind a `mongodb+srv` name: SRV records list them, and a TXT record may set two
//! options of the connection string (MongoDB's "Initial DNS Seedlist Discovery").
//!
//! Whoever answers for the name decides where a login goes, so two rules bind them: a server must
//! lie below the parent domain of the name, and nothing but these options can be set.

use crate::failure::Cause;
use datastore_domain::{Endpoint, Host, Port, SeedlistOptions};
use hickory_resolver::config::{ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Resolver, TokioResolver};

/// Whom to ask: as the system says, or as a test does.
pub(super) type NameServers =
    dyn Fn() -> Result<(ResolverConfig, ResolverOpts), NetError> + Send + Sync;

/// The servers behind a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seedlist {
    /// In the order in which to try them.
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) options: SeedlistOptions,
}

/// As `/etc/resolv.conf` says now; it may have changed since the last test.
pub(super) fn of_the_system() -> Result<(ResolverConfig, ResolverOpts), NetError> {
    read_system_conf()
}

/// Asks for both kinds of records of `host` at once, each by one question of the whole name.
pub(super) async fn look_up(name_servers: &NameServers, host: &Host) -> Result<Seedlist, Cause> {
    let resolver = resolver(name_servers).map_err(|error| cause(&error))?;
    let name = host.bare().trim_end_matches('.').to_ascii_lowercase();
    let (servers, options) = tokio::join!(
        resolver.srv_lookup(format!("_mongodb._tcp.{name}.")),
        resolver.txt_lookup(format!("{name}.")),
    );
    let endpoints = endpoints(&servers.map_err(|error| cause(&error))?, parent(&name))?;
    let options = match options {
        Ok(found) => self::options(&found)?,
        Err(error) if error.is_no_records_found() => SeedlistOptions::default(),
        Err(error) => return Err(cause(&error)),
    };
    Ok(Seedlist { endpoints, options })
}

fn resolver(name_servers: &NameServers) -> Result<TokioResolver, NetError> {
    let (config, mut options) = name_servers()?;
    // It lives for one lookup, and /etc/hosts holds no records of these kinds.
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    builder.build()
}

fn cause(error: &NetError) -> Cause {
    match error {
        NetError::Timeout => Cause::LOOKUP_TIMED_OUT,
        error if error.is_no_records_found() => Cause::NO_SRV_RECORDS,
        _ => Cause::NAME_UNKNOWN,
    }
}

/// The domain that the servers of `name` must lie in: that of the name without its first label. Of
/// a name with less than three labels nothing may be taken away.
fn parent(name: &str) -> &str {
    match name.split_once('.') {
        Some((_, parent)) if parent.contains('.') => parent,
        Some(_) | None => name,
    }
}

fn endpoints(found: &Lookup, parent: &str) -> Result<Vec<Endpoint>, Cause> {
    let mut servers: Vec<&SRV> = found
        .answers()
        .iter()
        .filter_map(
            |record| if let RData::SRV(server) = &record.data { Some(server) } else { None },
        )
        .collect();
    // Among equals the order of the answer stays, by which name servers spread the load.
    servers.sort_by_key(|server| server.priority);
    let endpoints: Vec<_> =
        servers.into_iter().map(|server| endpoint(server, parent)).collect::<Result<_, _>>()?;
    // None is also a lone `.`, which says that there is no such service (RFC 2782).
    if endpoints.is_empty() { Err(Cause::NO_SRV_RECORDS) } else { Ok(endpoints) }
}

fn endpoint(server: &SRV, parent: &str) -> Result<Endpoint, Cause> {
    if server.target.is_root() {
        return Err(Cause::NO_SRV_RECORDS);
    }
    let target = server.target.to_ascii().to_ascii_lowercase();
    let target = target.trim_end_matches('.');
    let below = target.strip_suffix(parent).and_then(|labels| labels.strip_suffix('.'));
    if below.is_none_or(str::is_empty) {
        return Err(Cause::SRV_ELSEWHERE);
    }
    let host = Host::try_from(target).map_err(|_| Cause::NO_SRV_RECORDS)?;
    let port = Port::try_from(server.port).map_err(|_| Cause::NO_SRV_RECORDS)?;
    Ok(Endpoint { host, port: Some(port) })
}

/// The options of the only TXT record, whose parts belong together.
fn options(found: &Lookup) -> Result<SeedlistOptions, Cause> {
    let mut records = found
        .answers()
        .iter()
        .filter_map(|record| if let RData::TXT(text) = &record.data { Some(text) } else { None });
    let (Some(record), None) = (records.next(), records.next()) else {
        return Err(Cause::TXT_REFUSED);
    };
    let text = String::from_utf8(record.txt_data.concat()).map_err(|_| Cause::TXT_REFUSED)?;
    SeedlistOptions::parse(&text).map_err(|_| Cause::TXT_REFUSED)
}

#[cfg(test)]
mod tests;
