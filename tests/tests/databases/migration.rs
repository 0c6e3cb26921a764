//! T38: replicas that start at once on an empty database.

use datastore_tests::{Backend, Client, DATASTORES, Installation, Process, by_parts};
use std::sync::Barrier;

const REPLICAS: usize = 4;

/// Binaries, since replicas are processes. A second migration would find its tables there already,
/// and its replica would not start.
#[test]
fn t38_four_replicas_migrate_an_empty_database_once_and_all_serve() {
    for _ in 0..3 {
        let installation = Installation::empty(Backend::Postgres);
        let start = Barrier::new(REPLICAS);
        let replicas: Vec<Process> = std::thread::scope(|scope| {
            let starting: Vec<_> = (0..REPLICAS)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        installation.serve(&[])
                    })
                })
                .collect();
            starting.into_iter().map(|replica| replica.join().expect("it serves")).collect()
        });
        let token = installation.token("admin");
        let clients: Vec<_> = replicas
            .iter()
            .map(|replica| Client::new(replica.address(), Some(token.clone())))
            .collect();
        for (at, client) in clients.iter().enumerate() {
            let path = client.create_at(&by_parts(&format!("of {at}")));
            for other in &clients {
                let _ = other.get("/readyz").expect(200);
                let _ = other.get(&path).expect(200);
                assert_eq!(other.get(DATASTORES).json()["count"], at + 1);
            }
        }
        for replica in replicas {
            let log = replica.terminate();
            assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
        }
    }
}
