//! Items of access control lists made, compared and looked for: `makeaclitem`, `aclcontains`.

use super::call::short::{BOOL, OID, TEXT};
use super::call::{Call, functions};
use super::resolve::Param;
use super::standard::name;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{AclItem, DisplayAclItem, Privilege, Privileges};
use crate::pg_catalog::Value;
use crate::types::PgType;

const ITEM: Param = Param::Is(PgType::ACLITEM);
/// `aclitem[]`
const LIST_TYPE: PgType = PgType::of(1034);
const ITEMS: Param = Param::Is(LIST_TYPE);

functions! { pub(super) LIST:
    "makeaclitem" Stable { (OID, OID, TEXT, BOOL) -> PgType::ACLITEM, strict, made; }
    "aclitemeq" Stable {
        (ITEM, ITEM) -> PgType::BOOL, strict, |call, row| {
            let read = |arg| item(call, call.must_text(arg, row));
            Ok((read(0) == read(1)).into())
        };
    }
    "aclcontains" Stable {
        (ITEMS, ITEM) -> PgType::BOOL, strict, |call, row| {
            use arrow::array::{Array, AsArray};
            let wanted = item(call, call.must_text(1, row));
            let Some(items) = call.list(0, row) else {
                return Ok(Value::Null);
            };
            let Some(items) = items.as_string_view_opt() else {
                return Ok(false.into());
            };
            let mut there = (0..items.len()).filter(|index| items.is_valid(*index));
            let found = there.any(|index| {
                let known = item(call, items.value(index));
                known.grantee == wanted.grantee
                    && known.grantor == wanted.grantor
                    && known.privileges.contains_all(wanted.privileges)
                    && known.grantable.contains_all(wanted.grantable)
            });
            Ok(found.into())
        };
    }
    "aclinsert" Stable { (ITEMS, ITEM) -> LIST_TYPE, strict, |_, _| Err(gone("aclinsert")); }
    "aclremove" Stable { (ITEMS, ITEM) -> LIST_TYPE, strict, |_, _| Err(gone("aclremove")); }
}

fn gone(name: &str) -> Error {
    let message = format!("{name} is no longer supported");
    Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
}

fn made(call: &Call<'_>, row: usize) -> Result<Value> {
    let word = call.must_text(2, row);
    let known = |privilege: &Privilege| privilege.word().eq_ignore_ascii_case(word);
    let privilege = match Privilege::ALL.into_iter().find(known) {
        Some(privilege) => privilege,
        None if word.eq_ignore_ascii_case("temp") => Privilege::Temporary,
        None => {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("unrecognized privilege type: \"{word}\""),
            ));
        }
    };
    let grantable = call.bool(3, row).unwrap_or_default();
    let item = AclItem {
        grantee: call.oid(0, row)?.unwrap_or(Oid::INVALID),
        privileges: privilege.into(),
        grantable: match grantable {
            true => privilege.into(),
            false => Privileges::NONE,
        },
        grantor: call.oid(1, row)?.unwrap_or(Oid::INVALID),
    };
    let snapshot = &call.context.snapshot;
    let shown = DisplayAclItem {
        item: &item,
        name: |oid| match snapshot.role(oid) {
            Some(role) => role.name.clone(),
            None => oid.to_string(),
        },
    };
    Ok(shown.to_string().into())
}

/// What an item says.
fn item(call: &Call<'_>, text: &str) -> AclItem {
    let role = |name: &str| match call.context.snapshot.role_named(name) {
        Some(role) => role.oid,
        None => Oid(name.parse().unwrap_or_default()),
    };
    let (grantee, rest) = name(text);
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    let (letters, grantor) = rest.rsplit_once('/').unwrap_or((rest, ""));
    let (grantor, _) = name(grantor);
    let mut item = AclItem {
        grantee: role(&grantee),
        privileges: Privileges::NONE,
        grantable: Privileges::NONE,
        grantor: role(&grantor),
    };
    let mut letters = letters.chars().peekable();
    while let Some(letter) = letters.next() {
        let granted = Privilege::ALL.into_iter().find(|p| p.letter() == letter);
        let granted = granted.map_or(Privileges::NONE, Privileges::from);
        item.privileges = item.privileges.union(granted);
        if letters.next_if_eq(&'*').is_some() {
            item.grantable = item.grantable.union(granted);
        }
    }
    item
}
