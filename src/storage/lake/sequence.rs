//! Where sequences stand, at rest. Values once given are given whatever becomes of the transaction,
//! so this table is written outside of commits, ahead of the values: after a crash some are
//! skipped, none is given twice.

use rusqlite::{Connection, params};

use super::{Lake, sqlite_error};
use crate::base::{Oid, Result};
use crate::catalog::{Snapshot, Standing};
use crate::storage::SequenceState;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS commons_sequence (
    oid INTEGER NOT NULL, generation INTEGER NOT NULL,
    last INTEGER NOT NULL, is_called INTEGER NOT NULL,
    PRIMARY KEY (oid, generation)) WITHOUT ROWID";

impl Lake {
    /// Stores where a sequence stands, fsynced.
    pub(in crate::storage) fn keep_sequence(&self, state: SequenceState) -> Result<()> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO commons_sequence VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut statement| {
                statement.execute(params![
                    state.oid.0,
                    i64::try_from(state.generation).unwrap_or(i64::MAX),
                    state.standing.last,
                    state.standing.is_called
                ])
            })
            .map(drop)
            .map_err(|error| sqlite_error("keep a sequence", &error))
    }
}

/// What was stored of the sequences of `snapshot`. What is of no sequence there is forgotten: the
/// transaction that made it did not commit, and its OID will be given again.
pub(super) fn load(connection: &Connection, snapshot: &Snapshot) -> Result<Vec<SequenceState>> {
    let failed = |error: rusqlite::Error| sqlite_error("read the sequences", &error);
    connection.execute_batch(CREATE).map_err(failed)?;
    let mut statement = connection
        .prepare("SELECT oid, generation, last, is_called FROM commons_sequence")
        .map_err(failed)?;
    let stored = statement
        .query_map([], |row| {
            Ok(SequenceState {
                oid: Oid(row.get(0)?),
                generation: u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default(),
                standing: Standing {
                    last: row.get(2)?,
                    is_called: row.get(3)?,
                },
            })
        })
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(failed)?;
    let (kept, gone): (Vec<_>, Vec<_>) = stored.into_iter().partition(|state| {
        snapshot
            .relation(state.oid)
            .and_then(|relation| relation.sequence())
            .is_some_and(|sequence| sequence.generation == state.generation)
    });
    for state in gone {
        connection
            .execute(
                "DELETE FROM commons_sequence WHERE oid = ?1 AND generation = ?2",
                params![
                    state.oid.0,
                    i64::try_from(state.generation).unwrap_or(i64::MAX)
                ],
            )
            .map_err(failed)?;
    }
    Ok(kept)
}
