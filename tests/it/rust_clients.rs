//! Clients of Rust: tokio-postgres, and sqllogictest, which runs the cases of `tests/sql`. As the
//! scripts of `tests/clients`, each gives its row of README's client matrix.

use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt, TryStreamExt, pin_mut};
use libtest_mimic::Failed;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, NoTls};

use super::server::{Client, PASSWORD, Program};

/// The rows of the clients here.
pub(crate) fn rows() -> Result<Vec<String>, Failed> {
    Ok(vec![
        row(
            "tokio-postgres",
            "typed parameters and results in binary, declared types, portals, pipelined queries, transactions and \
             savepoints, COPY in and out, errors with their fields, cancel, notifications",
        )?,
        row(
            "sqllogictest",
            "every case of `tests/sql`, as text by simple queries and in binary by prepared statements",
        )?,
    ])
}

/// A row with the version that `Cargo.lock` has of a package.
fn row(package: &str, shows: &str) -> Result<String, Failed> {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");
    let lock = std::fs::read_to_string(lock)?;
    let (_, entry) = lock
        .split_once(&format!("name = \"{package}\"\nversion = \""))
        .ok_or_else(|| format!("{package} is not in Cargo.lock"))?;
    let version = entry.split('"').next().unwrap_or_default();
    Ok(format!("| {package} | {version} | {shows} |"))
}

/// tokio-postgres, whole.
pub(crate) fn tokio_postgres() -> Result<(), Failed> {
    let program = Program::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut one = Client::connect(program.address(), "commons", PASSWORD).await?;
        types(&one.client).await?;
        portals(&mut one.client).await?;
        pipelined(&one.client).await?;
        transactions(&mut one.client).await?;
        copies(&one.client).await?;
        errors(&one.client).await?;
        cancel(&one.client).await?;
        one.client
            .batch_execute("LISTEN news; NOTIFY news, 'hello'")
            .await?;
        let told = one.notification(Duration::from_secs(10)).await;
        assert_eq!(
            told.map(|told| told.payload().to_owned()).as_deref(),
            Some("hello")
        );
        Ok(())
    })
}

async fn types(client: &tokio_postgres::Client) -> Result<(), Error> {
    async fn round<T>(client: &tokio_postgres::Client, ty: &str, value: T) -> Result<(), Error>
    where
        T: ToSql + Sync + PartialEq + std::fmt::Debug + for<'a> tokio_postgres::types::FromSql<'a>,
    {
        let row = client
            .query_one(&format!("SELECT $1::{ty}, NULL::{ty}"), &[&value])
            .await?;
        assert_eq!(row.get::<_, T>(0), value, "{ty}");
        assert!(row.get::<_, Option<T>>(1).is_none(), "{ty}");
        Ok(())
    }
    round(client, "int2", -7_i16).await?;
    round(client, "int4", i32::MIN).await?;
    round(client, "int8", i64::MAX).await?;
    round(client, "float4", 0.5_f32).await?;
    round(client, "float8", 1e300_f64).await?;
    round(client, "text", "é 'x' \\ 漢".to_owned()).await?;
    round(client, "varchar(5)", "five".to_owned()).await?;
    round(client, "bool", true).await?;
    round(client, "bytea", vec![0_u8, 255]).await?;
    round(client, "oid", 7_u32).await?;
    round(client, "int4[]", vec![Some(1), None, Some(3)]).await?;
    round(client, "text[]", vec!["a".to_owned(), "q\"".to_owned()]).await?;
    let moment = std::time::UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_001);
    round(client, "timestamptz", moment).await?;
    // What is declared wins; what is not is found out.
    let statement = client
        .prepare_typed("SELECT $1, $2 || 'x', $3 + 1", &[Type::FLOAT4])
        .await?;
    assert_eq!(statement.params(), [Type::FLOAT4, Type::TEXT, Type::INT4]);
    let names: Vec<_> = statement
        .columns()
        .iter()
        .map(|c| c.type_().clone())
        .collect();
    assert_eq!(names, [Type::FLOAT4, Type::TEXT, Type::INT4]);
    Ok(())
}

async fn portals(client: &mut tokio_postgres::Client) -> Result<(), Error> {
    let transaction = client.transaction().await?;
    let portal = transaction
        .bind("SELECT i FROM generate_series(1, $1::int) AS g(i)", &[&250])
        .await?;
    let mut seen = 0;
    loop {
        let rows = transaction.query_portal(&portal, 100).await?;
        if rows.is_empty() {
            break;
        }
        seen += rows.len();
    }
    assert_eq!(seen, 250);
    transaction.commit().await
}

async fn pipelined(client: &tokio_postgres::Client) -> Result<(), Error> {
    let queries = (0..100).map(|n| async move {
        let row = client.query_one("SELECT $1::int4 * 2", &[&n]).await?;
        Ok::<_, Error>(row.get::<_, i32>(0))
    });
    let doubled = futures::future::try_join_all(queries).await?;
    assert!(doubled.into_iter().eq((0..100).map(|n| n * 2)));
    Ok(())
}

async fn transactions(client: &mut tokio_postgres::Client) -> Result<(), Error> {
    client.batch_execute("CREATE TABLE moves (a int)").await?;
    let mut transaction = client.transaction().await?;
    transaction
        .execute("INSERT INTO moves VALUES ($1)", &[&1])
        .await?;
    let savepoint = transaction.transaction().await?;
    assert!(savepoint.execute("SELECT 1 / $1", &[&0]).await.is_err());
    savepoint.rollback().await?;
    transaction.commit().await?;
    assert_eq!(client.query("SELECT a FROM moves", &[]).await?.len(), 1);
    Ok(())
}

async fn copies(client: &tokio_postgres::Client) -> Result<(), Error> {
    client
        .batch_execute("CREATE TABLE copied (k int, s text)")
        .await?;
    let sink = client.copy_in::<_, Bytes>("COPY copied FROM STDIN").await?;
    pin_mut!(sink);
    sink.send(Bytes::from_static(b"1\ton")).await?;
    sink.send(Bytes::from_static(b"e\n2\ttwo\n")).await?;
    assert_eq!(sink.finish().await?, 2);
    let out = client
        .copy_out("COPY copied TO STDOUT (FORMAT csv)")
        .await?;
    let chunks: Vec<Bytes> = out.try_collect().await?;
    assert_eq!(chunks.concat(), b"1,one\n2,two\n");
    Ok(())
}

async fn errors(client: &tokio_postgres::Client) -> Result<(), Error> {
    client
        .batch_execute("CREATE TABLE keyed (a int PRIMARY KEY); INSERT INTO keyed VALUES (1)")
        .await?;
    let Err(error) = client.execute("INSERT INTO keyed VALUES ($1)", &[&1]).await else {
        panic!("a key twice");
    };
    let error = error.as_db_error().expect("the server's");
    assert_eq!(error.code().code(), "23505");
    assert_eq!(error.constraint(), Some("keyed_pkey"));
    assert_eq!(error.detail(), Some("Key (a)=(1) already exists."));
    Ok(())
}

async fn cancel(client: &tokio_postgres::Client) -> Result<(), Error> {
    let token = client.cancel_token();
    let (slept, cancelled) = tokio::join!(client.batch_execute("SELECT pg_sleep(30)"), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        token.cancel_query(NoTls).await
    });
    cancelled?;
    let error = slept.expect_err("cancelled");
    assert_eq!(error.code().map(|code| code.code()), Some("57014"));
    let stream = client.query_raw("SELECT 1", Vec::<i32>::new()).await?;
    pin_mut!(stream);
    assert!(stream.next().await.is_some());
    Ok(())
}
