//! Statements made to blow up a planner: each ends in a clear error (or, where it is modest, an
//! answer), and the server goes on serving others.

use libtest_mimic::{Failed, Trial};

use super::server::{Client, InProcess, PASSWORD};

/// One trial per bomb.
pub(crate) fn trials() -> Vec<Trial> {
    let list = |item: &str, n: usize, joint: &str| vec![item; n].join(joint);
    let nest =
        |open: &str, core: &str, close: &str, n: usize| open.repeat(n) + core + &close.repeat(n);
    let bombs = [
        (
            "five_thousand_terms",
            format!("SELECT {} FROM t", list("a", 5_000, " + ")),
        ),
        (
            "twenty_thousand_ors",
            format!("SELECT a FROM t WHERE {}", list("a = 1", 20_000, " OR ")),
        ),
        (
            "ten_thousand_parentheses",
            format!("SELECT {}", nest("(", "1", ")", 10_000)),
        ),
        (
            "unclosed_parentheses",
            format!("SELECT {}1", "(".repeat(100_000)),
        ),
        (
            "nested_subqueries",
            format!(
                "SELECT * FROM {} s",
                nest("(SELECT * FROM ", "t", " s)", 2_000)
            ),
        ),
        ("minus_signs", format!("SELECT {}1", "- ".repeat(20_000))),
        ("nots", format!("SELECT {}true", "NOT ".repeat(20_000))),
        (
            "nested_cases",
            format!(
                "SELECT {}",
                nest("CASE WHEN true THEN ", "1", " END", 5_000)
            ),
        ),
        (
            "nested_functions",
            format!("SELECT {}", nest("abs(", "1", ")", 5_000)),
        ),
        (
            "nested_arrays",
            format!("SELECT {}", nest("ARRAY[", "1", "]", 5_000)),
        ),
        ("casts", format!("SELECT 1{}", "::int".repeat(20_000))),
        (
            "union_of_three_thousand",
            list("SELECT a FROM t", 3_000, " UNION ALL "),
        ),
        (
            "set_operations_in_parentheses",
            nest("(", "SELECT 1", ") UNION SELECT 1", 3_000),
        ),
        (
            "intervals",
            format!("SELECT {}'1'", "interval ".repeat(50_000)),
        ),
        (
            "array_types",
            format!("SELECT '{{}}'::int{}", "[]".repeat(50_000)),
        ),
        (
            "subscripts",
            format!("SELECT (ARRAY[1]){}", "[1]".repeat(20_000)),
        ),
        ("explains", format!("{}SELECT 1", "EXPLAIN ".repeat(50_000))),
        (
            "prepares",
            format!("{}SELECT 1", "PREPARE p AS ".repeat(50_000)),
        ),
        (
            "null_tests",
            format!("SELECT 1{}", " IS NULL".repeat(20_000)),
        ),
        (
            "concatenations",
            format!("SELECT {}", list("'x'", 20_000, " || ")),
        ),
        (
            "string_of_quotes",
            format!("SELECT '{}", "'".repeat(1_000_001)),
        ),
        (
            "comment_depth",
            format!("SELECT 1 {}", "/*".repeat(100_000)),
        ),
        (
            "path_subscripts",
            format!("SELECT '{}'::jsonpath", "$[".repeat(50_000)),
        ),
        (
            "path_parentheses",
            format!("SELECT '{}'::jsonpath", nest("(", "$", ")", 50_000)),
        ),
        (
            "path_operators",
            format!("SELECT '{}'::jsonpath", list("$", 50_000, " + ")),
        ),
        (
            "path_steps",
            format!(
                "SELECT jsonb_path_query('1', '${}')",
                ".size()".repeat(50_000)
            ),
        ),
        (
            "matches_within_matches",
            format!("SELECT '{}' ~ '^(a|a|aa)*b'", "a".repeat(10_000)),
        ),
        (
            "many_ctes",
            format!(
                "WITH {} SELECT 1",
                (0..3_000)
                    .map(|i| format!("c{i} AS (SELECT 1 AS x)"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        ),
        (
            "four_hundred_terms",
            format!("SELECT {} FROM t", list("a", 390, " + ")),
        ),
        ("doubling_ctes", doubling(60)),
    ];
    bombs
        .into_iter()
        .map(|(name, sql)| Trial::test(format!("bombs/{name}"), move || survives(&sql)))
        .collect()
}

/// WITH queries each of which reads the one before twice.
fn doubling(n: usize) -> String {
    let queries: Vec<_> = (1..n)
        .map(|i| {
            let last = i - 1;
            format!("c{i} AS (SELECT x.a FROM c{last} x JOIN c{last} y ON x.a = y.a)")
        })
        .collect();
    let (queries, last) = (queries.join(", "), n - 1);
    format!("WITH c0 AS (SELECT a FROM t), {queries} SELECT count(*) FROM c{last}")
}

/// The statement is answered, by an error of class 54 or 42 unless it is modest enough to run;
/// another session and this one go on.
fn survives(sql: &str) -> Result<(), Failed> {
    let server = InProcess::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let other = Client::connect(server.address(), "commons", PASSWORD).await?;
        other
            .client
            .batch_execute("CREATE TABLE public.t (a int)")
            .await?;
        let bomber = Client::connect(server.address(), "commons", PASSWORD).await?;
        let bomb = bomber.client.simple_query(sql);
        let bystander = other.client.simple_query("SELECT 1");
        let (bomb, bystander) = tokio::join!(bomb, bystander);
        bystander?;
        if let Err(error) = bomb {
            let state = error
                .as_db_error()
                .map(|error| error.code().code().to_owned());
            if !state
                .as_deref()
                .is_some_and(|state| state.starts_with("54") || state.starts_with("42"))
            {
                return Err(format!("answered {state:?}: {error:?}").into());
            }
        }
        bomber.client.simple_query("SELECT 1").await?;
        Ok(())
    })
}
