//! T40: PostgreSQL stopped, frozen, killed and restarted under the load of two replicas.

use datastore_testkit::PostgresServer;
use datastore_tests::{Client, DATASTORES, Installation, Process, Request, Response, by_parts};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;
use std::time::{Duration, Instant};

/// 100 requests a second.
const PACE: Duration = Duration::from_millis(10);
/// Between two looks of those who watch.
const LOOK: Duration = Duration::from_millis(50);
/// What the threat allows a server to take until it answers requests again.
const RETURN: Duration = Duration::from_secs(5);
/// Two processors may be busy with other tests.
const ALLOWANCE: Duration = Duration::from_secs(1);
/// When waiting for answers is given up; what is missing then fails the test.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Worker threads of a replica, each with threads of its own for blocking work.
const WORKERS: usize = 2;
/// Threads that may come on top while the database is away: ten pieces of work may be stuck in the
/// pool, each in a thread of the worker that began it, and the other workers' threads and those of
/// the process itself rest for ten seconds before they end; a few look for the database's return.
const MORE_THREADS: usize = 10 * (WORKERS + 1) + 6;

/// One request, and what became of it.
struct Sent {
    /// Which replica it went to.
    replica: usize,
    what: String,
    begun: Instant,
    ended: Instant,
    answer: Option<Response>,
}

impl Sent {
    fn went_well(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.status < 300)
    }

    /// Insists that the answer says that the database is away, in time.
    #[track_caller]
    fn assert_unavailable(&self, within: Duration) {
        let answer = self.answer.as_ref().unwrap_or_else(|| panic!("{}: no answer", self.what));
        answer.problem(503, "storage_unavailable");
        assert!(answer.header("retry-after").is_some(), "{}", self.what);
        let took = self.ended - self.begun;
        assert!(took <= within + ALLOWANCE, "{}: {took:?}", self.what);
    }
}

/// What was sent and has ended.
#[derive(Default)]
struct Log {
    sent: Mutex<Vec<Sent>>,
    grown: Condvar,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<Sent>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, sent: Sent) {
        self.lock().push(sent);
        self.grown.notify_all();
    }

    /// Waits until `enough` of what was sent has come back, `limit` at most.
    fn wait_for(&self, limit: Duration, enough: impl Fn(&[Sent]) -> bool) {
        let waited = self.grown.wait_timeout_while(self.lock(), limit, |sent| !enough(sent));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn into_inner(self) -> Vec<Sent> {
        self.sent.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the load and those who watch that it is over.
#[derive(Default)]
struct Over {
    is_over: Mutex<bool>,
    told: Condvar,
}

impl Over {
    fn tell(&self) {
        *self.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.told.notify_all();
    }

    /// Waits to be told, until `next` at most; whether it is over.
    fn told_before(&self, next: Instant) -> bool {
        let is_over = self.is_over.lock().unwrap_or_else(PoisonError::into_inner);
        let left = next.saturating_duration_since(Instant::now());
        let waited = self.told.wait_timeout_while(is_over, left, |is_over| !*is_over);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// When what happened to the database.
struct Times {
    /// It began to go.
    going: Instant,
    gone: Instant,
    /// It began to come back.
    coming: Instant,
    back: Instant,
}

/// The load and those who watch, while they run.
struct Watch<'a> {
    replicas: [Replica<'a>; 2],
    path: String,
    over: Over,
    sent: Log,
    probes: Log,
}

struct Replica<'a> {
    server: &'a Process,
    admin: Client,
    most_threads: AtomicUsize,
}

fn send(replica: usize, request: Request) -> Sent {
    let what = request.line();
    let begun = Instant::now();
    let answer = request.try_send();
    Sent { replica, what, begun, ended: Instant::now(), answer }
}

fn threads_of(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let count = status.lines().find_map(|line| line.strip_prefix("Threads:"));
    count.and_then(|count| count.trim().parse().ok()).expect("the process runs")
}

impl<'a> Watch<'a> {
    /// Each kind of request goes to each replica in turn.
    fn replica_of(&self, number: usize) -> usize {
        number / 6 % self.replicas.len()
    }

    fn request(&self, number: usize) -> Request {
        let admin = &self.replicas[self.replica_of(number)].admin;
        match number % 6 {
            0 => admin.request("GET", DATASTORES),
            1 => admin.request("GET", &self.path),
            2 => admin.request("POST", DATASTORES).json(&by_parts(&format!("n{number}"))),
            3 => {
                let change = json!({"description": number.to_string()});
                admin.request("PATCH", &self.path).json(&change)
            }
            4 => admin.request("GET", &format!("{}performance/", self.path)),
            _ => admin.request("GET", &format!("{}current-datasets/", self.path)),
        }
    }

    /// Sends at an even pace, whether earlier requests were answered or not.
    fn load<'s>(&'s self, scope: &'s Scope<'s, '_>) {
        let begun = Instant::now();
        for number in 0.. {
            scope.spawn(move || {
                self.sent.keep(send(self.replica_of(number), self.request(number)));
            });
            let next = begun + PACE * u32::try_from(number + 1).expect("few");
            if self.over.told_before(next) {
                return;
            }
        }
    }

    fn probe(&self, at: usize) {
        let replica = &self.replicas[at];
        let anonymous = Client::new(replica.server.address(), None);
        loop {
            for target in ["/livez", "/readyz"] {
                self.probes.keep(send(at, anonymous.request("GET", target)));
            }
            replica.most_threads.fetch_max(threads_of(replica.server.pid()), Ordering::SeqCst);
            if self.over.told_before(Instant::now() + LOOK) {
                return;
            }
        }
    }

    /// Waits until `count` requests that began from now on were answered, well or not.
    fn wait_for_answers(&self, count: usize) {
        let from = Instant::now();
        let enough = |sent: &[Sent]| sent.iter().filter(|sent| sent.begun >= from).count() >= count;
        self.sent.wait_for(GIVE_UP, enough);
    }
}

/// Runs `outage` under load; each answer is in time, right, and the last one that fails comes
/// before the first one that goes well again. `limit` is how long an answer may take meanwhile.
fn under_load(limit: Duration, outage: impl FnOnce(&mut PostgresServer, &Watch<'_>) -> Times) {
    let mut postgres = PostgresServer::start_with(&["fsync=off"]);
    let installation = Installation::in_database(postgres.url("postgres"));
    // The defaults are what is tested, on any number of processors.
    let settings = [
        ("DATASTORE_API__DATABASE__POOL_WAIT_MS", "1000"),
        ("DATASTORE_API__HTTP__WORKERS", &WORKERS.to_string()),
    ];
    let servers = [(); 2].map(|()| installation.serve(&settings));
    let token = installation.token("admin");
    let replicas = servers.each_ref().map(|server| Replica {
        server,
        admin: Client::new(server.address(), Some(token.clone())),
        most_threads: AtomicUsize::new(0),
    });
    let watch = Watch {
        path: replicas[0].admin.create_at(&by_parts("a")),
        replicas,
        over: Over::default(),
        sent: Log::default(),
        probes: Log::default(),
    };
    let most_threads = || watch.replicas.each_ref().map(|r| r.most_threads.load(Ordering::SeqCst));
    let (times, threads) = std::thread::scope(|scope| {
        let watch = &watch;
        scope.spawn(move || watch.load(scope));
        for at in 0..watch.replicas.len() {
            scope.spawn(move || watch.probe(at));
        }
        watch.wait_for_answers(100);
        let threads = most_threads();
        let times = outage(&mut postgres, watch);
        watch.sent.wait_for(GIVE_UP, |sent| {
            (0..watch.replicas.len()).all(|at| {
                sent.iter()
                    .any(|sent| sent.replica == at && sent.begun > times.gone && sent.went_well())
            })
        });
        // What fails after the first success would do so now.
        watch.wait_for_answers(200);
        watch.over.tell();
        (times, threads)
    });
    for (before, most) in threads.into_iter().zip(most_threads()) {
        assert!(most <= before + MORE_THREADS, "{before} threads before, {most} at most");
    }
    let (sent, probes) = (watch.sent.into_inner(), watch.probes.into_inner());
    for (at, server) in servers.into_iter().enumerate() {
        assert_answers(&of_replica(&sent, at), &times, limit);
        assert_probes(&of_replica(&probes, at), &times, limit);
        let log = server.terminate();
        assert!(!log.contains("panicked"), "{log}");
    }
}

fn of_replica(all: &[Sent], at: usize) -> Vec<&Sent> {
    all.iter().filter(|sent| sent.replica == at).collect()
}

/// The end of the first request that began when the database was gone and went well.
#[track_caller]
fn first_success(sent: &[&Sent], times: &Times) -> Instant {
    let well = sent.iter().filter(|sent| sent.begun > times.gone && sent.went_well());
    well.map(|sent| sent.ended).min().expect("a request goes well again")
}

#[track_caller]
fn assert_answers(sent: &[&Sent], times: &Times, limit: Duration) {
    let first = first_success(sent, times);
    let took = first.saturating_duration_since(times.back);
    assert!(took <= RETURN + ALLOWANCE, "the first success came after {took:?}");
    let mut unavailable = 0;
    for sent in sent {
        let status = sent.answer.as_ref().map(|answer| answer.status);
        if sent.begun > first || sent.ended < times.going {
            let after = sent.begun.saturating_duration_since(first);
            let what = format!("{}: {status:?} {after:?} after the first success", sent.what);
            assert!(sent.went_well(), "{what}, while the database is there");
        } else if sent.begun > times.gone && sent.ended < times.coming {
            sent.assert_unavailable(limit);
            unavailable += 1;
        } else if !sent.went_well() {
            sent.assert_unavailable(limit);
        }
    }
    assert!(unavailable > 25 || times.gone == times.coming, "hardly any: {unavailable}");
}

#[track_caller]
fn assert_probes(probes: &[&Sent], times: &Times, limit: Duration) {
    let mut unready = 0;
    for probe in probes {
        let status = probe.answer.as_ref().map(|answer| answer.status);
        if probe.what == "GET /livez" {
            assert_eq!(status, Some(200), "livez");
            let took = probe.ended - probe.begun;
            assert!(took <= ALLOWANCE, "livez took {took:?}");
        } else if probe.begun > times.gone && probe.ended < times.coming {
            assert_eq!(status, Some(503), "readyz");
            let took = probe.ended - probe.begun;
            assert!(took <= limit + ALLOWANCE, "readyz took {took:?}");
            unready += 1;
        }
    }
    assert!(unready > 0 || times.gone == times.coming, "readyz was never asked");
    let last = probes.iter().rfind(|probe| probe.what == "GET /readyz").expect("probes");
    assert!(last.went_well(), "readyz stays red");
}

/// Takes the database away, has `requests` answered meanwhile, and brings it back.
fn away(
    postgres: &mut PostgresServer,
    watch: &Watch<'_>,
    take: impl FnOnce(&mut PostgresServer),
    requests: usize,
    bring: impl FnOnce(&mut PostgresServer),
) -> Times {
    let going = Instant::now();
    take(postgres);
    let gone = Instant::now();
    watch.wait_for_answers(requests);
    let coming = if requests == 0 { gone } else { Instant::now() };
    bring(postgres);
    Times { going, gone, coming, back: Instant::now() }
}

/// What refuses connections is answered for within 2 s.
const REFUSED: Duration = Duration::from_secs(2);
/// What takes connections and says nothing, within 5 s.
const FROZEN: Duration = Duration::from_secs(5);

#[test]
fn t40_a_stopped_database_is_503_and_its_return_is_noticed() {
    under_load(REFUSED, |postgres, watch| {
        away(postgres, watch, PostgresServer::stop, 400, PostgresServer::start_again)
    });
}

#[test]
fn t40_a_killed_database_is_503_and_its_return_is_noticed() {
    under_load(REFUSED, |postgres, watch| {
        away(postgres, watch, PostgresServer::kill, 400, PostgresServer::start_again)
    });
}

#[test]
fn t40_a_restarted_database_is_noticed() {
    under_load(REFUSED, |postgres, watch| {
        away(postgres, watch, PostgresServer::stop, 0, PostgresServer::start_again)
    });
}

#[test]
fn t40_a_frozen_database_is_503_and_its_thaw_is_noticed() {
    under_load(FROZEN, |postgres, watch| away(postgres, watch, |p| p.freeze(), 700, |p| p.thaw()));
}
