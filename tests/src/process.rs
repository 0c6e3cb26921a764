//! The binary as a process.

use crate::Client;
use rustix::process::{Pid, Signal};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};

/// The binary that cargo built beside the tests.
///
/// # Panics
///
/// When it is missing or older than its sources: `cargo test --workspace` builds it, a test of this
/// package alone does not.
#[must_use]
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the test");
    // target/PROFILE/deps/TEST
    let folder = test.parent().and_then(Path::parent).expect("a folder above the test's");
    let binary = folder.join("datastore-api");
    let remedy = "run `make test`, or `cargo build -p datastore-api` first";
    assert!(binary.is_file(), "{} is missing: {remedy}", binary.display());
    if let Some(source) = newer_source(&binary) {
        panic!("{} is older than {source}: {remedy}", binary.display());
    }
    binary
}

/// A source that was changed after `binary` was made of it, by cargo's list of them. `cargo build`
/// writes the list and `cargo test` does not, so it may be that of another checkout with the same
/// target folder.
fn newer_source(binary: &Path) -> Option<String> {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let list = std::fs::read_to_string(binary.with_extension("d")).ok()?;
    let (_, sources) = list.split_once(": ")?;
    let made = changed(binary)?;
    // A space in a name is written with a backslash before it.
    let sources = sources.replace("\\ ", "\0");
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let sources = sources.split_whitespace().map(|name| name.replace('\0', " "));
    let mut ours = sources.filter(|name| Path::new(name).starts_with(checkout));
    ours.find(|name| changed(Path::new(name)).is_none_or(|time| time > made))
}

/// A command of the binary that keeps its data in `data_dir`; nothing of our environment gets in.
#[must_use]
pub fn command(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .env_clear()
        .env("DATASTORE_API__DATA_DIR", data_dir)
        .env("DATASTORE_API__HTTP__BIND", "127.0.0.1:0")
        // No settings of the checkout.
        .current_dir(data_dir.parent().expect("the data folder lies in one"))
        .stdin(Stdio::null());
    command
}

/// The same command with another resolver: names are looked up in `/etc/hosts` and by the name
/// server that `resolv_conf` names, as in a container of its own.
///
/// # Panics
///
/// When the files for it cannot be written.
#[must_use]
pub fn with_resolver(plain: &Command, resolv_conf: &str) -> Command {
    let folder = plain.get_current_dir().expect("every command has one");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).expect("a file in our folder");
    };
    write("resolv.conf", resolv_conf);
    write("nsswitch.conf", "hosts: files dns\n");
    // Root of a namespace of its own may do this, whoever runs the tests. It ends as the command:
    // the same process.
    let script = "for file in resolv.conf nsswitch.conf; do \
                  mount --bind $file /etc/$file || exit; done; exec \"$@\"";
    let mut own = Command::new("unshare");
    own.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    under(own, plain)
}

/// The same command as a user who may not enter the folder of the binary: with a copy in `place`,
/// which that user can enter.
///
/// # Panics
///
/// When the copy cannot be made.
#[must_use]
pub fn as_user(command: &Command, user: u32, place: &Path) -> Command {
    let copy = place.join("datastore-api");
    std::fs::copy(command.get_program(), &copy).expect("the binary is copied");
    let mut theirs = Command::new(copy);
    theirs
        .args(command.get_args())
        .env_clear()
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(command.get_current_dir().expect("every command has one"))
        .stdin(Stdio::null())
        .uid(user)
        .gid(user);
    theirs
}

/// `tool`, to run `command` by: with its program and arguments behind the tool's own, in its
/// environment and folder.
///
/// # Panics
///
/// When `command` has no folder.
#[must_use]
pub fn under(mut tool: Command, command: &Command) -> Command {
    tool.arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(command.get_current_dir().expect("every command has one"))
        .stdin(Stdio::null());
    tool
}

/// `datastore-api serve`, killed on drop.
#[derive(Debug)]
pub struct Process {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
    reader: Option<std::thread::JoinHandle<()>>,
    data_dir: PathBuf,
    /// What it was started with, beside what [`command`] sets.
    variables: Vec<(String, String)>,
}

impl Process {
    /// Starts the server and waits until it says where it listens.
    ///
    /// # Panics
    ///
    /// When it ends before.
    #[must_use]
    pub fn serve(data_dir: &Path, variables: &[(&str, &str)]) -> Self {
        Self::start(command(data_dir, &["serve"]), data_dir, variables)
    }

    /// As [`Process::serve`], under `strace`, which writes the system calls of all threads that
    /// `calls` lists into `trace`, with the files and addresses that they are about.
    ///
    /// # Panics
    ///
    /// As [`Process::serve`].
    #[must_use]
    pub fn serve_traced(data_dir: &Path, calls: &str, trace: &Path) -> Self {
        let plain = command(data_dir, &["serve"]);
        let mut traced = Command::new("strace");
        // The tracer steps aside (-D): the child is the server, as without it.
        traced.args(["-D", "-f", "-yy", "-s", "16", "-e", &format!("trace={calls}"), "-o"]);
        traced.arg(trace);
        Self::start(under(traced, &plain), data_dir, &[])
    }

    /// As [`Process::serve`], [with another resolver](with_resolver).
    ///
    /// # Panics
    ///
    /// As [`Process::serve`].
    #[must_use]
    pub fn serve_with_resolver(
        data_dir: &Path,
        resolv_conf: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let command = with_resolver(&command(data_dir, &["serve"]), resolv_conf);
        Self::start(command, data_dir, variables)
    }

    fn start(mut command: Command, data_dir: &Path, variables: &[(&str, &str)]) -> Self {
        command.env("DATASTORE_API__LOG__FORMAT", "json").envs(variables.iter().copied());
        let child = command.stdout(Stdio::inherit()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the binary runs");
        let stderr = BufReader::new(child.stderr.take().expect("standard error is piped"));
        let log = Arc::new(Mutex::new(String::new()));
        let (found, address) = mpsc::channel();
        let lines = log.clone();
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if let Some(address) = listening(&line) {
                    let _ = found.send(address);
                }
                let mut log = lines.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
        });
        let text = || log.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let address = address.recv().unwrap_or_else(|_| panic!("the server ended: {}", text()));
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables = variables.iter().map(owned).collect();
        let data_dir = data_dir.to_owned();
        Self { child, address, log, reader: Some(reader), data_dir, variables }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client with the token that the first start left in the data folder.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn admin(&self) -> Client {
        let token = std::fs::read_to_string(self.data_dir.join("admin-token"));
        Client::new(self.address, Some(token.expect("an admin token").trim().to_owned()))
    }

    /// A client with a new token, made by the command line.
    #[must_use]
    pub fn client(&self, role: &str) -> Client {
        let mut command = token_command(&self.data_dir, role, &[]);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        Client::new(self.address, Some(made_token(command)))
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`
    pub fn kill(mut self) -> String {
        self.child.kill().expect("the process is ours");
        self.end()
    }

    /// Sends a signal.
    ///
    /// # Panics
    ///
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        rustix::process::kill_process(pid.expect("a process id"), signal).expect("it is ours");
    }

    /// Waits for the end; its exit code, and everything that was logged.
    #[must_use]
    pub fn wait(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().expect("it is ours");
        (status.code(), self.end())
    }

    /// SIGTERM; returns everything that was logged.
    ///
    /// # Panics
    ///
    /// When it does not end with success.
    #[must_use]
    pub fn terminate(self) -> String {
        self.signal(Signal::TERM);
        let (code, log) = self.wait();
        assert_eq!(code, Some(0), "{log}");
        log
    }

    fn end(&mut self) -> String {
        drop(self.child.wait());
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The address in the one line that says where the server listens.
fn listening(line: &str) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let message = line["message"].as_str()?.strip_prefix("listening on http://")?;
    message.parse().ok()
}

/// Makes a token on the command line.
///
/// # Panics
///
/// When the command fails, or prints anything but the token.
#[must_use]
pub fn token(data_dir: &Path, role: &str, more: &[&str]) -> String {
    made_token(token_command(data_dir, role, more))
}

/// The command that makes a token.
pub(crate) fn token_command(data_dir: &Path, role: &str, more: &[&str]) -> Command {
    command(data_dir, &[&["token", "create", "--name", role, "--role", role], more].concat())
}

/// Runs a [`token_command`].
#[track_caller]
pub(crate) fn made_token(mut command: Command) -> String {
    let output = command.output().expect("the binary runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let text = String::from_utf8(output.stdout).expect("a token is text");
    let token = text.strip_suffix('\n').expect("one line");
    assert!(token.starts_with("dsa_") && !token.contains(char::is_whitespace), "{error}");
    token.to_owned()
}
