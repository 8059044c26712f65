//! How a function of ours is declared and called: overloads in PostgreSQL's types, a body over
//! rows.
//!
//! A [`Function`] is static data; [`Bound`] is one with the context of the statement that calls it.
//! DataFusion sees a
//! `ScalarUDF` with a user-defined signature: choosing the overload and converting arguments is
//! done here, loosely in the
//! way PostgreSQL resolves calls (exact type first, unknown literals fit anywhere).

mod array;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int64Array, StringViewArray,
    UInt32Array,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Field, FieldRef, Float64Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
    UInt32Type,
};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::resolve::{Argument, Param, Returns};
use crate::base::{Error, Oid, Result};
use crate::pg_catalog::{Value, names, value};
use crate::statement::StatementContext;
use crate::types::{Extended, Numeric, PgType};

/// One way to call a function.
#[derive(Debug)]
pub(super) struct Overload {
    pub(super) params: &'static [Param],
    /// The last parameter may be given any number of times, also none.
    pub(super) variadic: bool,
    pub(super) returns: Returns,
    /// A NULL argument gives NULL without a call.
    pub(super) strict: bool,
    /// Its body sees numerics that are NaN or infinite; of others what comes of them is known.
    pub(super) extended: bool,
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

/// Declares functions: `name volatility { (params) -> result [strict|extended|loose] body; … }`.
macro_rules! functions {
    ($vis:vis $list:ident: $($name:literal $volatility:ident {
        $(($($param:expr),* $(,)?) $($variadic:ident)? $(-> $returns:expr)? $(=> $derived:expr)?,
            $strict:ident, $body:expr;)+
    })*) => {
        $vis static $list: &[$crate::functions::call::Function] = &[
            $($crate::functions::call::Function {
                name: $name,
                volatility: datafusion::logical_expr::Volatility::$volatility,
                overloads: &[$($crate::functions::call::Overload {
                    params: &[$($param),*],
                    variadic: $crate::functions::call::functions!(@variadic $($variadic)?),
                    returns: $crate::functions::call::functions!(@returns $($returns)? $(=> $derived)?),
                    strict: $crate::functions::call::functions!(@strict $strict),
                    extended: $crate::functions::call::functions!(@extended $strict),
                    body: $body,
                }),+],
            }),*
        ];
    };
    (@returns $returns:expr) => { $crate::functions::resolve::Returns::Is($returns) };
    (@returns => $derived:expr) => { $derived };
    (@variadic variadic) => { true };
    (@variadic) => { false };
    (@strict strict) => { true };
    (@strict extended) => { true };
    (@strict loose) => { false };
    (@extended extended) => { true };
    (@extended $other:ident) => { false };
}
pub(super) use functions;

/// Shorthands for declarations.
pub(super) mod short {
    use crate::functions::resolve::Param;
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
    pub(in crate::functions) const NUMERIC: Param = Param::Is(PgType::NUMERIC);
    pub(in crate::functions) const BYTEA: Param = Param::Is(PgType::BYTEA);
    pub(in crate::functions) const SMALL: Param = Param::Is(PgType::INT2);
    pub(in crate::functions) const JSON: Param = Param::Is(PgType::JSON);
    pub(in crate::functions) const JSONB: Param = Param::Is(PgType::JSONB);
    pub(in crate::functions) const DATE: Param = Param::Is(PgType::DATE);
    pub(in crate::functions) const TIME: Param = Param::Is(PgType::TIME);
    pub(in crate::functions) const TEXTS: Param = Param::Is(PgType::of(1009));
    pub(in crate::functions) const INTS: Param = Param::Is(PgType::of(1007));
    pub(in crate::functions) const ANY: Param = Param::Any;
    pub(in crate::functions) const ELEMENT: Param = Param::Element;
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

    /// The same function in another statement.
    pub(super) fn rebound(&self, context: &Arc<StatementContext>) -> Self {
        Self::new(self.function, self.context.called_by(context))
    }

    fn must_overload(&self, types: &[Argument<'_>]) -> Result<&'static Overload, DataFusionError> {
        super::resolve::overload(self.function, types).map_err(external)
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
        let arguments: Vec<_> = types.iter().map(Argument::of_type).collect();
        // DataFusion makes a text of an error of coercion. What is wrong is said where the result's
        // type is asked for.
        Ok(match self.must_overload(&arguments) {
            Ok(overload) => overload.converted(types),
            Err(_) => types.to_vec(),
        })
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType, DataFusionError> {
        let fields: Vec<FieldRef> = types
            .iter()
            .map(|ty| Arc::new(Field::new("", ty.clone(), true)))
            .collect();
        let arguments: Vec<_> = types.iter().map(Argument::of_type).collect();
        let overload = self.must_overload(&arguments)?;
        let field = overload
            .returns
            .field(self.function.name, &fields)
            .map_err(external)?;
        Ok(field.data_type().clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef, DataFusionError> {
        let arguments: Vec<_> = args
            .arg_fields
            .iter()
            .map(|field| Argument::of_field(field))
            .collect();
        let overload = self.must_overload(&arguments)?;
        overload
            .returns
            .field(self.function.name, args.arg_fields)
            .map(Arc::new)
            .map_err(external)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let arguments: Vec<_> = args
            .arg_fields
            .iter()
            .map(|field| Argument::of_field(field))
            .collect();
        let overload = self.must_overload(&arguments)?;
        // A volatile function is called for each row.
        let may_once = self.function.volatility != Volatility::Volatile;
        over_rows(&args, may_once, |arrays, rows| {
            let call = Call::new(
                &self.context,
                (self.function.name, overload),
                &args.arg_fields,
                arrays,
            )?;
            let values = (0..rows)
                .map(|row| call.row(row))
                .collect::<Result<Vec<_>>>()
                .map_err(external)?;
            value::array_of(args.return_field.data_type(), &values).map_err(external)
        })
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

/// What a function that depends on its arguments alone makes of columns of so many rows: of
/// constants, one constant.
pub(crate) fn evaluated(
    args: &ScalarFunctionArgs,
    compute: impl FnOnce(&[ArrayRef], usize) -> Result<ArrayRef, DataFusionError>,
) -> Result<ColumnarValue, DataFusionError> {
    over_rows(args, true, compute)
}

/// As [`evaluated`]; constants are computed once only if that may be.
fn over_rows(
    args: &ScalarFunctionArgs,
    may_once: bool,
    compute: impl FnOnce(&[ArrayRef], usize) -> Result<ArrayRef, DataFusionError>,
) -> Result<ColumnarValue, DataFusionError> {
    let constant = |arg: &ColumnarValue| matches!(arg, ColumnarValue::Scalar(_));
    let once = may_once && args.args.iter().all(constant);
    let rows = if once { 1 } else { args.number_rows };
    let arrays = args
        .args
        .iter()
        .map(|arg| arg.to_array(rows))
        .collect::<Result<Vec<_>, _>>()?;
    let array = compute(&arrays, rows)?;
    Ok(match once {
        true => ColumnarValue::Scalar(scalar(&array)?),
        false => ColumnarValue::Array(array),
    })
}

/// One argument, in the few Arrow types bodies read.
enum Arg {
    Text(StringViewArray),
    Int(Int64Array),
    Oid(UInt32Array),
    Float(Float64Array),
    Bool(BooleanArray),
    Bytes(BinaryArray),
    Other(ArrayRef),
}

/// One call over a batch of rows.
pub(super) struct Call<'a> {
    /// The statement that calls.
    pub(super) context: &'a Arc<StatementContext>,
    name: &'static str,
    overload: &'static Overload,
    fields: &'a [FieldRef],
    args: Vec<Arg>,
    arrays: &'a [ArrayRef],
}

impl<'a> Call<'a> {
    fn new(
        context: &'a Arc<StatementContext>,
        (name, overload): (&'static str, &'static Overload),
        fields: &'a [FieldRef],
        arrays: &'a [ArrayRef],
    ) -> Result<Self, DataFusionError> {
        let cast = |array: &ArrayRef, to: &DataType| arrow::compute::cast(array, to);
        let args = arrays
            .iter()
            .map(|array| {
                Ok(match array.data_type() {
                    DataType::Utf8 | DataType::Utf8View => {
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
                    DataType::Binary | DataType::BinaryView | DataType::LargeBinary => {
                        Arg::Bytes(cast(array, &DataType::Binary)?.as_binary::<i32>().clone())
                    }
                    _ => Arg::Other(array.clone()),
                })
            })
            .collect::<Result<Vec<_>, arrow::error::ArrowError>>()?;
        Ok(Self {
            context,
            name,
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
        if !self.overload.extended
            && let Some(answer) = self.beyond_numbers(row)
        {
            return answer;
        }
        (self.overload.body)(self, row)
    }

    /// What a function of numerics gives for NaN and infinity, which bodies do not see.
    fn beyond_numbers(&self, row: usize) -> Option<Result<Value>> {
        let special = (0..self.args.len()).find_map(|arg| {
            let Some(Arg::Other(array)) = self.args.get(arg) else {
                return None;
            };
            if *array.data_type() != DataType::LargeUtf8
                || array.is_null(row)
                || self.overload.param(arg) != Param::Is(PgType::NUMERIC)
            {
                return None;
            }
            let text = array.as_string::<i64>().value(row);
            text.ends_with(|last: char| last.is_ascii_alphabetic())
                .then(|| text.to_owned())
        })?;
        let numeric =
            matches!(self.overload.returns, Returns::Is(ty) if ty.oid == PgType::NUMERIC.oid);
        let mut args = Vec::with_capacity(self.args.len());
        for arg in 0..self.args.len() {
            args.push(match self.args.get(arg) {
                Some(Arg::Other(array)) if *array.data_type() == DataType::LargeUtf8 => {
                    Extended::parse(array.as_string::<i64>().value(row))
                }
                _ => self.numeric(arg, row).map(Extended::from),
            });
        }
        let args: Option<Vec<Extended>> = args.into_iter().collect();
        Some(match args {
            Some(args) => super::special::result(self.name, numeric, &args),
            None => Err(Error::unsupported(format!(
                "{special} as an argument of {}",
                self.name
            ))),
        })
    }

    /// The type its overload wants of an argument.
    pub(super) fn wanted(&self, arg: usize) -> PgType {
        match self.overload.param(arg) {
            Param::Is(ty) => ty,
            Param::Any | Param::AnyArray | Param::Element => self.ty(arg).unwrap_or(PgType::TEXT),
        }
    }

    /// The function's name.
    pub(super) fn name(&self) -> &'static str {
        self.name
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

    /// A text argument. The blanks at the end of a `char(n)` are none of the text's.
    pub(super) fn text(&self, arg: usize, row: usize) -> Option<&str> {
        let text = self.padded(arg, row)?;
        if self.ty(arg).is_some_and(|ty| ty.oid == PgType::BPCHAR.oid) {
            return Some(text.trim_end_matches(' '));
        }
        Some(text)
    }

    /// A text argument with its blanks.
    pub(super) fn padded(&self, arg: usize, row: usize) -> Option<&str> {
        match self.args.get(arg) {
            Some(Arg::Text(array)) if array.is_valid(row) => Some(array.value(row)),
            _ => None,
        }
    }

    /// A bytea argument; of a strict overload, none is empty.
    pub(super) fn bytes(&self, arg: usize, row: usize) -> &[u8] {
        match self.args.get(arg) {
            Some(Arg::Bytes(array)) if array.is_valid(row) => array.value(row),
            _ => &[],
        }
    }

    /// A number, exactly.
    pub(super) fn numeric(&self, arg: usize, row: usize) -> Option<Numeric> {
        match self.args.get(arg) {
            Some(Arg::Other(array)) if array.is_valid(row) => match array.data_type() {
                DataType::Decimal128(_, scale) => {
                    let value = array.as_primitive::<Decimal128Type>().value(row);
                    Some(Numeric::new(value.into(), (*scale).into()))
                }
                DataType::Decimal256(_, scale) => {
                    let value = array.as_primitive::<Decimal256Type>().value(row);
                    Some(Numeric::wide(value, *scale))
                }
                DataType::LargeUtf8 => Numeric::parse(array.as_string::<i64>().value(row)),
                _ => None,
            },
            _ => self.int(arg, row).map(Numeric::from),
        }
    }

    /// A numeric of a strict overload, with the values beyond the finite ones.
    pub(super) fn must_extended(&self, arg: usize, row: usize) -> Extended {
        match self.args.get(arg) {
            Some(Arg::Other(array)) if *array.data_type() == DataType::LargeUtf8 => {
                let text = array.as_string::<i64>().value(row);
                Extended::parse(text).unwrap_or(Extended::NaN)
            }
            _ => self.must_numeric(arg, row).into(),
        }
    }

    /// A number of a strict overload.
    pub(super) fn must_numeric(&self, arg: usize, row: usize) -> Numeric {
        self.numeric(arg, row).unwrap_or_else(Numeric::zero)
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

    /// A date argument, in days since 1970-01-01.
    pub(super) fn date(&self, arg: usize, row: usize) -> Option<i32> {
        match self.args.get(arg) {
            Some(Arg::Other(array)) if array.is_valid(row) => {
                Some(array.as_primitive_opt::<Date32Type>()?.value(row))
            }
            _ => None,
        }
    }

    /// A time argument, in microseconds since midnight.
    pub(super) fn clock(&self, arg: usize, row: usize) -> Option<i64> {
        match self.args.get(arg) {
            Some(Arg::Other(array)) if array.is_valid(row) => Some(
                array
                    .as_primitive_opt::<Time64MicrosecondType>()?
                    .value(row),
            ),
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
}
