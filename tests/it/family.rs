//! Families of tables changed by many sessions at once: keys hold over all ways into a partition,
//! and rows are where their partitions say.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use tokio_postgres::error::SqlState;

use super::server::{Client, PASSWORD, Program};

/// Rows that every session tries to add.
const KEYS: i64 = 60;
/// How often a partition comes and goes.
const TURNS: usize = 25;

/// One trial per promise.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("family/keys_hold_whichever_way_rows_come", keys_hold),
        Trial::test("family/rows_are_where_bounds_say", bounds_hold),
        Trial::test("family/nothing_that_is_counted_is_forgotten", counts_hold),
    ]
}

/// A server with these tables, and what its sessions do.
fn played(
    tables: &'static str,
    scene: impl AsyncFn(std::net::SocketAddr, &Client) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let program = Program::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let admin = Client::connect(program.address(), "commons", PASSWORD).await?;
        admin.client.batch_execute(tables).await?;
        scene(program.address(), &admin).await
    })
}

async fn number(client: &Client, query: &str) -> Result<i64, Failed> {
    Ok(client.client.query_one(query, &[]).await?.get(0))
}

/// Every session adds the same rows, each in its own way; of each row one comes in.
fn keys_hold() -> Result<(), Failed> {
    let tables = "CREATE TABLE t (k bigint PRIMARY KEY, by text) PARTITION BY RANGE (k);
         CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (-1000) TO (30);
         CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (30) TO (1000);";
    played(tables, async |address, admin| {
        let mut tasks = Vec::new();
        for way in ["parent", "leaf", "copy", "move", "ignore"] {
            let client = Client::connect(address, "commons", PASSWORD).await?;
            tasks.push(tokio::spawn(async move { add_all(&client, way).await }));
        }
        let mut added = 0;
        for task in tasks {
            let done = tokio::time::timeout(Duration::from_secs(120), task).await;
            added += done.map_err(|_| "a session waits for ever")???;
        }
        assert_eq!(added, KEYS, "each row came in once");
        assert_eq!(number(admin, "SELECT count(*) FROM t").await?, KEYS);
        let distinct = number(admin, "SELECT count(DISTINCT k) FROM t").await?;
        assert_eq!(distinct, KEYS);
        Ok(())
    })
}

/// Tries to add all rows; gives how many came in.
async fn add_all(client: &Client, way: &str) -> Result<i64, Failed> {
    let mut added = 0;
    for key in 0..KEYS {
        let leaf = if key < 30 { "t1" } else { "t2" };
        let sql = match way {
            "parent" => format!("INSERT INTO t VALUES ({key}, 'parent')"),
            "leaf" => format!("INSERT INTO {leaf} VALUES ({key}, 'leaf')"),
            // A row of another partition changes sides.
            "move" => {
                let before = if key < 30 { 500 + key } else { -key };
                format!(
                    "BEGIN; INSERT INTO t VALUES ({before}, 'move');
                     UPDATE t SET k = {key} WHERE k = {before}; COMMIT"
                )
            }
            "ignore" => format!("INSERT INTO t VALUES ({key}, 'ignore') ON CONFLICT DO NOTHING"),
            _ => format!("INSERT INTO {leaf} SELECT {key}, 'copy'"),
        };
        let done = match way {
            "ignore" => client.client.execute(&sql, &[]).await,
            _ => client.client.batch_execute(&sql).await.map(|()| 1),
        };
        match done {
            Ok(rows) => added += rows as i64,
            Err(error) => {
                let refused = [
                    SqlState::UNIQUE_VIOLATION,
                    SqlState::T_R_DEADLOCK_DETECTED,
                    SqlState::T_R_SERIALIZATION_FAILURE,
                ];
                if !error.code().is_some_and(|code| refused.contains(code)) {
                    return Err(error.into());
                }
                client.client.batch_execute("ROLLBACK").await?;
            }
        }
    }
    Ok(added)
}

/// Every session counts each key once more; none is forgotten.
fn counts_hold() -> Result<(), Failed> {
    let tables = "CREATE TABLE t (k bigint PRIMARY KEY, n bigint) PARTITION BY RANGE (k);
         CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10);
         CREATE TABLE t2 (n bigint, k bigint NOT NULL);
         ALTER TABLE t ATTACH PARTITION t2 FOR VALUES FROM (10) TO (1000);";
    played(tables, async |address, admin| {
        let mut tasks = Vec::new();
        for _ in 0..3 {
            let client = Client::connect(address, "commons", PASSWORD).await?;
            tasks.push(tokio::spawn(async move {
                for key in 0..20 {
                    let sql = format!(
                        "INSERT INTO t VALUES ({key}, 1), ({}, 1)
                         ON CONFLICT (k) DO UPDATE SET n = t.n + excluded.n",
                        19 - key
                    );
                    while let Err(error) = client.client.batch_execute(&sql).await {
                        if error.code() != Some(&SqlState::T_R_DEADLOCK_DETECTED) {
                            return Err(error);
                        }
                    }
                }
                Ok::<(), tokio_postgres::Error>(())
            }));
        }
        for task in tasks {
            let done = tokio::time::timeout(Duration::from_secs(120), task).await;
            done.map_err(|_| "a session waits for ever")???;
        }
        let odd = "SELECT count(*) FROM t WHERE n <> 6";
        assert_eq!(number(admin, odd).await?, 0, "some were forgotten");
        assert_eq!(number(admin, "SELECT count(*) FROM t").await?, 20);
        Ok(())
    })
}

/// A partition comes and goes while others add rows that are for it, or, without it, for the
/// default one.
fn bounds_hold() -> Result<(), Failed> {
    let tables = "CREATE TABLE t (k bigint, by int) PARTITION BY RANGE (k);
         CREATE TABLE low PARTITION OF t FOR VALUES FROM (0) TO (100);
         CREATE TABLE rest PARTITION OF t DEFAULT PARTITION BY LIST (by);
         CREATE TABLE rest0 PARTITION OF rest FOR VALUES IN (0);
         CREATE TABLE rest1 PARTITION OF rest FOR VALUES IN (1);
         CREATE TABLE high (by int, k bigint);";
    played(tables, async |address, admin| {
        let over = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for by in 0..2 {
            let (client, over) = (
                Client::connect(address, "commons", PASSWORD).await?,
                Arc::clone(&over),
            );
            tasks.push(tokio::spawn(async move {
                let mut added = 0;
                while !over.load(Ordering::Relaxed) {
                    for key in [50, 150, 250] {
                        let sql = format!("INSERT INTO t VALUES ({key}, {by})");
                        // Its locks may wait for those of who attaches, and the other way round.
                        if let Err(error) = client.client.batch_execute(&sql).await {
                            if error.code() != Some(&SqlState::T_R_DEADLOCK_DETECTED) {
                                return Err(error);
                            }
                            continue;
                        }
                        added += 1;
                    }
                }
                Ok::<i64, tokio_postgres::Error>(added)
            }));
        }
        let mut moved = 0;
        for turn in 0..TURNS {
            // What is for it goes to it first, in one statement: a second one would delete what
            // came after the first. Rows that come to the default partition meanwhile are found.
            let lock = if turn % 2 == 0 { "LOCK TABLE t;" } else { "" };
            let attach = format!(
                "BEGIN; {lock} WITH gone AS (DELETE FROM rest WHERE k BETWEEN 100 AND 199 RETURNING *)
                     INSERT INTO high SELECT by, k FROM gone;
                 ALTER TABLE t ATTACH PARTITION high FOR VALUES FROM (100) TO (200); COMMIT"
            );
            if let Err(error) = admin.client.batch_execute(&attach).await {
                let refused = [SqlState::CHECK_VIOLATION, SqlState::T_R_DEADLOCK_DETECTED];
                if !error.code().is_some_and(|code| refused.contains(code)) {
                    return Err(error.into());
                }
                admin.client.batch_execute("ROLLBACK").await?;
                continue;
            }
            moved += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
            let astray = "SELECT count(*) FROM (SELECT k FROM rest WHERE k < 200 UNION ALL
                 SELECT k FROM high WHERE k NOT BETWEEN 100 AND 199) s";
            assert_eq!(number(admin, astray).await?, 0, "rows are astray");
            let detach = "ALTER TABLE t DETACH PARTITION high";
            admin.client.batch_execute(detach).await?;
        }
        over.store(true, Ordering::Relaxed);
        let mut added = 0;
        for task in tasks {
            added += task.await??;
        }
        let there = "SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM high)";
        assert_eq!(number(admin, there).await?, added, "rows are lost");
        assert!(moved > 0 && added > 0, "nothing came in");
        Ok(())
    })
}
