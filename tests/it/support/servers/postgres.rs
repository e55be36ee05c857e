//! A PostgreSQL server.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio_postgres::NoTls;

use super::certificates::Identity;
use super::docker::{self, Container, Image};
use super::process::{self, Process};
use super::{Place, folder, free_port};
use crate::support::wait_until;

const ADVICE: &str = "no PostgreSQL to test with: start a Docker daemon or install one \
                      (Debian: apt-get install postgresql)";

/// The user that Debian's package makes: the server refuses to run as root.
const USER: &str = "postgres";

/// Enough for all tests that run at the same time.
const CONNECTIONS: &str = "max_connections=400";

/// See the module.
pub(crate) struct Postgres {
    port: u16,
    place: Place,
    databases: AtomicUsize,
    _folder: TempDir,
}

/// An empty database.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) url: String,
}

impl Postgres {
    /// A server of the test's own.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(options: &[&str]) -> Self {
        let (port, folder) = (free_port(), folder());
        let options = [&[CONNECTIONS], options].concat();
        let place = if docker::answers() {
            container(port, &options).await
        } else {
            installed(port, folder.path(), &options).await
        };
        Self::ready(port, place, folder).await
    }

    /// A server that takes encrypted connections as well as others, always the installed program: its key belongs to
    /// the user it runs as.
    pub(crate) async fn start_encrypted(identity: &Identity) -> Self {
        let (port, folder) = (free_port(), folder());
        let [certificate, key] = identity.write_into(folder.path()).map(|path| path.display().to_string());
        let files = [format!("ssl_cert_file={certificate}"), format!("ssl_key_file={key}")];
        let options = [CONNECTIONS, "ssl=on", &files[0], &files[1]];
        let place = installed(port, folder.path(), &options).await;
        Self::ready(port, place, folder).await
    }

    async fn ready(port: u16, place: Place, folder: TempDir) -> Self {
        let server = Self { port, place, databases: AtomicUsize::new(0), _folder: folder };
        server.until_ready().await;
        server
    }

    /// The server of all tests that leave it alone. What it stores need not survive.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::start_with(&["fsync=off"])).await
    }

    /// A new database.
    pub(crate) async fn database(&self) -> Database {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute(&format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")).await;
        Database { url: self.url_of(&name) }
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres:s3cret@127.0.0.1:{}/{database}", self.port)
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(&mut self) {
        self.place.kill().await;
    }

    /// Starts it again, with what it had stored.
    pub(crate) async fn restart(&mut self) {
        self.place.start().await;
        self.until_ready().await;
    }

    /// Stops it in the middle of whatever it does: its connections stay, but it answers nobody.
    pub(crate) async fn freeze(&mut self) {
        self.place.freeze().await;
    }

    /// Lets it go on.
    pub(crate) async fn thaw(&mut self) {
        self.place.thaw().await;
        self.until_ready().await;
    }

    async fn until_ready(&self) {
        wait_until("postgres answers", async || {
            tokio_postgres::connect(&self.url_of("postgres"), NoTls).await.ok().map(drop)
        })
        .await;
    }

    /// Does something in the database `postgres`.
    pub(crate) async fn execute(&self, sql: &str) {
        let database = Database { url: self.url_of("postgres") };
        database.client().await.batch_execute(sql).await.expect(sql);
    }
}

impl Database {
    /// A connection of one's own.
    pub(crate) async fn client(&self) -> tokio_postgres::Client {
        let (client, connection) =
            tokio_postgres::connect(&self.url, NoTls).await.expect("the database takes connections");
        tokio::spawn(connection);
        client
    }
}

async fn container(port: u16, options: &[&str]) -> Place {
    let options = options.iter().flat_map(|option| ["-c".to_owned(), (*option).to_owned()]);
    let image = Image {
        name: "postgres",
        tag: "16-alpine",
        ready: "database system is ready to accept connections",
        port: 5432,
        env: &[("POSTGRES_PASSWORD", "s3cret")],
        command: std::iter::once("postgres".to_owned()).chain(options).collect(),
    };
    Place::Container(Box::new(Container::start_new(image, port).await))
}

async fn installed(port: u16, folder: &Path, options: &[&str]) -> Place {
    let data = folder.join("data");
    std::fs::create_dir(&data).expect("a folder can be made");
    std::fs::copy(template().await, folder.join("data.tar")).expect("the template can be copied");
    let unpacked =
        Command::new("tar").arg("-xf").arg(folder.join("data.tar")).arg("-C").arg(&data).status().await;
    assert!(unpacked.is_ok_and(|status| status.success()), "the template cannot be unpacked");
    give_away(folder).await;
    let mut command: Vec<OsString> = vec![program("postgres").into(), "-D".into(), data.into()];
    command.extend(["-p", &port.to_string(), "-k", "", "-h", "127.0.0.1"].map(OsString::from));
    command.extend(options.iter().flat_map(|option| ["-c".into(), OsString::from(option)]));
    Place::Process(Process::start_family(command, USER))
}

/// An archive of a data folder as `initdb` makes it, made once: that takes a while.
async fn template() -> &'static Path {
    static MADE: OnceCell<(TempDir, PathBuf)> = OnceCell::const_new();
    let made = MADE.get_or_init(|| async {
        let folder = folder();
        let (password, data) = (folder.path().join("password"), folder.path().join("data"));
        std::fs::write(&password, "s3cret").expect("a file can be written");
        std::fs::create_dir(&data).expect("a folder can be made");
        give_away(folder.path()).await;
        let mut initdb = as_user(&program("initdb"));
        initdb.arg("-D").arg(&data).arg("--pwfile").arg(&password);
        initdb.args(["-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]);
        let made = initdb.output().await.expect("initdb can be started");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let file = folder.path().join("data.tar");
        let packed = Command::new("tar").arg("-cf").arg(&file).arg("-C").arg(&data).arg(".").status().await;
        assert!(packed.is_ok_and(|status| status.success()), "the data folder cannot be packed");
        (folder, file)
    });
    &made.await.1
}

/// Lets the server's user have a folder of ours.
async fn give_away(folder: &Path) {
    if nix::unistd::Uid::effective().is_root() {
        let given = Command::new("chown").arg("-R").arg(format!("{USER}:")).arg(folder).status().await;
        assert!(given.is_ok_and(|status| status.success()), "the folder cannot be given to {USER}");
    }
}

fn as_user(program: &Path) -> Command {
    if !nix::unistd::Uid::effective().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]).arg(program);
    command
}

fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    process::find(name, versions.map(|version| version.path().join("bin"))).expect(ADVICE)
}

mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::support::within;

    #[tokio::test]
    async fn a_postgres_of_a_test_remembers_across_a_kill() {
        let mut postgres = Postgres::start().await;
        let database = postgres.database().await;
        database.client().await.batch_execute("CREATE TABLE kept (n int)").await.unwrap();
        postgres.kill().await;
        postgres.restart().await;
        database.client().await.batch_execute("SELECT n FROM kept").await.unwrap();
    }

    #[tokio::test]
    async fn a_frozen_postgres_answers_nobody_until_it_thaws() {
        let mut postgres = Postgres::start().await;
        let database = postgres.database().await;
        let client = database.client().await;
        postgres.freeze().await;
        let mut old = pin!(client.simple_query("SELECT 1"));
        let mut new = pin!(database.client());
        for _ in 0..2 {
            let late = Duration::from_millis(100);
            assert!(timeout(late, &mut old).await.is_err() && timeout(late, &mut new).await.is_err());
        }
        postgres.thaw().await;
        within("both are answered", async { tokio::join!(old, new) }).await.0.unwrap();
        postgres.freeze().await;
        postgres.kill().await;
        postgres.restart().await;
    }

    #[tokio::test]
    async fn tests_that_share_a_postgres_have_databases_of_their_own() {
        let postgres = Postgres::shared().await;
        for database in [postgres.database().await, postgres.database().await] {
            database.client().await.batch_execute("CREATE TABLE mine (n int)").await.unwrap();
        }
    }
}
