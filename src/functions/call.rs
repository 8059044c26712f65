//! How a function of ours is declared and called: overloads in PostgreSQL's types, a body over
//! rows.
//!
//! A [`Function`] is static data; [`Bound`] is one with the context of the statement that calls it.
//! DataFusion sees a
//! `ScalarUDF` with a user-defined signature: choosing the overload and converting arguments is
//! done here, loosely in the
//! way PostgreSQL resolves calls (exact type first, unknown literals fit anywhere).

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringViewArray, UInt32Array,
};
use arrow::datatypes::{
    DataType, FieldRef, Float64Type, Int64Type, IntervalMonthDayNanoType, TimeUnit,
    TimestampMicrosecondType, UInt32Type,
};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::base::{Error, Oid, Result, SqlState};
use crate::pg_catalog::{Value, names, value};
use crate::statement::StatementContext;
use crate::types::PgType;

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Param {
    /// Values of one type.
    Is(PgType),
    /// Anything, as it comes.
    Any,
    /// Any array.
    AnyArray,
}

/// One way to call a function.
#[derive(Debug)]
pub(super) struct Overload {
    pub(super) params: &'static [Param],
    /// The last parameter may be given any number of times, also none.
    pub(super) variadic: bool,
    pub(super) returns: PgType,
    /// A NULL argument gives NULL without a call.
    pub(super) strict: bool,
    pub(super) body: Body,
}

/// What computes the result of one row.
pub(super) type Body = fn(&Call<'_>, usize) -> Result<Value>;

/// One of our functions.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) volatility: Volatility,
    pub(super) overloads: &'static [Overload],
}

/// Declares functions: `name volatility { (params) -> result [strict|loose] body; … }`.
macro_rules! functions {
    ($vis:vis $list:ident: $($name:literal $volatility:ident {
        $(($($param:expr),* $(,)?) $($variadic:ident)? -> $returns:expr, $strict:ident, $body:expr;)+
    })*) => {
        $vis static $list: &[$crate::functions::call::Function] = &[
            $($crate::functions::call::Function {
                name: $name,
                volatility: datafusion::logical_expr::Volatility::$volatility,
                overloads: &[$($crate::functions::call::Overload {
                    params: &[$($param),*],
                    variadic: $crate::functions::call::functions!(@variadic $($variadic)?),
                    returns: $returns,
                    strict: $crate::functions::call::functions!(@$strict),
                    body: $body,
                }),+],
            }),*
        ];
    };
    (@variadic variadic) => { true };
    (@variadic) => { false };
    (@strict) => { true };
    (@loose) => { false };
}
pub(super) use functions;

/// Shorthands for declarations.
pub(super) mod short {
    use super::Param;
    use crate::types::PgType;

    pub(in crate::functions) const TEXT: Param = Param::Is(PgType::TEXT);
    pub(in crate::functions) const OID: Param = Param::Is(PgType::OID);
    pub(in crate::functions) const INT: Param = Param::Is(PgType::INT4);
    pub(in crate::functions) const BIGINT: Param = Param::Is(PgType::INT8);
    pub(in crate::functions) const BOOL: Param = Param::Is(PgType::BOOL);
    pub(in crate::functions) const FLOAT: Param = Param::Is(PgType::FLOAT8);
    pub(in crate::functions) const REGCLASS: Param = Param::Is(PgType::REGCLASS);
    pub(in crate::functions) const INTERVAL: Param = Param::Is(PgType::INTERVAL);
    pub(in crate::functions) const TIMESTAMP: Param = Param::Is(PgType::TIMESTAMP);
    pub(in crate::functions) const TIMESTAMPTZ: Param = Param::Is(PgType::TIMESTAMPTZ);
    pub(in crate::functions) const ANY: Param = Param::Any;
    pub(in crate::functions) const ANYARRAY: Param = Param::AnyArray;
}

/// A function and the statement that calls it.
pub(super) struct Bound {
    pub(super) function: &'static Function,
    pub(super) context: Arc<StatementContext>,
    signature: Signature,
}

impl std::fmt::Debug for Bound {
    /// The name alone: DataFusion prints functions into messages, and who calls is nobody else's
    /// business.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.function.name)
    }
}

impl Bound {
    pub(super) fn new(function: &'static Function, context: Arc<StatementContext>) -> Self {
        Self {
            function,
            context,
            signature: Signature::user_defined(function.volatility),
        }
    }

    fn overload(&self, types: &[DataType]) -> Option<&'static Overload> {
        self.function
            .overloads
            .iter()
            .filter_map(|overload| Some((overload.cost(types)?, overload)))
            .min_by_key(|(cost, _)| *cost)
            .map(|(_, overload)| overload)
    }

    fn must_overload(&self, types: &[DataType]) -> Result<&'static Overload, DataFusionError> {
        self.overload(types).ok_or_else(|| {
            let types: Vec<_> = types
                .iter()
                .map(|ty| PgType::of_data_type(ty).to_string())
                .collect();
            external(
                Error::new(
                    SqlState::UNDEFINED_FUNCTION,
                    format!(
                        "function {}({}) does not exist",
                        self.function.name,
                        types.join(", ")
                    ),
                )
                .hint(
                    "No function matches the given name and argument types. You might need to \
                     add explicit type casts.",
                ),
            )
        })
    }
}

/// Two calls are the same only within one statement: what they answer depends on who asks, and
/// when.
impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.function, other.function) && Arc::ptr_eq(&self.context, &other.context)
    }
}

impl Eq for Bound {}

impl Hash for Bound {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

/// Our error inside DataFusion's, to be taken out again by the engine.
pub(super) fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl ScalarUDFImpl for Bound {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>, DataFusionError> {
        let overload = self.must_overload(types)?;
        Ok(types
            .iter()
            .enumerate()
            .map(|(index, ty)| overload.param(index).converted(ty))
            .collect())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType, DataFusionError> {
        let overload = self.must_overload(types)?;
        Ok(overload.returns.data_type())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef, DataFusionError> {
        let types: Vec<_> = args
            .arg_fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let overload = self.must_overload(&types)?;
        Ok(Arc::new(overload.returns.field(self.function.name, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let types: Vec<_> = args.args.iter().map(ColumnarValue::data_type).collect();
        let overload = self.must_overload(&types)?;
        // Constants in, one constant out: computed once. A volatile function is called for each
        // row.
        let once = self.function.volatility != Volatility::Volatile
            && args
                .args
                .iter()
                .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if once { 1 } else { args.number_rows };
        let arrays = args
            .args
            .iter()
            .map(|arg| arg.to_array(rows))
            .collect::<Result<Vec<_>, _>>()?;
        let call = Call::new(&self.context, overload, &args.arg_fields, &arrays)?;
        let values = (0..rows)
            .map(|row| call.row(row))
            .collect::<Result<Vec<_>>>()
            .map_err(external)?;
        let array = value::array(overload.returns, &values).map_err(external)?;
        if once {
            return scalar(&array).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(array))
    }
}

/// The first value of an array. DataFusion's own way forgets what the elements' field says of their
/// type.
pub(crate) fn scalar(array: &ArrayRef) -> Result<ScalarValue, DataFusionError> {
    match array.as_list_opt::<i32>() {
        Some(list) => Ok(ScalarValue::List(Arc::new(list.slice(0, 1)))),
        None => ScalarValue::try_from_array(array, 0),
    }
}

impl Overload {
    fn param(&self, index: usize) -> Param {
        let last = self.params.len().saturating_sub(1);
        self.params
            .get(index.min(last))
            .copied()
            .unwrap_or(Param::Any)
    }

    /// How far the arguments are from what this overload wants; `None` if they cannot be.
    fn cost(&self, types: &[DataType]) -> Option<usize> {
        let fits = if self.variadic {
            types.len() + 1 >= self.params.len()
        } else {
            types.len() == self.params.len()
        };
        if !fits {
            return None;
        }
        types
            .iter()
            .enumerate()
            .map(|(index, ty)| self.param(index).cost(ty))
            .sum()
    }
}

impl Param {
    fn cost(self, from: &DataType) -> Option<usize> {
        let to = match self {
            Self::Any => return Some(3),
            Self::AnyArray => {
                return match from {
                    DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
                        Some(1)
                    }
                    DataType::Null => Some(1),
                    _ => None,
                };
            }
            Self::Is(ty) => ty.data_type(),
        };
        let is_text = |ty: &DataType| {
            matches!(
                ty,
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
            )
        };
        if *from == to || *from == DataType::Null || (is_text(from) && is_text(&to)) {
            return Some(0);
        }
        Some(match (from, &to) {
            (DataType::Dictionary(_, value), _) => return self.cost(value),
            // An unknown literal fits anywhere; text does not, but DataFusion does not tell them
            // apart.
            (from, _) if is_text(from) => 4,
            (from, to) if from.is_integer() && to.is_integer() => 1,
            (from, DataType::Float64) if from.is_numeric() => 2,
            (from, DataType::Decimal128(..)) if from.is_numeric() => 2,
            (DataType::Timestamp(_, a), DataType::Timestamp(_, b)) => {
                if a.is_some() == b.is_some() { 0 } else { 2 }
            }
            (DataType::Date32 | DataType::Date64, DataType::Timestamp(_, zone)) => {
                if zone.is_some() { 1 } else { 2 }
            }
            (DataType::Duration(_) | DataType::Interval(_), DataType::Interval(_)) => 1,
            (DataType::List(_) | DataType::LargeList(_), DataType::List(_)) => 1,
            (DataType::BinaryView | DataType::LargeBinary, DataType::Binary) => 0,
            _ => return None,
        })
    }

    /// What DataFusion is to convert an argument to.
    fn converted(self, from: &DataType) -> DataType {
        match self {
            Self::Any | Self::AnyArray => match from {
                DataType::LargeList(field) => DataType::List(field.clone()),
                DataType::FixedSizeList(field, _) => DataType::List(field.clone()),
                other => other.clone(),
            },
            // Names are looked up in the call: only there is the search path.
            Self::Is(ty)
                if ty.is_reg()
                    && matches!(
                        from,
                        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
                    ) =>
            {
                DataType::Utf8View
            }
            Self::Is(ty) => ty.data_type(),
        }
    }
}

/// One argument, in the few Arrow types bodies read.
enum Arg {
    Text(StringViewArray),
    Int(Int64Array),
    Oid(UInt32Array),
    Float(Float64Array),
    Bool(BooleanArray),
    Other(ArrayRef),
}

/// One call over a batch of rows.
pub(super) struct Call<'a> {
    /// The statement that calls.
    pub(super) context: &'a Arc<StatementContext>,
    overload: &'static Overload,
    fields: &'a [FieldRef],
    args: Vec<Arg>,
    arrays: &'a [ArrayRef],
}

impl<'a> Call<'a> {
    fn new(
        context: &'a Arc<StatementContext>,
        overload: &'static Overload,
        fields: &'a [FieldRef],
        arrays: &'a [ArrayRef],
    ) -> Result<Self, DataFusionError> {
        let cast = |array: &ArrayRef, to: &DataType| arrow::compute::cast(array, to);
        let args = arrays
            .iter()
            .map(|array| {
                Ok(match array.data_type() {
                    DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                        Arg::Text(cast(array, &DataType::Utf8View)?.as_string_view().clone())
                    }
                    DataType::UInt32 => Arg::Oid(array.as_primitive::<UInt32Type>().clone()),
                    DataType::Int8
                    | DataType::Int16
                    | DataType::Int32
                    | DataType::Int64
                    | DataType::UInt8
                    | DataType::UInt16
                    | DataType::UInt64 => Arg::Int(
                        cast(array, &DataType::Int64)?
                            .as_primitive::<Int64Type>()
                            .clone(),
                    ),
                    DataType::Float16 | DataType::Float32 | DataType::Float64 => Arg::Float(
                        cast(array, &DataType::Float64)?
                            .as_primitive::<Float64Type>()
                            .clone(),
                    ),
                    DataType::Boolean => Arg::Bool(array.as_boolean().clone()),
                    _ => Arg::Other(array.clone()),
                })
            })
            .collect::<Result<Vec<_>, arrow::error::ArrowError>>()?;
        Ok(Self {
            context,
            overload,
            fields,
            args,
            arrays,
        })
    }

    fn row(&self, row: usize) -> Result<Value> {
        let missing = self.overload.strict && (0..self.args.len()).any(|arg| self.null(arg, row));
        if missing {
            return Ok(Value::Null);
        }
        (self.overload.body)(self, row)
    }

    /// How many arguments there are.
    pub(super) fn len(&self) -> usize {
        self.args.len()
    }

    /// Whether an argument is NULL; one that was not given is.
    pub(super) fn null(&self, arg: usize, row: usize) -> bool {
        self.arrays
            .get(arg)
            .is_none_or(|array| array.data_type() == &DataType::Null || array.is_null(row))
    }

    /// A text argument.
    pub(super) fn text(&self, arg: usize, row: usize) -> Option<&str> {
        match self.args.get(arg) {
            Some(Arg::Text(array)) if array.is_valid(row) => Some(array.value(row)),
            _ => None,
        }
    }

    /// A text argument of a strict overload.
    pub(super) fn must_text(&self, arg: usize, row: usize) -> &str {
        self.text(arg, row).unwrap_or_default()
    }

    /// An integer argument.
    pub(super) fn int(&self, arg: usize, row: usize) -> Option<i64> {
        match self.args.get(arg) {
            Some(Arg::Int(array)) if array.is_valid(row) => Some(array.value(row)),
            Some(Arg::Oid(array)) if array.is_valid(row) => Some(array.value(row).into()),
            _ => None,
        }
    }

    /// A boolean argument.
    pub(super) fn bool(&self, arg: usize, row: usize) -> Option<bool> {
        match self.args.get(arg) {
            Some(Arg::Bool(array)) if array.is_valid(row) => Some(array.value(row)),
            _ => None,
        }
    }

    /// A floating point argument.
    pub(super) fn float(&self, arg: usize, row: usize) -> Option<f64> {
        match self.args.get(arg) {
            Some(Arg::Float(array)) if array.is_valid(row) => Some(array.value(row)),
            _ => None,
        }
    }

    /// A timestamp or timestamptz argument, in microseconds since 1970-01-01.
    pub(super) fn time(&self, arg: usize, row: usize) -> Option<i64> {
        match self.args.get(arg) {
            Some(Arg::Other(array)) if array.is_valid(row) => match array.data_type() {
                DataType::Timestamp(TimeUnit::Microsecond, _) => {
                    Some(array.as_primitive::<TimestampMicrosecondType>().value(row))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// An interval argument: months, days, microseconds.
    pub(super) fn interval(&self, arg: usize, row: usize) -> Option<(i32, i32, i64)> {
        match self.args.get(arg) {
            Some(Arg::Other(array)) if array.is_valid(row) => {
                let interval = array
                    .as_primitive_opt::<IntervalMonthDayNanoType>()?
                    .value(row);
                let micros = interval.nanoseconds / 1000;
                Some((interval.months, interval.days, micros))
            }
            _ => None,
        }
    }

    /// An OID argument; a name given for a reg type is looked up.
    pub(super) fn oid(&self, arg: usize, row: usize) -> Result<Option<Oid>> {
        match (self.args.get(arg), self.overload.param(arg)) {
            (Some(Arg::Text(array)), Param::Is(reg)) if array.is_valid(row) => {
                names::parse_reg(self.context, reg, array.value(row)).map(Some)
            }
            _ => Ok(self
                .int(arg, row)
                .and_then(|oid| u32::try_from(oid).ok())
                .map(Oid)),
        }
    }

    /// An argument as it came.
    pub(super) fn raw(&self, arg: usize) -> Option<&ArrayRef> {
        self.arrays.get(arg)
    }

    /// The type of an argument.
    pub(super) fn ty(&self, arg: usize) -> Option<PgType> {
        self.fields.get(arg).map(|field| PgType::of_field(field))
    }

    /// The elements of an array argument; `None` if it is NULL.
    pub(super) fn list(&self, arg: usize, row: usize) -> Option<ArrayRef> {
        match self.args.get(arg) {
            Some(Arg::Other(array)) if array.is_valid(row) => match array.data_type() {
                DataType::List(_) => Some(array.as_list::<i32>().value(row)),
                _ => None,
            },
            _ => None,
        }
    }
}
