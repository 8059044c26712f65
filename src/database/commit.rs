//! Commit: the only code that advances truth.
//!
//! ```text
//! seal segments, fsync          outside the lock: files do not depend on the base
//! ┌ lock the writer
//! │  rebase                     what was read is still there, changes apply; else 40001
//! │  Store::commit              one SQLite transaction; fails → error, nothing happened
//! │  ── durable: from here nothing can fail ──
//! │  swap                       every new statement sees it
//! │  publish                    so whoever hears of it can read it, in commit order
//! └ unlock
//! ```
//!
//! Commits that arrive while another holds the lock queue up, and whoever gets the lock next makes
//! all of them durable with one fsync, each under its own version.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};

use tokio::sync::oneshot;

use super::large_objects::LargeObjects;
use super::pending::join_newest;
use super::temporary::{Temporary, carry};
use super::transaction::{ReadSet, conflict};
use super::{Committed, Database, Transaction};
use crate::base::{Error, Oid, Result, SessionId};
use crate::catalog::{Change, Relation, RelationKind, Snapshot};
use crate::notify::{Notice, events};
use crate::storage::{CommitRecord, Store, seal};

/// A commit waiting for the writer: everything it needs, sealed.
#[derive(Debug)]
pub(super) struct Request {
    base: Arc<Snapshot>,
    /// What must be in the tip as it is in the base.
    reads: Option<Arc<ReadSet>>,
    changes: Vec<Change>,
    passwords: Vec<(Oid, Option<String>)>,
    notifies: Vec<(String, String)>,
    large_objects: Arc<LargeObjects>,
    role: Oid,
    session: SessionId,
    done: oneshot::Sender<Result<Arc<Snapshot>>>,
}

/// A request whose changes apply.
struct Accepted {
    request: Request,
    before: Arc<Snapshot>,
    /// The same as `before` if nothing durable changed.
    after: Arc<Snapshot>,
    author: String,
}

impl Accepted {
    fn is_durable(&self) -> bool {
        !self.request.changes.is_empty()
    }
}

impl Database {
    pub(super) async fn commit_now(
        self: &Arc<Self>,
        mut transaction: Transaction,
    ) -> Result<Committed> {
        transaction.large_objects.end();
        let mut temporary = std::mem::take(&mut transaction.temporary);
        let pending = std::mem::take(&mut transaction.pending).into_changes();
        let (private, durable): (Vec<_>, Vec<_>) = pending
            .into_iter()
            .partition(|change| temporary.has(change));
        let notifies = std::mem::take(&mut transaction.notifies.list);

        let after = if durable.is_empty() && notifies.is_empty() {
            self.snapshot()
        } else {
            let changes = self.seal(durable, &transaction.view).await?;
            let passwords = changes.iter().filter_map(password).collect();
            let (done, outcome) = oneshot::channel();
            self.queue().push(Request {
                base: Arc::clone(&transaction.base),
                reads: transaction.reads(),
                changes,
                passwords,
                notifies,
                large_objects: Arc::clone(&transaction.large_objects),
                role: transaction.role,
                session: transaction.session,
                done,
            });
            self.write_queued().await;
            outcome
                .await
                .map_err(|error| Error::internal("committing", error))??
        };

        let view = if private.is_empty() && temporary.is_empty() {
            // A copy: a session that keeps it must not keep this version's files alive.
            Arc::new(Snapshot::clone(&after))
        } else {
            let view = carry(&after, &transaction.view);
            let store = Arc::clone(self.store());
            tokio::task::spawn_blocking(move || tidy_temporary(&store, view))
                .await
                .map_err(|error| Error::internal("keeping temporary tables", error))??
        };
        Ok(Committed {
            version: after.version(),
            view,
        })
    }

    /// Makes the segments of `changes` durable files. `view` has every relation they are for.
    async fn seal(
        self: &Arc<Self>,
        mut changes: Vec<Change>,
        view: &Arc<Snapshot>,
    ) -> Result<Vec<Change>> {
        if !changes.iter().any(has_segments) {
            return Ok(changes);
        }
        let (store, view) = (Arc::clone(self.store()), Arc::clone(view));
        tokio::task::spawn_blocking(move || {
            for change in &mut changes {
                seal_change(&store, &view, change)?;
            }
            Ok(changes)
        })
        .await
        .map_err(|error| Error::internal("sealing segments", error))?
    }

    /// Takes the writer lock and commits everything queued by then, the caller's own request
    /// included (unless the one who had the lock before did it already).
    async fn write_queued(self: &Arc<Self>) {
        let _writer = self.writer.lock().await;
        let queued = std::mem::take(&mut *self.queue());
        if queued.is_empty() {
            return;
        }
        let mut tip = self.snapshot();
        let mut accepted = Vec::with_capacity(queued.len());
        for request in queued {
            match rebase(&tip, &request) {
                Ok(after) => {
                    let before = std::mem::replace(&mut tip, Arc::clone(&after));
                    accepted.push(Accepted {
                        author: before.role_name(request.role),
                        request,
                        before,
                        after,
                    });
                }
                Err(error) => {
                    // A receiver that is gone has nobody to tell.
                    let _ = request.done.send(Err(error));
                }
            }
        }
        match self.make_durable(accepted).await {
            Ok(durable) => {
                // All of them first: what is on disk must be what is seen, whatever happens next.
                for one in durable.iter().filter(|one| one.is_durable()) {
                    self.advance(&one.after);
                }
                durable.into_iter().for_each(|one| self.announce(one));
            }
            Err((error, refused)) => {
                for one in refused {
                    let _ = one.request.done.send(Err(error.clone()));
                }
            }
        }
    }

    async fn make_durable(
        self: &Arc<Self>,
        accepted: Vec<Accepted>,
    ) -> Result<Vec<Accepted>, (Error, Vec<Accepted>)> {
        if !accepted.iter().any(Accepted::is_durable) {
            return Ok(accepted);
        }
        let database = Arc::clone(self);
        let work = tokio::task::spawn_blocking(move || {
            // Read under the writer lock: every OID in the records was given before.
            let next_oid = database.next_oid();
            let durable = accepted.iter().filter(|one| one.is_durable());
            let durable: Vec<_> = durable
                .map(|one| (one, one.request.large_objects.written()))
                .collect();
            let records: Vec<CommitRecord<'_>> = durable
                .iter()
                .map(|(one, written)| CommitRecord {
                    before: &one.before,
                    after: &one.after,
                    next_oid,
                    author: &one.author,
                    passwords: &one.request.passwords,
                    pages: written.pages(),
                })
                .collect();
            let committed = database.store().commit(&records);
            drop(records);
            drop(durable);
            match committed {
                Ok(()) => Ok(accepted),
                Err(error) => Err((error, accepted)),
            }
        });
        work.await.unwrap_or_else(|error| {
            // The requests are gone with the panic; their receivers see a closed channel.
            Err((Error::internal("committing", error), Vec::new()))
        })
    }

    /// Tells of a commit that everybody can see, first those who listen, then who made it.
    fn announce(&self, one: Accepted) {
        let after = Arc::clone(&one.after);
        let (request, told) = {
            let telling = AssertUnwindSafe(|| self.tell(&one));
            let told = std::panic::catch_unwind(telling);
            (one.request, told)
        };
        if told.is_err() {
            // The commit stands; not hearing of it is the lesser evil, and the log has the panic.
            tracing::error!(version = %after.version(), "telling of a commit failed");
        }
        let _ = request.done.send(Ok(after));
    }

    fn tell(&self, one: &Accepted) {
        let Accepted {
            request,
            before,
            after,
            author,
        } = one;
        let mut notices = Vec::new();
        if one.is_durable() {
            let at = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
            notices = events(
                before,
                after,
                &request.changes,
                author,
                request.session,
                &at,
            );
        }
        notices.extend(request.notifies.iter().map(|(channel, payload)| Notice {
            channel: channel.clone(),
            payload: payload.clone(),
            sender: request.session,
            about: None,
            newly: false,
        }));
        self.hub().publish(before, after, &notices);
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Vec<Request>> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `request`'s changes on top of `tip`, under the next version; `tip` itself if there are none.
fn rebase(tip: &Arc<Snapshot>, request: &Request) -> Result<Arc<Snapshot>> {
    if request.changes.is_empty() {
        return Ok(Arc::clone(tip));
    }
    let moved = !Arc::ptr_eq(tip, &request.base);
    if let Some(reads) = request.reads.as_ref().filter(|_| moved) {
        reads.check(&request.base, tip)?;
    }
    let after = tip
        .apply(&request.changes)
        .map_err(|error| if moved { conflict(error) } else { error })?;
    Ok(Arc::new(after.at_version(tip.version().next())))
}

fn password(change: &Change) -> Option<(Oid, Option<String>)> {
    match change {
        Change::SetPassword { role, verifier } => Some((*role, verifier.clone())),
        _ => None,
    }
}

fn has_segments(change: &Change) -> bool {
    match change {
        Change::AddSegments { .. } => true,
        Change::CreateRelation(relation) => !relation.segments().is_empty(),
        _ => false,
    }
}

fn seal_change(store: &Arc<Store>, view: &Snapshot, change: &mut Change) -> Result<()> {
    match change {
        Change::AddSegments { relation, segments } => {
            // A table made and dropped again by the same transaction has nobody to read its rows,
            // but the changes still must apply in order; its segments are never asked for.
            if let Some(definition) = view.relation(*relation) {
                *segments = seal(store, definition, segments)?;
            }
        }
        Change::CreateRelation(relation) if !relation.segments().is_empty() => {
            let definition = Arc::new(Relation::clone(relation));
            let sealed = seal(store, &definition, relation.segments())?;
            let Relation { kind, .. } = relation.as_mut();
            if let RelationKind::Table { segments } | RelationKind::Materialized { segments, .. } =
                kind
            {
                *segments = sealed.into();
            }
        }
        _ => {}
    }
    Ok(())
}

/// Keeps the segments of temporary tables few.
fn tidy_temporary(store: &Arc<Store>, mut view: Arc<Snapshot>) -> Result<Arc<Snapshot>> {
    let temporary = Temporary::of(&view);
    let tables: Vec<Oid> = view
        .relations()
        .filter(|relation| temporary.contains(relation.oid) && relation.segments().len() > 1)
        .map(|relation| relation.oid)
        .collect();
    for table in tables {
        let joined = match view.relation(table) {
            Some(relation) => join_newest(store, relation)?,
            None => None,
        };
        if let Some(joined) = joined {
            view = Arc::new(view.apply(&joined.changes())?);
        }
    }
    Ok(view)
}
