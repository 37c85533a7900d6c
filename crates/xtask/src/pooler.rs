//! Poolers in front of a throw-away Postgres: `PgBouncer` in transaction mode, as it stands in front of databases in the field.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use crate::database::{CONNECTIONS_OF_A_POOLER, SERVER_ACCOUNT, ThrowAwayDatabase, throw_away_folder};
use crate::progress::step;
use crate::setup::pooler::{Kind, PgBouncer, ensure};
use crate::stack::free_port;
use crate::{interrupt, process, workspace};

/// A port may be taken between our look and the pooler's.
const ATTEMPTS: u32 = 5;
const START_LIMIT: Duration = Duration::from_secs(30);
/// For one try to log in.
const PATIENCE: Duration = Duration::from_secs(5);
/// One pooler of each kind on the same database.
pub(crate) struct Poolers {
    named: Pooler,
    unnamed: Pooler,
}

impl Poolers {
    /// Starts both; fetches them if they are missing.
    pub(crate) fn start(database: &ThrowAwayDatabase) -> Result<Self> {
        let start = |kind| Pooler::start(kind, &ensure(kind)?, database);
        Ok(Self { named: start(Kind::Named)?, unnamed: start(Kind::Unnamed)? })
    }

    /// Tells a command of tests where they are.
    pub(crate) fn name_to<'command>(&self, command: &'command mut Command) -> &'command mut Command {
        let urls = [("ODDISH_TEST_POOLER_NAMED", &self.named), ("ODDISH_TEST_POOLER_UNNAMED", &self.unnamed)];
        command.envs(urls.map(|(variable, pooler)| (variable, pooler.url())))
    }
}

/// A running `PgBouncer` in transaction mode. Dropping it stops it.
pub(crate) struct Pooler {
    child: Child,
    /// Its settings.
    _folder: TempDir,
    url: String,
}

impl Pooler {
    /// Starts it in front of `database`, and of every other database of that server, and waits until it answers.
    pub(crate) fn start(kind: Kind, program: &PgBouncer, database: &ThrowAwayDatabase) -> Result<Self> {
        step(&format!("starting a pooler for {} statements", kind.name()), || {
            let server = Server::of_url(database.url()).context("the throw-away database has no URL that we know")?;
            for _ in 1..ATTEMPTS {
                if let Some(pooler) = Self::attempt(kind, program, &server)? {
                    return Ok(pooler);
                }
            }
            let Some(pooler) = Self::attempt(kind, program, &server)? else {
                let log = process::tail(&workspace::log(&log_name(kind))?, 0);
                bail!("PgBouncer ended at once, {ATTEMPTS} times; {log}");
            };
            Ok(pooler)
        })
    }

    /// The URL of the database, through the pooler.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// None if it ended at once.
    fn attempt(kind: Kind, program: &PgBouncer, server: &Server) -> Result<Option<Self>> {
        let folder = throw_away_folder("oddish-pooler-")?;
        let port = free_port()?;
        let users = folder.path().join("users.txt");
        let file = File::options().write(true).create_new(true).mode(0o600).open(&users);
        let written = file.and_then(|mut file| writeln!(file, "\"{}\" \"{}\"", server.user, server.password));
        written.with_context(|| format!("can't write {}", users.display()))?;
        let settings = folder.path().join("pgbouncer.ini");
        let as_root = nix::unistd::geteuid().is_root();
        workspace::write(&settings, text(kind, program, server, port, &users.to_string_lossy(), as_root))?;

        let log = process::append_to(&workspace::log(&log_name(kind))?)?;
        let mut command = program.command();
        command.arg(settings).current_dir(folder.path()).stdout(log.try_clone()?).stderr(log);
        let child = process::spawn(&mut command)?;
        let mut pooler = Self { child, _folder: folder, url: server.url(port) };
        Ok(pooler.answers()?.then_some(pooler))
    }

    /// Waits until it answers. False if it ends instead.
    fn answers(&mut self) -> Result<bool> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let deadline = Instant::now() + START_LIMIT;
        loop {
            interrupt::check()?;
            if self.child.try_wait().context("can't wait for PgBouncer")?.is_some() {
                return Ok(false);
            }
            // A whole login and a query: another program may have taken the port.
            let refusal = match runtime.block_on(async { tokio::time::timeout(PATIENCE, asked(&self.url)).await }) {
                Ok(Ok(())) => return Ok(true),
                Ok(Err(refusal)) => refusal.to_string(),
                Err(late) => late.to_string(),
            };
            if Instant::now() > deadline {
                bail!("PgBouncer does not answer after {} s: {refusal}", START_LIMIT.as_secs());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // A gentle end would wait for its clients, and it has nothing to save. It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "the pooler is what is asked")]
async fn asked(url: &str) -> Result<(), sqlx::Error> {
    let mut connection = options(url)?.connect().await?;
    sqlx::raw_sql("select 1").execute(&mut connection).await?;
    connection.close().await
}

/// How clients connect through it: sqlx would send a setting at the start that `PgBouncer` refuses.
fn options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(url.parse::<PgConnectOptions>()?.extra_float_digits(None))
}

fn log_name(kind: Kind) -> String {
    format!("pooler-{}", kind.name())
}

/// The settings. Every database of the server is reached by its name, as the user and with the password of the server's own.
fn text(kind: Kind, program: &PgBouncer, server: &Server, port: u16, users: &str, as_root: bool) -> String {
    let mut lines = vec![
        "[databases]".to_owned(),
        format!("* = host=127.0.0.1 port={}", server.port),
        "[pgbouncer]".to_owned(),
        "listen_addr = 127.0.0.1".to_owned(),
        format!("listen_port = {port}"),
        "unix_socket_dir =".to_owned(),
        "auth_type = scram-sha-256".to_owned(),
        format!("auth_file = {users}"),
        "pool_mode = transaction".to_owned(),
        "max_client_conn = 1000".to_owned(),
        "default_pool_size = 10".to_owned(),
        format!("max_user_connections = {CONNECTIONS_OF_A_POOLER}"),
        // Postgres drops no database that somebody is connected to, and waits 5 s at most for that to end.
        "server_idle_timeout = 1".to_owned(),
        // Its log would be as long as the tests are many.
        "log_connections = 0".to_owned(),
        "log_disconnections = 0".to_owned(),
    ];
    if program.knows_max_prepared_statements() {
        lines.push(format!("max_prepared_statements = {}", if kind == Kind::Named { 200 } else { 0 }));
    }
    if as_root {
        // It refuses to be root. It reads its files, which only root can, before it becomes this account.
        lines.push(format!("user = {SERVER_ACCOUNT}"));
    }
    lines.join("\n") + "\n"
}

/// What a URL says about the server.
struct Server {
    user: String,
    password: String,
    port: u16,
    database: String,
}

impl Server {
    fn of_url(url: &str) -> Option<Self> {
        let (credentials, place) = url.strip_prefix("postgresql://")?.split_once('@')?;
        let (user, password) = credentials.split_once(':')?;
        let (port, database) = place.strip_prefix("127.0.0.1:")?.split_once('/')?;
        Some(Self {
            user: user.to_owned(),
            password: password.to_owned(),
            port: port.parse().ok()?,
            database: database.to_owned(),
        })
    }

    /// The same with another port.
    fn url(&self, port: u16) -> String {
        format!("postgresql://{}:{}@127.0.0.1:{port}/{}", self.user, self.password, self.database)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use sqlx::PgConnection;

    use super::*;
    use crate::setup;

    #[test]
    fn the_url_through_a_pooler_differs_in_its_port_only() {
        let server = Server::of_url("postgresql://oddish:hush@127.0.0.1:5432/oddish").unwrap();
        assert_eq!(server.port, 5432);
        assert_eq!(server.url(6432), "postgresql://oddish:hush@127.0.0.1:6432/oddish");
        assert!(Server::of_url("postgresql://oddish:hush@db.example:5432/oddish").is_none());
    }

    #[test]
    fn poolers_answer_follow_statements_or_not_and_end_when_dropped() {
        let database = ThrowAwayDatabase::start(&setup::postgres_bin().unwrap()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // The last is what a machine has that Debian's packages can't be fetched for: a new version that plays an old one.
        let pairs = [(Kind::Named, Kind::Named), (Kind::Unnamed, Kind::Unnamed), (Kind::Unnamed, Kind::Named)];
        for (kind, program) in pairs {
            let pooler = Pooler::start(kind, &ensure(program).unwrap(), &database).unwrap();
            assert_ne!(user_of(&pooler.child), "0", "{kind:?}");

            let (before, after) = runtime.block_on(on_two_server_connections(pooler.url()));
            assert_eq!(before.unwrap(), 42, "{kind:?}");
            match kind {
                Kind::Named => assert_eq!(after.unwrap(), 42),
                Kind::Unnamed => assert!(after.unwrap_err().to_string().contains("does not exist")),
            }

            let wrong = pooler.url().replacen("oddish:", "oddish:wrong", 1);
            let refusal = runtime.block_on(asked(&wrong)).unwrap_err();
            assert!(refusal.as_database_error().is_some(), "{kind:?}: {refusal}");

            let place = pooler.url().split_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
            drop(pooler);
            assert!(TcpStream::connect(place).is_err(), "{kind:?}");
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the pooler is what is tested")]
    async fn connect(url: &str) -> PgConnection {
        options(url).unwrap().connect().await.unwrap()
    }

    /// What a named statement answers where it was prepared, and on another connection to the server.
    async fn on_two_server_connections(url: &str) -> (Result<i32, sqlx::Error>, Result<i32, sqlx::Error>) {
        async fn ask(client: &mut PgConnection) -> Result<i32, sqlx::Error> {
            sqlx::query_scalar("select $1 + 1").bind(41).fetch_one(client).await
        }
        let mut client = connect(url).await;
        let before = ask(&mut client).await;
        // The only connection to the server is given to the next client.
        let mut other = connect(url).await;
        sqlx::raw_sql("begin").execute(&mut other).await.unwrap();
        let after = ask(&mut client).await;
        other.close().await.unwrap();
        (before, after)
    }

    fn user_of(child: &Child) -> String {
        let output = Command::new("ps").args(["-o", "uid=", "-p", &child.id().to_string()]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}
