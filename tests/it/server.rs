//! Servers for tests: in this process on a port of its own, or as the real program that can be
//! killed.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The superuser's password on every test server.
pub(crate) const PASSWORD: &str = "test password";

/// The real program on a data directory of its own; killed when dropped.
pub(crate) struct Program {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Program {
    /// Starts it on an empty directory.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts it with more arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let mut program = Self {
            folder,
            port: free_port(),
            child: None,
        };
        program.launch(arguments);
        program
    }

    /// Starts it again on the same directory and port.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.launch(&[]);
    }

    /// `kill -9`
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kill");
            child.wait().expect("wait");
        }
    }

    /// SIGTERM, then waits; whether it ended with success.
    pub(crate) fn terminate(&mut self) -> bool {
        let Some(mut child) = self.child.take() else {
            return false;
        };
        let status = Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .expect("kill");
        status.success() && child.wait().expect("wait").success()
    }

    /// Waits until it ended; whether with success.
    pub(crate) fn ends_by_itself(&mut self) -> bool {
        self.child
            .take()
            .is_some_and(|mut child| child.wait().expect("wait").success())
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// What the process has computed so far.
    pub(crate) fn computed(&self) -> Duration {
        let id = self.child.as_ref().expect("it runs").id();
        let text = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs");
        // Ticks of a hundredth of a second, in user and in system mode, behind the name.
        let fields = text.rsplit(") ").next().expect("fields").split(' ');
        let ticks: u64 = fields
            .skip(11)
            .take(2)
            .filter_map(|n| n.parse::<u64>().ok())
            .sum();
        Duration::from_millis(ticks * 10)
    }

    /// Bytes of memory it has had at once at most (VmHWM).
    pub(crate) fn peak_bytes(&self) -> u64 {
        let id = self.child.as_ref().expect("it runs").id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        1024 * kib
            .and_then(|kib| kib.parse::<u64>().ok())
            .expect("a number")
    }

    /// Its data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn launch(&mut self, arguments: &[&str]) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_commons"))
            .args(["serve", "--data-dir"])
            .arg(self.data_dir())
            .args(["--listen", &self.address().to_string()])
            .args(arguments)
            .env("COMMONS_PASSWORD", PASSWORD)
            .env("COMMONS_LOG", "warn")
            // What the arguments say of it wins.
            .env("COMMONS_ADMIN_LISTEN", "off")
            .stdout(Stdio::piped())
            .spawn()
            .expect("start commons");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let ready = lines.next().and_then(Result::ok).unwrap_or_default();
        assert!(ready.contains("listening on"), "commons said: {ready}");
        // The pipe is kept open by the thread: a closed one would make the program's next print
        // fail.
        std::thread::spawn(move || lines.for_each(drop));
        self.child = Some(child);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A server in this process, on a data directory of its own; stopped when dropped.
pub(crate) struct InProcess {
    server: Option<commons::server::Server>,
    runtime: Option<tokio::runtime::Runtime>,
    // Last: removed after the server let go of it.
    _folder: TempDir,
}

impl InProcess {
    /// Starts it on an empty directory.
    pub(crate) fn start() -> Self {
        Self::start_in(TempDir::new().expect("temporary folder"), None)
    }

    /// Starts it with a certificate of its own.
    pub(crate) fn start_tls() -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("pair");
        let paths = ["server.crt", "server.key"].map(|name| folder.path().join(name));
        std::fs::write(&paths[0], pair.cert.pem()).expect("certificate");
        std::fs::write(&paths[1], pair.signing_key.serialize_pem()).expect("key");
        let [certificate, key] = paths;
        Self::start_in(folder, Some((certificate, key)))
    }

    fn start_in(folder: TempDir, tls: Option<(PathBuf, PathBuf)>) -> Self {
        let overrides = commons::server::config::Overrides {
            data_dir: Some(folder.path().join("data")),
            listen: Some("127.0.0.1:0".to_owned()),
            admin_listen: Some("off".to_owned()),
            memory: Some("1GB".to_owned()),
            tls,
            ..Default::default()
        };
        let config = commons::server::Config::load(None, overrides).expect("valid configuration");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_stack_size(commons::base::limits::THREAD_STACK_BYTES)
            .enable_all()
            .build()
            .expect("runtime");
        let server = runtime
            .block_on(commons::server::start(&config, Some(PASSWORD.to_owned())))
            .expect("the server starts");
        Self {
            server: Some(server),
            runtime: Some(runtime),
            _folder: folder,
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.as_ref().expect("running").address
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        if let (Some(server), Some(runtime)) = (self.server.take(), self.runtime.take()) {
            server.stop();
            // The timer needs the runtime it is made in.
            let _ = runtime.block_on(async {
                tokio::time::timeout(Duration::from_secs(5), server.stopped()).await
            });
            runtime.shutdown_background();
        }
    }
}

/// A port nobody listens on just now.
pub(crate) fn free_port() -> u16 {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    socket.local_addr().expect("address").port()
}

/// One session over tokio-postgres, with the notifications and notices it received.
pub(crate) struct Client {
    pub(crate) client: tokio_postgres::Client,
    notifications: tokio::sync::mpsc::UnboundedReceiver<tokio_postgres::Notification>,
}

impl Client {
    /// Logs in; waits a little for a server that is just starting.
    pub(crate) async fn connect(
        address: SocketAddr,
        user: &str,
        password: &str,
    ) -> Result<Self, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config
            .host(address.ip().to_string())
            .port(address.port())
            .user(user)
            .password(password)
            .dbname("commons")
            .application_name("commons tests");
        let started = Instant::now();
        let (client, mut connection) = loop {
            match config.connect(tokio_postgres::NoTls).await {
                Ok(pair) => break pair,
                Err(error)
                    if error.as_db_error().is_none()
                        && started.elapsed() < Duration::from_secs(5) =>
                {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => return Err(error),
            }
        };
        let (sender, notifications) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) =
                std::future::poll_fn(|context| connection.poll_message(context)).await
            {
                if let tokio_postgres::AsyncMessage::Notification(notification) = message {
                    let _ = sender.send(notification);
                }
            }
        });
        Ok(Self {
            client,
            notifications,
        })
    }

    /// The next notification, if one comes within `wait`.
    pub(crate) async fn notification(
        &mut self,
        wait: Duration,
    ) -> Option<tokio_postgres::Notification> {
        tokio::time::timeout(wait, self.notifications.recv())
            .await
            .ok()
            .flatten()
    }
}
