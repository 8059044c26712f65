//! `tid`: where a row is, as a block and a row of it.
//!
//! A block is a run of rows of a segment, and segments are numbered as their table has them in one
//! snapshot. So the place of a row is its own within one statement, and tells another nothing: rows
//! are stored anew beside others that are changed. Places of rows are therefore only made by the
//! statement that uses them; none is read, stored, or handed on as a parameter, which could mean
//! another row. Row 0 of a block is none: by such bounds clients divide a scan.

use super::PgType;
use super::invalid;
use crate::base::{Error, Result};

/// Rows of a block. The first one's number is 1.
pub const BLOCK_ROWS: i64 = 65_535;
/// Blocks of a segment.
const SEGMENT_BLOCKS: u64 = 16;

/// The code of the place before the first row of the segment with this number, which has so many
/// rows; `None` if there is no code for all of them.
pub fn before(segment: usize, rows: u64) -> Option<i64> {
    let block = u64::try_from(segment).ok()?.checked_mul(SEGMENT_BLOCKS)?;
    let fits = rows <= BLOCK_ROWS.cast_unsigned() * SEGMENT_BLOCKS
        && u32::try_from(block + SEGMENT_BLOCKS).is_ok();
    fits.then(|| (block << 16).cast_signed())
}

/// What is added to [`before`] for a row of the segment, numbered from 0.
pub fn after(row: i64) -> i64 {
    row + row / BLOCK_ROWS + 1
}

/// Whether values of a type say where rows are.
pub fn is(ty: PgType) -> bool {
    let plain = ty.plain();
    plain.element().unwrap_or(plain).oid == PgType::TID.oid
}

/// `0A000`
///
/// # Errors
/// Always.
pub fn refuse<T>() -> Result<T> {
    Err(
        Error::unsupported("a value of type tid from outside the statement").hint(
            "A row's ctid is its own within one statement only. Use a key, or read ctid in the \
             statement that uses it.",
        ),
    )
}

/// `(block,0)`. As PostgreSQL reads: what stands around the parentheses is not looked at.
pub(super) fn parse(text: &str) -> Result<i64> {
    let wrong = || invalid(PgType::TID, text);
    let (_, inside) = text.split_once('(').ok_or_else(wrong)?;
    let (block, rest) = inside.split_once(',').ok_or_else(wrong)?;
    let (row, _) = rest.split_once(')').ok_or_else(wrong)?;
    let block: u32 = block.trim_start().parse().map_err(|_| wrong())?;
    let row: u16 = row.trim_start().parse().map_err(|_| wrong())?;
    match row {
        0 => Ok(i64::from(block) << 16),
        _ => refuse(),
    }
}

/// `(block,row)`
pub(super) fn write(code: i64, out: &mut Vec<u8>) {
    let text = format!("({},{})", code >> 16, code & 0xffff);
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SqlState;

    #[test]
    fn places_are_unlike() {
        let place = |segment, row| {
            let mut out = Vec::new();
            let code = before(segment, 70_000).expect("it has a place") + after(row);
            write(code, &mut out);
            String::from_utf8(out).expect("it is text")
        };
        assert_eq!(place(0, 0), "(0,1)");
        assert_eq!(place(3, 0), "(48,1)");
        assert_eq!(place(3, 65_534), "(48,65535)");
        assert_eq!(place(3, 65_535), "(49,1)");
        assert_eq!(before(0, 1 << 20), None);
        assert_eq!(before(1 << 28, 1), None);
    }

    #[test]
    fn only_bounds_are_read() {
        assert_eq!(parse("(48,0)").ok(), before(3, 1));
        assert!(parse("(4294967295,0)").is_ok_and(|code| code > 0));
        assert!(parse("(48,1)").is_err_and(|e| e.state() == SqlState::FEATURE_NOT_SUPPORTED));
        for text in ["", "(1)", "(x,0)", "(1,70000)", "(4294967296,0)"] {
            let error = parse(text).expect_err("it is no place");
            assert_eq!(error.state(), SqlState::INVALID_TEXT_REPRESENTATION);
        }
    }
}
