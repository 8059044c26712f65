//! pg_dump reads commons, and PostgreSQL takes what it wrote.

use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};
use tokio_postgres::Client;

use super::shape::rows;
use super::{Pair, block_on, connect, postgres, postgres_as, told};
use crate::server::PASSWORD;

pub(super) fn trials() -> Vec<Trial> {
    vec![Trial::test(
        "catalog/pg_dump_restores_on_postgresql",
        restore,
    )]
}

/// Everything the two databases must agree on.
const QUERIES: &[&str] = &[
    "SELECT * FROM public.t ORDER BY id",
    "SELECT * FROM public.u ORDER BY v",
    "SELECT * FROM team.event ORDER BY id",
    "SELECT * FROM team.line ORDER BY event, place",
    "SELECT * FROM team.result ORDER BY id",
    "SELECT * FROM public.sums ORDER BY event",
    "SELECT * FROM team.kept ORDER BY id",
    "SELECT tableoid::regclass::text, * FROM team.parted ORDER BY id",
    "SELECT inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits ORDER BY 1",
    "SELECT last_value, is_called FROM public.counter",
    "SELECT last_value, is_called FROM team.event_id_seq",
    "SELECT table_schema, table_name, column_name, ordinal_position, column_default, is_nullable, \
            data_type, character_maximum_length, numeric_precision, numeric_scale, udt_name, \
            is_identity, identity_generation, is_generated, generation_expression \
     FROM information_schema.columns WHERE table_schema IN ('public', 'team') \
     ORDER BY 1, 2, 4",
    "SELECT conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid) \
     FROM pg_constraint WHERE connamespace IN ('public'::regnamespace, 'team'::regnamespace) \
     ORDER BY 1, 2",
    "SELECT schemaname, indexname, indexdef FROM pg_indexes \
     WHERE schemaname IN ('public', 'team') ORDER BY 1, 2",
    "SELECT c.oid::regclass::text, obj_description(c.oid, 'pg_class') FROM pg_class c \
     WHERE relnamespace IN ('public'::regnamespace, 'team'::regnamespace) ORDER BY 1",
    "SELECT table_schema, table_name, grantee, privilege_type, is_grantable \
     FROM information_schema.table_privileges WHERE table_schema IN ('public', 'team') \
     AND grantee LIKE 'catalog%' ORDER BY 1, 2, 3, 4",
    "SELECT schemaname, sequencename, data_type::text, start_value, increment_by, max_value, cycle \
     FROM pg_sequences ORDER BY 1, 2",
];

fn pg_dump(pair: &Pair, arguments: &[&str]) -> Result<String, Failed> {
    let output = Command::new(postgres::bin().join("pg_dump"))
        .args(["-h", "127.0.0.1", "-U", "commons", "-d", "commons", "-p"])
        .arg(pair.commons.address().port().to_string())
        .args(["-n", "public", "-n", "team"])
        .args(arguments)
        .env("PGPASSWORD", PASSWORD)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.success() && said.is_empty() {
        true => Ok(String::from_utf8(output.stdout)?),
        false => Err(format!("pg_dump {arguments:?} said: {said}").into()),
    }
}

/// Runs a dump with the real psql, stopping at the first error.
fn load(database: &str, dump: &str) -> Result<(), Failed> {
    use std::io::Write;
    let mut child = Command::new("psql")
        .args([
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            "commons",
            "-d",
        ])
        .args([database, "-p", &postgres::shared().port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().expect("stdin");
    // psql may give up before it has read everything; its answer says why.
    let _ = stdin.write_all(dump.as_bytes());
    drop(stdin);
    let output = child.wait_with_output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("psql said: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

async fn answers(name: &str, client: &Client) -> Result<Vec<String>, Failed> {
    let mut answers = Vec::new();
    for query in QUERIES {
        let messages = client.simple_query(query).await;
        let messages = messages.map_err(|error| told(name, &error))?;
        let lines: Vec<String> = rows(messages)
            .iter()
            .map(|row| format!("{row:?}"))
            .collect();
        answers.push(format!("{query}\n{}", lines.join("\n")));
    }
    Ok(answers)
}

/// Indexes of a partitioned table, which are made and attached one by one.
const PARTED: &str = "
    CREATE TABLE team.parted (id int, v text, PRIMARY KEY (id, v)) PARTITION BY RANGE (id);
    CREATE TABLE team.low PARTITION OF team.parted FOR VALUES FROM (0) TO (10);
    CREATE INDEX parted_v ON team.parted (v);
    CREATE TABLE team.high PARTITION OF team.parted FOR VALUES FROM (10) TO (20)
        PARTITION BY LIST (v);
    CREATE TABLE team.high_a PARTITION OF team.high FOR VALUES IN ('a');
    INSERT INTO team.parted VALUES (1, 'x'), (11, 'a');";

fn restore() -> Result<(), Failed> {
    let pair = Pair::start("dump")?;
    block_on(async { Ok(pair.sessions().await?.commons.batch_execute(PARTED).await?) })?;
    let whole = pg_dump(&pair, &[])?;
    let schema = pg_dump(&pair, &["--schema-only"])?;
    let inserts = pg_dump(&pair, &["--data-only", "--column-inserts"])?;
    for (name, dumps) in [("whole", vec![&whole]), ("parts", vec![&schema, &inserts])] {
        let database = format!("catalog_restored_{name}");
        block_on(async {
            let admin = connect(&postgres_as("commons", "postgres")).await?;
            admin
                .batch_execute(&format!("CREATE DATABASE {database}"))
                .await?;
            // The dump makes it.
            let restored = connect(&postgres_as("commons", &database)).await?;
            restored.batch_execute("DROP SCHEMA public").await?;
            Ok(())
        })?;
        for dump in dumps {
            load(&database, dump)?;
        }
        block_on(async {
            let restored = connect(&postgres_as("commons", &database)).await?;
            // Rows alone do not populate it.
            let refresh = "REFRESH MATERIALIZED VIEW team.kept";
            restored.batch_execute(refresh).await?;
            let ours = answers("commons", &pair.sessions().await?.commons).await?;
            let theirs = answers("PostgreSQL", &restored).await?;
            for (ours, theirs) in ours.iter().zip(&theirs) {
                if ours != theirs {
                    return Err(format!("{name}: {ours}\nrestored: {theirs}").into());
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}
