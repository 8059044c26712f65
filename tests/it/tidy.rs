//! Tidy: the rules of the code's shape that no compiler checks. Each rule is one trial and lists
//! every breach at once.
//!
//! The sources are read as lines, not parsed; comments are left out where a rule is about code.
//! What a rule lets pass by name stands in a table with its reason, and an entry that is no longer
//! needed fails too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

/// Lines of a file.
const LINES_MAX: usize = 600;
/// Characters of a line of Rust.
const COLUMNS_MAX: usize = 100;

/// External crates that have a home: the modules of `src` that may name them.
const HOMES: &[(&str, &[&str])] = &[
    (
        "arrow",
        &[
            "types",
            "catalog",
            "storage",
            "cache",
            "database",
            "calls",
            "statement",
            "pg_catalog",
            "functions",
            "engine",
            "session",
            "wire",
        ],
    ),
    ("argon2", &["storage", "wire"]),
    ("axum", &["server"]),
    ("clap", &["server", "main"]),
    ("datafusion", &["pg_catalog", "functions", "engine"]),
    ("indicatif", &["server"]),
    ("lz4_flex", &["engine"]),
    ("metrics", &["observe"]),
    ("metrics_exporter_prometheus", &["server"]),
    ("mimalloc", &["main"]),
    ("parquet", &["storage", "engine"]),
    ("pgwire", &["wire"]),
    ("rcgen", &["server"]),
    ("rusqlite", &["storage"]),
    ("rust_stemmers", &["types"]),
    ("rustix", &["engine"]),
    ("rustls_pki_types", &["wire"]),
    ("sqlparser", &["engine", "session"]),
    ("stacker", &["session"]),
    ("stringprep", &["storage"]),
    ("tokio_rustls", &["wire"]),
    ("toml", &["server"]),
    ("tracing_subscriber", &["server"]),
    ("x509_certificate", &["wire"]),
];

/// What threads and tasks share, or are told by. Everything of the kinds of [`SHARING`] is in this
/// ledger: what it guards or carries, its bound, and whether it is held over an await. Lock order:
/// `Database::writer` before `Hub`; large objects before the store; nothing else nests.
const LEDGER: &[(&str, &str)] = &[
    (
        "src/types/pgtype/shape.rs",
        "lock: the lists of types that rows were made of, one each, never forgotten; to look and to add",
    ),
    (
        "src/cache/columns.rs",
        "mutex: columns decoded from files, within a share of the memory of queries; to look and to insert",
    ),
    (
        "src/catalog/derived.rs",
        "mutex: what is remembered of a snapshot, one entry a system relation; to look and to insert",
    ),
    (
        "src/database/advisory.rs",
        "mutex: who holds which advisory lock; to look and to queue",
    ),
    (
        "src/database/large_objects/mod.rs",
        "mutex: what a transaction did to large objects; for one function's call, and for the write of its pages at the commit",
    ),
    (
        "src/database/locks.rs",
        "mutex: who holds which table; to look and to queue",
    ),
    (
        "src/database/mod.rs",
        "writer: async mutex, the only lock held over an await. current: watch of one snapshot. live, queued: mutexes, \
         to insert and to drain. Tasks: one a commit, so that it ends if its client goes; one in the background",
    ),
    (
        "src/database/sequences.rs",
        "mutex: where sequences stand; held over the write of a reservation, by whoever needs it",
    ),
    (
        "src/database/transaction.rs",
        "mutex: tables a SERIALIZABLE transaction has read; to note and to look",
    ),
    (
        "src/engine/dml/key_cache.rs",
        "mutex: hashes of keys by segment, bounded; to look and to insert",
    ),
    (
        "src/engine/dml/sink.rs",
        "channel: batches on their way to a writer, a few",
    ),
    (
        "src/calls.rs",
        "channel: calls of functions amid a query, one a waiting thread at most. Threads held by them are counted",
    ),
    (
        "src/engine/execute.rs",
        "channel: batches on their way to the socket, a few. Tasks: one a query",
    ),
    (
        "src/engine/foreign/text.rs",
        "channel: pieces of a file, a few. Tasks: one a piece",
    ),
    ("src/engine/mod.rs", "map: parsed view bodies by text"),
    (
        "src/engine/rows.rs",
        "channel: an answer already there, one batch",
    ),
    (
        "src/engine/runtime.rs",
        "map and tasks: the runtime queries run on",
    ),
    (
        "src/engine/shared/buffer.rs",
        "mutex: batches of a query that is computed once, in memory or in files; to look and to append. Tasks: one a \
         query",
    ),
    (
        "src/engine/shared/rows.rs",
        "mutex: the buffer of a query that is computed once; held to start it",
    ),
    (
        "src/notify/hub.rs",
        "read-write lock: channels to mailboxes; for short copies",
    ),
    (
        "src/notify/mailbox.rs",
        "mutexes: one session's queue, bounded, and its channels",
    ),
    (
        "src/observe/status.rs",
        "map: sessions. Mutex: what one is doing; for copies",
    ),
    ("src/server/admin.rs", "task: the admin endpoint"),
    (
        "src/server/listener.rs",
        "tasks: one a connection, as many as connections_max",
    ),
    ("src/server/run.rs", "task: the one that accepts"),
    (
        "src/session/commands/cursor.rs",
        "channel: a cursor's batches, already there",
    ),
    (
        "src/session/statement.rs",
        "task: the timer of a statement with a timeout",
    ),
    (
        "src/statement.rs",
        "mutexes: what a statement's functions ask for, what sequences gave, random numbers; to push and to take",
    ),
    (
        "src/storage/columns.rs",
        "threads, a few a file of a bulk load, with a part of the columns each. Channels: batches for them, a few",
    ),
    (
        "src/storage/files.rs",
        "mutexes: files not yet committed, folders known to be durable",
    ),
    (
        "src/storage/mod.rs",
        "mutexes: SQLite, for one of its transactions, by blocking threads",
    ),
    (
        "src/wire/auth.rs",
        "semaphore: slow password checks at once",
    ),
    (
        "src/wire/connection.rs",
        "channel: frames read ahead, a few",
    ),
    (
        "src/wire/frame.rs",
        "channel and semaphore: bytes read ahead, one frame's bound",
    ),
];
/// Words that mean sharing between threads or tasks.
const SHARING: &[&str] = &[
    "sync_channel",
    "Mutex<",
    "RwLock<",
    "DashMap<",
    "Semaphore",
    "mpsc::",
    "broadcast::",
    "watch::",
    "::spawn(",
    ".spawn(",
    "thread::Builder",
];

/// Modules that are pure: same input, same output.
const PURE: &[&str] = &["types", "catalog", "privileges", "settings"];
/// What pure code does not say.
const IMPURE: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::net",
    "std::thread",
    "Utc::now",
    "Instant::now",
    "SystemTime::now",
];

pub(crate) fn trials() -> Vec<Trial> {
    type Rule = fn(&Tree) -> Vec<String>;
    let rules: [(&str, Rule); 9] = [
        ("modules import only modules above them", module_order),
        ("external crates are named at home only", crate_homes),
        ("the rules floor is pure", purity),
        ("files begin by saying what they are for", headers),
        ("files and lines are short", sizes),
        ("some words are banned", banned_words),
        ("exhaustive files have no wildcard", wildcards),
        ("every SQLSTATE is raised", sqlstates),
        ("what is shared is in the ledger", ledger),
    ];
    rules
        .into_iter()
        .map(|(name, rule)| {
            Trial::test(format!("tidy/{name}"), move || {
                let breaches = rule(&Tree::read()?);
                if breaches.is_empty() {
                    Ok(())
                } else {
                    Err(Failed::from(breaches.join("\n")))
                }
            })
        })
        .collect()
}

/// The project's sources by path relative to its root.
struct Tree {
    files: BTreeMap<String, String>,
    /// Files and folders that are compiled for tests only.
    tests: BTreeSet<String>,
}

impl Tree {
    fn read() -> Result<Self, Failed> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = BTreeMap::new();
        for folder in ["src", "tests", "benches", "sql"] {
            let mut open = vec![root.join(folder)];
            while let Some(folder) = open.pop() {
                if !folder.is_dir() {
                    continue;
                }
                for entry in fs::read_dir(&folder)? {
                    let path: PathBuf = entry?.path();
                    if path.is_dir() {
                        open.push(path);
                    } else if path.extension().is_some_and(|e| e == "rs" || e == "sql") {
                        let name = path.strip_prefix(root)?.display().to_string();
                        files.insert(name, fs::read_to_string(&path)?);
                    }
                }
            }
        }
        let tests = test_modules(&files);
        Ok(Self { files, tests })
    }

    fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Rust files of the library and the binary with the module of `lib.rs` they belong to.
    fn sources(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.rust().filter_map(|(path, text)| {
            let inside = path.strip_prefix("src/")?;
            let module = inside.split('/').next()?.trim_end_matches(".rs");
            Some((path, module, text))
        })
    }

    /// Whether the whole file is compiled for tests only.
    fn is_test(&self, path: &str) -> bool {
        !path.starts_with("src/")
            || self
                .tests
                .iter()
                .any(|test| path == format!("{test}.rs") || path.starts_with(&format!("{test}/")))
    }
}

/// Modules declared as `#[cfg(test)] mod name;`, as paths without extension.
fn test_modules(files: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let folder = match path.strip_suffix("/mod.rs") {
            Some(folder) => folder,
            None => path.trim_end_matches(".rs"),
        };
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            let declared = pair[1].strip_suffix(';').and_then(|line| {
                let (visibility, name) = line.split_once("mod ")?;
                (visibility.is_empty() || visibility.starts_with("pub")).then_some(name)
            });
            if let ("#[cfg(test)]", Some(name)) = (pair[0], declared) {
                tests.insert(format!("{folder}/{name}"));
            }
        }
    }
    tests
}

/// Numbered lines of code: without comments, and without the `#[cfg(test)]` module that ends a
/// file.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let end = lines
        .windows(2)
        .position(|pair| {
            pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
        })
        .unwrap_or(lines.len());
    lines
        .into_iter()
        .take(end)
        .enumerate()
        .map(|(index, line)| (index + 1, line.split("// ").next().unwrap_or(line)))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The modules of `lib.rs`, in order.
fn modules(tree: &Tree) -> Vec<&str> {
    tree.files["src/lib.rs"]
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub mod "))
        .map(|line| line.trim_end_matches(';'))
        .collect()
}

/// The first path segments after `crate::` in a line, braces included: `crate::{base, types::text}`
/// has two.
fn crate_paths(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let is_word = line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let rest = &line[at + "crate::".len()..];
        if is_word {
            continue;
        }
        match rest.strip_prefix('{') {
            Some(list) => {
                let mut depth = 0;
                let mut start = 0;
                for (index, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => {
                            found.push(identifier(&list[start..index]));
                            break;
                        }
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            found.push(identifier(&list[start..index]));
                            start = index + 1;
                        }
                        _ => {}
                    }
                }
            }
            None => found.push(identifier(rest)),
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

/// The identifier `text` begins with.
fn identifier(text: &str) -> &str {
    let text = text.trim_start();
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    &text[..end]
}

fn module_order(tree: &Tree) -> Vec<String> {
    let order = modules(tree);
    let place = |name: &str| order.iter().position(|module| *module == name);
    let mut breaches = Vec::new();
    for (path, module, text) in tree.sources() {
        let Some(own) = place(module) else { continue };
        for (number, line) in code(text) {
            for used in crate_paths(line) {
                if place(used).is_some_and(|used| used > own) {
                    breaches.push(format!("{path}:{number}: {module} imports {used}"));
                }
            }
        }
    }
    breaches
}

fn crate_homes(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, module, text) in tree.sources() {
        for (number, line) in code(text) {
            for (name, homes) in HOMES {
                if names_crate(line, name) && !homes.contains(&module) {
                    breaches.push(format!(
                        "{path}:{number}: {name} belongs to {}",
                        homes.join(", ")
                    ));
                }
            }
        }
    }
    breaches
}

/// Whether a line names the external crate: `name::` that is not the end of a longer path or word.
fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::"))
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}

fn purity(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, module, text) in tree.sources() {
        if !PURE.contains(&module) || tree.is_test(path) {
            continue;
        }
        for (number, line) in code(text) {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                breaches.push(format!("{path}:{number}: {module} is pure, without {word}"));
            }
        }
    }
    breaches
}

fn headers(tree: &Tree) -> Vec<String> {
    tree.files
        .iter()
        // The benchmark's queries are kept as they were published.
        .filter(|(path, _)| !(path.starts_with("benches/") && path.ends_with(".sql")))
        .filter(|(path, text)| {
            let start = if path.ends_with(".sql") { "--" } else { "//!" };
            !text.starts_with(start)
        })
        .map(|(path, _)| format!("{path}: no header"))
        .collect()
}

fn sizes(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, text) in tree.rust() {
        let count = text.lines().count();
        if count > LINES_MAX {
            breaches.push(format!("{path}: {count} lines"));
        }
        for (index, line) in text.lines().enumerate() {
            // rustfmt breaks code where it can be broken; comments are ours to break, addresses
            // nobody's.
            let is_comment = line.trim_start().starts_with("//") && !line.contains("://");
            let columns = line.chars().count();
            if columns > COLUMNS_MAX && is_comment {
                breaches.push(format!("{path}:{}: {columns} columns", index + 1));
            }
        }
    }
    breaches
}

fn banned_words(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, module, text) in tree.sources() {
        if tree.is_test(path) {
            continue;
        }
        for (number, line) in code(text) {
            let mut ban = |word: &str, instead: &str| {
                if line.contains(word) {
                    breaches.push(format!("{path}:{number}: {word} ({instead})"));
                }
            };
            ban(
                ".unwrap()",
                "say why it holds with expect, or return an error",
            );
            ban("todo!(", "do it");
            ban("unimplemented!(", "do it, or Error::unsupported");
            ban("dbg!(", "observe it");
            ban("unbounded_channel", "every queue has a bound");
            ban("UnboundedSender", "every queue has a bound");
            if !matches!(module, "server" | "main") {
                ban("env::var", "configuration is read in server");
                ban("println!(", "only the command line prints");
                ban("eprintln!(", "only the command line prints");
            }
        }
        if text.contains("TODO") || text.contains("FIXME") || text.contains("XXX:") {
            breaches.push(format!("{path}: a note to oneself"));
        }
    }
    breaches
}

/// Files whose header says `exhaustive:` decide something about every case of our own enums: a
/// wildcard would decide for cases to come.
fn wildcards(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, _, text) in tree.sources() {
        if text.lines().any(|line| line.starts_with("//! exhaustive:")) {
            for (number, line) in code(text) {
                if line.trim_start().starts_with("_ =>") {
                    breaches.push(format!("{path}:{number}: a wildcard"));
                }
            }
        }
    }
    breaches
}

fn sqlstates(tree: &Tree) -> Vec<String> {
    let defined = "src/base/sqlstate.rs";
    let used: BTreeSet<&str> = tree
        .sources()
        .filter(|(path, _, _)| *path != defined)
        .flat_map(|(_, _, text)| {
            text.match_indices("SqlState::")
                .map(|(at, found)| identifier(&text[at + found.len()..]))
        })
        .collect();
    tree.files[defined]
        .lines()
        .filter_map(|line| line.trim().strip_suffix("\";")?.split_once(" = \""))
        .filter(|(name, _)| !used.contains(name))
        .map(|(name, code)| format!("{defined}: nothing raises {name} ({code})"))
        .collect()
}

fn ledger(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut unused: BTreeSet<&str> = LEDGER.iter().map(|(path, _)| *path).collect();
    for (path, _, text) in tree.sources().filter(|(path, _, _)| !tree.is_test(path)) {
        let shared = code(text).find(|(_, line)| SHARING.iter().any(|word| line.contains(word)));
        if let Some((number, line)) = shared
            && !unused.remove(path)
        {
            breaches.push(format!(
                "{path}:{number}: not in the ledger: {}",
                line.trim()
            ));
        }
    }
    breaches.extend(
        unused
            .into_iter()
            .map(|path| format!("{path} is in the ledger, but shares nothing")),
    );
    breaches
}
