//! A session talked to directly: what PostgreSQL 15 answers to the same statements, as tags, rows
//! and codes.

use std::sync::Arc;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;

use super::{Response, Session, Shared, TransactionStatus};
use crate::base::Oid;
use crate::database::Database;
use crate::engine::{Engine, Options, Rows};
use crate::observe::{Activity, Sessions};

struct Server {
    shared: Arc<Shared>,
    _directory: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let (database, _) = Database::open(directory.path()).expect("an empty data directory");
        let options = Options {
            memory_bytes: 64 << 20,
            threads: 2,
            temp_dir: directory.path().join("tmp"),
            file_roots: Vec::new(),
            copy_roots: Vec::new(),
        };
        let engine = Engine::new(database.clone(), options).expect("an engine");
        let shared = Arc::new(Shared {
            database,
            engine,
            sessions: Arc::new(Sessions::new(0)),
            settings: crate::settings::Settings::new(),
        });
        Self {
            shared,
            _directory: directory,
        }
    }

    async fn login(&self, role: &str) -> User {
        let sessions = &self.shared.sessions;
        let oid = self
            .shared
            .database
            .snapshot()
            .role_named(role)
            .map_or(Oid::INVALID, |role| role.oid);
        let activity = Arc::new(Activity::new(
            sessions.new_id(),
            oid,
            role.to_owned(),
            None,
            false,
            Vec::new(),
            0,
        ));
        sessions.insert(activity.clone());
        let session = Session::open(self.shared.clone(), activity, "commons", &[])
            .await
            .expect("a session");
        User { session }
    }
}

struct User {
    session: Session,
}

impl User {
    /// Runs a query string as the simple protocol does; gives one line per statement: `tag`, `tag:
    /// row|row`, or `code message`; warnings and notices come before, in brackets.
    async fn ask(&mut self, sql: &str) -> String {
        let mut lines = Vec::new();
        let outcome = self.ask_all(sql, &mut lines).await;
        if let Err(error) = outcome {
            self.session.fail();
            lines.push(format!("{} {}", error.state().code(), error.message()));
        }
        for report in self.session.take_reports().into_iter().rev() {
            lines.insert(0, format!("[{}]", report.error.message()));
        }
        lines.join("; ")
    }

    async fn ask_all(&mut self, sql: &str, lines: &mut Vec<String>) -> crate::base::Result<()> {
        let statements = self.session.parse(sql)?;
        for statement in &statements {
            let response = self.session.run(statement, statements.len() == 1).await?;
            lines.push(shown(response).await?);
        }
        self.session.sync().await
    }

    /// Parse, Bind, Execute of one statement.
    async fn extended(&mut self, sql: &str, parameters: &[&str]) -> crate::base::Result<String> {
        let values: Vec<_> = parameters
            .iter()
            .map(|value| Some(Bytes::copy_from_slice(value.as_bytes())))
            .collect();
        self.session.prepare("", sql, &[]).await?;
        self.session.bind("", "", &values, &[], &[]).await?;
        let response = self.session.execute("").await?;
        shown(response).await
    }
}

async fn shown(response: Response) -> crate::base::Result<String> {
    Ok(match response {
        Response::Done(tag) => tag.0,
        Response::Empty => String::new(),
        Response::Rows(answer) => rows(answer.rows).await?,
        Response::CopyIn(_) => "copy in".to_owned(),
        Response::CopyOut(_) => "copy out".to_owned(),
    })
}

async fn rows(mut rows: Rows) -> crate::base::Result<String> {
    let mut lines = Vec::new();
    while let Some(batch) = rows.next().await? {
        let options = FormatOptions::default().with_null("null");
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = batch
                .columns()
                .iter()
                .map(|column| {
                    ArrayFormatter::try_new(column, &options)
                        .expect("a printable column")
                        .value(row)
                        .to_string()
                })
                .collect();
            lines.push(cells.join(","));
        }
    }
    Ok(format!("({})", lines.join("|")))
}

/// Runs a conversation on a stack as big as the server's threads have.
fn talk(conversation: impl Future<Output = ()> + Send + 'static) {
    let runs = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(conversation);
    };
    std::thread::Builder::new()
        .stack_size(crate::base::limits::THREAD_STACK_BYTES)
        .spawn(runs)
        .expect("a thread")
        .join()
        .expect("said as expected");
}

#[test]
fn settings_follow_the_transaction() {
    talk(async {
        let server = Server::start();
        let mut user = server.login("commons").await;
        for (sql, expected) in [
            (
                "begin; set local work_mem = '1MB'; show work_mem",
                "BEGIN; SET; (1MB)",
            ),
            ("commit; show work_mem", "COMMIT; (4MB)"),
            (
                "begin; set work_mem = '2MB'; set local work_mem = '3MB'; show work_mem",
                "BEGIN; SET; SET; (3MB)",
            ),
            ("commit; show work_mem", "COMMIT; (2MB)"),
            (
                "begin; set work_mem = '9MB'; rollback; show work_mem",
                "BEGIN; SET; ROLLBACK; (2MB)",
            ),
            (
                "begin; set work_mem = '5MB'; savepoint a; set work_mem = '6MB'; rollback to a",
                "BEGIN; SET; SAVEPOINT; SET; ROLLBACK",
            ),
            (
                "show work_mem; commit; show work_mem",
                "(5MB); COMMIT; (5MB)",
            ),
            (
                "set local work_mem = '1MB'",
                "[SET LOCAL can only be used in transaction blocks]; SET",
            ),
            ("set a.b = 'x'; show a.b", "SET; (x)"),
            (
                "set work_mem = 1, 2",
                "22023 SET work_mem takes only one argument",
            ),
            (
                "set search_path to 'A b', public; show search_path",
                "SET; (\"A b\", public)",
            ),
            ("reset all; show search_path", "RESET; (\"$user\", public)"),
        ] {
            assert_eq!(user.ask(sql).await, expected, "{sql}");
        }
    });
}

#[test]
fn blocks_fail_and_recover() {
    talk(async {
        let server = Server::start();
        let mut user = server.login("commons").await;
        for (sql, expected) in [
            ("commit", "[there is no transaction in progress]; COMMIT"),
            (
                "savepoint a",
                "25P01 SAVEPOINT can only be used in transaction blocks",
            ),
            (
                "begin; begin",
                "[there is already a transaction in progress]; BEGIN; BEGIN",
            ),
            ("drop table nope", "42P01 table \"nope\" does not exist"),
            (
                "show work_mem",
                "25P02 current transaction is aborted, commands ignored until end of transaction block",
            ),
            ("commit", "ROLLBACK"),
            (
                "begin; savepoint a; create schema s",
                "BEGIN; SAVEPOINT; CREATE SCHEMA",
            ),
            ("create schema s", "42P06 schema \"s\" already exists"),
            (
                "rollback to a; create schema s; commit",
                "ROLLBACK; CREATE SCHEMA; COMMIT",
            ),
            ("create schema s", "42P06 schema \"s\" already exists"),
            // The whole query string is one transaction.
            (
                "create schema t; drop schema nope",
                "CREATE SCHEMA; 3F000 schema \"nope\" does not exist",
            ),
            ("drop schema t", "3F000 schema \"t\" does not exist"),
            (
                "begin isolation level serializable, deferrable; show transaction_isolation; \
                 commit and chain; show transaction_deferrable; commit; show transaction_deferrable",
                "BEGIN; (serializable); COMMIT; (on); COMMIT; (off)",
            ),
            (
                "set session characteristics as transaction isolation level serializable, read only; \
                 show transaction_isolation",
                "SET; (read committed)",
            ),
            (
                "show transaction_isolation; show transaction_read_only",
                "(serializable); (on)",
            ),
            (
                "reset default_transaction_isolation; reset default_transaction_read_only",
                "RESET; RESET",
            ),
            (
                "begin isolation level repeatable read; show transaction_isolation; commit",
                "BEGIN; (repeatable read); COMMIT",
            ),
            (
                "start transaction read only; create schema t",
                "START TRANSACTION; 25006 cannot execute CREATE SCHEMA in a read-only transaction",
            ),
            ("rollback; show transaction_read_only", "ROLLBACK; (off)"),
            (
                "commit and chain",
                "25P01 COMMIT AND CHAIN can only be used in transaction blocks",
            ),
            (
                "begin read only; commit and chain; show transaction_read_only; rollback",
                "BEGIN; COMMIT; (on); ROLLBACK",
            ),
        ] {
            assert_eq!(user.ask(sql).await, expected, "{sql}");
        }
        assert_eq!(user.session.transaction_status(), TransactionStatus::Idle);
    });
}

#[test]
fn roles_are_taken_and_given_back() {
    talk(async {
        let server = Server::start();
        let mut admin = server.login("commons").await;
        for (sql, expected) in [
            ("create role ann login", "CREATE ROLE"),
            ("create role bob login in role ann", "CREATE ROLE"),
            (
                "set role ann; show role; show is_superuser",
                "SET; (ann); (off)",
            ),
            ("create role cyd", "42501 permission denied to create role"),
            ("reset role; show is_superuser", "RESET; (on)"),
            (
                "begin; set role ann; rollback; show role",
                "BEGIN; SET; ROLLBACK; (none)",
            ),
            (
                "set session authorization bob; show session_authorization",
                "SET; (bob)",
            ),
            ("reset session authorization", "RESET"),
            ("drop role bob; drop role ann", "DROP ROLE; DROP ROLE"),
            ("set role ann", "22023 role \"ann\" does not exist"),
        ] {
            assert_eq!(admin.ask(sql).await, expected, "{sql}");
        }
    });
}

#[test]
fn a_login_role_owns_a_schema_of_its_name() {
    talk(async {
        let server = Server::start();
        let mut admin = server.login("commons").await;
        admin
            .ask("create role ann login; revoke create on database commons from public")
            .await;
        let ann = server.login("ann").await;
        let snapshot = ann.session.shared.database.snapshot();
        let schema = snapshot.schema_named("ann").expect("her schema");
        assert_eq!(schema.owner, ann.session.activity.role);
        drop(server.login("ann").await);
    });
}

#[test]
fn notices_wait_for_the_commit() {
    talk(async {
        let server = Server::start();
        let mut ann = server.login("commons").await;
        let mut bob = server.login("commons").await;
        let heard = |user: &mut User| {
            let mut heard = Vec::new();
            while let Some(delivery) = user.session.mailbox().try_next() {
                heard.push(format!("{}={}", delivery.channel, delivery.payload));
            }
            heard
        };
        bob.ask("begin; listen a; rollback; listen b").await;
        ann.ask("notify a, 'lost'; begin; notify b, '1'; notify b, '1'; notify b, '2'")
            .await;
        assert!(heard(&mut bob).is_empty());
        ann.ask("commit").await;
        assert_eq!(heard(&mut bob), ["b=1", "b=2"]);
        ann.ask("begin; notify b, 'lost'; rollback; listen c; notify c")
            .await;
        assert_eq!(heard(&mut ann), ["c="]);
        assert!(heard(&mut bob).is_empty());
        bob.ask("unlisten *").await;
        ann.ask("notify b").await;
        assert!(heard(&mut bob).is_empty());
    });
}

#[test]
fn portals_run_once_and_suspend() {
    talk(async {
        let server = Server::start();
        let mut user = server.login("commons").await;
        assert_eq!(
            user.extended("create schema x", &[]).await.expect("done"),
            "CREATE SCHEMA"
        );
        let again = user.session.execute("").await.expect_err("run already");
        assert_eq!(again.message(), "portal \"\" cannot be run");
        user.session.fail();
        user.ask("create table public.t (a int)").await;
        assert_eq!(
            user.extended("insert into t values ($1), ($1)", &["7"])
                .await
                .expect("inserted"),
            "INSERT 0 2"
        );
        user.session.sync().await.expect("committed");
        user.session
            .prepare("p", "select a from t where a = $1", &[])
            .await
            .expect("prepared");
        let twice = user.session.prepare("p", "select 1", &[]).await;
        assert_eq!(twice.expect_err("taken").state().code(), "42P05");
        user.session.fail();
        let described = user.session.describe_statement("p").await.expect("there");
        assert_eq!(described.parameters, [crate::types::PgType::INT4]);
        let short = user.session.bind("", "p", &[], &[], &[]).await;
        assert_eq!(
            short.expect_err("too few").message(),
            "bind message supplies 0 parameters, but prepared statement \"p\" requires 1"
        );
        user.session.fail();
        let seven = [Some(Bytes::from_static(b"7"))];
        user.session
            .bind("c", "p", &seven, &[], &[])
            .await
            .expect("bound");
        let Response::Rows(mut answer) = user.session.execute("c").await.expect("rows") else {
            panic!("a query answers rows");
        };
        let batch = answer.rows.next().await.expect("no error").expect("rows");
        answer.rows.unread(batch.slice(1, batch.num_rows() - 1));
        user.session.suspend("c", answer.rows);
        let rest = user.session.execute("c").await.expect("the rest");
        assert_eq!(shown(rest).await.expect("rows"), "(7)");
        let none = user.session.execute("c").await.expect("nothing more");
        assert_eq!(shown(none).await.expect("no rows"), "()");
        user.session.sync().await.expect("committed");
        let gone = user.session.execute("c").await.expect_err("closed");
        assert_eq!(gone.message(), "portal \"c\" does not exist");
    });
}

#[test]
fn plans_follow_the_catalog() {
    talk(async {
        let server = Server::start();
        let mut user = server.login("commons").await;
        user.ask("create table public.t (a int); insert into t values (1)")
            .await;
        assert_eq!(
            user.ask("prepare p as select * from t order by 1").await,
            "PREPARE"
        );
        assert_eq!(user.ask("execute p").await, "(1)");
        assert_eq!(
            user.ask("insert into t values (2); execute p").await,
            "INSERT 0 1; (1|2)"
        );
        assert_eq!(
            user.ask("alter table t add column b text; execute p").await,
            "ALTER TABLE; 0A000 cached plan must not change result type"
        );
        assert_eq!(
            user.ask("drop table t; execute p").await,
            "DROP TABLE; 42P01 relation \"t\" does not exist"
        );
        assert_eq!(user.ask("execute p").await, "(1|2)");
        assert_eq!(
            user.ask("prepare q(int) as select $1 + 1; execute q(41)")
                .await,
            "PREPARE; (42)"
        );
        assert_eq!(
            user.ask("execute q").await,
            "42601 wrong number of parameters for prepared statement \"q\""
        );
        assert_eq!(
            user.ask("deallocate all; execute q").await,
            "DEALLOCATE ALL; 26000 prepared statement \"q\" does not exist"
        );
    });
}

#[test]
fn cursors_go_forwards() {
    talk(async {
        let server = Server::start();
        let mut user = server.login("commons").await;
        for (sql, expected) in [
            (
                "declare c cursor for values (1)",
                "25P01 DECLARE CURSOR can only be used in transaction blocks",
            ),
            (
                "begin; declare c cursor for values (1), (2), (3), (4), (5)",
                "BEGIN; DECLARE CURSOR",
            ),
            ("fetch 2 from c; fetch c; move 1 in c", "(1|2); (3); MOVE 1"),
            ("fetch all c; fetch c; move all c", "(5); (); MOVE 0"),
            (
                "declare c cursor for values (1)",
                "42P03 cursor \"c\" already exists",
            ),
            (
                "rollback; fetch c",
                "ROLLBACK; 34000 cursor \"c\" does not exist",
            ),
            (
                "begin; declare c cursor with hold for values (1), (2); fetch c; commit",
                "BEGIN; DECLARE CURSOR; (1); COMMIT",
            ),
            (
                "begin; fetch c; nonsense",
                "42601 syntax error at or near \"nonsense\"",
            ),
            ("begin; rollback; fetch c", "BEGIN; ROLLBACK; (2)"),
            (
                "close c; fetch c",
                "CLOSE CURSOR; 34000 cursor \"c\" does not exist",
            ),
            (
                "begin; declare c cursor with hold for values (1); rollback; fetch c",
                "BEGIN; DECLARE CURSOR; ROLLBACK; 34000 cursor \"c\" does not exist",
            ),
            (
                "set default_transaction_read_only = on; create schema s",
                "SET; CREATE SCHEMA",
            ),
            (
                "create schema s2",
                "25006 cannot execute CREATE SCHEMA in a read-only transaction",
            ),
        ] {
            assert_eq!(user.ask(sql).await, expected, "{sql}");
        }
    });
}

#[test]
fn statements_are_timed() {
    talk(async {
        let server = Server::start();
        let mut user = server.login("commons").await;
        let mut other = server.login("commons").await;
        other.ask("create table public.t (a int)").await;
        other.ask("begin; lock table t").await;
        assert_eq!(
            user.ask("set statement_timeout = 50; insert into t values (1)")
                .await,
            "SET; 57014 canceling statement due to statement timeout"
        );
        assert_eq!(
            user.ask("reset statement_timeout; set lock_timeout = 20; truncate t")
                .await,
            "RESET; SET; 55P03 canceling statement due to lock timeout"
        );
        assert_eq!(
            user.ask("begin; lock table t in exclusive mode nowait")
                .await,
            "BEGIN; 55P03 could not obtain lock on relation \"t\""
        );
    });
}
