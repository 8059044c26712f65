//! The tables of `lake.sqlite`; `schema.sql` beside this file has them.

/// Version of our own tables; a server refuses a higher one.
pub(super) const FORMAT: u32 = 1;

/// Makes every table. Runs inside the transaction that also stores genesis.
pub(super) fn create(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    connection.execute_batch(include_str!("schema.sql"))
}
