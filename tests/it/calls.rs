//! Functions called amid queries by many sessions at once: nobody waits for ever, whatever is
//! cancelled, timed out, cut short or left.

use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use super::server::{Client, PASSWORD, Program};

/// Sessions at once.
const SESSIONS: usize = 12;

/// One trial per promise.
pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("calls/many_sessions_at_once", many_sessions)]
}

fn many_sessions() -> Result<(), Failed> {
    let program = Program::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let address = program.address();
    runtime.block_on(async {
        let one = Client::connect(address, "commons", PASSWORD).await?;
        one.client
            .batch_execute(
                "CREATE TABLE n AS SELECT g AS x FROM generate_series(1, 50) g;
                 CREATE FUNCTION fact(n int) RETURNS numeric LANGUAGE plpgsql AS
                     $$BEGIN RETURN CASE WHEN n <= 1 THEN 1 ELSE n * fact(n - 1) END; END$$;
                 CREATE FUNCTION slow(n int) RETURNS int LANGUAGE plpgsql AS
                     $$BEGIN PERFORM pg_sleep(0.05); RETURN n; END$$;
                 CREATE FUNCTION upto(n int) RETURNS SETOF int LANGUAGE plpgsql AS
                     $$BEGIN FOR i IN 1..n LOOP RETURN NEXT i; END LOOP; END$$;
                 CREATE TABLE t (a int CHECK (fact(a) > 0));
                 CREATE FUNCTION ever(n int) RETURNS int LANGUAGE plpgsql AS
                     $$BEGIN LOOP n := n + 1; END LOOP; END$$",
            )
            .await?;
        let mut tasks = Vec::new();
        for session in 0..SESSIONS {
            let client = Client::connect(address, "commons", PASSWORD).await?;
            tasks.push(tokio::spawn(async move {
                one_session(session, &client.client).await
            }));
        }
        for task in tasks {
            tokio::time::timeout(Duration::from_secs(120), task)
                .await
                .map_err(|_| "a session waits for ever")???;
        }
        let count: i64 = one
            .client
            .query_one("SELECT count(*) FROM t", &[])
            .await?
            .get(0);
        assert_eq!(count, i64::try_from(SESSIONS * 3)?);
        Ok::<(), Failed>(())
    })
}

async fn one_session(session: usize, client: &tokio_postgres::Client) -> Result<(), Failed> {
    for turn in 0..3 {
        let row = client
            .query_one(
                "SELECT sum(fact(x % 8 + 1))::text FROM n WHERE slow(x) < 4",
                &[],
            )
            .await?;
        assert_eq!(row.get::<_, &str>(0), (2 + 6 + 24).to_string());
        let rows = client
            .query("SELECT a.x, u FROM n a, upto(a.x) u LIMIT 3", &[])
            .await?;
        assert_eq!(rows.len(), 3);
        client
            .execute("INSERT INTO t SELECT slow(x) FROM n WHERE x <= 1", &[])
            .await?;
        if (session + turn).is_multiple_of(2) {
            let token = client.cancel_token();
            let (ran, cancelled) = tokio::join!(
                client.query("SELECT slow(x), ever(x) FROM n ORDER BY 1", &[]),
                async {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    token.cancel_query(NoTls).await
                }
            );
            cancelled?;
            let error = ran.expect_err("it is cancelled");
            assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED));
        } else {
            client.batch_execute("SET statement_timeout = 300").await?;
            let ran = client
                .query("SELECT count(*) FROM n WHERE ever(x) > 0", &[])
                .await;
            let error = ran.expect_err("its time is up");
            assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED));
            client.batch_execute("RESET statement_timeout").await?;
        }
    }
    Ok(())
}
