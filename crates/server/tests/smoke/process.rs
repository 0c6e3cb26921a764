//! The real binary, in a folder of its own.

use datastore_testkit::snapshot;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_datastore-api");

/// Longest life of a process: a test that hangs fails by it.
const LIFETIME: Duration = Duration::from_secs(60);

/// A folder that processes run in, empty at first.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("in a folder")).expect(name);
        fs::write(path, text).expect(name);
    }

    /// Permission bits of a file or folder.
    pub(crate) fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).expect(name).permissions().mode() & 0o7777
    }

    pub(crate) fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).expect(name);
    }

    /// A command of the binary, in this folder, with port 0 and a generous umask.
    fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", "umask 000; exec \"$0\" \"$@\"", BINARY])
            .args(arguments)
            .current_dir(self.0.path())
            .env("DATASTORE_API__HTTP__BIND", "127.0.0.1:0")
            .env("DATASTORE_API__HTTP__WORKERS", "1")
            .envs(variables.iter().copied())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = self.command(arguments, variables);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("the binary starts");
        let _watch = watch(&child);
        child.wait_with_output().expect("it ends")
    }

    /// Runs a command that succeeds; what it printed on standard output.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, &[]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Runs a command that is refused, and proves that nothing on disk was touched; its one line.
    pub(crate) fn refused(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let before = snapshot(self.0.path());
        let output = self.run(arguments, variables);
        let errors = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(output.stdout.is_empty());
        assert_eq!(errors.matches('\n').count(), 1, "{errors}");
        assert!(before == snapshot(self.0.path()), "the folder was changed: {errors}");
        errors
    }

    /// Starts the server and waits until it says that it listens.
    pub(crate) fn serve(&self) -> Server {
        let mut command = self.command(&["serve"], &[]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the binary starts");
        let watch = watch(&child);
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut server =
            Server { child, stderr, log: String::new(), address: String::new(), watch };
        let line = server.await_line("listening on");
        server.address = line["address"].as_str().expect("an address").to_owned();
        server
    }
}

/// Kills the process after its longest life, unless the sender is dropped before.
fn watch(child: &Child) -> mpsc::Sender<()> {
    let pid = pid(child);
    let (sender, receiver) = mpsc::channel::<()>();
    thread::spawn(move || {
        if receiver.recv_timeout(LIFETIME) == Err(mpsc::RecvTimeoutError::Timeout) {
            // It may have ended just now.
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    sender
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed()).expect("a process id")
}

/// A server that listens.
pub(crate) struct Server {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// What it logged so far.
    pub(crate) log: String,
    address: String,
    #[expect(dead_code, reason = "held for its drop")]
    watch: mpsc::Sender<()>,
}

impl Server {
    /// Reads the log until a message contains `text`.
    pub(crate) fn await_line(&mut self, text: &str) -> Value {
        loop {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).expect("UTF-8");
            assert!(read > 0, "no line with {text:?} in:\n{}", self.log);
            self.log.push_str(&line);
            let line: Value = serde_json::from_str(&line).expect("a line of JSON");
            if line["message"].as_str().is_some_and(|message| message.contains(text)) {
                return line;
            }
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        #[expect(clippy::disallowed_methods, reason = "the client of a test")]
        TcpStream::connect(&self.address).expect("it listens")
    }

    /// Status of the answer to a GET.
    pub(crate) fn get(&self, path: &str, token: Option<&str>) -> u16 {
        self.request("GET", path, token, "")
    }

    /// Status of the answer to a request.
    pub(crate) fn request(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> u16 {
        let authorization =
            token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let length = body.len();
        let mut stream = self.connect();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{authorization}\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    /// The soft and hard limit of core files, in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn core_limit(&self) -> Vec<String> {
        let path = format!("/proc/{}/limits", self.child.id());
        let limits = fs::read_to_string(path).expect("readable");
        let line = limits.lines().find(|line| line.starts_with("Max core file size"));
        let columns = line.expect("a limit").split_whitespace().skip(4).take(2);
        columns.map(str::to_owned).collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(pid(&self.child), signal).expect("it runs");
    }

    /// Waits for the end; what was logged stands in `log`.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.stderr.read_to_string(&mut self.log).expect("UTF-8");
        self.child.wait().expect("it ends")
    }

    /// Stops it as a supervisor does.
    pub(crate) fn stop(mut self) -> String {
        self.signal(Signal::TERM);
        let status = self.wait();
        assert!(status.success(), "{status}\n{}", self.log);
        std::mem::take(&mut self.log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
