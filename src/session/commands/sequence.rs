//! Sequences: CREATE and ALTER SEQUENCE, serial and identity columns, RESTART IDENTITY.

use super::constraint::{choose_name, is_relation};
use super::table::Place;
use super::{relation_of, tag};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, Column, Persistence, Relation, RelationKind, Sequence, Standing};
use crate::engine::definition::{CreateSequence, SequenceOption};
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;
use crate::types::PgType;

/// The column a sequence is made for.
pub(super) struct OfColumn<'a> {
    pub(super) name: &'a str,
    pub(super) ty: PgType,
    /// Its table and number.
    pub(super) owner: (Oid, i16),
    /// Options of an identity column; `None`: it is serial.
    pub(super) identity: Option<&'a [SequenceOption]>,
}

impl Session {
    /// CREATE SEQUENCE
    pub(in crate::session) fn create_sequence(
        &mut self,
        create: &CreateSequence,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let done = tag("CREATE SEQUENCE");
        let Some(mut place) = self.place(
            &context,
            &create.name,
            create.temporary,
            create.if_not_exists,
        )?
        else {
            return Ok(done);
        };
        place.unlogged = create.unlogged;
        refuse_name(&create.options)?;
        let mut sequence = with_options(None, &create.options)?;
        sequence.owned_by = self
            .owner_column(&context, place, &create.options)?
            .flatten();
        let relation = self.new_sequence(&create.name.name, place, sequence);
        self.push(vec![Change::CreateRelation(Box::new(relation))], Vec::new())?;
        Ok(done)
    }

    /// A sequence to be.
    pub(super) fn new_sequence(&self, name: &str, place: Place, sequence: Sequence) -> Relation {
        let column = |attnum, name: &str, ty| Column {
            attnum,
            name: name.to_owned(),
            stored_name: name.to_owned(),
            ty,
            collation: None,
            not_null: true,
            default: None,
            generation: None,
            comment: None,
        };
        let columns = vec![
            column(1, "last_value", PgType::INT8),
            column(2, "log_cnt", PgType::INT8),
            column(3, "is_called", PgType::BOOL),
        ];
        self.new_relation(name, place, columns, RelationKind::Sequence(sequence))
    }

    /// The sequence of a serial or identity column of the table `table` to be.
    pub(super) fn column_sequence(
        &self,
        context: &StatementContext,
        place: Place,
        table: &str,
        column: &OfColumn<'_>,
        taken: &[String],
    ) -> Result<Relation> {
        let OfColumn {
            name,
            ty,
            owner,
            identity,
        } = *column;
        let given = identity
            .into_iter()
            .flatten()
            .find_map(|option| match option {
                SequenceOption::Name(name) => Some(name.name.clone()),
                _ => None,
            });
        let made_up = || {
            choose_name(table, Some(name), "seq", |name| {
                name == table
                    || taken.iter().any(|taken| taken == name)
                    || is_relation(context, place.schema, name)
            })
        };
        let name = given.unwrap_or_else(made_up);
        if identity.is_some() {
            check_identity_type(ty)?;
        }
        let mut options = vec![SequenceOption::Type(ty)];
        options.extend(identity.unwrap_or_default().iter().cloned());
        let mut sequence = with_options(None, &options)?;
        sequence.owned_by = Some(owner);
        sequence.identity = identity.is_some();
        Ok(self.new_sequence(&name, place, sequence))
    }

    /// The column OWNED BY names; `None` if the option is not there.
    fn owner_column(
        &self,
        context: &StatementContext,
        place: Place,
        options: &[SequenceOption],
    ) -> Result<Option<Option<(Oid, i16)>>> {
        let owned = options.iter().find_map(|option| match option {
            SequenceOption::OwnedBy(owner) => Some(owner),
            _ => None,
        });
        let Some(owner) = owned else { return Ok(None) };
        let Some((table, column)) = owner else {
            return Ok(Some(None));
        };
        let table = relation_of(context, table)?;
        let state = SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE;
        if !matches!(table.kind, RelationKind::Table { .. }) {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("sequence cannot be owned by relation \"{}\"", table.name),
            ));
        }
        if table.owner != context.role
            && !context
                .snapshot
                .role(context.role)
                .is_some_and(|r| r.superuser)
        {
            return Err(Error::new(
                state,
                "sequence must have same owner as table it is linked to",
            ));
        }
        if table.schema != place.schema {
            return Err(Error::new(
                state,
                "sequence must be in same schema as table it is linked to",
            ));
        }
        let attnum = table
            .column(column)
            .map(|column| column.attnum)
            .ok_or_else(|| {
                Error::new(
                    SqlState::UNDEFINED_COLUMN,
                    format!(
                        "column \"{column}\" of relation \"{}\" does not exist",
                        table.name
                    ),
                )
            })?;
        Ok(Some(Some((table.oid, attnum))))
    }

    /// What ALTER SEQUENCE changes.
    pub(super) fn altered_sequence(
        &self,
        context: &StatementContext,
        relation: &Relation,
        options: &[SequenceOption],
    ) -> Result<Change> {
        refuse_name(options)?;
        let Some(old) = relation.sequence() else {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("\"{}\" is not a sequence", relation.name),
            ));
        };
        // Where it stands goes into the definition, so that a rollback returns to it.
        let (standing, _) = context.database.sequences().standing(relation, old);
        let mut from = old.clone();
        from.origin = standing;
        let mut sequence = with_options(Some(&from), options)?;
        let place = Place {
            schema: relation.schema,
            persistence: relation.persistence,
            unlogged: false,
        };
        if let Some(owner) = self.owner_column(context, place, options)? {
            if old.identity {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "cannot change ownership of identity sequence",
                ));
            }
            sequence.owned_by = owner;
        }
        let places = options
            .iter()
            .any(|option| !matches!(option, SequenceOption::OwnedBy(_)));
        if places {
            sequence.generation += 1;
        } else {
            sequence.origin = old.origin;
        }
        Ok(Change::AlterSequence {
            oid: relation.oid,
            sequence,
        })
    }

    /// The changes that start a table's sequences again.
    pub(super) fn restarted(&self, context: &StatementContext, table: Oid) -> Result<Vec<Change>> {
        context
            .snapshot
            .owned_sequences(table, None)
            .into_iter()
            .filter_map(|oid| context.snapshot.relation(oid))
            .map(|relation| {
                self.altered_sequence(context, relation, &[SequenceOption::Restart(None)])
            })
            .collect()
    }
}

/// Only the sequence of a column is named among its options.
fn refuse_name(options: &[SequenceOption]) -> Result<()> {
    let named = |option: &SequenceOption| matches!(option, SequenceOption::Name(_));
    if options.iter().any(named) {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "invalid sequence option SEQUENCE NAME",
        ));
    }
    Ok(())
}

/// Where a sequence beside a table goes.
pub(super) fn beside(relation: &Relation) -> Place {
    Place {
        schema: relation.schema,
        persistence: match relation.persistence {
            Persistence::Permanent => Persistence::Permanent,
            Persistence::Temporary => Persistence::Temporary,
        },
        unlogged: relation.tuning.unlogged,
    }
}

/// A sequence as options say, starting from another one or from nothing.
fn with_options(old: Option<&Sequence>, options: &[SequenceOption]) -> Result<Sequence> {
    let refused = |message: String| Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
    let find = |wanted: fn(&SequenceOption) -> bool| options.iter().find(|option| wanted(option));
    let new = old.is_none();
    let mut sequence = old
        .cloned()
        .unwrap_or_else(|| Sequence::ascending(PgType::INT8));
    let (mut reset_min, mut reset_max) = (new, new);
    if let Some(SequenceOption::Type(ty)) = find(|o| matches!(o, SequenceOption::Type(_))) {
        let ty = ty.plain();
        if ![PgType::INT2, PgType::INT4, PgType::INT8].contains(&ty) {
            return refused("sequence type must be smallint, integer, or bigint".into());
        }
        let (min, max) = Sequence::bounds(sequence.ty);
        // Bounds that were those of the old type become those of the new one.
        reset_max |= sequence.increment > 0 && sequence.max == max;
        reset_min |= sequence.increment < 0 && sequence.min == min;
        sequence.ty = ty;
    }
    for option in options {
        match option {
            SequenceOption::Increment(0) => return refused("INCREMENT must not be zero".into()),
            SequenceOption::Increment(by) => sequence.increment = *by,
            SequenceOption::Cycle(cycle) => sequence.cycle = *cycle,
            SequenceOption::Cache(cache) if *cache <= 0 => {
                return refused(format!("CACHE ({cache}) must be greater than zero"));
            }
            SequenceOption::Cache(cache) => sequence.cache = *cache,
            SequenceOption::Min(None) => reset_min = true,
            SequenceOption::Max(None) => reset_max = true,
            SequenceOption::Type(_)
            | SequenceOption::Min(Some(_))
            | SequenceOption::Max(Some(_))
            | SequenceOption::Start(_)
            | SequenceOption::Restart(_)
            | SequenceOption::Name(_)
            | SequenceOption::OwnedBy(_) => {}
        }
    }
    let (least, greatest) = Sequence::bounds(sequence.ty);
    let given_max = options.iter().find_map(|option| match option {
        SequenceOption::Max(Some(max)) => Some(*max),
        _ => None,
    });
    let given_min = options.iter().find_map(|option| match option {
        SequenceOption::Min(Some(min)) => Some(*min),
        _ => None,
    });
    match given_max {
        Some(max) => sequence.max = max,
        None if reset_max => sequence.max = if sequence.increment > 0 { greatest } else { -1 },
        None => {}
    }
    match given_min {
        Some(min) => sequence.min = min,
        None if reset_min => sequence.min = if sequence.increment > 0 { 1 } else { least },
        None => {}
    }
    for (word, bound) in [("MAXVALUE", sequence.max), ("MINVALUE", sequence.min)] {
        if bound < least || bound > greatest {
            return refused(format!(
                "{word} ({bound}) is out of range for sequence data type {}",
                sequence.ty
            ));
        }
    }
    if sequence.min >= sequence.max {
        return refused(format!(
            "MINVALUE ({}) must be less than MAXVALUE ({})",
            sequence.min, sequence.max
        ));
    }
    let start = options.iter().find_map(|option| match option {
        SequenceOption::Start(start) => Some(*start),
        _ => None,
    });
    match start {
        Some(start) => sequence.start = start,
        None if new => {
            sequence.start = if sequence.increment > 0 {
                sequence.min
            } else {
                sequence.max
            };
        }
        None => {}
    }
    within(&sequence, "START", sequence.start)?;
    let restart = options.iter().find_map(|option| match option {
        SequenceOption::Restart(at) => Some(at.unwrap_or(sequence.start)),
        _ => None,
    });
    match restart {
        Some(at) => {
            sequence.origin = Standing {
                last: at,
                is_called: false,
            };
        }
        None if new => {
            sequence.origin = Standing {
                last: sequence.start,
                is_called: false,
            };
        }
        None => {}
    }
    within(&sequence, "RESTART", sequence.origin.last)?;
    Ok(sequence)
}

fn within(sequence: &Sequence, word: &str, value: i64) -> Result<()> {
    let (side, bound, name) = if value < sequence.min {
        ("less", sequence.min, "MINVALUE")
    } else if value > sequence.max {
        ("greater", sequence.max, "MAXVALUE")
    } else {
        return Ok(());
    };
    Err(Error::new(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("{word} value ({value}) cannot be {side} than {name} ({bound})"),
    ))
}

/// `22023` for a type that has no values to count.
pub(super) fn check_identity_type(ty: PgType) -> Result<()> {
    match [PgType::INT2, PgType::INT4, PgType::INT8].contains(&ty) {
        true => Ok(()),
        false => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "identity column type must be smallint, integer, or bigint",
        )),
    }
}
