//! sqlx: queries with typed parameters, what its macros ask of the server, transactions, COPY,
//! notifications and migrations. Prints its row of README's client matrix.

use std::error::Error;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::TryStreamExt;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::types::{BigDecimal, Json, Uuid};
use sqlx::{Connection, Either, Executor, PgPool, Row, Statement, TypeInfo};

type Done = Result<(), Box<dyn Error>>;

/// The version `Cargo.toml` pins.
const VERSION: &str = "0.9.0";

#[derive(Debug, PartialEq, sqlx::Type)]
#[sqlx(type_name = "mood", rename_all = "lowercase")]
enum Mood {
    Sad,
    Ok,
}

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Reader {
    id: i64,
    name: String,
    mood: Option<Mood>,
    born: Option<NaiveDate>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let name = |key: &str| std::env::var(key);
    let url = format!(
        "postgresql://{}:{}@{}:{}/{}",
        name("PGUSER")?,
        name("PGPASSWORD")?,
        name("PGHOST")?,
        name("PGPORT")?,
        name("PGDATABASE")?
    );
    let pool = PgPoolOptions::new()
        .max_connections(3)
        .connect(&url)
        .await?;
    types(&pool).await?;
    structs(&pool).await?;
    described(&pool).await?;
    transactions(&pool).await?;
    copies(&pool).await?;
    errors(&pool).await?;
    notifications(&url, &pool).await?;
    migrations(&pool).await?;
    println!(
        "| sqlx | {VERSION} | typed parameters and results in binary, enums by name, structs from rows, streams, what \
         `query!` asks when it compiles, transactions and savepoints, COPY in and out, errors with their fields, \
         time-outs, notifications, migrations |"
    );
    Ok(())
}

async fn types(pool: &PgPool) -> Done {
    macro_rules! round {
        ($($ty:literal $of:ty: $value:expr;)*) => {$(
            let value: $of = $value;
            let (there, none): ($of, Option<$of>) =
                sqlx::query_as(concat!("SELECT $1::", $ty, ", NULL::", $ty)).bind(value.clone()).fetch_one(pool).await?;
            assert_eq!(there, value, $ty);
            assert!(none.is_none(), $ty);
        )*};
    }
    round! {
        "int2" i16: -7;
        "int4" i32: i32::MIN;
        "int8" i64: i64::MAX;
        "float4" f32: 0.5;
        "float8" f64: 1e300;
        "text" String: "é 'x' \\ 漢".to_owned();
        "varchar(5)" String: "five".to_owned();
        "bool" bool: true;
        "bytea" Vec<u8>: vec![0, 255];
        "numeric" BigDecimal: "-12345678901234567890.000123".parse()?;
        "uuid" Uuid: Uuid::from_u128(7);
        "date" NaiveDate: NaiveDate::from_ymd_opt(2024, 2, 29).ok_or("a date")?;
        "timestamptz" DateTime<Utc>: DateTime::from_timestamp_micros(1_700_000_000_000_001).ok_or("a moment")?;
        "jsonb" Json<Vec<i32>>: Json(vec![1, 2]);
        "int4[]" Vec<Option<i32>>: vec![Some(1), None];
        "text[]" Vec<String>: vec!["a".to_owned(), "q\"".to_owned()];
    }
    Ok(())
}

async fn structs(pool: &PgPool) -> Done {
    sqlx::raw_sql(
        "CREATE TYPE mood AS ENUM ('sad', 'ok');
         CREATE TABLE reader (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, mood mood, born date)",
    )
    .execute(pool)
    .await?;
    let made = sqlx::query("INSERT INTO reader (name, mood) VALUES ($1, $2), ($3, NULL)")
        .bind("ann")
        .bind(Mood::Ok)
        .bind("bob")
        .execute(pool)
        .await?;
    assert_eq!(made.rows_affected(), 2);
    let readers: Vec<Reader> = sqlx::query_as("SELECT * FROM reader WHERE id > $1 ORDER BY id")
        .bind(0_i64)
        .fetch_all(pool)
        .await?;
    let reader = |id, name: &str, mood| Reader {
        id,
        name: name.to_owned(),
        mood,
        born: None,
    };
    assert_eq!(
        readers,
        [reader(1, "ann", Some(Mood::Ok)), reader(2, "bob", None)]
    );
    let mut numbers =
        sqlx::query_scalar("SELECT g FROM generate_series(1, 10000) AS g").fetch(pool);
    let mut sum = 0_i64;
    while let Some(number) = numbers.try_next().await? {
        let number: i32 = number;
        sum += i64::from(number);
    }
    assert_eq!(sum, 50_005_000);
    Ok(())
}

/// What `query!` asks: the types of parameters and columns, and which columns may be NULL.
async fn described(pool: &PgPool) -> Done {
    let mut connection = pool.acquire().await?;
    let sql = "SELECT id, name AS called, born, count(*) OVER () AS n FROM reader WHERE name = $1 AND id > $2";
    let statement = connection.prepare(sqlx::SqlStr::from_static(sql)).await?;
    let parameters = match statement.parameters() {
        Some(Either::Left(types)) => types.iter().map(|ty| ty.name().to_owned()).collect(),
        _ => Vec::new(),
    };
    assert_eq!(parameters, ["TEXT", "INT8"]);
    let described = connection.describe(sqlx::SqlStr::from_static(sql)).await?;
    let nullable: Vec<_> = (0..4).map(|column| described.nullable(column)).collect();
    assert_eq!(nullable[..3], [Some(false), Some(false), Some(true)]);
    Ok(())
}

async fn transactions(pool: &PgPool) -> Done {
    let mut transaction = pool.begin().await?;
    sqlx::query("INSERT INTO reader (name) VALUES ('cid')")
        .execute(&mut *transaction)
        .await?;
    let mut inner = transaction.begin().await?;
    let failed = sqlx::query("INSERT INTO reader (name) VALUES (NULL)")
        .execute(&mut *inner)
        .await;
    assert!(failed.is_err());
    inner.rollback().await?;
    transaction.commit().await?;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM reader")
        .fetch_one(pool)
        .await?;
    assert_eq!(count, 3);
    Ok(())
}

async fn copies(pool: &PgPool) -> Done {
    let mut connection = pool.acquire().await?;
    connection
        .execute("CREATE TABLE copied (k int, s text)")
        .await?;
    let mut sink = connection
        .copy_in_raw("COPY copied FROM STDIN (FORMAT csv)")
        .await?;
    sink.send(&b"1,one\n2,two\n"[..]).await?;
    assert_eq!(sink.finish().await?, 2);
    let parts: Vec<_> = connection
        .copy_out_raw("COPY copied TO STDOUT")
        .await?
        .try_collect()
        .await?;
    assert_eq!(parts.concat(), b"1\tone\n2\ttwo\n");
    Ok(())
}

async fn errors(pool: &PgPool) -> Done {
    sqlx::raw_sql("CREATE TABLE keyed (a int PRIMARY KEY); INSERT INTO keyed VALUES (1)")
        .execute(pool)
        .await?;
    let failed = sqlx::query("INSERT INTO keyed VALUES ($1)")
        .bind(1)
        .execute(pool)
        .await;
    let failed = failed.expect_err("a key twice");
    let error = failed.as_database_error().ok_or("the server's error")?;
    assert!(error.is_unique_violation());
    assert_eq!(error.constraint(), Some("keyed_pkey"));
    assert_eq!(error.table(), Some("keyed"));
    let mut connection = pool.acquire().await?;
    connection
        .execute("SET statement_timeout = '200ms'")
        .await?;
    let slept = connection.execute("SELECT pg_sleep(30)").await;
    let slept = slept.expect_err("stopped");
    let error = slept.as_database_error().ok_or("the server's error")?;
    assert_eq!(error.code().as_deref(), Some("57014"));
    connection.execute("RESET statement_timeout").await?;
    connection.ping().await?;
    Ok(())
}

async fn notifications(url: &str, pool: &PgPool) -> Done {
    let mut listener = PgListener::connect(url).await?;
    listener.listen("news").await?;
    sqlx::query("SELECT pg_notify('news', $1)")
        .bind("hello")
        .execute(pool)
        .await?;
    let told = tokio::time::timeout(Duration::from_secs(10), listener.recv()).await??;
    assert_eq!((told.channel(), told.payload()), ("news", "hello"));
    Ok(())
}

async fn migrations(pool: &PgPool) -> Done {
    let migration = |version, description: &'static str, sql: &'static str| {
        Migration::new(
            version,
            description.into(),
            MigrationType::Simple,
            sqlx::SqlStr::from_static(sql),
            false,
        )
    };
    let migrator = Migrator::with_migrations(vec![
        migration(
            1,
            "book",
            "CREATE TABLE book (id int PRIMARY KEY, title text)",
        ),
        migration(
            2,
            "price",
            "ALTER TABLE book ADD COLUMN price numeric(8, 2) NOT NULL DEFAULT 0",
        ),
    ]);
    migrator.run(pool).await?;
    // Again: nothing is left to do.
    migrator.run(pool).await?;
    sqlx::query("INSERT INTO book (id, title) VALUES (1, 'x')")
        .execute(pool)
        .await?;
    let done: Vec<i64> =
        sqlx::query("SELECT version FROM _sqlx_migrations WHERE success ORDER BY 1")
            .fetch_all(pool)
            .await?
            .iter()
            .map(|row| row.get(0))
            .collect();
    assert_eq!(done, [1, 2]);
    Ok(())
}
