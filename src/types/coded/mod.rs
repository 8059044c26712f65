//! Types Arrow has no type for, whose values travel as codes: numbers, bytes or text that Arrow
//! orders and compares as PostgreSQL does the values.

pub mod address;
pub mod bits;
pub mod mac;
pub mod money;
pub mod tid;

use arrow::datatypes::DataType;

use super::PgType;
use super::text::{invalid, strtoul};
use crate::base::Result;

pub use address::Address;

/// What codes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// 64-bit numbers.
    Number,
    /// Bytes.
    Bytes,
    /// Text, which is also what is shown.
    Text,
    /// Bytes of a geometric value, as it is sent: they have no order, and equal values may differ.
    Figure,
    /// Bytes of a `tsvector` or a `tsquery`.
    Search,
}

impl Code {
    /// What values of a type travel as; `None` of a type without codes.
    pub const fn of(ty: PgType) -> Option<Self> {
        // tid; timetz; macaddr8, money, macaddr, pg_lsn, xid8; inet, cidr; bit, varbit;
        // point, lseg, path, box, polygon, line, circle; tsvector, tsquery
        match ty.oid.0 {
            27 | 1266 | 774 | 790 | 829 | 3220 | 5069 => Some(Self::Number),
            650 | 869 => Some(Self::Bytes),
            1560 | 1562 => Some(Self::Text),
            600..=604 | 628 | 718 => Some(Self::Figure),
            3614 | 3615 => Some(Self::Search),
            _ => None,
        }
    }

    /// As [`Self::of`] the elements of an array type.
    pub const fn of_elements(ty: PgType) -> bool {
        matches!(
            ty.oid.0,
            1010 | 1270 | 775 | 791 | 1040 | 3221 | 271 | 651 | 1041 | 1561 | 1563 | 1017
                ..=1020 | 1027 | 629 | 719 | 3643 | 3645
        )
    }

    /// The Arrow type that holds them.
    pub const fn data_type(self) -> DataType {
        match self {
            Self::Number => DataType::Int64,
            Self::Bytes | Self::Figure | Self::Search => DataType::Binary,
            Self::Text => DataType::Utf8View,
        }
    }

    /// The type whose text bounds of them are written as.
    pub const fn at_rest(self) -> PgType {
        match self {
            Self::Number => PgType::INT8,
            Self::Bytes | Self::Figure | Self::Search => PgType::BYTEA,
            Self::Text => PgType::TEXT,
        }
    }
}

/// An unsigned number as a signed one in the same order.
pub const fn signed(value: u64) -> i64 {
    (value ^ (1 << 63)).cast_signed()
}

/// What [`signed`] made.
pub const fn unsigned(value: i64) -> u64 {
    value.cast_unsigned() ^ (1 << 63)
}

/// Reads the text of a value whose code is a number.
pub(super) fn read_number(ty: PgType, text: &str) -> Result<i64> {
    match ty {
        ty if ty.oid == PgType::MACADDR.oid => mac::parse(text),
        ty if ty.oid == PgType::MACADDR8.oid => mac::parse_long(text),
        ty if ty.oid == PgType::MONEY.oid => money::parse(text),
        ty if ty.oid == PgType::PG_LSN.oid => parse_lsn(text),
        ty if ty.oid == PgType::TID.oid => tid::parse(text),
        _ => Ok(signed(strtoul(text))),
    }
}

/// Appends the text of a value whose code is a number.
pub(super) fn write_number(ty: PgType, code: i64, out: &mut Vec<u8>) {
    match ty {
        ty if ty.oid == PgType::MACADDR.oid => mac::write(code, out),
        ty if ty.oid == PgType::MACADDR8.oid => mac::write_long(code, out),
        ty if ty.oid == PgType::MONEY.oid => money::write(code, out),
        ty if ty.oid == PgType::PG_LSN.oid => {
            let lsn = unsigned(code);
            let text = format!("{:X}/{:X}", lsn >> 32, lsn & 0xffff_ffff);
            out.extend_from_slice(text.as_bytes());
        }
        ty if ty.oid == PgType::TID.oid => tid::write(code, out),
        _ => out.extend_from_slice(unsigned(code).to_string().as_bytes()),
    }
}

/// Appends the bytes of a value whose code is a number.
pub(super) fn send_number(ty: PgType, code: i64, out: &mut Vec<u8>) {
    match ty {
        // Six bytes.
        ty if [PgType::MACADDR.oid, PgType::TID.oid].contains(&ty.oid) => {
            out.extend_from_slice(&code.to_be_bytes()[2..]);
        }
        ty if ty.oid == PgType::MONEY.oid => out.extend_from_slice(&code.to_be_bytes()),
        _ => out.extend_from_slice(&unsigned(code).to_be_bytes()),
    }
}

/// Reads the bytes of a value whose code is a number; `None` if there are too few or too many.
pub(super) fn receive_number(ty: PgType, bytes: &[u8]) -> Option<i64> {
    if ty.oid == PgType::MACADDR.oid {
        let bytes = <[u8; 6]>::try_from(bytes).ok()?;
        return Some(mac::code(bytes));
    }
    if ty.oid == PgType::TID.oid {
        return None;
    }
    if ty.oid == PgType::MACADDR8.oid
        && let Ok([a, b, c, d, e, f]) = <[u8; 6]>::try_from(bytes)
    {
        return Some(mac::code_long([a, b, c, 0xff, 0xfe, d, e, f]));
    }
    let value = u64::from_be_bytes(bytes.try_into().ok()?);
    Some(match ty.oid == PgType::MONEY.oid {
        true => value.cast_signed(),
        false => signed(value),
    })
}

/// `X/Y`, each of one to eight hexadecimal digits.
fn parse_lsn(text: &str) -> Result<i64> {
    let half = |digits: &str| {
        let plain = (1..=8).contains(&digits.len())
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        plain
            .then(|| u64::from_str_radix(digits, 16).ok())
            .flatten()
    };
    text.split_once('/')
        .and_then(|(high, low)| Some(signed(half(high)? << 32 | half(low)?)))
        .ok_or_else(|| invalid(PgType::PG_LSN, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(ty: PgType, text: &str) -> String {
        let code = read_number(ty, text).expect("reads");
        let mut sent = Vec::new();
        send_number(ty, code, &mut sent);
        assert_eq!(receive_number(ty, &sent), Some(code));
        let mut out = Vec::new();
        write_number(ty, code, &mut out);
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn numbers_read_back() {
        assert_eq!(round(PgType::PG_LSN, "16/b374d848"), "16/B374D848");
        assert_eq!(
            round(PgType::XID8, "18446744073709551615"),
            "18446744073709551615"
        );
        assert_eq!(round(PgType::MONEY, "-1,234.5"), "-$1,234.50");
        assert_eq!(
            round(PgType::MACADDR, "08-00-2b-01-02-03"),
            "08:00:2b:01:02:03"
        );
        assert_eq!(
            round(PgType::MACADDR8, "08002b010203"),
            "08:00:2b:ff:fe:01:02:03"
        );
        assert!(read_number(PgType::PG_LSN, "0/123456789").is_err());
        assert!(signed(1) < signed(u64::MAX));
    }
}
