//! What the one person who operates the server relies on: a clean stop, one server a directory,
//! refusals that say why, files served in place.

use std::process::Command;

use libtest_mimic::{Failed, Trial};

use super::server::{Client, PASSWORD, Program};

/// One trial per promise.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("operation/sigterm_ends_with_success", stops),
        Trial::test("operation/a_second_server_is_refused", second_server),
        Trial::test("operation/bad_configuration_is_refused", bad_configuration),
        Trial::test("operation/a_csv_file_is_served_in_place", csv_in_place),
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
