//! kill -9 during commits from several sessions, many times: every acknowledged commit is there
//! afterwards, and no transaction is there by half.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use rand::{Rng, SeedableRng};

use super::server::{Client, PASSWORD, Program};

/// How often the server is killed.
const KILLS: usize = 200;
/// How often a round that is behind waits for a commit.
const WAITS: usize = 500;
/// The first large object's OID, less its key.
const OBJECTS: i64 = 2_000_000;
/// Sessions committing at once.
const WRITERS: usize = 4;

/// One trial: it needs many rounds over one directory to mean something.
pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test(
        "crash/acknowledged_commits_survive_kill_9",
        kill_loop,
    )]
}

fn kill_loop() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut program = Program::start();
    let seed = 42;
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let next = Arc::new(AtomicI64::new(1));
    runtime.block_on(async {
        let admin = Client::connect(program.address(), "commons", PASSWORD).await?;
        admin
            .client
            .batch_execute("CREATE TABLE public.left_half (k bigint); CREATE TABLE public.right_half (k bigint); SELECT lo_create(1000000);
                 CREATE TABLE public.divided (k bigint, side int) PARTITION BY LIST (side);
                 CREATE TABLE public.here PARTITION OF public.divided FOR VALUES IN (0);
                 CREATE TABLE public.there (side int, k bigint);
                 ALTER TABLE public.divided ATTACH PARTITION public.there FOR VALUES IN (1)")
            .await?;
        for round in 0..KILLS {
            let writers: Vec<_> = (0..WRITERS)
                .map(|_| {
                    tokio::spawn(write_until_cut(program.address(), next.clone(), acknowledged.clone()))
                })
                .collect();
            tokio::time::sleep(Duration::from_millis(random.random_range(20..200))).await;
            // On a busy machine a round may be over before its first commit.
            for _ in 0..WAITS {
                if acknowledged.lock().expect("unpoisoned").len() > round {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            program.kill();
            for writer in writers {
                writer.await?;
            }
            program.restart();
            // Looking at every row every time would make the loop quadratic; the last round looks
            // at all.
            if round % 10 == 9 || round + 1 == KILLS {
                let expected = acknowledged.lock().expect("unpoisoned").clone();
                check(&program, &expected, round).await?;
            }
        }
        let count = acknowledged.lock().expect("unpoisoned").len();
        // A loop in which nothing was ever committed would prove nothing.
        if count < KILLS {
            return Err(format!("only {count} commits were acknowledged in {KILLS} rounds").into());
        }
        Ok(())
    })
}

/// Commits transactions of two rows in two tables, and now and then a view, until the server is
/// gone.
async fn write_until_cut(
    address: std::net::SocketAddr,
    next: Arc<AtomicI64>,
    acknowledged: Arc<Mutex<BTreeSet<i64>>>,
) {
    let Ok(client) = Client::connect(address, "commons", PASSWORD).await else {
        return;
    };
    loop {
        let key = next.fetch_add(1, Ordering::Relaxed);
        let view = if key % 10 == 0 {
            format!(
                "CREATE OR REPLACE VIEW public.last_{} AS SELECT {key} AS k;",
                key % 50
            )
        } else {
            String::new()
        };
        // A large object of two pages, and one that everybody writes once in a while.
        let object = match key % 10 {
            5 => format!(
                "SELECT lo_from_bytea({}, convert_to(repeat('{key}.', 1000), 'UTF8'));
                 SELECT lo_put(1000000, 0, convert_to(repeat('{key:09}', 500), 'UTF8'));",
                OBJECTS + key
            ),
            _ => String::new(),
        };
        // Now and then a row changes partitions.
        let moved = match key % 10 {
            3 => format!("UPDATE public.divided SET side = 1 WHERE k = {key};"),
            _ => String::new(),
        };
        let sql = format!(
            "BEGIN; INSERT INTO public.left_half VALUES ({key}); {view} {object}
             INSERT INTO public.divided VALUES ({key}, 0); {moved}
             INSERT INTO public.right_half VALUES ({key}); COMMIT"
        );
        match client.client.batch_execute(&sql).await {
            Ok(()) => {
                acknowledged.lock().expect("unpoisoned").insert(key);
            }
            Err(error)
                if error
                    .as_db_error()
                    .is_some_and(|e| e.code().code() == "40001") =>
            {
                // Two sessions replaced one view, or wrote one object: a conflict, honestly
                // reported.
                let _ = client.client.batch_execute("ROLLBACK").await;
            }
            Err(error) if error.as_db_error().is_some() => panic!("commit failed: {error:?}"),
            Err(_) => return,
        }
    }
}

async fn check(
    program: &Program,
    acknowledged: &BTreeSet<i64>,
    round: usize,
) -> Result<(), Failed> {
    let admin = Client::connect(program.address(), "commons", PASSWORD).await?;
    let mut halves = Vec::new();
    for table in ["left_half", "right_half"] {
        let rows = admin
            .client
            .query(&format!("SELECT k FROM public.{table}"), &[])
            .await?;
        let keys: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        let unique: BTreeSet<i64> = keys.iter().copied().collect();
        if unique.len() != keys.len() {
            return Err(format!("round {round}: {table} has a row twice").into());
        }
        halves.push(unique);
    }
    let lost: Vec<_> = acknowledged.difference(&halves[0]).collect();
    if !lost.is_empty() {
        return Err(format!("round {round}: acknowledged and lost: {lost:?}").into());
    }
    let torn: Vec<_> = halves[0].symmetric_difference(&halves[1]).collect();
    if !torn.is_empty() {
        return Err(format!("round {round}: half a transaction: {torn:?}").into());
    }
    let rows = admin
        .client
        .query(
            "SELECT k, side, tableoid::regclass::text FROM public.divided",
            &[],
        )
        .await?;
    let mut divided = BTreeSet::new();
    for row in &rows {
        let (key, side, table): (i64, i32, &str) = (row.get(0), row.get(1), row.get(2));
        let expected = match key % 10 {
            3 => (1, "there"),
            _ => (0, "here"),
        };
        if (side, table) != expected || !divided.insert(key) {
            return Err(format!("round {round}: row {key} is in {table} with {side}").into());
        }
    }
    if divided != halves[0] {
        return Err(format!("round {round}: the partitions do not have the rows").into());
    }
    let objects = admin
        .client
        .query(
            "SELECT oid::bigint, convert_from(lo_get(oid), 'UTF8') FROM pg_largeobject_metadata",
            &[],
        )
        .await?;
    let mut keys = BTreeSet::new();
    for object in &objects {
        let (key, text): (i64, String) = (object.get::<_, i64>(0) - OBJECTS, object.get(1));
        let whole = match key {
            1.. => text == format!("{key}.").repeat(1000),
            // Empty until somebody wrote it.
            _ => text == text.get(..9).unwrap_or("").repeat(500),
        };
        if !whole {
            return Err(format!("round {round}: object of {key} is {} bytes", text.len()).into());
        }
        keys.insert(key);
    }
    let made = halves[0].iter().filter(|key| *key % 10 == 5).copied();
    if !made.eq(keys.range(1..).copied()) {
        return Err(format!("round {round}: large objects are not those of the rows").into());
    }
    Ok(())
}
