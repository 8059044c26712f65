//! Expressions with PostgreSQL types.

use std::rc::Rc;
use std::sync::Arc;

use datafusion::common::metadata::FieldMetadata;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Case, Expr, ExprSchemable, Operator, ScalarUDF};

use super::Converted;
use crate::base::{Error, Place, Result};
use crate::engine::semantics::{is_volatile, shown_as};
use crate::types::PgType;
use crate::types::pgtype::METADATA_KEY;

/// An expression and its type.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    /// What computes it.
    pub(super) expr: Expr,
    /// `PgType::UNKNOWN` for what has no type yet: a quoted literal, NULL, an undeclared parameter.
    pub(super) ty: PgType,
    /// The fields of a row that was written or selected here. `expr` is its text then.
    pub(super) row: Option<Rc<Vec<(String, Typed)>>>,
    /// Where it begins in the statement.
    pub(super) place: Place,
}

impl Typed {
    pub(super) fn new(expr: Expr, ty: PgType) -> Self {
        Self {
            expr,
            ty,
            row: None,
            place: Place::Unknown,
        }
    }

    /// The same, at its place in the statement.
    pub(super) fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    pub(super) fn bool(expr: Expr) -> Self {
        Self::new(expr, PgType::BOOL)
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.ty.oid == PgType::UNKNOWN.oid
    }

    /// The text of a quoted literal that has no type yet.
    pub(super) fn unknown_text(&self) -> Option<&str> {
        match &self.expr {
            Expr::Literal(ScalarValue::Utf8(Some(text)), _) if self.is_unknown() => Some(text),
            _ => None,
        }
    }

    /// The type without its modifier.
    pub(super) fn base(&self) -> PgType {
        PgType {
            typmod: -1,
            ..self.ty
        }
    }

    /// The same value beneath all domains.
    pub(super) fn undomained(self) -> Self {
        Self {
            ty: self.ty.undomained(),
            ..self
        }
    }

    pub(super) fn is(&self, ty: PgType) -> bool {
        self.ty.oid == ty.oid
    }
}

/// A function call with PostgreSQL's type for its result. `schema` need only have what the
/// arguments refer to.
pub(super) fn call(function: Arc<ScalarUDF>, args: Vec<Expr>, schema: &DFSchema) -> Result<Typed> {
    let expr = Expr::ScalarFunction(ScalarFunction::new_udf(function, args));
    shown(expr, schema)
}

/// An expression of DataFusion's in an Arrow type that PostgreSQL has a type for.
pub(super) fn shown(expr: Expr, schema: &DFSchema) -> Result<Typed> {
    let field = expr.to_field(schema).converted()?.1;
    let ty = PgType::of_field(&field);
    let expr = match shown_as(field.data_type(), ty) {
        Some(data_type) => {
            let shown = ty.field("", true).with_data_type(data_type);
            Expr::Cast(Cast::new_from_field(Box::new(expr), Arc::new(shown)))
        }
        None => expr,
    };
    Ok(Typed::new(expr, ty))
}

/// A cast from a type whose fields say what they are: it says so too.
pub(super) fn recast(expr: Expr, from: PgType, ty: PgType) -> Expr {
    if from.oid != PgType::UNKNOWN.oid && from.field("", true).metadata().is_empty() {
        let field = ty.field("", true);
        return Expr::Cast(Cast::new_from_field(Box::new(expr), Arc::new(field)));
    }
    cast(expr, ty)
}

/// A cast that says what it casts to, whatever its operand says it is.
pub(super) fn cast(expr: Expr, ty: PgType) -> Expr {
    let mut field = ty.field("", true);
    if field.metadata().is_empty() {
        // DataFusion keeps an operand's metadata through a cast to a type without any, and
        // `relname::text` would still be a name.
        let said = [(METADATA_KEY.to_owned(), ty.said())];
        field = field.with_metadata(said.into());
    }
    Expr::Cast(Cast::new_from_field(Box::new(expr), Arc::new(field)))
}

pub(super) fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

pub(super) fn not(expr: Expr) -> Expr {
    Expr::Not(Box::new(expr))
}

pub(super) fn and(left: Expr, right: Expr) -> Expr {
    binary(left, Operator::And, right)
}

pub(super) fn or(left: Expr, right: Expr) -> Expr {
    binary(left, Operator::Or, right)
}

/// So many CASEs in the conditions of another are left to the optimizer.
const CASES_MAX: usize = 3;

/// `CASE WHEN … THEN … ELSE … END`
pub(super) fn case(branches: Vec<(Expr, Expr)>, otherwise: Option<Expr>) -> Expr {
    // What DataFusion makes of conditions doubles with every CASE in those of another, and so does
    // the time it takes to find out whether there is an answer. An operand keeps it from both.
    let conditions = branches.iter().map(|(when, _)| when);
    let nested = conditions.map(cases).sum::<usize>() > CASES_MAX;
    // Nobody would know which rows take a branch with a subquery.
    let subqueries = || {
        let parts = branches.iter().flat_map(|(when, then)| [when, then]);
        parts.chain(&otherwise).any(super::subquery::has_subquery)
    };
    let operand = nested && !subqueries();
    Expr::Case(Case::new(
        operand.then(|| Box::new(boolean(Some(true)))),
        branches
            .into_iter()
            .map(|(when, then)| (Box::new(when), Box::new(then)))
            .collect(),
        otherwise.map(Box::new),
    ))
}

/// How many CASEs there are in an expression.
fn cases(expr: &Expr) -> usize {
    let mut cases = 0;
    let counted = expr.apply(|part| {
        cases += usize::from(matches!(part, Expr::Case(_)));
        Ok(TreeNodeRecursion::Continue)
    });
    // Nothing in it fails.
    let _: datafusion::common::Result<_> = counted;
    cases
}

/// Refuses to write a volatile value twice into an expression.
pub(super) fn once(value: &Typed, place: &str) -> Result<()> {
    match is_volatile(&value.expr) {
        true => Err(Error::unsupported(format!(
            "a volatile function in {place}"
        ))),
        false => Ok(()),
    }
}

/// A literal that says its PostgreSQL type.
pub(super) fn literal(value: ScalarValue, ty: PgType) -> Typed {
    let field = ty.field("", true);
    let metadata = (!field.metadata().is_empty()).then(|| FieldMetadata::new_from_field(&field));
    Typed::new(Expr::Literal(value, metadata), ty)
}

pub(super) fn int4(value: i32) -> Typed {
    literal(ScalarValue::Int32(Some(value)), PgType::INT4)
}

pub(super) fn int8(value: i64) -> Typed {
    literal(ScalarValue::Int64(Some(value)), PgType::INT8)
}

pub(super) fn float8(value: f64) -> Typed {
    literal(ScalarValue::Float64(Some(value)), PgType::FLOAT8)
}

pub(super) fn boolean(value: Option<bool>) -> Expr {
    Expr::Literal(ScalarValue::Boolean(value), None)
}

/// A text that is known to be one.
pub(super) fn text(value: &str) -> Typed {
    Typed::new(
        Expr::Literal(ScalarValue::Utf8View(Some(value.to_owned())), None),
        PgType::TEXT,
    )
}

/// A quoted literal, or NULL.
pub(super) fn unknown(value: Option<&str>) -> Typed {
    let value = match value {
        Some(text) => ScalarValue::Utf8(Some(text.to_owned())),
        None => ScalarValue::Null,
    };
    Typed::new(Expr::Literal(value, None), PgType::UNKNOWN)
}

/// Whether a value is the NULL that no type is said of.
pub(super) fn is_null(value: &Typed) -> bool {
    value.is_unknown() && matches!(value.expr, Expr::Literal(ScalarValue::Null, _))
}

/// NULL of a type.
pub(super) fn null(ty: PgType) -> Result<Typed> {
    let value = ScalarValue::try_from(&ty.data_type()).converted()?;
    Ok(literal(value, ty))
}
