//! Files of the server, inside the folders its configuration names.
//!
//! A path is walked one folder at a time from the named folder on, no symbolic link is followed and
//! no `..` taken, so that it cannot lead outside even while somebody changes what is there. What is
//! written appears under its name when it is whole.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use arrow::buffer::Buffer;
use bytes::Bytes;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::writer::Bare;
use super::{CopyIn, CopyWriter};
use crate::base::{Error, Result, SqlState};
use crate::engine::{Engine, Rows};
use crate::observe::{Interrupt, Transfer};
use crate::statement::ServerFiles;

/// Bytes read or written at once.
const CHUNK_BYTES: usize = 1024 * 1024;

/// A file being written. Dropped unfinished it is gone.
#[derive(Debug)]
pub struct NewFile {
    folder: OwnedFd,
    name: OsString,
    temporary: OsString,
    path: PathBuf,
    file: Option<File>,
}

impl Engine {
    /// Opens a file for COPY FROM. Blocking.
    ///
    /// # Errors
    /// `42501` outside the folders COPY may use, `58P01` not there, `42809` no file.
    pub fn open_copied(&self, path: &str) -> Result<File> {
        let path = Path::new(path);
        let cannot = |errno| cannot_open(path, "reading", errno);
        let entered = enter(&self.options().copy_roots, path, "from");
        open_entered(path, entered, cannot)
    }

    /// Begins a file for COPY TO. Blocking.
    ///
    /// # Errors
    /// As [`Engine::open_copied`].
    pub fn create_copied(&self, path: &str) -> Result<NewFile> {
        let path = Path::new(path);
        let cannot = |errno| cannot_open(path, "writing", errno);
        let entered = enter(&self.options().copy_roots, path, "to");
        create_entered(path, entered, cannot)
    }

    /// The same files, for functions.
    pub fn server_files(&self) -> &ServerFiles {
        &self.files
    }
}

/// The files of these folders, for functions.
pub(in crate::engine) fn server_files(roots: &[PathBuf]) -> ServerFiles {
    ServerFiles {
        roots: roots.into(),
        open: |roots, path| {
            let cannot = |errno| cannot_use(path, "open", errno);
            open_entered(path, enter_absolute(roots, path), cannot)
        },
        create: |roots, path, write| {
            let cannot = |errno| cannot_use(path, "create", errno);
            let mut file = create_entered(path, enter_absolute(roots, path), cannot)?;
            write(&mut |bytes| file.write(bytes))?;
            file.finish()
        },
    }
}

/// As [`enter`]; functions know no current folder.
fn enter_absolute<'a>(roots: &[PathBuf], path: &'a Path) -> Result<(OwnedFd, &'a OsStr), Refusal> {
    match path.is_absolute() {
        true => enter(roots, path, "server"),
        false => Err(Refusal::Error(outside(path))),
    }
}

type Entered<'a> = Result<(OwnedFd, &'a OsStr), Refusal>;

fn open_entered(
    path: &Path,
    entered: Entered<'_>,
    cannot: impl Fn(Errno) -> Error + Copy,
) -> Result<File> {
    let (folder, name) = entered.map_err(|refusal| refusal.worded(cannot))?;
    // Without waiting for somebody to write into a pipe.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(&folder, name, flags, Mode::empty()).map_err(cannot)?);
    let metadata = file.metadata().map_err(|error| cannot(errno_of(&error)))?;
    if metadata.is_file() {
        return Ok(file);
    }
    let is = if metadata.is_dir() {
        "a directory"
    } else {
        "not a regular file"
    };
    Err(Error::new(
        SqlState::WRONG_OBJECT_TYPE,
        format!("\"{}\" is {is}", path.display()),
    ))
}

fn create_entered(
    path: &Path,
    entered: Entered<'_>,
    cannot: impl Fn(Errno) -> Error + Copy,
) -> Result<NewFile> {
    let (folder, name) = entered.map_err(|refusal| refusal.worded(cannot))?;
    let is_folder = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if openat(&folder, name, is_folder, Mode::empty()).is_ok() {
        return Err(cannot(Errno::ISDIR));
    }
    let temporary = OsString::from(format!(".copy-{}", uuid::Uuid::new_v4()));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o644);
    let file = openat(&folder, &temporary, flags, mode).map_err(cannot)?;
    Ok(NewFile {
        folder,
        name: name.to_owned(),
        temporary,
        path: path.to_owned(),
        file: Some(File::from(file)),
    })
}

impl NewFile {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(bytes).map_err(|error| {
                let state = match error.kind() {
                    std::io::ErrorKind::StorageFull => SqlState::DISK_FULL,
                    _ => SqlState::IO_ERROR,
                };
                Error::new(state, format!("could not write to COPY file: {error}"))
            }),
            None => Err(Error::internal("writing a COPY file", "it is finished")),
        }
    }

    /// Puts the file in its place, over one that is there.
    fn finish(mut self) -> Result<()> {
        let Some(file) = self.file.take() else {
            return Err(Error::internal("writing a COPY file", "it is finished"));
        };
        let placed = file
            .sync_all()
            .map_err(|error| errno_of(&error))
            .and_then(|()| renameat(&self.folder, &self.temporary, &self.folder, &self.name));
        placed.map_err(|errno| {
            self.forget();
            cannot_open(&self.path, "writing", errno)
        })
    }

    fn forget(&self) {
        if let Err(error) = unlinkat(&self.folder, &self.temporary, AtFlags::empty()) {
            tracing::warn!(%error, path = %self.path.display(), "unfinished COPY file not removed");
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            self.forget();
        }
    }
}

/// The folder a path is in, and its name there.
fn enter<'a>(
    roots: &[PathBuf],
    path: &'a Path,
    direction: &str,
) -> Result<(OwnedFd, &'a OsStr), Refusal> {
    if !path.is_absolute() {
        return Err(Refusal::Error(Error::new(
            SqlState::INVALID_NAME,
            format!("relative path not allowed for COPY {direction} file"),
        )));
    }
    let inside = roots
        .iter()
        .find_map(|root| Some((root, path.strip_prefix(root).ok()?)));
    let Some((root, inside)) = inside else {
        return Err(Refusal::Error(outside(path)));
    };
    let mut names = Vec::new();
    for component in inside.components() {
        match component {
            Component::Normal(name) => names.push(name),
            _ => return Err(Refusal::Error(outside(path))),
        }
    }
    let into = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder = openat(CWD, root, into, Mode::empty()).map_err(Refusal::System)?;
    let Some(last) = names.pop() else {
        return Err(Refusal::System(Errno::ISDIR));
    };
    for name in names {
        let into = into | OFlags::NOFOLLOW;
        folder = openat(&folder, name, into, Mode::empty()).map_err(Refusal::System)?;
    }
    Ok((folder, last))
}

/// Why a path is not entered.
enum Refusal {
    Error(Error),
    System(Errno),
}

impl Refusal {
    fn worded(self, word: impl FnOnce(Errno) -> Error) -> Error {
        match self {
            Self::Error(error) => error,
            Self::System(errno) => word(errno),
        }
    }
}

fn outside(path: &Path) -> Error {
    Error::new(
        SqlState::INSUFFICIENT_PRIVILEGE,
        format!("permission denied for file \"{}\"", path.display()),
    )
    .detail("The file is outside the folders that COPY may use.")
    .hint("The setting files.copy_roots of the server's configuration lists them.")
}

fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// PostgreSQL's error for a file that COPY cannot open.
fn cannot_open(path: &Path, what: &str, errno: Errno) -> Error {
    let (state, reason) = reason(errno);
    let message = format!(
        "could not open file \"{}\" for {what}: {reason}",
        path.display()
    );
    let error = Error::new(state, message);
    match errno {
        Errno::NOENT => error.hint(
            "COPY names a file of the server. You may want a client-side facility such as psql's \
             \\copy.",
        ),
        _ => error,
    }
}

/// PostgreSQL's error for a file that a function cannot open or create.
fn cannot_use(path: &Path, what: &str, errno: Errno) -> Error {
    let (state, reason) = reason(errno);
    let path = path.display();
    Error::new(
        state,
        format!("could not {what} server file \"{path}\": {reason}"),
    )
}

fn reason(errno: Errno) -> (SqlState, &'static str) {
    match errno {
        Errno::NOENT => (SqlState::UNDEFINED_FILE, "No such file or directory"),
        Errno::ISDIR => (SqlState::WRONG_OBJECT_TYPE, "Is a directory"),
        Errno::ACCESS => (SqlState::INSUFFICIENT_PRIVILEGE, "Permission denied"),
        Errno::LOOP | Errno::NOTDIR | Errno::MLINK => (
            SqlState::INSUFFICIENT_PRIVILEGE,
            "Symbolic links are not followed",
        ),
        Errno::NOSPC => (SqlState::DISK_FULL, "No space left on device"),
        _ => (SqlState::IO_ERROR, "Input/output error"),
    }
}

/// Feeds a file to a COPY.
///
/// # Errors
/// As [`CopyIn::write`]; what interrupts it.
pub async fn load_file(
    mut copy: CopyIn,
    file: File,
    transfer: &Transfer,
    interrupt: &Interrupt,
) -> Result<CopyIn> {
    if let Ok(metadata) = file.metadata() {
        transfer.expect_bytes(metadata.len());
    }
    let Some(mut file) = copy.read_from(file) else {
        return Ok(copy);
    };
    loop {
        interrupt.check()?;
        let read = move || {
            let mut chunk = Vec::with_capacity(CHUNK_BYTES);
            let read = (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut chunk);
            read.map(|_| (file, chunk))
        };
        let read = tokio::task::spawn_blocking(read).await;
        let (rest, chunk) = read
            .map_err(|error| Error::internal("reading a COPY file", error))?
            .map_err(|error| {
                Error::new(
                    SqlState::IO_ERROR,
                    format!("could not read from COPY file: {error}"),
                )
            })?;
        if chunk.is_empty() {
            return Ok(copy);
        }
        file = rest;
        copy.write(Bytes::from(chunk)).await?;
    }
}

/// Writes an answer to a file; gives the number of rows.
///
/// # Errors
/// What the query failed with; `58030` I/O, `53100` disk full.
pub async fn write_file(
    mut rows: Rows,
    writer: CopyWriter,
    mut file: NewFile,
    transfer: &Arc<Transfer>,
) -> Result<u64> {
    let mut written = 0;
    match writer {
        CopyWriter::Rows(writer) => {
            let mut out = Vec::new();
            writer.header(&mut out)?;
            while let Some(batch) = rows.next().await? {
                let count = batch.num_rows();
                let mut row = 0;
                while row < count {
                    let next = writer.prepare(&batch)?.write(
                        row..count,
                        CHUNK_BYTES,
                        &mut Bare,
                        &mut out,
                    )?;
                    transfer.add_rows(next - row);
                    row = next;
                    if out.len() >= CHUNK_BYTES {
                        file = put(file, std::mem::take(&mut out).into(), transfer).await?;
                    }
                }
                written += count as u64;
            }
            writer.trailer(&mut out);
            file = put(file, out.into(), transfer).await?;
        }
        CopyWriter::Packed(mut writer) => {
            while let Some(batch) = rows.next().await? {
                let count = batch.num_rows();
                for piece in writer.write(batch).await? {
                    file = put(file, piece, transfer).await?;
                }
                transfer.add_rows(count);
                written += count as u64;
            }
            for piece in writer.finish().await? {
                file = put(file, piece, transfer).await?;
            }
        }
    }
    tokio::task::spawn_blocking(move || file.finish())
        .await
        .map_err(|error| Error::internal("writing a COPY file", error))??;
    Ok(written)
}

async fn put(mut file: NewFile, bytes: Buffer, transfer: &Transfer) -> Result<NewFile> {
    transfer.add_bytes(bytes.len());
    let write = move || file.write(&bytes).map(|()| file);
    tokio::task::spawn_blocking(write)
        .await
        .map_err(|error| Error::internal("writing a COPY file", error))?
}
