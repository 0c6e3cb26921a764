//! A PostgreSQL server of a test's own.

use crate::port::free_port;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longest wait for the server to start or to end; a start after a crash replays the log.
const PATIENCE: Duration = Duration::from_secs(60);

/// A PostgreSQL server on a port of its own, with data of its own, that a test may stop, kill,
/// freeze and start again. Its end is that of this value.
///
/// The only account is the superuser `postgres`, with a password, by SCRAM. Every method blocks
/// until what it says is done.
#[derive(Debug)]
pub struct PostgresServer {
    // Declared first: the server ends before its data go.
    process: Option<Process>,
    folder: tempfile::TempDir,
    port: u16,
    options: Vec<String>,
}

impl PostgresServer {
    /// Password of the superuser, made of the characters that break careless handling of URLs.
    pub const PASSWORD: &str = "p@ss:w/rd%20#?";
    const PASSWORD_IN_URL: &str = "p%40ss%3Aw%2Frd%2520%23%3F";

    /// A new server that answers; `fsync` is on, as in production.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is not installed below `/usr/lib/postgresql`, or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// As [`PostgresServer::start`], with settings (`fsync=off`), also of each later start.
    ///
    /// # Panics
    ///
    /// As [`PostgresServer::start`].
    #[must_use]
    pub fn start_with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        make_data(folder.path());
        let options = settings.iter().map(|&setting| setting.to_owned()).collect();
        let mut server = Self { process: None, folder, port: free_port(), options };
        for _ in 0..5 {
            if server.try_start() {
                return server;
            }
            // Another test took the port first.
            server.port = free_port();
        }
        panic!("PostgreSQL did not start:\n{}", server.log());
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of `database` for the superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url_at(self.port, database)
    }

    /// As [`PostgresServer::url`], through a proxy on another port.
    #[must_use]
    pub fn url_at(&self, port: u16, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{port}/{database}", Self::PASSWORD_IN_URL)
    }

    /// Runs SQL as the superuser, each statement by itself, and gives what it answers: a line for
    /// each row, columns separated by `|`.
    ///
    /// # Panics
    ///
    /// When the server refuses it.
    pub fn execute(&self, database: &str, sql: &str) -> String {
        let output = Command::new(program("psql"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres"])
            .args(["-d", database, "-qAtX", "-v", "ON_ERROR_STOP=1", "-f", "-"])
            .env("PGPASSWORD", Self::PASSWORD)
            .env("PGSSLMODE", "disable")
            .stdin(self.file_with(sql))
            .output()
            .expect("psql can be run");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {errors}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    fn file_with(&self, text: &str) -> File {
        let path = tempfile::Builder::new().tempfile_in(self.folder.path()).expect("a file");
        fs::write(path.path(), text).expect("writes");
        path.reopen().expect("opens")
    }

    /// Stops it as an administrator does (`fast`): sessions are told and ended, data are safe.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.thaw();
            process.end(Signal::INT);
        }
    }

    /// Kills all its processes at once, as the end of its machine would.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            let children = process.children();
            process.signal(Signal::KILL);
            for child in &children {
                send(*child, Signal::KILL);
            }
            process.await_end();
            await_true("the server's processes end", || children.iter().all(|child| !runs(*child)));
        }
    }

    /// Starts it again after [`PostgresServer::stop`] or [`PostgresServer::kill`], on the same port,
    /// and waits until it answers.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs");
        assert!(self.try_start(), "PostgreSQL did not start again:\n{}", self.log());
    }

    /// Starts it again after [`PostgresServer::stop`] as a standby, whose primary is away: it is in
    /// recovery for good, and answers what only reads.
    ///
    /// # Panics
    ///
    /// As [`PostgresServer::start_again`].
    pub fn start_again_as_standby(&mut self) {
        fs::write(self.data().join("standby.signal"), "").expect("its folder is ours");
        self.start_again();
    }

    /// Freezes all its processes: connections are taken by the kernel, and nothing is answered.
    pub fn freeze(&self) {
        let process = self.process.as_ref().expect("it runs");
        // The one that makes the others first.
        process.signal(Signal::STOP);
        for child in process.children() {
            send(child, Signal::STOP);
        }
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.process.as_ref().expect("it runs").thaw();
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts it, and waits; `false` when it ended instead.
    fn try_start(&mut self) -> bool {
        let log = File::options().append(true).create(true).open(self.log_file());
        let log = log.expect("its folder is ours");
        let mut command = as_ordinary_user("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        let own = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=16MB"];
        for setting in own.into_iter().chain(self.options.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stderr(log.try_clone().expect("a descriptor")).stdout(log);
        let mut process = Process(command.spawn().expect("PostgreSQL can be run"));
        let status = self.data().join("postmaster.pid");
        let mut ended = false;
        await_true("PostgreSQL starts", || {
            ended = process.has_ended();
            ended || is_ready(&status, process.0.id())
        });
        self.process = (!ended).then_some(process);
        !ended
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Line 1 of `postmaster.pid` is the process, line 8 says how far it is: as `pg_ctl` looks.
fn is_ready(status: &Path, process: u32) -> bool {
    let text = fs::read_to_string(status).unwrap_or_default();
    let mut lines = text.lines();
    lines.next() == Some(process.to_string().as_str())
        && lines.nth(6).is_some_and(|state| state.trim() == "ready")
}

fn make_data(folder: &Path) {
    let password = folder.join("password");
    fs::write(&password, PostgresServer::PASSWORD).expect("writes");
    let output = as_ordinary_user("initdb")
        .arg("-D")
        .arg(folder.join("data"))
        .arg(format!("--pwfile={}", password.display()))
        .args(["-U", "postgres", "-A", "scram-sha-256", "--no-sync", "--no-instructions"])
        .args(["--encoding=UTF8", "--locale=C"])
        .output()
        .expect("initdb can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A program of the newest PostgreSQL that is installed.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        let path = version.path().join("bin").join(name);
        path.exists().then_some((number, path))
    });
    let newest = found.max().map(|(_, path)| path);
    newest.unwrap_or_else(|| panic!("{name} is missing: `scripts/databases up` installs it"))
}

/// PostgreSQL refuses to run as root; in a name space of users of its own it sees another.
fn as_ordinary_user(name: &str) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program(name));
    }
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-user=1000", "--map-group=1000"]).arg(program(name));
    command
}

/// The process that makes all others of the server.
#[derive(Debug)]
struct Process(Child);

impl Process {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    /// The processes that it has made and that run; each is the leader of a group of its own.
    fn children(&self) -> Vec<Pid> {
        let parent = self.0.id().to_string();
        let processes = fs::read_dir("/proc").expect("this is Linux").flatten();
        let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers
            .filter(|number| state(*number).is_some_and(|(_, of)| of == parent))
            .filter_map(Pid::from_raw)
            .collect()
    }

    fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    fn thaw(&self) {
        for child in self.children() {
            send(child, Signal::CONT);
        }
        self.signal(Signal::CONT);
    }

    fn end(self, signal: Signal) {
        self.signal(signal);
        self.await_end();
    }

    fn await_end(mut self) {
        await_true("PostgreSQL ends", || self.has_ended());
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("it is ours").is_some()
    }
}

/// State and parent of a process, as `/proc/N/stat` tells them after the name in parentheses.
fn state(process: i32) -> Option<(String, String)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').map(str::to_owned);
    Some((fields.next()?, fields.next()?))
}

/// Whether a process is there; one that only waits to be buried is not.
fn runs(process: Pid) -> bool {
    state(process.as_raw_pid()).is_some_and(|(state, _)| state != "Z")
}

/// A process that has ended meanwhile needs no signal.
fn send(process: Pid, signal: Signal) {
    let _ = kill_process(process, signal);
}

fn await_true(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        // The end of a process that is not our child, and a line in a file, wake nobody.
        sleep(Duration::from_millis(5));
    }
}
