//! What `information_schema` says of a type with its modifier, under PostgreSQL's own names for
//! these functions; and what is in an access control list.

use super::call::short::{INT, OID};
use super::call::{Call, functions};
use super::resolve::Param;
use crate::base::{Oid, Result};
use crate::catalog::Privilege;
use crate::pg_catalog::Value;
use crate::types::PgType;

/// `aclitem[]`
const ACL: Param = Param::Is(PgType::of(1034));
/// `oid[]`
const OIDS: PgType = PgType::of(1028);
/// `text[]`
const TEXTS: PgType = PgType::of(1009);
/// `boolean[]`
const BOOLEANS: PgType = PgType::of(1000);

functions! { pub(super) LIST:
    "information_schema._pg_char_max_length" Immutable {
        (OID, INT) -> PgType::INT4, strict, |call, row| Ok(length(ty(call, row)?).into());
    }
    "information_schema._pg_char_octet_length" Immutable {
        (OID, INT) -> PgType::INT4, strict, |call, row| Ok(octets(ty(call, row)?).into());
    }
    "information_schema._pg_numeric_precision" Immutable {
        (OID, INT) -> PgType::INT4, strict, |call, row| Ok(precision(ty(call, row)?).into());
    }
    "information_schema._pg_numeric_precision_radix" Immutable {
        (OID, INT) -> PgType::INT4, strict, |call, row| {
            Ok(match ty(call, row)?.oid {
                Oid(20 | 21 | 23 | 700 | 701) => 2.into(),
                Oid(1700) => 10.into(),
                _ => Value::Null,
            })
        };
    }
    "information_schema._pg_numeric_scale" Immutable {
        (OID, INT) -> PgType::INT4, strict, |call, row| {
            let ty = ty(call, row)?;
            Ok(match ty.oid {
                Oid(20 | 21 | 23) => 0.into(),
                Oid(1700) if ty.typmod != -1 => ((ty.typmod - 4) & 0x7ff).into(),
                _ => Value::Null,
            })
        };
    }
    "information_schema._pg_datetime_precision" Immutable {
        (OID, INT) -> PgType::INT4, strict, |call, row| {
            let ty = ty(call, row)?;
            Ok(match ty.oid {
                Oid(1082) => 0.into(),
                Oid(1083 | 1114 | 1184 | 1266) if ty.typmod >= 0 => ty.typmod.into(),
                Oid(1083 | 1114 | 1184 | 1266) => 6.into(),
                // All bits set is no precision.
                Oid(1186) if ty.typmod >= 0 && ty.typmod & 0xffff != 0xffff => {
                    (ty.typmod & 0xffff).into()
                }
                Oid(1186) => 6.into(),
                _ => Value::Null,
            })
        };
    }
    "information_schema._pg_interval_type" Immutable {
        (OID, INT) -> PgType::TEXT, strict, |call, row| {
            let ty = ty(call, row)?;
            let name = (ty.oid == PgType::INTERVAL.oid).then(|| ty.to_string().to_uppercase());
            let fields = name.and_then(|name| name.strip_prefix("INTERVAL ").map(str::to_owned));
            Ok(fields.into())
        };
    }

    "aclexplode.grantor" Stable { (ACL) -> OIDS, strict, |call, row| exploded(call, row, |item| item.grantor.into()); }
    "aclexplode.grantee" Stable { (ACL) -> OIDS, strict, |call, row| exploded(call, row, |item| item.grantee.into()); }
    "aclexplode.privilege_type" Stable {
        (ACL) -> TEXTS, strict, |call, row| exploded(call, row, |item| item.privilege.word().into());
    }
    "aclexplode.is_grantable" Stable {
        (ACL) -> BOOLEANS, strict, |call, row| exploded(call, row, |item| item.grantable.into());
    }
}

fn ty(call: &Call<'_>, row: usize) -> Result<PgType> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let typmod = call
        .int(1, row)
        .and_then(|typmod| i32::try_from(typmod).ok());
    Ok(PgType::of(oid.0).with_typmod(typmod.unwrap_or(-1)))
}

/// Characters or bits a type is declared with.
fn length(ty: PgType) -> Option<i32> {
    match ty.oid {
        Oid(1042 | 1043) if ty.typmod != -1 => Some(ty.typmod - 4),
        Oid(1560 | 1562) if ty.typmod != -1 => Some(ty.typmod),
        _ => None,
    }
}

/// Bytes its values have at most: four for a character of UTF-8, 2 to the power of 30 without a
/// declared length.
fn octets(ty: PgType) -> Option<i32> {
    match ty.oid {
        Oid(25 | 1042 | 1043) => Some(match length(ty) {
            Some(characters) => characters.saturating_mul(4),
            None => 1 << 30,
        }),
        _ => None,
    }
}

fn precision(ty: PgType) -> Option<i32> {
    match ty.oid {
        Oid(21) => Some(16),
        Oid(23) => Some(32),
        Oid(20) => Some(64),
        Oid(700) => Some(24),
        Oid(701) => Some(53),
        Oid(1700) if ty.typmod != -1 => Some(((ty.typmod - 4) >> 16) & 0xffff),
        _ => None,
    }
}

/// One privilege of an aclitem.
struct Exploded {
    grantor: Oid,
    grantee: Oid,
    privilege: Privilege,
    grantable: bool,
}

/// One column of what a list says, a row for each privilege.
fn exploded(call: &Call<'_>, row: usize, read: fn(&Exploded) -> Value) -> Result<Value> {
    use arrow::array::{Array, AsArray};
    let Some(items) = call.list(0, row) else {
        return Ok(Value::Null);
    };
    let Some(items) = items.as_string_view_opt() else {
        return Ok(Value::List(Vec::new()));
    };
    let mut found = Vec::new();
    for index in (0..items.len()).filter(|index| items.is_valid(*index)) {
        let (grantee, rest) = name(items.value(index));
        let rest = rest.strip_prefix('=').unwrap_or(rest);
        let (letters, grantor) = rest.rsplit_once('/').unwrap_or((rest, ""));
        let (grantor, _) = name(grantor);
        let role = |name: &str| match name {
            "" => Oid::INVALID,
            name => {
                let role = call.context.snapshot.role_named(name);
                role.map_or(Oid::INVALID, |role| role.oid)
            }
        };
        let mut letters = letters.chars().peekable();
        while let Some(letter) = letters.next() {
            let grantable = letters.next_if_eq(&'*').is_some();
            let privilege = Privilege::ALL.into_iter().find(|p| p.letter() == letter);
            found.extend(privilege.map(|privilege| {
                read(&Exploded {
                    grantor: role(&grantor),
                    grantee: role(&grantee),
                    privilege,
                    grantable,
                })
            }));
        }
    }
    Ok(Value::List(found))
}

/// The role at the head of an aclitem, quoted or not, and what follows.
pub(super) fn name(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(['=', '/']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((index, c)) = chars.next() {
        match c {
            '"' if chars.next_if(|(_, next)| *next == '"').is_some() => name.push('"'),
            '"' => return (name, &quoted[index + 1..]),
            c => name.push(c),
        }
    }
    (name, "")
}
