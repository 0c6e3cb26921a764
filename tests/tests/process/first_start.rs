//! What the first start makes: usable whatever cuts it off, and private whatever the umask.

use datastore_tests::{
    CLOSED, Client, DATASTORES, Database, Process, as_user, by_parts, command, under, with,
};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, WatchFlags};
use serde_json::json;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::mem::MaybeUninit;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Changes of files from one killed first start to the next: the last of 25 comes to serve.
const CHANGES: usize = 3;

/// A process that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // Fails when it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The token of the file counts.
#[track_caller]
fn assert_usable(data: &Path, server: &Process) {
    let _ = server.admin().get(DATASTORES).expect(200);
    let mode = fs::metadata(data.join("admin-token")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

/// Kills a process when it has changed a folder, and the data folder in it, so many times, or serves.
fn kill_after(changes: usize, folder: &Path, start: impl FnOnce() -> Child) {
    let events = inotify::init(inotify::CreateFlags::CLOEXEC).expect("inotify");
    let all = WatchFlags::CREATE | WatchFlags::MODIFY | WatchFlags::ATTRIB | WatchFlags::MOVE;
    inotify::add_watch(&events, folder, all).expect("a watch");
    let mut process = Killed(start());
    let mut log = process.0.stderr.take().expect("piped");
    let (mut seen, mut said, mut buffer) = (0, String::new(), [MaybeUninit::uninit(); 4096]);
    while seen < changes && !said.contains("listening on") {
        let mut polled = [PollFd::new(&events, PollFlags::IN), PollFd::new(&log, PollFlags::IN)];
        poll(&mut polled, None).expect("it waits");
        let [changed, spoke] = polled.map(|polled| polled.revents());
        if spoke.contains(PollFlags::IN) {
            let mut text = [0; 4096];
            let length = log.read(&mut text).expect("its log");
            said.push_str(&String::from_utf8_lossy(&text[..length]));
        }
        assert!(!spoke.contains(PollFlags::HUP), "it ended: {said}");
        if changed.contains(PollFlags::IN) {
            let mut reader = inotify::Reader::new(&events, &mut buffer);
            loop {
                let event = reader.next().expect("an event");
                seen += 1;
                if event.file_name().is_some_and(|name| name.to_bytes() == b"data") {
                    // Whether it is there already is told by what comes next.
                    let _ = inotify::add_watch(&events, folder.join("data"), all);
                }
                if reader.is_buffer_empty() {
                    break;
                }
            }
        }
    }
    // Its log is read, or at least open, as long as it lives.
    drop(process);
}

/// Many moments: after so many changes of its files, up to the last one.
#[test]
fn a_first_start_that_is_killed_leaves_one_that_can_be_used() {
    for round in 0..25 {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let mut serve = command(&data, &["serve"]);
        let start = || serve.stderr(Stdio::piped()).spawn().expect("it runs");
        kill_after(CHANGES * round, folder.path(), start);
        let server = Process::serve(&data, &[]);
        assert_usable(&data, &server);
        let _ = server.admin().post(DATASTORES, &by_parts("first")).expect(201);
        let _ = server.terminate();
    }
}

#[test]
fn first_starts_at_the_same_moment_share_one_token() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let start = || Process::serve(&data, &[]);
        let servers: Vec<_> = std::thread::scope(|scope| {
            let started: Vec<_> = (0..3).map(|_| scope.spawn(start)).collect();
            started.into_iter().map(|server| server.join().expect("it starts")).collect()
        });
        for server in &servers {
            assert_usable(&data, server);
        }
        let mut database = Database::open(&data.join("datastore-api.db"));
        assert_eq!(database.number("SELECT count(*) AS value FROM tokens"), 1);
        // What one process seals another one opens: they share the keys.
        let (host, port) = CLOSED;
        let place = json!({"server": host, "port": port});
        let created = servers[0].admin().create_at(&with(by_parts("first"), place));
        let path = format!("{created}test-connection/");
        let tested = servers[2].admin().post(&path, &json!({})).expect(200).json();
        assert_eq!(tested["error"]["code"], "connection_refused");
    }
}

/// A token counts only once its file is there, so that no start ends with one that nobody knows.
#[test]
fn a_token_that_cannot_be_written_down_does_not_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let file = data.join("admin-token");
    fs::create_dir_all(&file).expect("made");
    let mut serve = command(&data, &["serve"]);
    let output = serve.stderr(Stdio::piped()).output().expect("it runs");
    let log = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success() && log.contains("remove it"), "{log}");
    fs::remove_dir(&file).expect("removed");
    let server = Process::serve(&data, &[]);
    assert_usable(&data, &server);
    let _ = server.terminate();
}

#[test]
fn a_token_that_others_could_read_is_not_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let file = data.join("admin-token");
    let server = Process::serve(&data, &[]);
    let _ = server.terminate();
    for name in ["datastore-api.db", "keys"] {
        fs::remove_file(data.join(name)).expect("removed");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("ours");
    let output = command(&data, &["serve"]).output().expect("it runs");
    let log = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success() && log.contains("admin-token` is there"), "{log}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("ours");
    let server = Process::serve(&data, &[]);
    assert_usable(&data, &server);
}

#[test]
fn t23_files_are_private_under_any_umask() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let open = |arguments: &[&str]| {
        let mut open = Command::new("sh");
        open.args(["-c", "umask 000; exec \"$@\"", "sh"]);
        under(open, &command(&data, arguments))
    };
    let mut server = Killed(open(&["serve"]).stderr(Stdio::piped()).spawn().expect("it runs"));
    let mut log = BufReader::new(server.0.stderr.take().expect("piped"));
    let mut address = None;
    let mut said = String::new();
    while address.is_none() {
        let mut line = String::new();
        assert!(log.read_line(&mut line).expect("text") > 0, "it ended: {said}");
        let place = line.split("listening on http://").nth(1);
        address = place.and_then(|place| place.split('"').next()?.parse().ok());
        said.push_str(&line);
    }
    let token = fs::read_to_string(data.join("admin-token")).expect("a token");
    let token = token.trim().to_owned();
    let client = Client::new(address.expect("an address"), Some(token.clone()));
    let _ = client.post(DATASTORES, &by_parts("first")).expect(201);
    assert!(open(&["backup", "copy.db"]).output().expect("it runs").status.success());
    let mode = |path: &Path| fs::metadata(path).expect("it is there").mode() & 0o7777;
    assert_eq!(mode(&data), 0o700);
    for name in
        ["datastore-api.db", "datastore-api.db-wal", "datastore-api.db-shm", "keys", "admin-token"]
    {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
    assert_eq!(mode(&folder.path().join("copy.db")), 0o600);
    let keys = fs::read_to_string(data.join("keys")).expect("keys");
    let key = keys.trim().split(':').nth(1).expect("a key");
    drop(server);
    for line in log.lines() {
        said.push_str(&line.expect("text"));
    }
    assert!(!said.contains(&token) && !said.contains(key), "{said}");
}

#[test]
fn t44_a_pipe_in_place_of_the_first_token_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("made");
    let pipe = Command::new("mkfifo").args(["-m", "600"]).arg(data.join("admin-token")).status();
    assert!(pipe.expect("it runs").success());
    let output = command(&data, &["serve"]).output().expect("it ends");
    let line = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && line.contains("admin-token"), "{line}");
}

/// A process that is not to be dumped has files under /proc that belong to root.
#[cfg(target_os = "linux")]
#[test]
fn t23_memory_is_not_dumped() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut serve = command(&folder.path().join("data"), &["serve"]);
    if rustix::process::geteuid().is_root() {
        let stranger = 4343;
        chown(folder.path(), Some(stranger), Some(stranger)).expect("root may");
        serve = as_user(&serve, stranger, folder.path());
    }
    let mut server = Killed(serve.stderr(Stdio::piped()).spawn().expect("it runs"));
    let mut log = BufReader::new(server.0.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("listening on") {
        line.clear();
        assert!(log.read_line(&mut line).expect("text") > 0, "it ended");
    }
    let process = format!("/proc/{}", server.0.id());
    let limits = fs::read_to_string(format!("{process}/limits")).expect("readable");
    let core = limits.lines().find(|line| line.starts_with("Max core file size"));
    let core: Vec<_> = core.expect("a limit").split_whitespace().skip(4).take(2).collect();
    assert_eq!(core, ["0", "0"]);
    let owner = fs::metadata(format!("{process}/status")).expect("it runs").uid();
    drop(server);
    assert_eq!(owner, 0);
}
