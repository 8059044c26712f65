//! Settings, checked against what PostgreSQL 15 answers to the same SET and SHOW.

use super::*;
use crate::base::error::Level;
use crate::base::{Error, SqlState};
use crate::types::text::{DateOrder, DateStyle, IntervalStyle};

#[track_caller]
fn shows(settings: &mut Settings, name: &str, value: &str, shown: &str) {
    let (_, now) = settings
        .set(name, value, true)
        .unwrap_or_else(|error| panic!("{name} = {value}: {error}"));
    assert_eq!(now, shown, "{name} = {value}");
    assert_eq!(settings.show(name).unwrap(), shown);
}

#[track_caller]
fn refuses(name: &str, value: &str, state: SqlState, message: &str) -> Error {
    let mut settings = Settings::new();
    let before = settings.show(name).ok();
    let error = settings
        .set(name, value, false)
        .expect_err("must be refused");
    assert_eq!((error.state(), error.message()), (state, message));
    assert_eq!(settings.show(name).ok(), before);
    error
}

#[test]
fn the_table_is_sorted_and_its_defaults_are_valid() {
    for pair in all().windows(2) {
        assert!(
            compare(pair[0].name, pair[1].name).is_lt(),
            "{} stands before {}",
            pair[0].name,
            pair[1].name
        );
    }
    for setting in all() {
        let mut settings = Settings::new();
        let default = settings.show(setting.name).unwrap();
        if matches!(setting.context, Context::User | Context::Superuser) {
            let (name, shown) = settings.set(setting.name, &default, true).unwrap();
            assert_eq!((name.as_ref(), shown), (setting.name, default));
        }
    }
    assert_eq!(all().iter().filter(|setting| setting.reported).count(), 13);
}

#[test]
fn numbers_have_units() {
    let mut s = Settings::new();
    for (value, shown) in [
        ("30s", "30s"),
        ("1500", "1500ms"),
        ("1.5s", "1500ms"),
        ("5min", "5min"),
        ("90s", "90s"),
        ("0.4us", "0"),
        (" 1 h ", "1h"),
        ("1e3", "1s"),
        ("0x10", "16ms"),
    ] {
        shows(&mut s, "statement_timeout", value, shown);
    }
    assert_eq!(s.statement_timeout_ms(), 16);
    shows(&mut s, "statement_timeout", "90s", "90s");
    assert_eq!(s.statement_timeout_ms(), 90_000);
    for (value, shown) in [
        ("64MB", "64MB"),
        ("100kB", "100kB"),
        ("65", "65kB"),
        ("1.5MB", "1536kB"),
        ("2GB", "2GB"),
    ] {
        shows(&mut s, "work_mem", value, shown);
    }
    shows(&mut s, "effective_cache_size", "4GB", "4GB");
    shows(&mut s, "cpu_tuple_cost", "1e-3", "0.001");
    shows(&mut s, "extra_float_digits", "1.5", "2");
    let bad = SqlState::INVALID_PARAMETER_VALUE;
    let error = refuses(
        "work_mem",
        "10XB",
        bad,
        "invalid value for parameter \"work_mem\": \"10XB\"",
    );
    assert_eq!(
        error.fields().hint.as_deref(),
        Some("Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".")
    );
    refuses(
        "work_mem",
        "1",
        bad,
        "1 kB is outside the valid range for parameter \"work_mem\" (64 .. 2147483647)",
    );
    refuses(
        "extra_float_digits",
        "4",
        bad,
        "4 is outside the valid range for parameter \"extra_float_digits\" (-15 .. 3)",
    );
    let error = refuses(
        "statement_timeout",
        "100000d",
        bad,
        "invalid value for parameter \"statement_timeout\": \"100000d\"",
    );
    assert_eq!(
        error.fields().hint.as_deref(),
        Some("Value exceeds integer range.")
    );
    refuses(
        "seq_page_cost",
        "-1",
        bad,
        "-1 is outside the valid range for parameter \"seq_page_cost\" (0 .. 1.79769e+308)",
    );
}

#[test]
fn words_are_checked() {
    let mut s = Settings::new();
    shows(&mut s, "enable_hashjoin", "of", "off");
    shows(&mut s, "enable_hashjoin", "1", "on");
    shows(&mut s, "bytea_output", "ESCAPE", "escape");
    shows(&mut s, "synchronous_commit", "yes", "on");
    shows(&mut s, "password_encryption", "argon2id", "argon2id");
    shows(&mut s, "application_name", "héllo", "h??llo");
    let bad = SqlState::INVALID_PARAMETER_VALUE;
    for value in ["maybe", "o", " on"] {
        refuses(
            "enable_hashjoin",
            value,
            bad,
            "parameter \"enable_hashjoin\" requires a Boolean value",
        );
    }
    let error = refuses(
        "client_min_messages",
        "foo",
        bad,
        "invalid value for parameter \"client_min_messages\": \"foo\"",
    );
    assert_eq!(
        error.fields().hint.as_deref(),
        Some(
            "Available values: debug5, debug4, debug3, debug2, debug1, log, notice, warning, error."
        )
    );
    let unsupported = SqlState::FEATURE_NOT_SUPPORTED;
    shows(&mut s, "standard_conforming_strings", "OFF", "off");
    refuses(
        "client_encoding",
        "johab",
        unsupported,
        "conversion between JOHAB and UTF8 is not supported",
    );
    shows(&mut s, "client_encoding", "utf-8", "UTF8");
}

#[test]
fn some_are_not_for_everybody_to_change() {
    refuses(
        "server_version",
        "1",
        SqlState::CANT_CHANGE_RUNTIME_PARAM,
        "parameter \"server_version\" cannot be changed",
    );
    refuses(
        "max_connections",
        "3",
        SqlState::CANT_CHANGE_RUNTIME_PARAM,
        "parameter \"max_connections\" cannot be changed without restarting the server",
    );
    refuses(
        "log_statement",
        "all",
        SqlState::INSUFFICIENT_PRIVILEGE,
        "permission denied to set parameter \"log_statement\"",
    );
    refuses(
        "nosuch",
        "1",
        SqlState::UNDEFINED_OBJECT,
        "unrecognized configuration parameter \"nosuch\"",
    );
    for name in ["a.1", "a b.c", "a."] {
        refuses(
            name,
            "1",
            SqlState::INVALID_NAME,
            &format!("invalid configuration parameter name \"{name}\""),
        );
    }
}

#[test]
fn date_styles_merge() {
    let mut s = Settings::new();
    for (value, shown) in [
        ("German", "German, DMY"),
        ("MDY", "German, MDY"),
        ("ISO, DMY", "ISO, DMY"),
        ("sql, european", "SQL, DMY"),
        ("us", "SQL, MDY"),
        ("default", "ISO, MDY"),
        ("german, ymd", "German, YMD"),
        ("", "German, YMD"),
    ] {
        shows(&mut s, "datestyle", value, shown);
    }
    assert_eq!(s.style().date_style, DateStyle::German);
    assert_eq!(s.style().date_order, DateOrder::Ymd);
    shows(&mut s, "intervalstyle", "ISO_8601", "iso_8601");
    assert_eq!(s.style().interval_style, IntervalStyle::Iso8601);
    let error = refuses(
        "datestyle",
        "foo",
        SqlState::INVALID_PARAMETER_VALUE,
        "invalid value for parameter \"DateStyle\": \"foo\"",
    );
    assert_eq!(
        error.fields().detail.as_deref(),
        Some("Unrecognized key word: \"foo\".")
    );
    refuses(
        "datestyle",
        "iso, german",
        SqlState::INVALID_PARAMETER_VALUE,
        "invalid value for parameter \"DateStyle\": \"iso, german\"",
    );
}

#[test]
fn time_zones_are_names_or_offsets() {
    let mut s = Settings::new();
    for (value, shown, east) in [
        ("europe/berlin", "Europe/Berlin", 3_600),
        ("utc", "UTC", 0),
        ("+3", "<+03>-03", 10_800),
        ("-7.5", "<-07:30>+07:30", -27_000),
        ("<+02>-02", "<+02>-02", 7_200),
        ("+02:00", "+02:00", -7_200),
        ("UTC+30", "UTC+30", -108_000),
        ("EST5EDT", "EST5EDT", -18_000),
    ] {
        shows(&mut s, "timezone", value, shown);
        assert_eq!(s.style().time_zone.offset(1_577_836_800_000_000), east);
    }
    for value in ["foo", "z", "PST", "200", "5:99"] {
        refuses(
            "timezone",
            value,
            SqlState::INVALID_PARAMETER_VALUE,
            &format!("invalid value for parameter \"TimeZone\": \"{value}\""),
        );
    }
}

#[test]
fn search_paths_are_lists_of_identifiers() {
    let mut s = Settings::new();
    assert_eq!(s.search_path(), ["$user", "public"]);
    shows(
        &mut s,
        "search_path",
        "Team, \"B \"\"c\" ,x",
        "Team, \"B \"\"c\" ,x",
    );
    assert_eq!(s.search_path(), ["team", "B \"c", "x"]);
    shows(&mut s, "search_path", "", "");
    assert!(s.search_path().is_empty());
    for value in ["a,,b", "\"a", "a b", ","] {
        refuses(
            "search_path",
            value,
            SqlState::INVALID_PARAMETER_VALUE,
            &format!("invalid value for parameter \"search_path\": \"{value}\""),
        );
    }
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        join_arguments("search_path", &words(&["a", "B c"])).unwrap(),
        "a, \"B c\""
    );
    assert_eq!(
        join_arguments("search_path", &words(&[""])).unwrap(),
        "\"\""
    );
    assert_eq!(
        join_arguments("datestyle", &words(&["iso", "ymd"])).unwrap(),
        "iso, ymd"
    );
    assert_eq!(
        join_arguments("work_mem", &words(&["1", "2"]))
            .unwrap_err()
            .message(),
        "SET work_mem takes only one argument"
    );
}

#[test]
fn reset_goes_back_to_the_session_start() {
    let mut s = Settings::new();
    shows(&mut s, "application_name", "psql", "psql");
    s.mark_session_start();
    s.set_internal("is_superuser", "on");
    let kept = s.clone();
    shows(&mut s, "application_name", "other", "other");
    shows(&mut s, "work_mem", "1MB", "1MB");
    shows(&mut s, "MyApp.User", "ann", "ann");
    assert_eq!(s.show("myapp.user").unwrap(), "ann");
    s.reset(Some("application_name")).unwrap();
    assert_eq!(s.show("application_name").unwrap(), "psql");
    s.reset(None).unwrap();
    assert_eq!(s.show("work_mem").unwrap(), "4MB");
    assert_eq!(s.show("is_superuser").unwrap(), "on");
    assert_eq!(s.show("myapp.user").unwrap(), "");
    assert_eq!(kept.show("work_mem").unwrap(), "4MB");
    assert!(kept.show("myapp.user").is_err());
    assert!(s.reset(Some("server_version")).is_err());
    assert!(s.reset(Some("no.such")).is_err());
}

#[test]
fn messages_below_the_level_are_held_back() {
    let mut s = Settings::new();
    assert!(s.lets_through(Level::Notice));
    shows(&mut s, "client_min_messages", "warning", "warning");
    assert!(!s.lets_through(Level::Notice) && s.lets_through(Level::Warning));
    shows(&mut s, "client_min_messages", "error", "error");
    assert!(!s.lets_through(Level::Warning) && s.lets_through(Level::Info));
}
