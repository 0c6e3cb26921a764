//! The server's library on a free port, on a database of its own or beside others on one.

use crate::{Backend, Client, Database, Installation};
use datastore_api::{Application, Author, Settings};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The roles, from the least to the most.
pub const ROLES: [&str; 4] = ["viewer", "matcher", "editor", "admin"];

/// A running server; stopped and removed with all it stored on drop.
#[derive(Debug)]
pub struct TestServer {
    /// Presents no token.
    pub anonymous: Client,
    /// Presents a viewer's token.
    pub viewer: Client,
    /// Presents a matcher's token.
    pub matcher: Client,
    /// Presents an editor's token.
    pub editor: Client,
    /// Presents an admin's token.
    pub admin: Client,
    running: Option<Running>,
    installation: Arc<Installation>,
}

#[derive(Debug)]
struct Running {
    /// The server stops when this is dropped.
    errands: UnboundedSender<Errand>,
    thread: JoinHandle<()>,
}

/// What is done beside serving.
#[derive(Debug)]
enum Errand {
    Make { role: &'static str, expired: bool, reply: mpsc::Sender<Token> },
    Revoke { number: usize, reply: mpsc::Sender<()> },
}

/// What the server's thread tells when it serves.
struct Started {
    address: SocketAddr,
}

/// A token beside those of [`ROLES`].
#[derive(Clone, Debug)]
pub struct Token {
    /// What is presented.
    pub text: String,
    number: usize,
}

impl TestServer {
    /// Starts a server with the defaults, on the database of this test target.
    #[must_use]
    pub fn start() -> Self {
        Self::with("")
    }

    /// Starts a server with `settings` on top: lines of TOML with whole keys, such as
    /// `http.workers = 4`; on the database of this test target.
    #[must_use]
    pub fn with(settings: &str) -> Self {
        Self::on(Backend::of_this_target(), settings)
    }

    /// Starts a server on a database of its own.
    #[must_use]
    pub fn on(backend: Backend, settings: &str) -> Self {
        Self::at(Arc::new(Installation::new(backend)), settings)
    }

    /// Starts another server on the same database, beside this one.
    #[must_use]
    pub fn replica(&self, settings: &str) -> Self {
        Self::at(self.installation.clone(), settings)
    }

    /// # Panics
    ///
    /// When the server does not start.
    fn at(installation: Arc<Installation>, settings: &str) -> Self {
        let mut text = format!("{}{settings}\n", installation.settings());
        for (key, value) in [
            ("http.bind", "'127.0.0.1:0'"),
            ("http.workers", "2"),
            ("database.pool_size", "4"),
            ("database.pool_wait_ms", "30000"),
            ("database.deadline_ms", "30000"),
            ("shutdown.timeout_seconds", "1"),
        ] {
            if !settings.contains(key) {
                text += &format!("{key} = {value}\n");
            }
        }
        let settings = Settings::from_toml(&text).expect("settings of a test are valid");
        let (running, started) = run(settings);
        let client = |token| Client::new(started.address, token);
        let [viewer, matcher, editor, admin] =
            ROLES.map(|role| client(Some(running.make_token(role, false).text)));
        let anonymous = client(None);
        Self { anonymous, viewer, matcher, editor, admin, running: Some(running), installation }
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.anonymous.address()
    }

    /// The clients of [`ROLES`], in that order.
    #[must_use]
    pub fn by_role(&self) -> [(&'static str, &Client); 4] {
        let [viewer, matcher, editor, admin] = ROLES;
        [
            (viewer, &self.viewer),
            (matcher, &self.matcher),
            (editor, &self.editor),
            (admin, &self.admin),
        ]
    }

    /// The folder that the server keeps everything in, but for a database of PostgreSQL.
    #[must_use]
    pub fn data_dir(&self) -> std::path::PathBuf {
        self.installation.data_dir()
    }

    /// Which database it is on.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.installation.backend()
    }

    /// The database, beside the server.
    #[must_use]
    pub fn database(&self) -> Database {
        self.installation.database()
    }

    /// The sealed secret of the datastore at `path`.
    #[must_use]
    pub fn sealed(&self, path: &str) -> Vec<u8> {
        self.database().sealed(id_of(path))
    }

    /// Makes another token.
    #[must_use]
    pub fn make_token(&self, role: &'static str, expired: bool) -> Token {
        self.running().make_token(role, expired)
    }

    /// Revokes a token, as the command line does.
    ///
    /// # Panics
    ///
    /// When the server is gone.
    pub fn revoke_token(&self, token: &Token) {
        let (reply, done) = mpsc::channel();
        let errand = Errand::Revoke { number: token.number, reply };
        self.running().errands.send(errand).expect("the server runs");
        done.recv().expect("the server runs");
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the server runs until it is dropped")
    }

    /// A client of this server with another token.
    #[must_use]
    pub fn client(&self, token: &str) -> Client {
        Client::new(self.address(), Some(token.to_owned()))
    }
}

impl Running {
    fn make_token(&self, role: &'static str, expired: bool) -> Token {
        let (reply, made) = mpsc::channel();
        self.errands.send(Errand::Make { role, expired, reply }).expect("the server runs");
        made.recv().expect("the server runs")
    }
}

/// The number at the end of a datastore's path.
fn id_of(path: &str) -> i64 {
    let name = Path::new(path).file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.parse().ok()).expect("a datastore's path ends with its id")
}

fn run(settings: Settings) -> (Running, Started) {
    let (errands, todo) = unbounded_channel();
    let (ready, started) = mpsc::channel();
    let serve = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(serve(&settings, todo, &ready));
    };
    let thread = std::thread::spawn(serve);
    match started.recv() {
        Ok(started) => (Running { errands, thread }, started),
        Err(_) => panic!("the server did not start; its thread said why"),
    }
}

/// Serves, and makes and revokes tokens on the side, until nobody can ask for any more.
async fn serve(
    settings: &Settings,
    mut todo: UnboundedReceiver<Errand>,
    ready: &mpsc::Sender<Started>,
) {
    let application = Application::build(settings).await.expect("the server starts");
    let access = application.access().clone();
    let started = Started { address: application.address() };
    ready.send(started).expect("the test waits");
    let errands = async move {
        #[expect(clippy::disallowed_methods, reason = "what tests need is made beside the API")]
        let actor = Author::command_line();
        let mut made = Vec::new();
        while let Some(errand) = todo.recv().await {
            match errand {
                Errand::Make { role, expired, reply } => {
                    let name = format!("{role}-token").as_str().try_into().expect("a name");
                    let role = role.parse().expect("a role");
                    let token = access.create_token(&actor, name, role, None).await;
                    let mut token = token.expect("a token is made");
                    if expired {
                        let name = "expired".try_into().expect("a name");
                        let past = token.record.created_at.plus_seconds(-1);
                        let second = access.create_token(&actor, name, role, Some(past)).await;
                        token = second.expect("a token is made");
                    }
                    let text = token.token.expose().to_owned();
                    made.push(token.record.id);
                    reply.send(Token { text, number: made.len() - 1 }).expect("the test waits");
                }
                Errand::Revoke { number, reply } => {
                    let revoked = access.revoke_token(&actor, made[number]).await;
                    revoked.expect("a token is revoked");
                    reply.send(()).expect("the test waits");
                }
            }
        }
    };
    application.run_until_stopped(errands).await.expect("the server serves");
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let Some(Running { errands, thread }) = self.running.take() else { return };
        drop(errands);
        let ended = thread.join();
        // A second panic would hide the first.
        if !std::thread::panicking() {
            ended.expect("the server ends well");
        }
    }
}
