//! Functions about catalog objects: names, visibility, definitions.

use std::sync::Arc;

use super::call::short::{ANY, BOOL, INT, OID, REGCLASS, TEXT};
use super::call::{Call, functions};
use super::definition::laid_out;
use super::partition;
use super::resolve::Param;
use super::{routine, trigger};
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::user_type::{Found, made_of};
use crate::catalog::{Definition, StatisticKind};
use crate::pg_catalog::relations::{
    access, constraints, functions as procs, objects, search, types,
};
use crate::pg_catalog::{SystemBody, Value, layout, names};
use crate::types::{Encoding, PgType};

const NAME: Param = Param::Is(PgType::NAME);

functions! { pub(super) LIST:
    "format_type" Stable {
        (OID, INT) -> PgType::TEXT, loose, format_type;
    }
    "pg_get_userbyid" Stable {
        (OID) -> PgType::NAME, strict, |call, row| {
            let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
            Ok(call.context.snapshot.role_name(oid).into())
        };
    }
    "pg_typeof" Stable {
        (ANY) -> PgType::REGTYPE, loose, |call, _| {
            Ok(call.ty(0).unwrap_or(PgType::UNKNOWN).oid.into())
        };
    }

    "pg_table_is_visible" Stable {
        (OID) -> PgType::BOOL, strict, table_is_visible;
    }
    "pg_type_is_visible" Stable {
        (OID) -> PgType::BOOL, strict, type_is_visible;
    }
    "pg_function_is_visible" Stable {
        (OID) -> PgType::BOOL, strict, function_is_visible;
    }
    "pg_operator_is_visible" Stable {
        (OID) -> PgType::BOOL, strict, |call, row| {
            definition_is_visible(call, row, |oid| types::operator(oid).is_some())
        };
    }
    "pg_collation_is_visible" Stable {
        (OID) -> PgType::BOOL, strict, |call, row| {
            built_in_is_visible(call, row, |oid| types::collation(oid).is_some())
        };
    }
    "pg_opclass_is_visible" Stable {
        (OID) -> PgType::BOOL, strict, |call, row| {
            built_in_is_visible(call, row, access::is_class)
        };
    }
    "pg_opfamily_is_visible" Stable {
        (OID) -> PgType::BOOL, strict, |call, row| {
            built_in_is_visible(call, row, access::is_family)
        };
    }
    "pg_conversion_is_visible" Stable { (OID) -> PgType::BOOL, strict, nothing_there; }
    "pg_ts_config_is_visible" Stable {
        (OID) -> PgType::BOOL, strict, |call, row| built_in_is_visible(call, row, search::is_config);
    }
    "pg_ts_dict_is_visible" Stable {
        (OID) -> PgType::BOOL, strict, |call, row| built_in_is_visible(call, row, search::is_dictionary);
    }
    "pg_ts_parser_is_visible" Stable {
        (OID) -> PgType::BOOL, strict, |call, row| built_in_is_visible(call, row, search::is_parser);
    }
    "pg_ts_template_is_visible" Stable {
        (OID) -> PgType::BOOL, strict, |call, row| built_in_is_visible(call, row, search::is_template);
    }
    "pg_statistics_obj_is_visible" Stable {
        (OID) -> PgType::BOOL, strict, |call, row| definition_is_visible(call, row, |_| false);
    }

    "to_regclass" Stable { (TEXT) -> PgType::REGCLASS, strict, |call, row| to_reg(call, row, PgType::REGCLASS); }
    "to_regtype" Stable { (TEXT) -> PgType::REGTYPE, strict, |call, row| to_reg(call, row, PgType::REGTYPE); }
    "to_regrole" Stable { (TEXT) -> PgType::REGROLE, strict, |call, row| to_reg(call, row, PgType::REGROLE); }
    "to_regproc" Stable { (TEXT) -> PgType::REGPROC, strict, |call, row| to_reg(call, row, PgType::REGPROC); }
    "to_regprocedure" Stable {
        (TEXT) -> PgType::REGPROCEDURE, strict, |call, row| to_reg(call, row, PgType::REGPROCEDURE);
    }
    "to_regoper" Stable { (TEXT) -> PgType::REGOPER, strict, |call, row| to_reg(call, row, PgType::REGOPER); }
    "to_regoperator" Stable {
        (TEXT) -> PgType::REGOPERATOR, strict, |call, row| to_reg(call, row, PgType::REGOPERATOR);
    }
    "to_regcollation" Stable {
        (TEXT) -> PgType::REGCOLLATION, strict, |call, row| to_reg(call, row, PgType::REGCOLLATION);
    }
    "to_regnamespace" Stable {
        (TEXT) -> PgType::REGNAMESPACE, strict, |call, row| to_reg(call, row, PgType::REGNAMESPACE);
    }

    // `name[i]`, which counts from 0.
    "name_letter" Immutable { (NAME, INT) -> PgType::CHAR, strict, name_letter; }

    "pg_get_expr" Stable {
        (TEXT, OID) -> PgType::TEXT, strict, expression;
        (TEXT, OID, BOOL) -> PgType::TEXT, strict, expression;
    }
    "pg_get_viewdef" Stable {
        (REGCLASS) -> PgType::TEXT, strict, view_definition;
        (REGCLASS, BOOL) -> PgType::TEXT, strict, view_definition;
        (REGCLASS, INT) -> PgType::TEXT, strict, view_definition;
    }
    "pg_get_ruledef" Stable {
        (OID) -> PgType::TEXT, strict, rule_definition;
        (OID, BOOL) -> PgType::TEXT, strict, rule_definition;
    }
    "pg_get_function_arg_default" Stable { (OID, INT) -> PgType::TEXT, strict, nothing; }
    "pg_get_triggerdef" Stable {
        (OID) -> PgType::TEXT, strict, trigger::definition;
        (OID, BOOL) -> PgType::TEXT, strict, trigger::definition;
    }
    "pg_partition_root" Stable { (REGCLASS) -> PgType::REGCLASS, strict, partition::root; }
    "pg_get_partkeydef" Stable { (OID) -> PgType::TEXT, strict, partition::key; }
    "pg_get_partition_constraintdef" Stable {
        (OID) -> PgType::TEXT, strict, partition::condition;
    }
    "pg_get_statisticsobjdef" Stable { (OID) -> PgType::TEXT, strict, statistics; }
    "pg_get_statisticsobjdef_columns" Stable { (OID) -> PgType::TEXT, strict, statistics_columns; }
    "pg_get_statisticsobjdef_expressions" Stable { (OID) -> PgType::of(1009), strict, nothing; }
    "pg_get_function_arguments" Stable { (OID) -> PgType::TEXT, strict, function_arguments; }
    "pg_get_function_identity_arguments" Stable {
        (OID) -> PgType::TEXT, strict, function_identity;
    }
    "pg_get_function_arg_default" Stable { (OID, INT) -> PgType::TEXT, strict, function_default; }
    "pg_get_function_result" Stable { (OID) -> PgType::TEXT, strict, function_result; }
    "pg_get_function_sqlbody" Stable { (OID) -> PgType::TEXT, strict, function_body; }
    "pg_get_functiondef" Stable { (OID) -> PgType::TEXT, strict, function_definition; }

    "pg_relation_is_publishable" Stable { (REGCLASS) -> PgType::BOOL, strict, |_, _| Ok(false.into()); }
    "pg_my_temp_schema" Stable {
        () -> PgType::OID, strict, |call, _| {
            Ok(call.context.search_path.temporary.unwrap_or(Oid::INVALID).into())
        };
    }
    "pg_is_other_temp_schema" Stable {
        (OID) -> PgType::BOOL, strict, |call, row| {
            let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
            let temporary = call
                .context
                .snapshot
                .schema(oid)
                .is_some_and(|schema| schema.name.starts_with("pg_temp_"));
            Ok((temporary && call.context.search_path.temporary != Some(oid)).into())
        };
    }
    "acldefault" Stable { (TEXT, OID) -> ACL, strict, acl_default; }
    "pg_encoding_to_char" Stable {
        (INT) -> PgType::NAME, strict, |call, row| {
            let number = call.int(0, row).and_then(|number| i32::try_from(number).ok());
            Ok(number.and_then(Encoding::numbered).map_or("", |encoding| encoding.name).into())
        };
    }
    "pg_char_to_encoding" Stable {
        (TEXT) -> PgType::INT4, strict, |call, row| {
            Ok(Encoding::named(call.must_text(0, row)).map_or(-1, |encoding| encoding.number).into())
        };
    }
    "getdatabaseencoding" Stable { () -> PgType::NAME, strict, |_, _| Ok("UTF8".into()); }
    "pg_client_encoding" Stable {
        () -> PgType::NAME, strict, |call, _| {
            Ok(call.context.settings.client_encoding().name.into())
        };
    }
}

fn name_letter(call: &Call<'_>, row: usize) -> Result<Value> {
    let name = call.must_text(0, row).as_bytes();
    let at = call.int(1, row).and_then(|at| usize::try_from(at).ok());
    // A name is stored in 64 bytes, those after its end being zero.
    Ok(match at {
        Some(at) if at < 64 => match name.get(at) {
            Some(byte) => char::from(*byte).into(),
            None => "".into(),
        },
        Some(_) | None => Value::Null,
    })
}

/// `aclitem[]`
const ACL: PgType = PgType::of(1034);

/// What an object's grants are while its list is NULL, by kind and owner.
fn acl_default(call: &Call<'_>, row: usize) -> Result<Value> {
    let owner = call.oid(1, row)?.unwrap_or(Oid::INVALID);
    let owner = call.context.snapshot.role_name(owner);
    let owner = quote(&owner);
    let (own, all) = match call.must_text(0, row) {
        "r" => ("arwdDxt", ""),
        "s" => ("rwU", ""),
        "L" => ("rw", ""),
        "d" => ("CTc", "Tc"),
        "f" => ("X", "X"),
        "l" | "T" => ("U", "U"),
        "n" => ("UC", ""),
        "F" | "S" => ("U", ""),
        "t" => ("C", ""),
        "c" => ("", ""),
        other => {
            return Err(Error::new(
                SqlState::INTERNAL_ERROR,
                format!("unrecognized object type abbreviation: {other}"),
            ));
        }
    };
    let mut items = Vec::new();
    if !all.is_empty() {
        items.push(format!("={all}/{owner}"));
    }
    if !own.is_empty() {
        items.push(format!("{owner}={own}/{owner}"));
    }
    Ok(items.into())
}

/// What has no definition here: triggers and statistics objects do not exist.
fn nothing(_: &Call<'_>, _: usize) -> Result<Value> {
    Ok(Value::Null)
}

/// Visibility of a kind of object there is none of: PostgreSQL answers NULL for an OID it does not
/// find.
fn nothing_there(_: &Call<'_>, _: usize) -> Result<Value> {
    Ok(Value::Null)
}

/// Whether a look-up along the path finds a user's operator, by its operands too, or statistics;
/// others are PostgreSQL's own or none at all.
fn definition_is_visible(call: &Call<'_>, row: usize, is_one: fn(Oid) -> bool) -> Result<Value> {
    let snapshot = &call.context.snapshot;
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let Some(of) = snapshot.definition(oid) else {
        return built_in_is_visible(call, row, is_one);
    };
    let operands = |of: &Definition| of.operator().map(|of| (of.left, of.right));
    let own = operands(of);
    let built_in = |operator: &types::Operator| {
        let left = Some(operator.left).filter(|left| *left != Oid::INVALID);
        own == Some((left, operator.right))
    };
    let first = call.context.search_path.lookup.iter().find(|schema| {
        let mut there = snapshot.definitions().filter(|of| of.schema == **schema);
        let system = **schema == Oid::PG_CATALOG && own.is_some();
        system && types::operators(&of.name).iter().any(built_in)
            || there.any(|other| {
                other.name == of.name && other.cast().is_none() && operands(other) == own
            })
    });
    Ok((first == Some(&of.schema)).into())
}

/// Objects that exist in `pg_catalog` only, which is always on the path; NULL for what is none.
fn built_in_is_visible(call: &Call<'_>, row: usize, is_one: fn(Oid) -> bool) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    Ok(is_one(oid).then_some(true).into())
}

fn format_type(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some(oid) = call.oid(0, row)? else {
        return Ok(Value::Null);
    };
    if oid == Oid::INVALID {
        return Ok("-".into());
    }
    let typmod = call.int(1, row).and_then(|mods| i32::try_from(mods).ok());
    // `character` without a length would read as character(1), so PostgreSQL says bpchar if asked
    // with no modifier.
    if oid == PgType::BPCHAR.oid && typmod == Some(-1) {
        return Ok("bpchar".into());
    }
    // Nor is `bit` as short as that.
    match oid {
        oid if oid == PgType::BIT.oid && typmod == Some(-1) => return Ok("\"bit\"".into()),
        Oid(1561) if typmod == Some(-1) => return Ok("\"bit\"[]".into()),
        _ => {}
    }
    let ty = PgType::of(oid.0).with_typmod(typmod.unwrap_or(-1));
    Ok(names::type_name(call.context, ty)
        .unwrap_or_else(|| "???".to_owned())
        .into())
}

fn table_is_visible(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let snapshot = &call.context.snapshot;
    Ok(match names::relation_parts(snapshot, oid) {
        Some((_, name)) => {
            (names::first_relation(snapshot, &call.context.search_path, name) == Some(oid)).into()
        }
        None => Value::Null,
    })
}

fn type_is_visible(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    if types::name(oid).is_some() {
        return Ok(true.into());
    }
    if let Some(system) = layout::by_row_type(oid) {
        let visible = call.context.search_path.lookup.contains(&system.schema);
        return Ok(visible.into());
    }
    let snapshot = &call.context.snapshot;
    // Arrays are where their elements are.
    let element = snapshot.pg_type(oid).and_then(made_of).unwrap_or(oid);
    let own = snapshot.user_type(element);
    let rows = snapshot.relation_of_type(element);
    let name = own.map(|ty| &ty.name);
    let Some(name) = name.or(rows.map(|relation| &relation.name)) else {
        return Ok(Value::Null);
    };
    let named = snapshot.resolve_value_type(&call.context.search_path, None, name);
    let found = named.is_some_and(|found| match found {
        Found::Type(ty) => own.is_some_and(|own| own.oid == ty.oid),
        Found::Rows(relation) => rows.is_some_and(|rows| rows.oid == relation.oid),
        Found::Arrays(_) => false,
    });
    Ok((found && PgType::by_name(name).is_none()).into())
}

fn function_is_visible(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    if let Some(routine) = call.context.snapshot.routine(oid) {
        return Ok(names::is_visible_routine(call.context, routine).into());
    }
    Ok(procs::by_oid(oid).map_or(Value::Null, |function| {
        call.context
            .search_path
            .lookup
            .contains(&function.schema)
            .into()
    }))
}

fn to_reg(call: &Call<'_>, row: usize, reg: PgType) -> Result<Value> {
    match names::find_reg(call.context, reg, call.must_text(0, row)) {
        // Of several none is meant.
        Err(error) if error.state() == SqlState::AMBIGUOUS_FUNCTION => Ok(Value::Null),
        found => found.map(Value::from),
    }
}

/// An expression's text stands for PostgreSQL's node tree; what it names by OID is named here.
fn expression(call: &Call<'_>, row: usize) -> Result<Value> {
    let text = call.must_text(0, row);
    // A partition's bound is no expression.
    if text == "DEFAULT" || text.starts_with("FOR VALUES ") {
        return Ok(text.to_owned().into());
    }
    let text = constraints::named_sequences(call.context, text);
    Ok(laid_out(call, &text, call.bool(2, row).unwrap_or(false)).into())
}

/// The view's SELECT as its author wrote it, meaning the same for who asks, ended by a semicolon.
fn view_definition(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    Ok(view_query(call, oid)?.map_or(Value::Null, |query| format!(" {query};").into()))
}

fn view_query(call: &Call<'_>, oid: Oid) -> Result<Option<String>> {
    let context = call.context;
    let Some(relation) = context.snapshot.relation(oid) else {
        let query = layout::by_oid(oid).and_then(|relation| match relation.body {
            SystemBody::View(query) => Some(query.trim().to_owned()),
            SystemBody::Base(_) => None,
        });
        return Ok(query);
    };
    match relation.view() {
        Some(view) => (context.view_definition)(context, relation, view).map(Some),
        None => Ok(None),
    }
}

/// The rule that makes a relation a view, the only kind there is.
fn rule_definition(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let Some(view) = objects::view_of_rule(&call.context.snapshot, oid) else {
        return Ok(Value::Null);
    };
    let name = names::name(call.context, PgType::REGCLASS, view).unwrap_or_default();
    Ok(view_query(call, view)?.map_or(Value::Null, |query| {
        let head = format!("CREATE RULE \"_RETURN\" AS\n    ON SELECT TO {name} DO INSTEAD");
        format!("{head}  {query};").into()
    }))
}

fn function_identity(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    match call.context.snapshot.routine(oid) {
        Some(routine) => Ok(routine::arguments(call, routine, false).into()),
        None => function_arguments(call, row),
    }
}

fn function_default(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let number = call.int(1, row).unwrap_or(0);
    let routine = call.context.snapshot.routine(oid);
    Ok(routine
        .and_then(|routine| routine::argument_default(routine, number))
        .into())
}

fn function_body(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let routine = call.context.snapshot.routine(oid);
    Ok(routine
        .and_then(|routine| routine::sql_body(routine))
        .into())
}

fn function_arguments(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    if let Some(routine) = call.context.snapshot.routine(oid) {
        return Ok(routine::arguments(call, routine, true).into());
    }
    Ok(procs::by_oid(oid).map_or(Value::Null, |function| {
        let arguments: Vec<_> = function
            .arguments
            .iter()
            .enumerate()
            .map(|(index, ty)| {
                let ty = type_name(call, *ty);
                match function.argument_names.get(index) {
                    Some(name) if !name.is_empty() => format!("{} {ty}", quote(name)),
                    Some(_) | None => ty,
                }
            })
            .collect();
        arguments.join(", ").into()
    }))
}

fn function_result(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    if let Some(routine) = call.context.snapshot.routine(oid) {
        return Ok(routine::result(call, routine).into());
    }
    Ok(procs::by_oid(oid).map_or(Value::Null, |function| {
        let set = if function.set { "SETOF " } else { "" };
        format!("{set}{}", type_name(call, function.result)).into()
    }))
}

/// The columns of extended statistics, and the definition itself.
fn statistics_of(call: &Call<'_>, row: usize) -> Result<Option<(Arc<Definition>, String)>> {
    let snapshot = &call.context.snapshot;
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let Some(of) = snapshot.definition(oid) else {
        return Ok(None);
    };
    let Some(statistics) = of.statistics() else {
        return Ok(None);
    };
    let relation = snapshot.relation(statistics.relation);
    let name = |attnum: &i16| {
        let column = relation?.columns.iter().find(|c| c.attnum == *attnum)?;
        Some(quote(&column.name).into_owned())
    };
    let names: Vec<String> = statistics.columns.iter().filter_map(name).collect();
    Ok(Some((Arc::clone(of), names.join(", "))))
}

fn statistics_columns(call: &Call<'_>, row: usize) -> Result<Value> {
    let of = statistics_of(call, row)?;
    Ok(of.map_or(Value::Null, |(_, columns)| columns.into()))
}

fn statistics(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some((of, columns)) = statistics_of(call, row)? else {
        return Ok(Value::Null);
    };
    let snapshot = &call.context.snapshot;
    let schema = snapshot.schema(of.schema).map_or("?", |s| s.name.as_str());
    let Some(statistics) = of.statistics() else {
        return Ok(Value::Null);
    };
    let kinds: Vec<&str> = statistics.kinds.iter().map(|kind| kind.word()).collect();
    let kinds = match kinds.len() == StatisticKind::ALL.len() {
        true => String::new(),
        false => format!(" ({})", kinds.join(", ")),
    };
    let table = names::name(call.context, PgType::REGCLASS, statistics.relation);
    let text = format!(
        "CREATE STATISTICS {}.{}{kinds} ON {columns} FROM {}",
        quote(schema),
        quote(&of.name),
        table.unwrap_or_default()
    );
    Ok(text.into())
}

/// `42809`
fn is_aggregate(name: &str) -> Error {
    Error::new(
        SqlState::WRONG_OBJECT_TYPE,
        format!("\"{name}\" is an aggregate function"),
    )
}

fn function_definition(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    if let Some(routine) = call.context.snapshot.routine(oid) {
        return match routine.aggregate() {
            Some(_) => Err(is_aggregate(&routine.name)),
            None => Ok(routine::definition(call, routine).into()),
        };
    }
    let Some(function) = procs::by_oid(oid) else {
        return Ok(Value::Null);
    };
    if function.kind == "a" {
        return Err(is_aggregate(function.name));
    }
    let schema = call
        .context
        .snapshot
        .schema(function.schema)
        .map_or("pg_catalog", |schema| schema.name.as_str());
    let text = |value| match value {
        Value::Text(text) => text.into_owned(),
        _ => String::new(),
    };
    Ok(format!(
        "CREATE OR REPLACE FUNCTION {}.{}({})\n RETURNS {}\n LANGUAGE internal\nAS $function${}$function$\n",
        quote(schema),
        quote(function.name),
        text(function_arguments(call, row)?),
        text(function_result(call, row)?),
        function.name,
    )
    .into())
}

fn type_name(call: &Call<'_>, ty: Oid) -> String {
    names::type_name(call.context, PgType::of(ty.0)).unwrap_or_else(|| "???".to_owned())
}
