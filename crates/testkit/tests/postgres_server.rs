//! The server of a test's own keeps its data through all that is done to it.

use datastore_testkit::PostgresServer;

#[test]
fn comes_back_with_its_data_on_the_same_port() {
    let mut server = PostgresServer::start();
    let (port, count) = (server.port(), "SELECT count(*) FROM kept");
    server.execute("postgres", "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)");
    server.kill();
    server.start_again();
    assert_eq!(server.execute("postgres", count), "1");
    server.stop();
    server.start_again();
    server.freeze();
    server.thaw();
    assert_eq!(server.execute("postgres", count), "1");
    assert_eq!(server.port(), port);
}

#[test]
fn ends_with_its_value_even_when_frozen() {
    let server = PostgresServer::start_with(&["fsync=off"]);
    assert_eq!(server.execute("postgres", "SHOW fsync; SELECT 1, 2"), "off\n1|2");
    let port = server.port();
    server.freeze();
    drop(server);
    std::net::TcpListener::bind(("127.0.0.1", port)).expect("nothing listens any more");
}
