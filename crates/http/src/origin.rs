//! Under which scheme and host the service is reached: the base of absolute links.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use std::net::{IpAddr, SocketAddr};

/// Where absolute links point.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// Set by the operator: nothing a client sends can change links then.
    pub(crate) public_url: Option<String>,
    /// Peers whose `X-Forwarded-Proto` and `X-Forwarded-Host` count.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// Where the server listens, for requests that name no host.
    pub(crate) listener: SocketAddr,
}

impl Origin {
    /// The base of links in the answer to `request`, without a slash at its end.
    pub(crate) fn of(&self, request: &HttpRequest) -> String {
        if let Some(url) = &self.public_url {
            return url.trim_end_matches('/').to_owned();
        }
        let headers = request.headers();
        let own = single(headers, header::HOST.as_str()).filter(|h| is_authority(h));
        let trusted = request
            .peer_addr()
            .is_some_and(|peer| self.trusted_proxies.contains(&peer.ip().to_canonical()));
        let forwarded = |name| if trusted { single(headers, name) } else { None };
        let scheme = forwarded("x-forwarded-proto").filter(|s| matches!(*s, "http" | "https"));
        let host = forwarded("x-forwarded-host").filter(|h| is_authority(h)).or(own);
        let local = || self.listener.to_string();
        let host = host.map_or_else(local, str::to_owned);
        format!("{}://{host}", scheme.unwrap_or("http"))
    }
}

/// The value of a header that stands once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() { None } else { Some(value) }
}

/// Whether a request's `Host` may be answered: HTTP/1.1 needs exactly one (RFC 9112 section 3.2).
pub(crate) fn has_valid_host(headers: &HeaderMap) -> bool {
    single(headers, header::HOST.as_str()).is_some_and(is_authority)
}

/// `host[:port]`, by the characters that a registered name or an address can have.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((v6, port)) if v6.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", port),
            _ => return false,
        },
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let host_fits = (1..=255).contains(&host.len())
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    let port_fits = port.is_empty()
        || port.strip_prefix(':').is_some_and(|p| {
            p.bytes().all(|b| b.is_ascii_digit()) && (p.is_empty() || p.parse::<u16>().is_ok())
        });
    host_fits && port_fits
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn t27_authorities() {
        for good in ["a", "db.example.com:8080", "127.0.0.1:1", "[::1]", "[::1]:80", "a:"] {
            assert!(is_authority(good), "{good}");
        }
        for bad in ["", ":80", "a b", "a/b", "a@b", "a:99999", "a:b", "[::1", "[x]", "a\"", "a?x"] {
            assert!(!is_authority(bad), "{bad}");
        }
    }

    #[test]
    fn t27_forwarded_headers_count_from_trusted_proxies_only() {
        let request = |peer: &str| {
            TestRequest::default()
                .peer_addr(peer.parse().expect("an address"))
                .insert_header(("host", "own.example:8080"))
                .insert_header(("x-forwarded-proto", "https"))
                .insert_header(("x-forwarded-host", "public.example"))
                .insert_header(("forwarded", "host=evil.example;proto=https"))
                .to_http_request()
        };
        let trusting = Origin {
            public_url: None,
            trusted_proxies: vec!["10.0.0.1".parse().expect("an address")],
            listener: "127.0.0.1:8080".parse().expect("an address"),
        };
        assert_eq!(trusting.of(&request("10.0.0.1:9")), "https://public.example");
        assert_eq!(trusting.of(&request("10.0.0.2:9")), "http://own.example:8080");
        let fixed = Origin { public_url: Some("https://x.example/".into()), ..trusting };
        assert_eq!(fixed.of(&request("10.0.0.1:9")), "https://x.example");
    }
}
