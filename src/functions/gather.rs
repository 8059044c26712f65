//! Aggregates that look at all values of a group at once: their values are kept until the end, and
//! a plain function makes the result of them.
//!
//! Rows are put in the order the call asks for there, whatever order they came in; DISTINCT, which
//! tells rows apart by what they are ordered by, is done there too. Memory grows with the group.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array, new_empty_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{SortColumn, SortOptions, concat, lexsort_to_indices, take};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};

use super::call::external;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::{Value, value};
use crate::types::PgType;

/// What arguments are converted to, and what the result is; `None` where they are not taken.
pub(super) type Taken = Option<(Vec<DataType>, PgType)>;

/// What a result is made from.
pub(super) struct Group<'a> {
    /// The values of each argument, in the order asked for.
    pub(super) columns: &'a [ArrayRef],
    /// How the values are ordered, if they are.
    pub(super) orders: &'a [SortOptions],
    /// The type of the result.
    pub(super) data_type: &'a DataType,
}

/// Of what type a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    /// As [`Gathered::types`] says.
    Said,
    /// Of the first argument's (`mode`), or an array of it if the second argument is one.
    LikeFirst,
    /// An array of the first argument's.
    ArrayOfFirst,
}

/// One aggregate.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) name: &'static str,
    /// What the arguments are converted to, and what the result is, by the arguments' types; `None`
    /// if it takes no such arguments.
    pub(super) types: fn(&[DataType]) -> Taken,
    /// Of what type the result is.
    pub(super) gives: Gives,
    /// Called `f(…) WITHIN GROUP (ORDER BY …)`: what is ordered comes first.
    pub(super) within_group: bool,
    pub(super) finish: fn(&Group<'_>) -> Result<Value>,
}

/// Whether an aggregate keeps its rows, and so looks at them in the order it is called with.
pub(crate) fn keeps_rows(aggregate: &AggregateUDF) -> bool {
    let any: &dyn std::any::Any = aggregate.inner().as_ref();
    any.is::<Aggregate>()
}

/// A gathered aggregate as DataFusion knows it.
#[derive(Debug)]
struct Aggregate {
    kind: &'static Gathered,
    signature: Signature,
}

impl PartialEq for Aggregate {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.kind, other.kind)
    }
}

impl Eq for Aggregate {}

impl Hash for Aggregate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.name.hash(state);
    }
}

pub(super) fn aggregate(kind: &'static Gathered) -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(Aggregate {
        kind,
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

impl Aggregate {
    fn types(&self, types: &[DataType]) -> Result<(Vec<DataType>, PgType), DataFusionError> {
        (self.kind.types)(types).ok_or_else(|| {
            let shown: Vec<String> = types
                .iter()
                .map(|ty| PgType::of_data_type(ty).to_string())
                .collect();
            let name = self.kind.name.split(' ').next().unwrap_or_default();
            external(
                Error::new(
                    SqlState::UNDEFINED_FUNCTION,
                    format!("function {name}({}) does not exist", shown.join(", ")),
                )
                .hint(
                    "No function matches the given name and argument types. You might need to \
                     add explicit type casts.",
                ),
            )
        })
    }
}

impl AggregateUDFImpl for Aggregate {
    fn name(&self) -> &str {
        self.kind.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>, DataFusionError> {
        // What is wrong is said where the result's type is asked for.
        Ok(self
            .types(types)
            .map_or_else(|_| types.to_vec(), |(to, _)| to))
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType, DataFusionError> {
        let (_, ty) = self.types(types)?;
        let first = types.first().cloned().unwrap_or(DataType::Null);
        Ok(match (self.kind.gives, types.get(1)) {
            (Gives::Said, _) => ty.data_type(),
            (Gives::ArrayOfFirst, _) | (Gives::LikeFirst, Some(DataType::List(_))) => {
                DataType::new_list(first, true)
            }
            (Gives::LikeFirst, _) => first,
        })
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef, DataFusionError> {
        let types: Vec<DataType> = fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let data_type = self.return_type(&types)?;
        let (_, ty) = self.types(&types)?;
        let field = match (self.kind.gives, fields.first()) {
            (Gives::LikeFirst, Some(first)) if data_type == *first.data_type() => first
                .as_ref()
                .clone()
                .with_name(self.kind.name)
                .with_nullable(true),
            // As DataFusion's own: what arrays are of is known where they are called for.
            (Gives::ArrayOfFirst, _) => Field::new(self.kind.name, data_type, true),
            (Gives::LikeFirst, Some(first)) => {
                let item = first.as_ref().clone().with_name("item").with_nullable(true);
                Field::new(self.kind.name, DataType::List(item.into()), true)
            }
            _ => ty.field(self.kind.name, true),
        };
        Ok(Arc::new(field))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>, DataFusionError> {
        Ok(Box::new(Values {
            kind: self.kind,
            kept: Kept::new(&args)?,
            data_type: args.return_field.data_type().clone(),
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>, DataFusionError> {
        Ok(Kept::fields(&args))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        // What it is ordered by is asked of it, not of the rows: another aggregate takes them in an
        // order of its own.
        AggregateOrderSensitivity::Beneficial
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        _beneficial_ordering: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>, DataFusionError> {
        // Rows are sorted at the end, however they came.
        Ok(Some(self))
    }

    fn supports_within_group_clause(&self) -> bool {
        self.kind.within_group
    }
}

/// The values of one group so far.
#[derive(Debug)]
struct Values {
    kind: &'static Gathered,
    kept: Kept,
    data_type: DataType,
}

/// The rows of one group so far.
#[derive(Debug)]
pub(crate) struct Kept {
    /// For each argument, and behind them for each column of the order.
    parts: Vec<Vec<ArrayRef>>,
    types: Vec<DataType>,
    arguments: usize,
    orders: Vec<SortOptions>,
    /// Rows that are alike in what they are ordered by count once.
    distinct: bool,
    /// Rows since those that are alike were last thrown away.
    new: usize,
    /// Rows that were left then.
    left: usize,
}

impl Kept {
    /// None yet, of an aggregate called so.
    pub(crate) fn new(args: &AccumulatorArgs) -> Result<Self, DataFusionError> {
        let mut types: Vec<DataType> = args
            .exprs
            .iter()
            .map(|expr| expr.data_type(args.schema))
            .collect::<Result<_, _>>()?;
        let arguments = types.len();
        let mut orders = Vec::new();
        for order in args.order_bys {
            types.push(order.expr.data_type(args.schema)?);
            orders.push(order.options);
        }
        if args.is_reversed {
            for order in &mut orders {
                *order = SortOptions {
                    descending: !order.descending,
                    nulls_first: !order.nulls_first,
                };
            }
        }
        Ok(Self {
            parts: vec![Vec::new(); types.len()],
            types,
            arguments,
            orders,
            distinct: args.is_distinct,
            new: 0,
            left: 0,
        })
    }

    /// What the rows of an aggregate called so are handed on as.
    pub(crate) fn fields(args: &StateFieldsArgs) -> Vec<FieldRef> {
        let list = |index: usize, ty: &DataType| {
            Arc::new(Field::new(
                format!("{}[{index}]", args.name),
                DataType::new_list(ty.clone(), true),
                true,
            ))
        };
        args.input_fields
            .iter()
            .chain(args.ordering_fields)
            .enumerate()
            .map(|(index, field)| list(index, field.data_type()))
            .collect()
    }

    /// Whether rows count in the order they came in, each of them.
    pub(crate) fn is_plain(&self) -> bool {
        self.orders.is_empty() && !self.distinct
    }

    /// The arguments of the rows so far, in the order they came in; they are forgotten.
    pub(crate) fn taken(&mut self) -> Result<Vec<ArrayRef>, DataFusionError> {
        let mut columns = self.columns()?;
        columns.truncate(self.arguments);
        self.parts.iter_mut().for_each(Vec::clear);
        Ok(columns)
    }

    /// All of the rows, as they came.
    fn columns(&self) -> Result<Vec<ArrayRef>, DataFusionError> {
        self.parts
            .iter()
            .zip(&self.types)
            .map(|(parts, ty)| match parts.as_slice() {
                [] => Ok(new_empty_array(ty)),
                parts => {
                    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
                    Ok(concat(&parts)?)
                }
            })
            .collect()
    }

    /// The arguments of the rows, in the order asked for.
    pub(crate) fn sorted(&self) -> Result<Vec<ArrayRef>, DataFusionError> {
        let mut columns = self.in_order()?;
        columns.truncate(self.arguments);
        Ok(columns)
    }

    /// All of the rows, in the order asked for; with DISTINCT the first of those that are alike.
    fn in_order(&self) -> Result<Vec<ArrayRef>, DataFusionError> {
        let columns = self.columns()?;
        let rows = columns.first().map_or(0, |column| column.len());
        let keys: Vec<SortColumn> = columns[self.arguments..]
            .iter()
            .zip(&self.orders)
            .map(|(values, options)| SortColumn {
                values: values.clone(),
                options: Some(*options),
            })
            .collect();
        if keys.is_empty() || rows < 2 {
            return Ok(columns);
        }
        let picked = |columns: &[ArrayRef], indices: &UInt32Array| {
            let picked = columns.iter().map(|column| take(column, indices, None));
            picked.collect::<Result<Vec<_>, _>>()
        };
        let sorted = picked(&columns, &stable(&keys, rows)?)?;
        if !self.distinct {
            return Ok(sorted);
        }
        let ranges = arrow::compute::partition(&sorted[self.arguments..])?.ranges();
        let firsts = ranges
            .iter()
            .map(|range| u32::try_from(range.start).unwrap_or(u32::MAX));
        Ok(picked(&sorted, &UInt32Array::from_iter_values(firsts))?)
    }

    /// Throws away what DISTINCT does not count once there is much of it.
    fn thin(&mut self) -> Result<(), DataFusionError> {
        const FEW: usize = 65_536;
        if !self.distinct || self.new < self.left.max(FEW) {
            return Ok(());
        }
        let columns = self.in_order()?;
        self.left = columns.first().map_or(0, |column| column.len());
        self.new = 0;
        self.parts = columns.into_iter().map(|column| vec![column]).collect();
        Ok(())
    }
}

/// Where rows go when sorted; equal ones keep their order.
fn stable(keys: &[SortColumn], rows: usize) -> Result<UInt32Array, DataFusionError> {
    let mut keys = keys.to_vec();
    let count = u32::try_from(rows).unwrap_or(u32::MAX);
    keys.push(SortColumn {
        values: Arc::new(UInt32Array::from_iter_values(0..count)),
        options: None,
    });
    Ok(lexsort_to_indices(&keys, None)?)
}

impl Kept {
    /// More rows.
    pub(crate) fn add(&mut self, values: &[ArrayRef]) -> Result<(), DataFusionError> {
        for (parts, values) in self.parts.iter_mut().zip(values) {
            if !values.is_empty() {
                parts.push(values.clone());
            }
        }
        self.new += values.first().map_or(0, |values| values.len());
        self.thin()
    }

    /// Rows that others have handed on.
    pub(crate) fn merge(&mut self, states: &[ArrayRef]) -> Result<(), DataFusionError> {
        let rows = states.first().map_or(0, |state| state.len());
        for row in 0..rows {
            let values = states.iter().map(|state| state.as_list::<i32>().value(row));
            self.add(&values.collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// The rows to be handed on.
    pub(crate) fn state(&self) -> Result<Vec<ScalarValue>, DataFusionError> {
        let rows = match self.distinct {
            true => self.in_order()?,
            false => self.columns()?,
        };
        rows.into_iter()
            .map(|column| {
                let field = Field::new_list_field(column.data_type().clone(), true);
                let offsets = OffsetBuffer::from_lengths([column.len()]);
                let list = ListArray::try_new(field.into(), offsets, column, None)?;
                Ok(ScalarValue::List(Arc::new(list)))
            })
            .collect()
    }

    /// What they take of memory.
    pub(crate) fn size(&self) -> usize {
        let held = self.parts.iter().flatten();
        held.map(|array| array.get_array_memory_size()).sum()
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<(), DataFusionError> {
        self.kept.add(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<(), DataFusionError> {
        self.kept.merge(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>, DataFusionError> {
        self.kept.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue, DataFusionError> {
        let columns = self.kept.sorted()?;
        let group = Group {
            columns: &columns,
            orders: &self.kept.orders,
            data_type: &self.data_type,
        };
        let value = (self.kind.finish)(&group).map_err(external)?;
        let array = value::array_of(&self.data_type, &[value]).map_err(external)?;
        super::call::scalar(&array)
    }

    fn size(&self) -> usize {
        self.kept.size() + size_of::<Self>()
    }
}
