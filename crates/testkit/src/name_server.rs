//! A name server of a test's own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One record of a name.
#[derive(Clone, Debug)]
pub enum DnsRecord {
    /// An address.
    A(Ipv4Addr),
    /// Addresses of which each answer holds one: at each question the next, the last one for good.
    Turns(&'static [Ipv4Addr]),
    /// A server, and how early to try it.
    Srv {
        /// The smaller, the earlier.
        priority: u16,
        /// Its port.
        port: u16,
        /// Its name, without the dot at the end; empty for the root.
        target: &'static str,
    },
    /// Text, in parts of at most 255 bytes.
    Txt(&'static [&'static str]),
}

impl DnsRecord {
    /// Number of the type (RFC 1035, 3.2.2; RFC 2782).
    fn kind(&self) -> u16 {
        match self {
            Self::A(_) | Self::Turns(_) => 1,
            Self::Txt(_) => 16,
            Self::Srv { .. } => 33,
        }
    }

    /// The content of the answer to a question that was asked so many times before.
    fn content(&self, before: usize) -> Vec<u8> {
        match self {
            Self::A(address) => address.octets().to_vec(),
            Self::Turns(addresses) => addresses[before.min(addresses.len() - 1)].octets().to_vec(),
            Self::Txt(parts) => parts.iter().flat_map(|part| counted(part)).collect(),
            Self::Srv { priority, port, target } => {
                let numbers = [*priority, 0, *port].map(u16::to_be_bytes).concat();
                let labels = target.split('.').filter(|label| !label.is_empty());
                let target: Vec<u8> = labels.flat_map(counted).chain([0]).collect();
                [numbers, target].concat()
            }
        }
    }
}

/// Text behind its length.
fn counted(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("at most 255 bytes");
    [&[length], text.as_bytes()].concat()
}

type Asked = Arc<Mutex<Vec<(String, u16)>>>;

/// Answers questions over UDP from a fixed list, and remembers them; ends when it is dropped.
pub struct NameServer {
    socket: UdpSocket,
    asked: Asked,
    ended: Arc<AtomicBool>,
}

impl NameServer {
    /// Listens on `address`, and knows `records` by their names (lower case, no dot at the end).
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub fn start(address: SocketAddr, records: Vec<(&'static str, DnsRecord)>) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        let listener = socket.try_clone()?;
        let (asked, ended) = (Asked::default(), Arc::new(AtomicBool::new(false)));
        let (record, end) = (Arc::clone(&asked), Arc::clone(&ended));
        std::thread::spawn(move || {
            let mut message = [0; 512];
            while let Ok((length, client)) = listener.recv_from(&mut message) {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let Some((name, kind, end)) = question(&message[..length]) else { continue };
                let mut asked = record.lock().unwrap_or_else(PoisonError::into_inner);
                let before = asked.iter().filter(|(n, k)| (n, *k) == (&name, kind)).count();
                let answer = answer(&message[..end], (&name, kind), before, &records);
                asked.push((name, kind));
                drop(asked);
                drop(listener.send_to(&answer, client));
            }
        });
        Ok(Self { socket, asked, ended })
    }

    /// Where it listens.
    ///
    /// # Panics
    ///
    /// When the system does not tell.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("bound")
    }

    /// What it was asked: names in lower case, and numbers of types.
    #[must_use]
    pub fn asked(&self) -> Vec<(String, u16)> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the thread.
        drop(self.socket.send_to(&[], self.address()));
    }
}

/// The first question of a message: its name, its type, and where it ends (RFC 1035, 4.1.2).
fn question(message: &[u8]) -> Option<(String, u16, usize)> {
    let mut at = 12;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        let label = message.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes(message.get(at..at + 2)?.try_into().ok()?);
    Some((labels.join("."), kind, at + 4))
}

fn answer(
    question: &[u8],
    (name, kind): (&str, u16),
    before: usize,
    records: &[(&'static str, DnsRecord)],
) -> Vec<u8> {
    let of_name: Vec<_> = records.iter().filter(|(known, _)| *known == name).collect();
    let found: Vec<_> = of_name.iter().filter(|(_, record)| record.kind() == kind).collect();
    // A response that recursion was available for; without the name, NXDOMAIN.
    let flags: u16 = if of_name.is_empty() { 0x8183 } else { 0x8180 };
    let count = u16::try_from(found.len()).expect("few records");
    let head = [flags, 1, count, 0, 0].map(u16::to_be_bytes).concat();
    let mut message = [&question[..2], &head, &question[12..]].concat();
    for (_, record) in found {
        let content = record.content(before);
        let length = u16::try_from(content.len()).expect("short records");
        // The name of the question, the type, class IN, and a minute to live.
        message.extend([0xc0, 12]);
        message.extend([kind, 1, 0, 60, length].map(u16::to_be_bytes).concat());
        message.extend(content);
    }
    message
}
