//! Network addresses and hardware addresses: their operators and functions. They come as codes.

use super::call::short::{BIGINT, INT};
use super::call::{Call, functions};
use super::resolve::Param;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::coded::{Address, mac};

const INET: Param = Param::Is(PgType::INET);
const CIDR: Param = Param::Is(PgType::CIDR);
const MACADDR: Param = Param::Is(PgType::MACADDR);
const MACADDR8: Param = Param::Is(PgType::MACADDR8);

functions! { pub(super) LIST:
    // Casts.
    "inet cidr" Immutable { (CIDR) -> PgType::INET, strict, |call, row| Ok(packed(address(call, 0, row))); }
    "cidr inet" Immutable {
        (INET) -> PgType::CIDR, strict, |call, row| Ok(packed(address(call, 0, row).network()));
    }
    "text inet" Immutable {
        (INET) -> PgType::TEXT, strict, |call, row| Ok(address(call, 0, row).full().into());
    }
    "macaddr8 macaddr" Immutable {
        (MACADDR) -> PgType::MACADDR8, strict, |call, row| Ok(mac::lengthened(number(call, 0, row)).into());
    }
    "macaddr macaddr8" Immutable {
        (MACADDR8) -> PgType::MACADDR, strict, |call, row| mac::shortened(number(call, 0, row)).map(Value::from);
    }

    "abbrev inet" Immutable {
        (INET) -> PgType::TEXT, strict, |call, row| Ok(address(call, 0, row).shown(PgType::INET).into());
        (CIDR) -> PgType::TEXT, strict, |call, row| Ok(address(call, 0, row).abbreviated().into());
    }
    "broadcast inet" Immutable {
        (INET) -> PgType::INET, strict, |call, row| {
            let address = address(call, 0, row);
            Ok(packed(Address { bits: address.bits | address.hostmask(), ..address }))
        };
    }
    "family inet" Immutable {
        (INET) -> PgType::INT4, strict, |call, row| {
            Ok((if address(call, 0, row).long { 6 } else { 4 }).into())
        };
    }
    "host inet" Immutable {
        (INET) -> PgType::TEXT, strict, |call, row| Ok(address(call, 0, row).host().into());
    }
    "hostmask inet" Immutable {
        (INET) -> PgType::INET, strict, |call, row| {
            let address = address(call, 0, row);
            Ok(packed(Address { bits: address.hostmask(), ..address.whole() }))
        };
    }
    "netmask inet" Immutable {
        (INET) -> PgType::INET, strict, |call, row| {
            let address = address(call, 0, row);
            Ok(packed(Address { bits: address.netmask(), ..address.whole() }))
        };
    }
    "masklen inet" Immutable {
        (INET) -> PgType::INT4, strict, |call, row| Ok(i32::from(address(call, 0, row).masklen).into());
    }
    "network inet" Immutable {
        (INET) -> PgType::CIDR, strict, |call, row| Ok(packed(address(call, 0, row).network()));
    }
    "set_masklen inet" Immutable {
        (INET, INT) -> PgType::INET, strict, |call, row| masked(call, row).map(packed);
        (CIDR, INT) -> PgType::CIDR, strict, |call, row| Ok(packed(masked(call, row)?.network()));
    }
    "inet_merge inet" Immutable {
        (INET, INET) -> PgType::CIDR, strict, |call, row| {
            let (a, b) = (address(call, 0, row), address(call, 1, row));
            if a.long != b.long {
                return Err(invalid("cannot merge addresses from different families"));
            }
            let masklen = a.common(b).min(a.masklen).min(b.masklen);
            Ok(packed(Address { masklen, ..a }.network()))
        };
    }
    "inet_same_family inet" Immutable {
        (INET, INET) -> PgType::BOOL, strict, |call, row| {
            Ok((address(call, 0, row).long == address(call, 1, row).long).into())
        };
    }

    "<< inet" Immutable {
        (INET, INET) -> PgType::BOOL, strict, |call, row| {
            let (a, b) = (address(call, 0, row), address(call, 1, row));
            Ok((b.contains(a) && a.masklen > b.masklen).into())
        };
    }
    "<<= inet" Immutable {
        (INET, INET) -> PgType::BOOL, strict, |call, row| {
            Ok(address(call, 1, row).contains(address(call, 0, row)).into())
        };
    }
    ">> inet" Immutable {
        (INET, INET) -> PgType::BOOL, strict, |call, row| {
            let (a, b) = (address(call, 0, row), address(call, 1, row));
            Ok((a.contains(b) && b.masklen > a.masklen).into())
        };
    }
    ">>= inet" Immutable {
        (INET, INET) -> PgType::BOOL, strict, |call, row| {
            Ok(address(call, 0, row).contains(address(call, 1, row)).into())
        };
    }
    "&& inet" Immutable {
        (INET, INET) -> PgType::BOOL, strict, |call, row| {
            let (a, b) = (address(call, 0, row), address(call, 1, row));
            Ok((a.contains(b) || b.contains(a)).into())
        };
    }
    "~ inet" Immutable {
        (INET) -> PgType::INET, strict, |call, row| {
            let address = address(call, 0, row);
            Ok(packed(Address { bits: !address.bits & address.all(), ..address }))
        };
    }
    "& inet" Immutable {
        (INET, INET) -> PgType::INET, strict, |call, row| paired(call, row, "AND", |a, b| a & b);
    }
    "| inet" Immutable {
        (INET, INET) -> PgType::INET, strict, |call, row| paired(call, row, "OR", |a, b| a | b);
    }
    "+ inet" Immutable {
        (INET, BIGINT) -> PgType::INET, strict, |call, row| {
            moved(address(call, 0, row), number(call, 1, row).into())
        };
        (BIGINT, INET) -> PgType::INET, strict, |call, row| {
            moved(address(call, 1, row), number(call, 0, row).into())
        };
    }
    "- inet" Immutable {
        (INET, BIGINT) -> PgType::INET, strict, |call, row| {
            moved(address(call, 0, row), -i128::from(number(call, 1, row)))
        };
        (INET, INET) -> PgType::INT8, strict, between;
    }

    "trunc macaddr" Immutable {
        (MACADDR) -> PgType::MACADDR, strict, |call, row| {
            let [a, b, c, ..] = mac::octets(number(call, 0, row));
            Ok(mac::code([a, b, c, 0, 0, 0]).into())
        };
        (MACADDR8) -> PgType::MACADDR8, strict, |call, row| {
            let [a, b, c, ..] = mac::octets_long(number(call, 0, row));
            Ok(mac::code_long([a, b, c, 0, 0, 0, 0, 0]).into())
        };
    }
    "macaddr8_set7bit macaddr" Immutable {
        (MACADDR8) -> PgType::MACADDR8, strict, |call, row| {
            let mut octets = mac::octets_long(number(call, 0, row));
            octets[0] |= 2;
            Ok(mac::code_long(octets).into())
        };
    }
    "~ macaddr" Immutable {
        (MACADDR) -> PgType::MACADDR, strict, |call, row| {
            Ok(mac::code(mac::octets(!number(call, 0, row))).into())
        };
        (MACADDR8) -> PgType::MACADDR8, strict, |call, row| {
            Ok(mac::code_long(mac::octets_long(number(call, 0, row)).map(|octet| !octet)).into())
        };
    }
    "& macaddr" Immutable {
        (MACADDR, MACADDR) -> PgType::MACADDR, strict, |call, row| {
            Ok((number(call, 0, row) & number(call, 1, row)).into())
        };
        (MACADDR8, MACADDR8) -> PgType::MACADDR8, strict, |call, row| Ok(joined(call, row, |a, b| a & b));
    }
    "| macaddr" Immutable {
        (MACADDR, MACADDR) -> PgType::MACADDR, strict, |call, row| {
            Ok((number(call, 0, row) | number(call, 1, row)).into())
        };
        (MACADDR8, MACADDR8) -> PgType::MACADDR8, strict, |call, row| Ok(joined(call, row, |a, b| a | b));
    }
}

fn address(call: &Call<'_>, arg: usize, row: usize) -> Address {
    Address::unpack(call.bytes(arg, row))
}

fn number(call: &Call<'_>, arg: usize, row: usize) -> i64 {
    call.int(arg, row).unwrap_or(0)
}

pub(super) fn packed(address: Address) -> Value {
    Value::Bytes(address.pack())
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// An address with another mask; -1 is all of it.
fn masked(call: &Call<'_>, row: usize) -> Result<Address> {
    let address = address(call, 0, row);
    match number(call, 1, row) {
        -1 => Ok(address.whole()),
        bits => match u8::try_from(bits) {
            Ok(masklen) if masklen <= address.size() => Ok(Address { masklen, ..address }),
            _ => Err(invalid(format!("invalid mask length: {bits}"))),
        },
    }
}

fn paired(call: &Call<'_>, row: usize, word: &str, join: fn(u128, u128) -> u128) -> Result<Value> {
    let (a, b) = (address(call, 0, row), address(call, 1, row));
    if a.long != b.long {
        return Err(invalid(format!(
            "cannot {word} inet values of different sizes"
        )));
    }
    Ok(packed(Address {
        bits: join(a.bits, b.bits),
        masklen: a.masklen.max(b.masklen),
        ..a
    }))
}

fn out_of_range() -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "result is out of range",
    )
}

fn moved(address: Address, by: i128) -> Result<Value> {
    let moved = match by < 0 {
        true => address.bits.checked_sub(by.unsigned_abs()),
        false => address.bits.checked_add(by.unsigned_abs()),
    };
    match moved.filter(|bits| *bits <= address.all()) {
        Some(bits) => Ok(packed(Address { bits, ..address })),
        None => Err(out_of_range()),
    }
}

fn between(call: &Call<'_>, row: usize) -> Result<Value> {
    let (a, b) = (address(call, 0, row), address(call, 1, row));
    if a.long != b.long {
        return Err(invalid("cannot subtract inet values of different sizes"));
    }
    let distance = match a.bits >= b.bits {
        true => i64::try_from(a.bits - b.bits).ok(),
        false => i128::try_from(b.bits - a.bits)
            .ok()
            .and_then(|distance| i64::try_from(-distance).ok()),
    };
    distance.map(Value::from).ok_or_else(out_of_range)
}

fn joined(call: &Call<'_>, row: usize, join: fn(u8, u8) -> u8) -> Value {
    let a = mac::octets_long(number(call, 0, row));
    let b = mac::octets_long(number(call, 1, row));
    let mut octets = a;
    for (octet, other) in octets.iter_mut().zip(b) {
        *octet = join(*octet, other);
    }
    mac::code_long(octets).into()
}
