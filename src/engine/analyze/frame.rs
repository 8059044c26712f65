//! Window frames: those DataFusion computes as PostgreSQL does, and those it does not know, whose
//! calls are made over frames of our own ([`functions::Framed`]).

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{
    Expr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition,
};
use sqlparser::ast;

use super::Analyst;
use super::coerce::category;
use super::level::Level;
use super::typed::Typed;
use crate::base::{Error, Result, SqlState};
use crate::functions::{Bound, Exclude, Frame, Framed, Over, Units};
use crate::types::{PgType, Zone};

/// A frame as it is computed.
pub(super) enum Made {
    /// By DataFusion.
    Native(WindowFrame),
    /// By commons; the offsets are the arguments from 0 on that stand beside it.
    Own(Frame, Vec<Expr>, Option<Expr>),
}

fn wrong(message: &str) -> Error {
    Error::new(SqlState::WINDOWING_ERROR, message)
}

fn units_name(units: Units) -> &'static str {
    match units {
        Units::Rows => "ROWS",
        Units::Range => "RANGE",
        Units::Groups => "GROUPS",
    }
}

/// An item of a window's ORDER BY.
pub(super) type Ordered<'a> = (&'a ast::OrderByExpr, Typed);

impl Analyst<'_> {
    /// The frame a window says. `anew` is whether what is computed over one that loses rows has to
    /// be computed anew.
    pub(super) fn frame(
        &self,
        level: &Level<'_>,
        frame: Option<&ast::WindowFrame>,
        exclude: Exclude,
        order: &[Ordered<'_>],
        anew: bool,
    ) -> Result<Made> {
        let Some(frame) = frame else {
            return Ok(Made::Native(WindowFrame::new(
                (!order.is_empty()).then_some(false),
            )));
        };
        let units = match frame.units {
            ast::WindowFrameUnits::Rows => Units::Rows,
            ast::WindowFrameUnits::Range => Units::Range,
            ast::WindowFrameUnits::Groups => Units::Groups,
        };
        if units == Units::Groups && order.is_empty() {
            return Err(wrong("GROUPS mode requires an ORDER BY clause"));
        }
        let end = frame
            .end_bound
            .clone()
            .unwrap_or(ast::WindowFrameBound::CurrentRow);
        check_order(&frame.start_bound, &end)?;
        use ast::WindowFrameBound as Written;
        let offset = |bound: &Written| match bound {
            Written::Preceding(Some(offset)) | Written::Following(Some(offset)) => {
                Some(offset.clone())
            }
            _ => None,
        };
        let (start_offset, end_offset) = (offset(&frame.start_bound), offset(&end));
        let by_offset = start_offset.is_some() || end_offset.is_some();
        if units == Units::Range && by_offset && order.len() != 1 {
            return Err(wrong(
                "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column",
            ));
        }
        let counted = match (units, by_offset, order) {
            (Units::Range, true, [(_, value)]) => Some(self.counted(value)?),
            _ => None,
        };
        let mut offsets: Vec<(Expr, Option<ScalarValue>)> = Vec::new();
        let mut bound = |written: &Written, offset: &Option<Box<ast::Expr>>, start: bool| {
            Ok::<_, Error>(match (written, offset) {
                (Written::CurrentRow, _) => Bound::CurrentRow,
                (Written::Preceding(_), None) => Bound::UnboundedPreceding,
                (Written::Following(_), None) => Bound::UnboundedFollowing,
                (written, Some(offset)) => {
                    let (expr, constant) =
                        self.offset(level, offset, units, counted.as_ref(), start)?;
                    offsets.push((expr, constant));
                    match written {
                        Written::Preceding(_) => Bound::Preceding(offsets.len() - 1),
                        _ => Bound::Following(offsets.len() - 1),
                    }
                }
            })
        };
        let start = bound(&frame.start_bound, &start_offset, true)?;
        let end = bound(&end, &end_offset, false)?;
        let constant = |index: usize| offsets.get(index).and_then(|(_, value)| value.as_ref());
        // DataFusion takes no frame whose start is behind its end.
        let turned = match (start, end) {
            (Bound::Following(a), Bound::Following(b))
            | (Bound::Preceding(b), Bound::Preceding(a)) => match (constant(a), constant(b)) {
                (Some(a), Some(b)) => a.partial_cmp(b).is_none_or(|order| order.is_gt()),
                _ => true,
            },
            _ => false,
        };
        // None if some are not known.
        let known = offsets.iter().map(|(_, constant)| constant.clone());
        let known: Option<Vec<ScalarValue>> = known.collect();
        // DataFusion's sums of values and offsets know no time zone, no infinity and no value past
        // the end of their type.
        let native = exclude == Exclude::Nothing
            && counted.is_none()
            && !turned
            && (!anew || start == Bound::UnboundedPreceding);
        if let Some(known) = known.filter(|_| native) {
            let native = |bound: Bound| -> WindowFrameBound {
                let value = |index: usize| known.get(index).cloned().unwrap_or(ScalarValue::Null);
                match bound {
                    Bound::CurrentRow => WindowFrameBound::CurrentRow,
                    Bound::UnboundedPreceding => WindowFrameBound::Preceding(unbounded(units)),
                    Bound::UnboundedFollowing => WindowFrameBound::Following(unbounded(units)),
                    Bound::Preceding(index) => WindowFrameBound::Preceding(value(index)),
                    Bound::Following(index) => WindowFrameBound::Following(value(index)),
                }
            };
            let units = match units {
                Units::Rows => WindowFrameUnits::Rows,
                Units::Range => WindowFrameUnits::Range,
                Units::Groups => WindowFrameUnits::Groups,
            };
            let (start, end) = (native(start), native(end));
            return Ok(Made::Native(WindowFrame::new_bounds(units, start, end)));
        }
        let frame = Frame {
            units,
            start,
            end,
            exclude,
        };
        let own = counted.as_ref().map_or(PgType::INT8, |counted| counted.own);
        let offsets = offsets
            .into_iter()
            .map(|(expr, _)| super::typed::cast(expr, own))
            .collect();
        Ok(Made::Own(
            frame,
            offsets,
            counted.map(|counted| counted.value),
        ))
    }

    /// What RANGE with an offset counts from.
    fn counted(&self, value: &Typed) -> Result<Counted> {
        let ty = value.base();
        let refused = || {
            Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!(
                    "RANGE with offset PRECEDING/FOLLOWING is not supported for column type {ty}"
                ),
            )
        };
        if ty.oid == PgType::TIMETZ.oid {
            return Err(Error::unsupported(format!(
                "RANGE with an offset over {ty}"
            )));
        }
        // The type of offsets, and that of offsets and values in frames of our own.
        let (offset, own) = match category(ty) {
            'N' if ty.oid == PgType::NUMERIC.oid => (ty, ty),
            'N' if super::coerce::is_float(ty) => (PgType::FLOAT8, PgType::FLOAT8),
            'N' if whole(ty) => (PgType::INT8, PgType::INT8),
            'D' | 'T' => (PgType::INTERVAL, PgType::INTERVAL),
            _ => return Err(refused()),
        };
        let as_ty = if category(own) == 'N' { own } else { ty };
        Ok(Counted {
            value: self.coerced(value.clone(), as_ty)?.expr,
            column: ty,
            offset,
            own,
        })
    }

    /// The distance of a frame's bound, and its value where it is known.
    fn offset(
        &self,
        level: &Level<'_>,
        offset: &ast::Expr,
        units: Units,
        counted: Option<&Counted>,
        start: bool,
    ) -> Result<(Expr, Option<ScalarValue>)> {
        let to = counted.map(|counted| counted.offset);
        // sqlparser takes any quoted offset for an interval.
        let offset = match offset {
            ast::Expr::Interval(interval)
                if to.is_none_or(|to| to.oid != PgType::INTERVAL.oid)
                    && interval.leading_field.is_none() =>
            {
                interval.value.as_ref()
            }
            offset => offset,
        };
        let value = self.expression(level, offset)?;
        if let Some(Counted { column, offset, .. }) = counted
            && category(*offset) == 'N'
            && !value.is_unknown()
            && value.ty.oid != offset.oid
            && !super::coerce::implicitly(value.ty, *offset)
        {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!(
                    "RANGE with offset PRECEDING/FOLLOWING is not supported for column type \
                     {column} and offset type {}",
                    value.base()
                ),
            )
            .or_at(value.place)
            .hint("Cast the offset value to an appropriate type."));
        }
        if value.expr.any_column_refs() {
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!(
                    "argument of {} must not contain variables",
                    units_name(units)
                ),
            )
            .or_at(value.place));
        }
        let value = match counted {
            // What is written without a type is of the column's.
            Some(counted) if value.is_unknown() && category(counted.offset) == 'N' => {
                let value = self.coerced(value, counted.column)?;
                self.coerced(value, counted.offset)?
            }
            Some(counted) => self.coerced(value, counted.offset)?,
            None => self.as_integer(value, PgType::INT8, units_name(units))?,
        };
        let expr = value.expr;
        let found_out =
            expr.contains_outer() || super::subquery::has_subquery(&expr) || expr.is_volatile();
        if found_out {
            return Ok((expr, None));
        }
        let Some(literal) = self.constant(expr.clone())? else {
            return Ok((expr, None));
        };
        if literal.is_null() {
            let which = if start { "starting" } else { "ending" };
            return Err(Error::new(
                SqlState::NULL_VALUE_NOT_ALLOWED,
                format!("frame {which} offset must not be null"),
            ));
        }
        let negative = match &literal {
            ScalarValue::Int64(Some(value)) => *value < 0,
            ScalarValue::Float64(Some(value)) => *value < 0.0 || value.is_nan(),
            ScalarValue::Decimal128(Some(value), ..) => *value < 0,
            ScalarValue::IntervalMonthDayNano(Some(value)) => {
                value.months < 0 || value.days < 0 || value.nanoseconds < 0
            }
            _ => false,
        };
        if negative {
            return Err(Error::new(
                SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE,
                if units == Units::Range {
                    "invalid preceding or following size in window function"
                } else if start {
                    "frame starting offset must not be negative"
                } else {
                    "frame ending offset must not be negative"
                },
            ));
        }
        let literal = match literal {
            ScalarValue::Int64(Some(value)) if units != Units::Range => {
                ScalarValue::UInt64(Some(value.unsigned_abs()))
            }
            literal => literal,
        };
        Ok((expr, Some(literal)))
    }
}

/// What RANGE with an offset counts from.
struct Counted {
    value: Expr,
    /// Its type.
    column: PgType,
    /// The type of its offsets.
    offset: PgType,
    /// The type of offsets in frames of our own.
    own: PgType,
}

fn whole(ty: PgType) -> bool {
    [PgType::INT2.oid, PgType::INT4.oid, PgType::INT8.oid].contains(&ty.oid)
}

/// A call over a frame of our own: its function and its arguments.
pub(super) fn framed(
    (frame, offsets, counted): (Frame, Vec<Expr>, Option<Expr>),
    fun: &WindowFunctionDefinition,
    mut args: Vec<Expr>,
    filter: Option<Expr>,
    order: &[datafusion::logical_expr::SortExpr],
    zone: Zone,
) -> Result<(WindowFunctionDefinition, Vec<Expr>)> {
    let over = match fun {
        WindowFunctionDefinition::AggregateUDF(function) => Over::Aggregate(function.clone()),
        WindowFunctionDefinition::WindowUDF(function) => match function.name() {
            "first_value" => Over::First,
            "last_value" => Over::Last,
            "nth_value" => Over::Nth,
            // What does not look at the frame.
            _ => return Ok((fun.clone(), args)),
        },
    };
    let arguments = args.len();
    let wanted = match over {
        Over::Aggregate(_) => arguments,
        Over::First | Over::Last => 1,
        Over::Nth => 2,
    };
    if arguments != wanted {
        return Err(Error::new(
            SqlState::UNDEFINED_FUNCTION,
            format!(
                "function {} of {arguments} arguments does not exist",
                fun.name()
            ),
        ));
    }
    let filter = filter.map(|filter| {
        args.push(filter);
        args.len() - 1
    });
    let first_key = args.len();
    args.extend(order.iter().map(|key| key.expr.clone()));
    let keys = first_key..args.len();
    let ordered = counted.map(|counted| {
        args.push(counted);
        args.len() - 1
    });
    let first_offset = args.len();
    args.extend(offsets);
    let placed = |bound: Bound| match bound {
        Bound::Preceding(index) => Bound::Preceding(first_offset + index),
        Bound::Following(index) => Bound::Following(first_offset + index),
        bound => bound,
    };
    let framed = Framed {
        over,
        frame: Frame {
            start: placed(frame.start),
            end: placed(frame.end),
            ..frame
        },
        arguments,
        filter,
        keys,
        ordered,
        descending: order.first().is_some_and(|key| !key.asc),
        nulls_first: order.first().is_some_and(|key| key.nulls_first),
        zone,
    };
    let function = crate::functions::framed(framed);
    Ok((WindowFunctionDefinition::WindowUDF(function), args))
}

fn check_order(start: &ast::WindowFrameBound, end: &ast::WindowFrameBound) -> Result<()> {
    use ast::WindowFrameBound as Written;
    Err(wrong(match (start, end) {
        (Written::Following(None), _) => "frame start cannot be UNBOUNDED FOLLOWING",
        (_, Written::Preceding(None)) => "frame end cannot be UNBOUNDED PRECEDING",
        (Written::CurrentRow, Written::Preceding(_)) => {
            "frame starting from current row cannot have preceding rows"
        }
        (Written::Following(_), Written::CurrentRow | Written::Preceding(_)) => {
            "frame starting from following row cannot have preceding rows"
        }
        _ => return Ok(()),
    }))
}

/// The bound at the end of the partition, in the type the other bound has.
fn unbounded(units: Units) -> ScalarValue {
    match units {
        Units::Rows | Units::Groups => ScalarValue::UInt64(None),
        Units::Range => ScalarValue::Null,
    }
}

/// The frame over rows in an order by `keys`. Where no distance is in it, RANGE means what GROUPS
/// does, and DataFusion takes some types for GROUPS alone.
pub(super) fn over_keys(frame: WindowFrame, keys: &[DataType]) -> WindowFrame {
    let bare = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => true,
        WindowFrameBound::Preceding(by) | WindowFrameBound::Following(by) => by.is_null(),
    };
    let grouped = keys.iter().any(|key| {
        matches!(
            key,
            DataType::Binary | DataType::BinaryView | DataType::FixedSizeBinary(_)
        )
    });
    let ranged = frame.units == WindowFrameUnits::Range && !keys.is_empty();
    if !(ranged && grouped && bare(&frame.start_bound) && bare(&frame.end_bound)) {
        return frame;
    }
    let bound = |bound: WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => bound,
        WindowFrameBound::Preceding(_) => WindowFrameBound::Preceding(unbounded(Units::Groups)),
        WindowFrameBound::Following(_) => WindowFrameBound::Following(unbounded(Units::Groups)),
    };
    let (start, end) = (frame.start_bound.clone(), frame.end_bound.clone());
    WindowFrame::new_bounds(WindowFrameUnits::Groups, bound(start), bound(end))
}
