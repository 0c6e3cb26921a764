//! An HTTP client that hides nothing: one connection for each request unless told otherwise, raw
//! bytes in, raw bytes out.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Path of the collection of datastores.
pub const DATASTORES: &str = "/api/v1/datastores/";

/// A client of one server that presents one token, or none.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    token: Option<String>,
}

/// A connection that stays open from request to request.
#[derive(Debug)]
pub struct KeepAlive {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

/// A request that is being put together.
#[derive(Clone, Debug)]
pub struct Request {
    client: Client,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// An answer as it came over the wire.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header fields in their order.
    pub headers: Vec<(String, String)>,
    /// Body, without transfer coding.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of the server at `address`.
    #[must_use]
    pub fn new(address: SocketAddr, token: Option<String>) -> Self {
        Self { address, token }
    }

    /// Where the server is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token that is presented.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Starts a request.
    #[must_use]
    pub fn request(&self, method: &str, target: &str) -> Request {
        Request {
            client: self.clone(),
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// A connection to the same server, for requests of any client of it.
    #[must_use]
    pub fn keep_alive(&self) -> KeepAlive {
        KeepAlive { address: self.address, stream: None }
    }

    /// `GET target`
    #[must_use]
    pub fn get(&self, target: &str) -> Response {
        self.request("GET", target).send()
    }

    /// `POST target` with a JSON body.
    #[must_use]
    pub fn post(&self, target: &str, body: &Value) -> Response {
        self.request("POST", target).json(body).send()
    }

    /// `PUT target` with a JSON body.
    #[must_use]
    pub fn put(&self, target: &str, body: &Value) -> Response {
        self.request("PUT", target).json(body).send()
    }

    /// `PATCH target` with a JSON body.
    #[must_use]
    pub fn patch(&self, target: &str, body: &Value) -> Response {
        self.request("PATCH", target).json(body).send()
    }

    /// `DELETE target`
    #[must_use]
    pub fn delete(&self, target: &str) -> Response {
        self.request("DELETE", target).send()
    }

    /// Creates a datastore and returns it as answered.
    #[must_use]
    #[track_caller]
    pub fn create(&self, body: &Value) -> Value {
        self.post(DATASTORES, body).expect(201).json()
    }

    /// Creates a datastore and returns its path.
    #[must_use]
    #[track_caller]
    pub fn create_at(&self, body: &Value) -> String {
        path_of(&self.create(body))
    }

    /// Sends raw bytes and reads until the server closes.
    #[must_use]
    pub fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        self.exchange(bytes, |_| false)
    }

    /// Sends raw bytes and reads until `done` with what came, or the server closes.
    fn exchange(&self, bytes: &[u8], done: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut stream = connect(self.address).expect("the server listens");
        // A server that refuses early closes while we still write; its answer is what counts.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        // A reset after the answer takes nothing of it away.
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..length]);
            if done(&answer) {
                break;
            }
        }
        answer
    }
}

/// A connection to a server of ours.
///
/// # Errors
///
/// When nobody listens.
#[expect(clippy::disallowed_methods, reason = "a client of our own server")]
pub fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    TcpStream::connect(address)
}

/// The path of a datastore that was answered.
#[must_use]
#[track_caller]
pub fn path_of(datastore: &Value) -> String {
    format!("{DATASTORES}{}/", datastore["id"].as_i64().expect("an id"))
}

impl Request {
    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A JSON body under `application/json`.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        let text = body.to_string();
        self.header("Content-Type", "application/json").body(text)
    }

    /// A body as it is, without a content type.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Method and target, as in the first line.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// The body as text; empty without one.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body.as_deref().unwrap_or_default()).into_owned()
    }

    /// The request as it goes over the wire, alone on its connection.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.encoded("Connection: close\r\n")
    }

    fn encoded(&self, connection: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("Host: {}\r\n", self.client.address);
        }
        if let Some(token) = &self.client.token {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = &self.body {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += &format!("{connection}\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }

    /// Sends the request and reads the whole answer.
    #[must_use]
    #[track_caller]
    pub fn send(self) -> Response {
        let to_head = self.method == "HEAD";
        // A server that refused a body early may leave the connection open for what is left of it.
        let whole = |bytes: &[u8]| Response::parse(bytes, to_head).is_some();
        let answer = self.client.exchange(&self.to_bytes(), whole);
        Response::parse(&answer, to_head)
            .unwrap_or_else(|| panic!("no answer to {} {}", self.method, self.target))
    }

    /// Sends the request; `None` when the connection ended before the whole answer.
    #[must_use]
    pub fn try_send(self) -> Option<Response> {
        let mut stream = connect(self.client.address).ok()?;
        stream.write_all(&self.to_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        Response::parse(&answer, self.method == "HEAD")
    }
}

impl KeepAlive {
    /// Sends a request; `None` when the connection ended before the whole answer, so that nobody
    /// knows whether it was done. The next request opens another connection.
    #[must_use]
    pub fn send(&mut self, request: &Request) -> Option<Response> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = connect(self.address).ok()?;
                // Small packets one after the other are what a race is made of.
                stream.set_nodelay(true).ok()?;
                stream
            }
        };
        stream.write_all(&request.encoded("")).ok()?;
        let (mut answer, mut buffer) = (Vec::new(), [0; 16 * 1024]);
        loop {
            let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
            answer.extend_from_slice(&buffer[..length]);
            if let Some(answer) = Response::parse(&answer, request.method == "HEAD") {
                let ends = answer.header("connection").is_some_and(|c| c == "close");
                self.stream = (!ends).then_some(stream);
                return Some(answer);
            }
        }
    }
}

impl Response {
    /// Reads one answer; `None` when it is not whole.
    #[must_use]
    pub fn parse(bytes: &[u8], to_head: bool) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let field = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        };
        let headers = lines.map(field).collect::<Option<Vec<_>>>()?;
        let mut response = Self { status, headers, body: bytes[end + 4..].to_vec() };
        if to_head || status == 204 || status == 304 {
            return Some(response);
        }
        if response.header("transfer-encoding").is_some() {
            response.body = dechunked(&response.body)?;
        } else {
            let length = response.header("content-length")?.parse().ok()?;
            response.body = response.body.get(..length)?.to_vec();
        }
        Some(response)
    }

    /// The value of a header field; panics when it stands twice.
    #[must_use]
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} stands twice");
        value
    }

    /// The body as text.
    #[must_use]
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// The body as JSON.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Insists on a status.
    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "answered: {body}");
        self
    }

    /// Insists on a whole problem document and returns it.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "answered: {text}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{text}");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{text}");
        assert_eq!(problem["status"], status, "{text}");
        assert_eq!(problem["instance"].as_str(), self.header("x-request-id"), "{text}");
        for member in ["type", "title", "detail"] {
            let said = problem[member].as_str().is_some_and(|text| !text.is_empty());
            assert!(said, "{member} is missing in {text}");
        }
        problem
    }

    /// Insists on a problem and returns `field:code` of its errors, in their order.
    #[must_use]
    #[track_caller]
    pub fn errors(&self, status: u16, code: &str) -> Vec<String> {
        let problem = self.problem(status, code);
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let name = |error: &Value| {
            let text = |member: &str| error[member].as_str().expect("a string").to_owned();
            format!("{}:{}", text("field"), text("code"))
        };
        errors.iter().map(name).collect()
    }
}

/// Undoes the chunked transfer coding; `None` when the last chunk is missing.
fn dechunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n")?;
        let length = std::str::from_utf8(&bytes[..end]).ok()?;
        let length = usize::from_str_radix(length, 16).ok()?;
        bytes = bytes.get(end + 2..)?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(..length)?);
        bytes = bytes.get(length + 2..)?;
    }
}
