//! What the one person who operates the server relies on: a clean stop, one server a directory,
//! refusals that say why, files served in place.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use futures::{SinkExt, StreamExt};
use libtest_mimic::{Failed, Trial};

use super::server::{Client, PASSWORD, Program, free_port};

/// One trial per promise.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("operation/sigterm_ends_with_success", stops),
        Trial::test("operation/a_second_server_is_refused", second_server),
        Trial::test("operation/bad_configuration_is_refused", bad_configuration),
        Trial::test("operation/a_csv_file_is_served_in_place", csv_in_place),
        Trial::test("operation/a_csv_file_larger_than_memory_loads", big_csv),
        Trial::test("operation/copies_larger_than_memory_stream", big_copies),
        Trial::test("operation/copy_stays_inside_its_folders", copy_folders),
        Trial::test("operation/connections_beyond_the_limit_are_refused", limit),
        Trial::test("operation/metrics_count", metrics),
        Trial::test("operation/shutdown_by_sql", shutdown),
    ]
}

fn stops() -> Result<(), Failed> {
    let mut program = Program::start();
    assert!(program.terminate(), "SIGTERM ends the server with success");
    Ok(())
}

fn commons(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_commons"))
        .args(arguments)
        .env("COMMONS_PASSWORD", PASSWORD)
        .output()
        .expect("commons starts");
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn second_server() -> Result<(), Failed> {
    let program = Program::start();
    let data_dir = program.data_dir().to_string_lossy().into_owned();
    let (ended_well, said) = commons(&[
        "serve",
        "--data-dir",
        &data_dir,
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "off",
    ]);
    assert!(!ended_well && said.contains("another"), "said: {said}");
    Ok(())
}

fn bad_configuration() -> Result<(), Failed> {
    let folder = tempfile::TempDir::new()?;
    let data_dir = folder.path().join("data").to_string_lossy().into_owned();
    let file = folder.path().join("config.toml");
    for (text, complaint) in [
        ("lissen = \"127.0.0.1:1\"", "lissen"),
        (
            "[tls]\ncertificate = \"missing.crt\"\nkey = \"missing.key\"",
            "missing",
        ),
        ("listen = \"0.0.0.0:0\"", "without TLS"),
    ] {
        std::fs::write(&file, text)?;
        let path = file.to_string_lossy().into_owned();
        let (ended_well, said) = commons(&["serve", "--data-dir", &data_dir, "--config", &path]);
        assert!(
            !ended_well && said.contains(complaint),
            "{text}: said: {said}"
        );
    }
    Ok(())
}

fn csv_in_place() -> Result<(), Failed> {
    let folder = tempfile::TempDir::new()?;
    let file = folder.path().join("sales.csv");
    std::fs::write(
        &file,
        "day,amount,who\n2024-01-01,1.5,ann\n2024-01-02,2.5,bob\n",
    )?;
    let table = format!("sales={}", file.display());
    let program = Program::start_with(&["--table", &table]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::connect(program.address(), "commons", PASSWORD).await?;
        let row = client
            .client
            .query_one(
                "SELECT count(*), sum(amount), max(day)::text FROM sales",
                &[],
            )
            .await?;
        assert_eq!((row.get::<_, i64>(0), row.get::<_, f64>(1)), (2, 4.0));
        assert_eq!(row.get::<_, String>(2), "2024-01-02");
        // A broken line says which, and nothing of the file is loaded.
        std::fs::write(
            &file,
            "day,amount,who\n2024-01-01,1.5,ann\n2024-01-02,much,bob\n",
        )?;
        let error = client
            .client
            .batch_execute("CREATE TABLE loaded AS SELECT * FROM sales")
            .await
            .expect_err("the file is broken");
        let error = error.as_db_error().expect("the server answers");
        let place = format!("{} {}", error.message(), error.where_().unwrap_or_default());
        assert!(
            place.contains("line 3") && place.contains("amount") && place.contains("much"),
            "{place}"
        );
        assert!(
            client
                .client
                .batch_execute("SELECT * FROM loaded")
                .await
                .is_err()
        );
        Ok(())
    })
}

/// A file ten times the budget is queried and loaded; the process stays below half its size, and
/// others see how far it is.
fn big_csv() -> Result<(), Failed> {
    const ROWS: u64 = 12_000_000;
    let folder = tempfile::TempDir::new()?;
    let config = folder.path().join("config.toml");
    std::fs::write(&config, "[engine]\nmemory = \"64MB\"\n")?;
    let file = folder.path().join("big.csv");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&file)?);
    writeln!(out, "id,name,amount")?;
    for id in 0..ROWS {
        writeln!(
            out,
            "{id},the name of row number {id} of many,{}.25",
            id % 1000
        )?;
    }
    out.flush()?;
    let bytes = std::fs::metadata(&file)?.len();
    let table = format!("big={}", file.display());
    let config = config.display().to_string();
    let program = Program::start_with(&["--config", &config, "--table", &table]);
    let before = program.peak_bytes();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let loader = Client::connect(program.address(), "commons", PASSWORD).await?;
        let watcher = Client::connect(program.address(), "commons", PASSWORD).await?;
        let loading = loader
            .client
            .batch_execute("CREATE TABLE loaded AS SELECT * FROM big");
        let watching = async {
            loop {
                let moving = watcher
                    .client
                    .query_opt(
                        "SELECT command, type, bytes_total, relid::regclass::text
                         FROM pg_stat_progress_copy
                         WHERE bytes_processed > 0 AND tuples_processed > 0",
                        &[],
                    )
                    .await?;
                if let Some(row) = moving {
                    return Ok::<_, Failed>((
                        row.get::<_, String>(0),
                        row.get::<_, String>(1),
                        row.get::<_, i64>(2),
                        row.get::<_, String>(3),
                    ));
                }
            }
        };
        let (loaded, seen) = tokio::join!(loading, watching);
        loaded?;
        let expected = ("SELECT".into(), "FILE".into(), bytes as i64, "big".into());
        assert_eq!(seen?, expected);
        let row = loader
            .client
            .query_one("SELECT count(*), sum(id)::int8, max(name) FROM loaded", &[])
            .await?;
        let sum = i64::try_from(ROWS * (ROWS - 1) / 2).expect("small");
        assert_eq!(
            (row.get::<_, i64>(0), row.get::<_, i64>(1)),
            (ROWS as i64, sum)
        );
        assert_eq!(
            row.get::<_, String>(2),
            "the name of row number 9999999 of many"
        );
        Ok::<_, Failed>(())
    })?;
    let grown = program.peak_bytes() - before;
    assert!(
        grown < bytes / 2,
        "loading {bytes} bytes within 64 MB took {grown} bytes"
    );
    Ok(())
}

/// Rows of several times the budget, out of one table and into the next in every format, one chunk
/// after the other: the process grows by less than the bytes that pass through it.
fn big_copies() -> Result<(), Failed> {
    const ROWS: u64 = 1_500_000;
    let folder = tempfile::TempDir::new()?;
    let config = folder.path().join("config.toml");
    std::fs::write(&config, "[engine]\nmemory = \"32MB\"\n")?;
    let program = Program::start_with(&["--config", &config.display().to_string()]);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let from = Client::connect(program.address(), "commons", PASSWORD).await?;
        let into = Client::connect(program.address(), "commons", PASSWORD).await?;
        let make = format!(
            "CREATE TABLE big AS SELECT i, md5(i::text) || md5((i + 1)::text) AS a,
             md5((i + 2)::text) || md5((i + 3)::text) AS b FROM generate_series(1, {ROWS}) i"
        );
        from.client.batch_execute(&make).await?;
        from.client
            .batch_execute("CREATE TABLE copied (LIKE big)")
            .await?;
        let sum = "SELECT count(*), sum(i)::int8, max(a), max(b) FROM ";
        let expected = from.client.query_one(&format!("{sum} big"), &[]).await?;
        for format in ["text", "binary", "arrow", "parquet, COMPRESSION none"] {
            let before = program.peak_bytes();
            let out = format!("COPY big TO STDOUT (FORMAT {format})");
            let format = format.split(',').next().unwrap_or_default();
            let input = format!("COPY copied FROM STDIN (FORMAT {format})");
            let out = from.client.copy_out(out.as_str()).await?;
            let sink = into
                .client
                .copy_in::<_, bytes::Bytes>(input.as_str())
                .await?;
            let mut bytes = 0_u64;
            let mut out = std::pin::pin!(out);
            let mut sink = std::pin::pin!(sink);
            while let Some(piece) = out.next().await {
                let piece = piece?;
                bytes += piece.len() as u64;
                sink.send(piece).await?;
            }
            assert_eq!(sink.as_mut().finish().await?, ROWS, "{format}");
            let grown = program.peak_bytes() - before;
            assert!(
                grown < 200 << 20 && bytes > 190 << 20,
                "{bytes} bytes as {format} within 32 MB took {grown} bytes"
            );
            let copied = into.client.query_one(&format!("{sum} copied"), &[]).await?;
            assert_eq!(
                (copied.get::<_, i64>(0), copied.get::<_, i64>(1)),
                (expected.get(0), expected.get(1)),
                "{format}"
            );
            assert_eq!(
                (copied.get::<_, String>(2), copied.get::<_, String>(3)),
                (expected.get(2), expected.get(3)),
                "{format}"
            );
            into.client.batch_execute("TRUNCATE copied").await?;
        }
        Ok(())
    })
}

/// COPY with files of the server: whole inside the folders it is given, for those who may.
fn copy_folders() -> Result<(), Failed> {
    let outside = tempfile::TempDir::new()?;
    let outside = outside.path().canonicalize()?;
    let inside = outside.join("inside");
    std::fs::create_dir_all(inside.join("deep"))?;
    std::fs::write(outside.join("secret"), "1\n")?;
    std::os::unix::fs::symlink(&outside, inside.join("out"))?;
    std::os::unix::fs::symlink(outside.join("secret"), inside.join("link"))?;
    let config = outside.join("config.toml");
    std::fs::write(
        &config,
        format!(
            "[files]\ncopy_roots = [{:?}]\n",
            inside.display().to_string()
        ),
    )?;
    let program = Program::start_with(&["--config", &config.display().to_string()]);
    let closed = Program::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::connect(program.address(), "commons", PASSWORD).await?;
        let make = "CREATE TABLE t AS SELECT i, 'row ' || i AS s FROM generate_series(1, 1000) i;
                    CREATE TABLE u (LIKE t)";
        client.client.batch_execute(make).await?;
        for (name, format) in [
            ("t.txt", "text"),
            ("t.csv", "csv"),
            ("deep/t.bin", "binary"),
            ("t.arrow", "arrow"),
            ("t.parquet", "parquet"),
        ] {
            let path = inside.join(name).display().to_string();
            let copy = format!(
                "COPY t TO '{path}' (FORMAT {format}); COPY u FROM '{path}' (FORMAT {format})"
            );
            client.client.batch_execute(&copy).await?;
        }
        let same = "SELECT count(*) FROM (SELECT * FROM u EXCEPT SELECT * FROM t) x";
        let counted = "SELECT count(*) FROM u";
        assert_eq!(
            client
                .client
                .query_one(counted, &[])
                .await?
                .get::<_, i64>(0),
            5000
        );
        assert_eq!(
            client.client.query_one(same, &[]).await?.get::<_, i64>(0),
            0
        );
        let csv = std::fs::read_to_string(inside.join("t.csv"))?;
        assert!(csv.starts_with("1,row 1\n2,row 2\n"), "{csv}");

        let state = async |client: &Client, sql: &str| match client.client.batch_execute(sql).await
        {
            Ok(()) => "done".to_owned(),
            Err(error) => error.code().map_or("?", |code| code.code()).to_owned(),
        };
        let at = |path: &str| inside.join(path).display().to_string();
        for (path, read, write) in [
            (at("missing"), "58P01", "done"),
            (at("nowhere/x"), "58P01", "58P01"),
            (at("deep"), "42809", "42809"),
            (at("link"), "42501", "done"),
            (at("out/secret"), "42501", "42501"),
            (at("../secret"), "42501", "42501"),
            (at("deep/../t.csv"), "42501", "42501"),
            (
                outside.join("secret").display().to_string(),
                "42501",
                "42501",
            ),
            ("/etc/passwd".to_owned(), "42501", "42501"),
            ("t.csv".to_owned(), "42602", "42602"),
        ] {
            let text = format!("COPY u (s) FROM '{path}'");
            assert_eq!(state(&client, &text).await, read, "{text}");
            let text = format!("COPY t TO '{path}'");
            assert_eq!(state(&client, &text).await, write, "{text}");
        }
        assert_eq!(std::fs::read_to_string(outside.join("secret"))?, "1\n");
        assert!(
            !inside.join("link").is_symlink(),
            "the link itself was replaced"
        );
        // What fails leaves nothing behind.
        let fails = format!("COPY (SELECT 1 / (i - 900) FROM t) TO '{}'", at("fails"));
        assert_eq!(state(&client, &fails).await, "22012");
        assert!(!inside.join("fails").exists());
        let names = std::fs::read_dir(&inside)?;
        let names: Vec<_> = names
            .map(|entry| entry.map(|e| e.file_name()))
            .collect::<Result<_, _>>()?;
        assert!(
            !names
                .iter()
                .any(|name| name.to_string_lossy().starts_with('.')),
            "{names:?}"
        );
        let piped = format!("COPY t TO PROGRAM 'cat > {}'", at("piped"));
        assert_eq!(state(&client, &piped).await, "0A000");

        // lo_import() and lo_export() are of the same files.
        let there_and_back = format!(
            "SELECT lo_import('{}', 500000); SELECT lo_export(500000, '{}')",
            at("t.csv"),
            at("deep/object")
        );
        client.client.batch_execute(&there_and_back).await?;
        assert_eq!(std::fs::read_to_string(inside.join("deep/object"))?, csv);
        for (path, read, write) in [
            (at("nowhere/x"), "58P01", "58P01"),
            (at("deep"), "42809", "42809"),
            (at("out/secret"), "42501", "42501"),
            ("/etc/passwd".to_owned(), "42501", "42501"),
            ("t.csv".to_owned(), "42501", "42501"),
        ] {
            let text = format!("SELECT lo_import('{path}')");
            assert_eq!(state(&client, &text).await, read, "{text}");
            let text = format!("SELECT lo_export(500000, '{path}')");
            assert_eq!(state(&client, &text).await, write, "{text}");
        }

        // It takes a role, and somebody who named a folder.
        let ann = format!(
            "CREATE ROLE ann LOGIN PASSWORD '{PASSWORD}'; GRANT SELECT, INSERT ON u TO ann"
        );
        client.client.batch_execute(&ann).await?;
        let ann = Client::connect(program.address(), "ann", PASSWORD).await?;
        let read = format!("COPY commons.u FROM '{}' (FORMAT csv)", at("t.csv"));
        let write = format!("COPY (SELECT 1) TO '{}'", at("ann"));
        assert_eq!(state(&ann, &read).await, "42501");
        assert_eq!(state(&ann, &write).await, "42501");
        client
            .client
            .batch_execute(
                "GRANT pg_read_server_files TO ann; GRANT USAGE ON SCHEMA commons TO ann",
            )
            .await?;
        assert_eq!(state(&ann, &write).await, "42501");
        assert_eq!(state(&ann, "COPY (SELECT 1) TO '/tmp/x'").await, "42501");
        client
            .client
            .batch_execute("GRANT pg_write_server_files TO ann")
            .await?;
        assert_eq!(state(&ann, &write).await, "done");
        let client = Client::connect(closed.address(), "commons", PASSWORD).await?;
        let write = format!("COPY (SELECT 1) TO '{}'", at("closed"));
        assert_eq!(state(&client, &write).await, "42501");
        Ok(())
    })
}

fn limit() -> Result<(), Failed> {
    let folder = tempfile::TempDir::new()?;
    let config = folder.path().join("config.toml");
    std::fs::write(&config, "connections_max = 2\n")?;
    let program = Program::start_with(&["--config", &config.display().to_string()]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let refused = async |user: &str| {
            let error = Client::connect(program.address(), user, PASSWORD)
                .await
                .err();
            let error = error.expect("refused");
            let error = error.as_db_error().expect("the server says why");
            (error.code().code().to_owned(), error.message().to_owned())
        };
        let first = Client::connect(program.address(), "commons", PASSWORD).await?;
        let create = format!("CREATE ROLE ann LOGIN PASSWORD '{PASSWORD}'");
        first.client.batch_execute(&create).await?;
        let _ann = Client::connect(program.address(), "ann", PASSWORD).await?;
        let reserved = "remaining connection slots are reserved for superusers";
        assert_eq!(refused("ann").await, ("53300".into(), reserved.into()));
        let mut reserve = Vec::new();
        for _ in 0..3 {
            reserve.push(Client::connect(program.address(), "commons", PASSWORD).await?);
        }
        let full = "sorry, too many clients already";
        assert_eq!(refused("commons").await, ("53300".into(), full.into()));
        // A slot is free again as soon as its session is gone.
        drop(reserve.pop());
        while Client::connect(program.address(), "commons", PASSWORD)
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
        Ok(())
    })
}

fn metrics() -> Result<(), Failed> {
    let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let program = Program::start_with(&["--admin-listen", &admin.to_string()]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::connect(program.address(), "commons", PASSWORD).await?;
        client.client.batch_execute("LISTEN a; NOTIFY a").await?;
        assert!(client.client.batch_execute("SELECT 1/0").await.is_err());
        assert!(
            Client::connect(program.address(), "commons", "wrong")
                .await
                .is_err()
        );
        Ok::<_, Failed>(())
    })?;
    let mut stream = std::net::TcpStream::connect(admin)?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    for line in [
        "commons_statements_total{outcome=\"completed\"} 2",
        "commons_statements_total{outcome=\"failed\"} 1",
        "commons_logins_refused_total{sqlstate=\"28P01\"} 1",
        "commons_notices_delivered_total 1",
        "commons_connections_open ",
        "commons_catalog_version ",
    ] {
        assert!(answer.contains(line), "{line} is not in {answer}");
    }
    Ok(())
}

fn shutdown() -> Result<(), Failed> {
    let mut program = Program::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::connect(program.address(), "commons", PASSWORD).await?;
        let _ = client
            .client
            .simple_query("SELECT commons.shutdown()")
            .await;
        Ok::<_, Failed>(())
    })?;
    assert!(
        program.ends_by_itself(),
        "commons.shutdown() ends the server with success"
    );
    Ok(())
}
