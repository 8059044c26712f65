//! PARTITION BY and FOR VALUES as they are declared: keys looked up, bounds worked out and compared
//! with those that are there.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::constraint::{check_comparable, columns_read};
use super::table::refuse_columns;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{
    PartitionBound, PartitionKey, PartitionKeyPart, PartitionStrategy, RangeDatum, Relation,
};
use crate::engine::definition::{BoundClause, BoundDatum, PartitionClause};
use crate::engine::{ExpressionKind, check_assignable, is_literal, parse_expression, parse_query};
use crate::pg_catalog::{family, names};
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::{Session, interruptible};
use crate::statement::StatementContext;
use crate::types::PgType;

fn invalid(message: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_OBJECT_DEFINITION, message)
}

fn unfit(message: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_TABLE_DEFINITION, message)
}

impl Session {
    /// What a table is partitioned by.
    ///
    /// # Errors
    /// `42703`, `42P17`, `42704`.
    pub(super) async fn partition_key(
        &self,
        context: &Arc<StatementContext>,
        relation: &Relation,
        clause: &PartitionClause,
        run: &Run<'_>,
    ) -> Result<PartitionKey> {
        if clause.strategy == PartitionStrategy::List && clause.parts.len() > 1 {
            return Err(invalid(
                "cannot use \"list\" partition strategy with more than one column",
            ));
        }
        let mut parts = Vec::with_capacity(clause.parts.len());
        for part in &clause.parts {
            let (part, ty) = match part {
                Ok(name) => {
                    let Some(column) = relation.column(name) else {
                        return Err(Error::new(
                            SqlState::UNDEFINED_COLUMN,
                            format!("column \"{name}\" named in partition key does not exist"),
                        ));
                    };
                    if column.expression().is_some() {
                        return Err(invalid("cannot use generated column in partition key")
                            .detail(format!("Column \"{name}\" is a generated column.")));
                    }
                    (PartitionKeyPart::Column(column.attnum), column.ty)
                }
                Err(text) => {
                    let kind = ExpressionKind::PartitionKey;
                    let reads = columns_read(relation, text)?;
                    let kept = self.kept(kind, context, relation, text, run).await?;
                    let words = "functions in partition key expression must be marked IMMUTABLE";
                    let ty = self
                        .rule_type(kind, context, relation, &kept, Some(words), run)
                        .await?;
                    if reads.is_empty() {
                        return Err(invalid("cannot use constant expression as partition key"));
                    }
                    let part = PartitionKeyPart::Expression {
                        text: kept,
                        ty,
                        reads,
                    };
                    (part, ty)
                }
            };
            match clause.strategy {
                PartitionStrategy::Hash => check_hashable(ty)?,
                PartitionStrategy::Range | PartitionStrategy::List => check_comparable(ty)?,
            }
            parts.push(part);
        }
        Ok(PartitionKey {
            strategy: clause.strategy,
            parts,
        })
    }

    /// Which rows of `parent` a new partition is for, compared with those that are there.
    ///
    /// # Errors
    /// `42P17` for a bound that does not fit, is empty, or overlaps another.
    pub(super) async fn partition_bound(
        &self,
        context: &Arc<StatementContext>,
        parent: &Relation,
        name: &str,
        clause: &BoundClause,
        run: &Run<'_>,
    ) -> Result<PartitionBound> {
        let Some(key) = &parent.family.key else {
            return Err(invalid(format!("\"{}\" is not partitioned", parent.name)));
        };
        let bound = self.bound_of(context, parent, key, clause, run).await?;
        let children = context.snapshot.children(parent.oid);
        let there = children.iter().filter_map(|of| of.family.bound.as_ref());
        let types = family::key_types(parent, key);
        let all: Vec<&PartitionBound> = there.chain([&bound]).collect();
        let ranks = self.ranks(context, &types, &all, run).await?;
        if let PartitionBound::Range { from, to } = &bound
            && ranks.of(from) >= ranks.of(to)
        {
            return Err(invalid(format!(
                "empty range bound specified for partition \"{name}\""
            ))
            .detail(format!(
                "Specified lower bound {} is greater than or equal to upper bound {}.",
                shown(parent, from),
                shown(parent, to)
            )));
        }
        if let PartitionBound::Hash { modulus, .. } = &bound {
            check_moduli(context, parent, *modulus)?;
        }
        for other in &children {
            let Some(there) = &other.family.bound else {
                continue;
            };
            if *there == PartitionBound::Default {
                if bound == PartitionBound::Default {
                    return Err(invalid(format!(
                        "partition \"{name}\" conflicts with existing default partition \"{}\"",
                        other.name
                    )));
                }
                continue;
            }
            if ranks.overlap(&bound, there) {
                return Err(invalid(format!(
                    "partition \"{name}\" would overlap partition \"{}\"",
                    other.name
                )));
            }
        }
        Ok(bound)
    }

    async fn bound_of(
        &self,
        context: &Arc<StatementContext>,
        parent: &Relation,
        key: &PartitionKey,
        clause: &BoundClause,
        run: &Run<'_>,
    ) -> Result<PartitionBound> {
        let (parts, types) = (
            family::key_parts(parent, key),
            family::key_types(parent, key),
        );
        let of_list = || unfit("invalid bound specification for a list partition");
        let of_range = || unfit("invalid bound specification for a range partition");
        let of_hash = || unfit("invalid bound specification for a hash partition");
        match (clause, key.strategy) {
            (BoundClause::Default, PartitionStrategy::Hash) => Err(unfit(
                "a hash-partitioned table may not have a default partition",
            )),
            (BoundClause::Default, _) => Ok(PartitionBound::Default),
            (BoundClause::Hash { modulus, remainder }, PartitionStrategy::Hash) => {
                let wrong = if *modulus <= 0 {
                    "modulus for hash partition must be an integer value greater than zero"
                } else if *remainder < 0 {
                    "remainder for hash partition must be an integer value greater than or equal \
                     to zero"
                } else if remainder >= modulus {
                    "remainder for hash partition must be less than modulus"
                } else {
                    return Ok(PartitionBound::Hash {
                        modulus: *modulus,
                        remainder: *remainder,
                    });
                };
                Err(unfit(wrong))
            }
            (BoundClause::List(values), PartitionStrategy::List) => {
                let mut all: Vec<Option<String>> = Vec::with_capacity(values.len());
                for value in values {
                    let value = self
                        .bound_value(context, value, types[0], &parts[0], run)
                        .await?;
                    if !all.contains(&value) {
                        all.push(value);
                    }
                }
                Ok(PartitionBound::List(all))
            }
            (BoundClause::Range { from, to }, PartitionStrategy::Range) => {
                if from.len() != parts.len() {
                    return Err(unfit(
                        "FROM must specify exactly one value per partitioning column",
                    ));
                }
                if to.len() != parts.len() {
                    return Err(unfit(
                        "TO must specify exactly one value per partitioning column",
                    ));
                }
                let mut sides = [Vec::new(), Vec::new()];
                for (side, data) in sides.iter_mut().zip([from, to]) {
                    for (place, datum) in data.iter().enumerate() {
                        side.push(match datum {
                            BoundDatum::Min => RangeDatum::Min,
                            BoundDatum::Max => RangeDatum::Max,
                            BoundDatum::Value(value) => {
                                let (ty, part) = (types[place], &parts[place]);
                                let value = self.bound_value(context, value, ty, part, run).await?;
                                RangeDatum::Value(value.ok_or_else(|| {
                                    Error::new(
                                        SqlState::INVALID_OBJECT_DEFINITION,
                                        "cannot specify NULL in range bound",
                                    )
                                })?)
                            }
                        });
                    }
                    check_open(side)?;
                }
                let [from, to] = sides;
                Ok(PartitionBound::Range { from, to })
            }
            (_, PartitionStrategy::List) => Err(of_list()),
            (_, PartitionStrategy::Range) => Err(of_range()),
            (_, PartitionStrategy::Hash) => Err(of_hash()),
        }
    }

    /// A value of a bound, as PostgreSQL writes it.
    async fn bound_value(
        &self,
        context: &Arc<StatementContext>,
        text: &str,
        ty: PgType,
        part: &str,
        run: &Run<'_>,
    ) -> Result<Option<String>> {
        let expression = parse_expression(text)?;
        refuse_columns(ExpressionKind::PartitionBound, &expression)?;
        if !is_literal(text)? {
            let query = parse_query(&format!("SELECT ({text})"))?;
            let kind = ExpressionKind::PartitionBound;
            let work = self
                .shared
                .engine
                .bind_expressions_of(kind, context, &query);
            let bound = interruptible(run.interrupt, work)
                .await
                .map_err(Error::without_position)?;
            if let Some(output) = bound.columns.first()
                && output.ty != PgType::UNKNOWN
                && check_assignable(&context.snapshot, "", output.ty, ty).is_err()
            {
                return Err(Error::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!(
                        "specified value cannot be cast to type {} for column \"{part}\"",
                        ty.with_typmod(-1)
                    ),
                ));
            }
        }
        let written = names::written(context, ty);
        let plain = plain(context);
        let rows = self
            .texts(
                &plain,
                &format!("SELECT CAST(CAST(({text}) AS {written}) AS text)"),
                run,
            )
            .await?;
        Ok(rows.into_iter().next().flatten())
    }

    /// The texts a query of one row gives.
    pub(super) async fn texts(
        &self,
        context: &Arc<StatementContext>,
        text: &str,
        run: &Run<'_>,
    ) -> Result<Vec<Option<String>>> {
        use arrow::array::{Array, AsArray};
        let query = parse_query(text)?;
        let engine = self.shared.engine.clone();
        let work = engine.bind(context, &query, &[]);
        let bound = interruptible(run.interrupt, work)
            .await
            .map_err(Error::without_position)?;
        let authorized = privileges::authorize(&context.snapshot, &bound.needs.clone(), bound)?;
        let work = engine.execute(context, authorized, &[], run.interrupt);
        let mut rows = interruptible(run.interrupt, work).await?;
        let mut found = Vec::new();
        while let Some(batch) = rows.next().await.map_err(Error::without_position)? {
            if batch.num_rows() == 0 {
                continue;
            }
            for array in batch.columns() {
                let text = arrow::compute::cast(array, &arrow::datatypes::DataType::Utf8)
                    .map_err(|error| Error::internal("working out a bound", error))?;
                let text = text.as_string::<i32>();
                found.push(text.is_valid(0).then(|| text.value(0).to_owned()));
            }
        }
        Ok(found)
    }

    /// How the values of a table's bounds are ordered.
    async fn ranks(
        &self,
        context: &Arc<StatementContext>,
        types: &[PgType],
        bounds: &[&PartitionBound],
        run: &Run<'_>,
    ) -> Result<Ranks> {
        let mut all = Vec::with_capacity(types.len());
        for (part, ty) in types.iter().enumerate() {
            let values = bounds.iter().flat_map(|bound| values_of(bound, part));
            let values: Vec<&str> = values.collect::<BTreeSet<_>>().into_iter().collect();
            let mut ranks = HashMap::new();
            if !values.is_empty() {
                let ty = names::written(context, *ty);
                let query = format!(
                    "SELECT string_agg(r::text, ',' ORDER BY n) FROM (SELECT n, dense_rank() OVER \
                     (ORDER BY CAST(v AS {ty})) AS r FROM unnest(CAST({} AS text[])) WITH \
                     ORDINALITY AS u (v, n)) AS s",
                    array_literal(&values)
                );
                let answer = self.texts(&plain(context), &query, run).await?;
                let answer = answer.into_iter().next().flatten().unwrap_or_default();
                let found = answer.split(',').map_while(|rank| rank.parse().ok());
                ranks.extend(values.iter().map(|of| (*of).to_owned()).zip(found));
                if ranks.len() != values.len() {
                    return Err(Error::internal("comparing bounds", "values without a rank"));
                }
            }
            all.push(ranks);
        }
        Ok(Ranks(all))
    }
}

/// The order of the values that stand in bounds: for each part of the key, the rank of each text.
struct Ranks(Vec<HashMap<String, usize>>);

/// A value's place in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Min,
    Value(usize),
    Max,
}

impl Ranks {
    /// The places of the values of one end of a range.
    fn of(&self, data: &[RangeDatum]) -> Vec<Rank> {
        let parts = data.iter().zip(&self.0);
        parts
            .map(|(datum, ranks)| match datum {
                RangeDatum::Min => Rank::Min,
                RangeDatum::Max => Rank::Max,
                RangeDatum::Value(value) => Rank::Value(ranks.get(value).copied().unwrap_or(0)),
            })
            .collect()
    }

    /// Whether a row could be for both.
    fn overlap(&self, new: &PartitionBound, there: &PartitionBound) -> bool {
        match (new, there) {
            (PartitionBound::List(new), PartitionBound::List(there)) => {
                let rank = |value: &Option<String>| {
                    let value = value.as_deref();
                    value.map(|value| self.0.first().and_then(|ranks| ranks.get(value)))
                };
                let there: Vec<_> = there.iter().map(rank).collect();
                new.iter().any(|value| there.contains(&rank(value)))
            }
            (
                PartitionBound::Range { from, to },
                PartitionBound::Range {
                    from: there_from,
                    to: there_to,
                },
            ) => self.of(from) < self.of(there_to) && self.of(there_from) < self.of(to),
            (
                PartitionBound::Hash { modulus, remainder },
                PartitionBound::Hash {
                    modulus: other,
                    remainder: there,
                },
            ) => {
                let least = (*modulus).min(*other);
                remainder % least == there % least
            }
            _ => false,
        }
    }
}

/// The values that a bound names for a part of the key.
fn values_of(bound: &PartitionBound, part: usize) -> Vec<&str> {
    match bound {
        PartitionBound::List(values) => values.iter().flatten().map(String::as_str).collect(),
        PartitionBound::Range { from, to } => {
            let data = [from.get(part), to.get(part)].into_iter().flatten();
            data.filter_map(|datum| match datum {
                RangeDatum::Value(value) => Some(value.as_str()),
                RangeDatum::Min | RangeDatum::Max => None,
            })
            .collect()
        }
        PartitionBound::Hash { .. } | PartitionBound::Default => Vec::new(),
    }
}

/// Texts as the literal of an array of them.
fn array_literal(texts: &[&str]) -> String {
    let quoted = texts.iter().map(|text| {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{text}\"")
    });
    let array = quoted.collect::<Vec<_>>().join(",");
    format!("'{{{}}}'", array.replace('\'', "''"))
}

/// The same context, writing values the same way whoever asks.
fn plain(context: &Arc<StatementContext>) -> Arc<StatementContext> {
    Arc::new(StatementContext {
        style: Arc::new(crate::types::Style::default()),
        ..StatementContext::clone(&super::alter::as_server(context))
    })
}

/// `42P17` unless each modulus divides the next larger one.
fn check_moduli(context: &StatementContext, parent: &Relation, new: i32) -> Result<()> {
    let mut moduli: Vec<(i32, String)> = context
        .snapshot
        .children(parent.oid)
        .iter()
        .filter_map(|child| match child.family.bound {
            Some(PartitionBound::Hash { modulus, .. }) => Some((modulus, child.name.to_string())),
            _ => None,
        })
        .collect();
    moduli.sort();
    let refused = |detail: String| {
        Err(
            invalid("every hash partition modulus must be a factor of the next larger modulus")
                .detail(detail),
        )
    };
    if let Some((next, name)) = moduli.iter().find(|(modulus, _)| *modulus >= new)
        && next % new != 0
    {
        return refused(format!(
            "The new modulus {new} is not a factor of {next}, the modulus of existing partition \
             \"{name}\"."
        ));
    }
    if let Some((last, name)) = moduli.iter().rev().find(|(modulus, _)| *modulus <= new)
        && new % last != 0
    {
        return refused(format!(
            "The new modulus {new} is not divisible by {last}, the modulus of existing partition \
             \"{name}\"."
        ));
    }
    Ok(())
}

/// `42804` for a value behind MINVALUE or MAXVALUE.
fn check_open(data: &[RangeDatum]) -> Result<()> {
    for (one, next) in data.iter().zip(data.iter().skip(1)) {
        let word = match one {
            RangeDatum::Min if *next != RangeDatum::Min => "MINVALUE",
            RangeDatum::Max if *next != RangeDatum::Max => "MAXVALUE",
            _ => continue,
        };
        return Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!("every bound following {word} must also be {word}"),
        ));
    }
    Ok(())
}

/// `(1, 'a')`
fn shown(parent: &Relation, data: &[RangeDatum]) -> String {
    let bound = PartitionBound::Range {
        from: data.to_vec(),
        to: Vec::new(),
    };
    let text = family::bound(parent, &bound);
    let text = text.strip_prefix("FOR VALUES FROM ").unwrap_or(&text);
    text.strip_suffix(" TO ()").unwrap_or(text).to_owned()
}

/// `0A000` for types whose PostgreSQL hash is not known here.
fn check_hashable(ty: PgType) -> Result<()> {
    check_comparable(ty)?;
    match crate::functions::is_hashable(ty) {
        true => Ok(()),
        false => Err(Error::unsupported(format!(
            "PARTITION BY HASH of type {}",
            ty.with_typmod(-1)
        ))),
    }
}
