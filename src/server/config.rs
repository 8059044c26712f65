//! Configuration in two stages: [`RawConfig`] is exactly what `config.toml` may say, [`Config`] is
//! checked and ready.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::base::{Error, Result, SqlState};

/// The default configuration file, as `commons init` writes it.
pub const DEFAULT_FILE: &str = include_str!("../../config.toml");

/// Exactly what `config.toml` may say. Unknown keys are errors.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawConfig {
    listen: Option<String>,
    data_dir: Option<PathBuf>,
    insecure: Option<bool>,
    connections_max: Option<usize>,
    login_timeout: Option<String>,
    message_bytes_max: Option<String>,
    shutdown_timeout: Option<String>,
    tls: RawTls,
    engine: RawEngine,
    files: RawFiles,
    admin: RawAdmin,
    log: RawLog,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawEngine {
    memory: Option<String>,
    threads: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawFiles {
    roots: Vec<PathBuf>,
    copy_roots: Vec<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawAdmin {
    listen: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLog {
    level: Option<String>,
    format: Option<String>,
}

/// What was typed: flags and environment, which win over the file.
#[derive(Debug, Default, Clone)]
pub struct Overrides {
    /// `--listen`
    pub listen: Option<String>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--insecure`
    pub insecure: bool,
    /// `--admin-listen`
    pub admin_listen: Option<String>,
    /// `--log-format`
    pub log_format: Option<String>,
    /// `COMMONS_LOG`
    pub log_level: Option<String>,
    /// `--memory`
    pub memory: Option<String>,
    /// `--tls-cert` and `--tls-key`
    pub tls: Option<(PathBuf, PathBuf)>,
    /// `--table name=path`
    pub tables: Vec<(String, PathBuf)>,
    /// `--dir folder`
    pub folders: Vec<PathBuf>,
}

/// The checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where data lives.
    pub data_dir: PathBuf,
    /// No TLS demanded beyond loopback.
    pub insecure: bool,
    /// Connections at once.
    pub connections_max: usize,
    /// Time to log in.
    pub login_timeout: Duration,
    /// Bytes of one message.
    pub message_bytes_max: usize,
    /// Time running statements have after SIGTERM.
    pub shutdown_timeout: Duration,
    /// Certificate and key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Bytes all queries may reserve.
    pub memory_bytes: usize,
    /// Engine threads.
    pub threads: usize,
    /// Folders server files may be read from.
    pub file_roots: Vec<PathBuf>,
    /// Folders whose files COPY may read and write.
    pub copy_roots: Vec<PathBuf>,
    /// Admin endpoint.
    pub admin_listen: Option<SocketAddr>,
    /// Log filter.
    pub log_level: String,
    /// Logs as JSON.
    pub log_json: bool,
    /// Files to serve: table name and path.
    pub tables: Vec<(String, PathBuf)>,
}

impl Config {
    /// Reads `file` (`None`: no file) and lets `overrides` win.
    ///
    /// # Errors
    /// `F0000` naming the key and what is wrong with it.
    pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Self> {
        let raw = match file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    bad(format!(
                        "could not read configuration file \"{}\": {error}",
                        path.display()
                    ))
                })?;
                toml::from_str(&text).map_err(|error| {
                    bad(format!(
                        "configuration file \"{}\" is wrong",
                        path.display()
                    ))
                    .detail(error.to_string())
                })?
            }
            None => RawConfig::default(),
        };
        Self::check(raw, overrides)
    }

    fn check(raw: RawConfig, overrides: Overrides) -> Result<Self> {
        let data_dir = overrides
            .data_dir
            .or(raw.data_dir)
            .unwrap_or_else(|| PathBuf::from("commons-data"));
        let tls = match (overrides.tls, raw.tls.certificate, raw.tls.key) {
            (Some(pair), ..) => Some(pair),
            (None, Some(certificate), Some(key)) => {
                Some((data_dir.join(certificate), data_dir.join(key)))
            }
            (None, None, None) => None,
            (None, ..) => return Err(bad("tls.certificate and tls.key must be set together")),
        };
        let admin = overrides.admin_listen.or(raw.admin.listen);
        let admin_listen = match admin.as_deref() {
            None => Some(SocketAddr::from(([127, 0, 0, 1], 8432))),
            Some("off") => None,
            Some(text) => Some(address("admin.listen", text)?),
        };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = match raw.engine.threads.unwrap_or(0) {
            0 => cores,
            n => n,
        };
        let memory = overrides
            .memory
            .or(raw.engine.memory)
            .unwrap_or_else(|| "60%".to_owned());
        let log_format = overrides
            .log_format
            .or(raw.log.format)
            .unwrap_or_else(|| "text".into());
        let log_json = match log_format.as_str() {
            "text" => false,
            "json" => true,
            other => {
                return Err(bad(format!(
                    "log.format must be text or json, not \"{other}\""
                )));
            }
        };
        let mut tables = overrides.tables;
        for folder in &overrides.folders {
            tables.extend(tables_of(folder)?);
        }
        let text =
            |value: Option<String>, default: &str| value.unwrap_or_else(|| default.to_owned());
        let listen = text(overrides.listen.or(raw.listen), "127.0.0.1:5432");
        Ok(Self {
            listen: address("listen", &listen)?,
            data_dir,
            insecure: overrides.insecure || raw.insecure.unwrap_or(false),
            connections_max: positive("connections_max", raw.connections_max.unwrap_or(1000))?,
            login_timeout: duration("login_timeout", &text(raw.login_timeout, "60s"))?,
            message_bytes_max: positive(
                "message_bytes_max",
                size("message_bytes_max", &text(raw.message_bytes_max, "64MB"))?,
            )?,
            shutdown_timeout: duration("shutdown_timeout", &text(raw.shutdown_timeout, "30s"))?,
            tls,
            memory_bytes: memory_bytes(&memory)?,
            threads,
            file_roots: raw.files.roots,
            copy_roots: absolute("files.copy_roots", raw.files.copy_roots)?,
            admin_listen,
            log_level: text(overrides.log_level.or(raw.log.level), "info"),
            log_json,
            tables,
        })
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(SqlState::CONFIG_FILE_ERROR, message)
}

fn positive(key: &str, value: usize) -> Result<usize> {
    if value == 0 {
        Err(bad(format!("{key} must be greater than 0")))
    } else {
        Ok(value)
    }
}

/// Folders that statements name as they are named here.
fn absolute(key: &str, folders: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    match folders.iter().find(|folder| !folder.is_absolute()) {
        Some(folder) => Err(bad(format!(
            "{key} must have absolute paths, not \"{}\"",
            folder.display()
        ))),
        None => Ok(folders),
    }
}

/// `host:port`, `:port` or a bare port.
fn address(key: &str, text: &str) -> Result<SocketAddr> {
    let full = match text.parse::<u16>() {
        Ok(port) => format!("127.0.0.1:{port}"),
        Err(_) => match text.strip_prefix(':') {
            Some(port) => format!("0.0.0.0:{port}"),
            None => text.replace("localhost:", "127.0.0.1:"),
        },
    };
    full.parse().map_err(|_| {
        bad(format!(
            "{key} must be HOST:PORT with a numeric address, not \"{text}\""
        ))
        .hint("For example 127.0.0.1:5432, 0.0.0.0:5432 or [::]:5432.")
    })
}

/// A number with one of `units`, each a multiple of the base.
fn quantity(key: &str, text: &str, units: &[(&str, u64)]) -> Result<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let multiple = units
        .iter()
        .find(|(name, _)| *name == unit.trim())
        .map(|(_, multiple)| *multiple);
    number
        .parse::<u64>()
        .ok()
        .zip(multiple)
        .and_then(|(n, m)| n.checked_mul(m))
        .ok_or_else(|| {
            let names: Vec<_> = units
                .iter()
                .map(|(name, _)| *name)
                .filter(|name| !name.is_empty())
                .collect();
            bad(format!(
                "{key} must be a whole number with one of {}, not \"{text}\"",
                names.join(", ")
            ))
        })
}

fn size(key: &str, text: &str) -> Result<usize> {
    const UNITS: &[(&str, u64)] = &[
        ("", 1),
        ("B", 1),
        ("kB", 1 << 10),
        ("MB", 1 << 20),
        ("GB", 1 << 30),
        ("TB", 1 << 40),
    ];
    let bytes = quantity(key, text, UNITS)?;
    usize::try_from(bytes).map_err(|_| bad(format!("{key} is too large")))
}

fn duration(key: &str, text: &str) -> Result<Duration> {
    const UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000)];
    Ok(Duration::from_millis(quantity(key, text, UNITS)?))
}

/// A size, or a share of the memory this process may use.
fn memory_bytes(text: &str) -> Result<usize> {
    let Some(percent) = text.strip_suffix('%') else {
        return positive("engine.memory", size("engine.memory", text)?);
    };
    match percent.trim().parse::<usize>() {
        Ok(percent @ 1..=95) => Ok(machine_memory_bytes() / 100 * percent),
        _ => Err(bad(format!(
            "engine.memory must be a size or 1% to 95%, not \"{text}\""
        ))),
    }
}

/// The memory this process may use: the control group's limit if there is one, else the machine's.
fn machine_memory_bytes() -> usize {
    let number = |path: &str| {
        std::fs::read_to_string(path)
            .ok()?
            .trim()
            .parse::<usize>()
            .ok()
    };
    let machine = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
            line.split_whitespace()
                .nth(1)?
                .parse::<usize>()
                .ok()
                .map(|kib| kib * 1024)
        });
    let group = number("/sys/fs/cgroup/memory.max")
        .or_else(|| number("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
    // A guess that is safe on any machine commons runs on, for systems without /proc.
    const UNKNOWN: usize = 2 << 30;
    match (machine, group) {
        (Some(machine), Some(group)) => machine.min(group),
        (Some(bytes), None) | (None, Some(bytes)) => bytes,
        (None, None) => UNKNOWN,
    }
}

/// Every file of a folder that can be served, by its name without extensions.
fn tables_of(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let unreadable = |error| {
        bad(format!(
            "could not read folder \"{}\": {error}",
            folder.display()
        ))
    };
    let mut tables = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let served = [
            ".csv", ".parquet", ".json", ".ndjson", ".jsonl", ".csv.gz", ".csv.zst",
        ];
        if let Some(suffix) = served.iter().find(|suffix| name.ends_with(*suffix)) {
            tables.push((name[..name.len() - suffix.len()].to_owned(), path.clone()));
        }
    }
    tables.sort();
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config> {
        let raw = toml::from_str(text).map_err(|error| bad(error.to_string()))?;
        Config::check(raw, Overrides::default())
    }

    #[test]
    fn the_shipped_file_is_the_default() {
        let uncommented: String = DEFAULT_FILE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let (mut shipped, default) = (
            config(&uncommented).expect("valid"),
            config("").expect("valid"),
        );
        assert!(
            shipped.tls.take().is_some(),
            "the file shows where a TLS pair goes"
        );
        assert_eq!(format!("{shipped:?}"), format!("{default:?}"));
    }

    #[test]
    fn unknown_keys_and_bad_values_are_refused() {
        for text in [
            "lisen = \"127.0.0.1:1\"",
            "listen = \"nowhere\"",
            "login_timeout = \"5 fortnights\"",
            "[engine]\nmemory = \"120%\"",
            "[tls]\ncertificate = \"a\"",
            "connections_max = 0",
            "[log]\nformat = \"xml\"",
            "[files]\ncopy_roots = [\"here\"]",
        ] {
            let error = config(text).expect_err(text);
            assert_eq!(error.state(), SqlState::CONFIG_FILE_ERROR, "{text}");
        }
    }

    #[test]
    fn addresses_and_quantities() {
        assert_eq!(
            address("listen", "6000").expect("port").to_string(),
            "127.0.0.1:6000"
        );
        assert_eq!(
            address("listen", ":6000").expect("any").to_string(),
            "0.0.0.0:6000"
        );
        assert_eq!(size("s", "2kB").expect("size"), 2048);
        assert_eq!(
            duration("d", "2min").expect("time"),
            Duration::from_secs(120)
        );
    }
}
