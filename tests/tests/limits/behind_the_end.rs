//! T33: after an answer that ends the connection nothing more is carried out.

use crate::wire::Wire;
use datastore_tests::{DATASTORES, TestServer, by_parts};

#[test]
fn t33_a_request_behind_the_end_of_its_connection_is_not_carried_out() {
    let server = TestServer::start();
    let token = server.editor.token().expect("an editor's token");
    let body = by_parts("behind").to_string();
    let create = format!(
        "POST {DATASTORES} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let asked = "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let unread = "GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let refused =
        format!("DELETE {DATASTORES}1/ HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{{}}");
    for first in [asked, unread, &refused] {
        let mut wire = Wire::to(server.address());
        assert!(wire.send(format!("{first}{create}").as_bytes()));
        let answers = String::from_utf8(wire.until_closed().0).expect("text").to_lowercase();
        assert!(answers.contains("connection: close"), "{answers}");
        assert!(!answers.contains("http/1.1 201"), "{answers}");
        assert_eq!(server.viewer.get(DATASTORES).json()["count"], 0, "{first}");
    }
}
