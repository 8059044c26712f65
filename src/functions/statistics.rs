//! Aggregates over numbers: variance and deviation (exact for exact numbers), regression; and over
//! intervals: `avg`.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, IntervalMonthDayNanoType};

use super::gather::{Gathered, Gives, Group, Taken};
use super::youngs_cramer::{PairSums, Sums};
use crate::base::{Error, Result};
use crate::pg_catalog::Value;
use crate::types::numerics::NumericColumn;
use crate::types::{Numeric, PgType};

/// A macro of one line for each aggregate of the family.
macro_rules! family {
    ($list:ident: $types:ident { $($name:literal $finish:expr;)* }) => {
        pub(super) static $list: &[Gathered] = &[
            $(Gathered {
                name: $name,
                types: $types,
                gives: Gives::Said,
                within_group: false,
                finish: $finish,
            }),*
        ];
    };
}

family! { SPREAD: spread {
    "stddev" |group| deviation(group, true, true);
    "stddev_samp" |group| deviation(group, true, true);
    "stddev_pop" |group| deviation(group, false, true);
    "variance" |group| deviation(group, true, false);
    "var_samp" |group| deviation(group, true, false);
    "var_pop" |group| deviation(group, false, false);
} }

family! { REGRESSION: pairs {
    "corr" |group| Ok(sums(group)?.and_then(|s| (s.xx != 0.0 && s.yy != 0.0).then(|| s.xy / (s.xx * s.yy).sqrt())).into());
    "covar_pop" |group| Ok(sums(group)?.map(|s| s.xy / s.n).into());
    "covar_samp" |group| Ok(sums(group)?.filter(|s| s.n > 1.0).map(|s| s.xy / (s.n - 1.0)).into());
    "regr_avgx" |group| Ok(sums(group)?.map(|s| s.x / s.n).into());
    "regr_avgy" |group| Ok(sums(group)?.map(|s| s.y / s.n).into());
    "regr_intercept" |group| Ok(sums(group)?.filter(|s| s.xx != 0.0).map(|s| (s.y - s.x * s.xy / s.xx) / s.n).into());
    "regr_r2" |group| {
        Ok(sums(group)?.filter(|s| s.xx != 0.0).map(|s| {
            if s.yy == 0.0 { 1.0 } else { (s.xy * s.xy) / (s.xx * s.yy) }
        }).into())
    };
    "regr_slope" |group| Ok(sums(group)?.filter(|s| s.xx != 0.0).map(|s| s.xy / s.xx).into());
    "regr_sxx" |group| Ok(sums(group)?.map(|s| s.xx).into());
    "regr_sxy" |group| Ok(sums(group)?.map(|s| s.xy).into());
    "regr_syy" |group| Ok(sums(group)?.map(|s| s.yy).into());
} }

/// `regr_count`, which counts where the others measure.
pub(super) static COUNT: Gathered = Gathered {
    name: "regr_count",
    types: |types| pairs(types).map(|(to, _)| (to, PgType::INT8)),
    gives: Gives::Said,
    within_group: false,
    finish: |group| Ok(super::arrays::int(pairs_of(group)?.len())),
};

/// `sum(interval)`: DataFusion's goes round where the largest interval is passed.
pub(super) static SUM_INTERVAL: Gathered = Gathered {
    name: "sum",
    types: |types| Some((types.to_vec(), PgType::INTERVAL)),
    gives: Gives::Said,
    within_group: false,
    finish: |group| {
        Ok(match sum_of_intervals(group)? {
            (_, 0) => Value::Null,
            ((months, days, micros), _) => Value::Interval(months, days, micros),
        })
    },
};

/// `avg(interval)`
pub(super) static AVERAGE_INTERVAL: Gathered = Gathered {
    name: "avg",
    types: |types| Some((types.to_vec(), PgType::INTERVAL)),
    gives: Gives::Said,
    within_group: false,
    finish: average_interval,
};

/// `min(interval)` and `max(interval)`: a month is 30 days, a day 24 hours.
pub(super) static LEAST_INTERVAL: Gathered = Gathered {
    name: "min",
    types: |types| Some((types.to_vec(), PgType::INTERVAL)),
    gives: Gives::Said,
    within_group: false,
    finish: |group| Ok(furthest(group, false)),
};

/// See [`LEAST_INTERVAL`].
pub(super) static GREATEST_INTERVAL: Gathered = Gathered {
    name: "max",
    types: |types| Some((types.to_vec(), PgType::INTERVAL)),
    gives: Gives::Said,
    within_group: false,
    finish: |group| Ok(furthest(group, true)),
};

/// The smallest or greatest interval; of equal ones the last, as PostgreSQL's.
fn furthest(group: &Group<'_>, greatest: bool) -> Value {
    let Some(column) = group.columns.first() else {
        return Value::Null;
    };
    let mut found: Option<super::temporal::Interval> = None;
    for value in column
        .as_primitive::<IntervalMonthDayNanoType>()
        .iter()
        .flatten()
    {
        let value = (value.months, value.days, value.nanoseconds / 1000);
        let span = super::concat::span;
        let further = found.is_none_or(|found| match greatest {
            true => span(value) >= span(found),
            false => span(value) <= span(found),
        });
        if further {
            found = Some(value);
        }
    }
    found.map_or(Value::Null, |(months, days, micros)| {
        Value::Interval(months, days, micros)
    })
}

fn is_exact(ty: &DataType) -> bool {
    ty.is_integer() || ty.is_decimal() || *ty == DataType::LargeUtf8
}

fn spread(types: &[DataType]) -> Taken {
    match types {
        [ty] if is_exact(ty) => Some((vec![ty.clone()], PgType::NUMERIC)),
        [ty] if ty.is_floating() || ty.is_null() => Some((vec![DataType::Float64], PgType::FLOAT8)),
        _ => None,
    }
}

fn pairs(types: &[DataType]) -> Taken {
    let number = |ty: &DataType| is_exact(ty) || ty.is_floating() || ty.is_null();
    match types {
        [y, x] if number(y) && number(x) => Some((vec![DataType::Float64; 2], PgType::FLOAT8)),
        _ => None,
    }
}

/// The exact numbers of a column, without NULLs; `None` if some are NaN or infinite.
fn numerics(column: &ArrayRef) -> Result<Option<Vec<Numeric>>> {
    let numbers = NumericColumn::new(column.as_ref())
        .ok_or_else(|| Error::internal("aggregating", column.data_type()))?;
    Ok(numbers
        .iter()
        .flatten()
        .map(|value| value.finite().cloned())
        .collect())
}

fn deviation(group: &Group<'_>, sample: bool, root: bool) -> Result<Value> {
    let Some(column) = group.columns.first() else {
        return Ok(Value::Null);
    };
    if column.data_type().is_floating() {
        return float_deviation(column, sample, root);
    }
    let Some(numbers) = numerics(column)? else {
        return Ok(Value::Text("NaN".into()));
    };
    let count = i64::try_from(numbers.len()).unwrap_or(i64::MAX);
    let least = if sample { 2 } else { 1 };
    if count < least {
        return Ok(Value::Null);
    }
    let (mut sum, mut squares) = (Numeric::zero(), Numeric::zero());
    for number in &numbers {
        sum = sum.plus(number);
        squares = squares.plus(&number.times(number));
    }
    let n = Numeric::from(count);
    let spread = n.times(&squares).plus(&sum.times(&sum).negated());
    if spread.is_zero() || spread.is_negative() {
        return Ok(Numeric::zero().into());
    }
    let divisor = match sample {
        true => n.times(&Numeric::from(count - 1)),
        false => n.times(&n),
    };
    let variance = spread.over(&divisor)?;
    Ok(match root {
        // As many digits as the variance has.
        true => variance.sqrt_at(variance.scale()).into(),
        false => variance.into(),
    })
}

fn float_deviation(column: &ArrayRef, sample: bool, root: bool) -> Result<Value> {
    let mut values = column.as_primitive::<Float64Type>().iter().flatten();
    let sums = values.try_fold(Sums::default(), Sums::with)?;
    let variance = sums.variance(sample);
    Ok(match root {
        true => variance.map(f64::sqrt),
        false => variance,
    }
    .into())
}

/// Rows where both arguments are there: y, x.
fn pairs_of(group: &Group<'_>) -> Result<Vec<(f64, f64)>> {
    let [y, x] = group.columns else {
        return Ok(Vec::new());
    };
    let (y, x) = (
        y.as_primitive::<Float64Type>(),
        x.as_primitive::<Float64Type>(),
    );
    Ok(y.iter()
        .zip(x.iter())
        .filter_map(|(y, x)| y.zip(x))
        .collect())
}

/// `None` without a pair.
fn sums(group: &Group<'_>) -> Result<Option<PairSums>> {
    let mut pairs = pairs_of(group)?.into_iter();
    let sums = pairs.try_fold(PairSums::default(), |sums, (y, x)| sums.with(y, x))?;
    Ok((sums.n > 0.0).then_some(sums))
}

/// The sum of a group's intervals, and how many there are.
fn sum_of_intervals(group: &Group<'_>) -> Result<(super::temporal::Interval, u32)> {
    let mut sum = (0, 0, 0);
    let mut count = 0_u32;
    if let Some(column) = group.columns.first() {
        let intervals = column.as_primitive::<IntervalMonthDayNanoType>();
        for value in intervals.iter().flatten() {
            sum = super::temporal::sum(sum, (value.months, value.days, value.nanoseconds / 1000))?;
            count += 1;
        }
    }
    Ok((sum, count))
}

fn average_interval(group: &Group<'_>) -> Result<Value> {
    let (sum, count) = sum_of_intervals(group)?;
    if count == 0 {
        return Ok(Value::Null);
    }
    let (months, days, micros) = super::temporal::scaled(sum, |value| value / f64::from(count))?;
    Ok(Value::Interval(months, days, micros))
}
