//! PLAIN (RFC 4616): the password as it is, for where nobody can read along or it is meant.

use zeroize::Zeroizing;

/// The only message of the exchange: nobody else to act as, the user, the password. Wiped on drop,
/// and never grown, which would leave a copy behind.
pub(crate) fn message(user: &str, password: &str) -> Zeroizing<Vec<u8>> {
    let mut message = Zeroizing::new(Vec::with_capacity(user.len() + password.len() + 2));
    for part in [user, password] {
        message.push(0);
        message.extend_from_slice(part.as_bytes());
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_stand_behind_zeros_and_nothing_grew() {
        let message = message("u", "pä");
        assert_eq!(&message[..], "\0u\0pä".as_bytes());
        assert_eq!(message.capacity(), message.len());
    }
}
