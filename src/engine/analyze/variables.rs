//! The variables of PL/pgSQL as what a statement stands in.

use sqlparser::tokenizer::Span;

use super::level::{self, Level, Named, Relation};
use super::typed::{self, Typed};
use crate::base::{Error, Result};
use crate::statement::{Variable, VariableScope};
use crate::types::PgType;

/// Their level. Of two variables of a name only that of the block further in is there by its name
/// alone; the other one is by its block's label.
pub(super) fn level<'p>(scopes: &[VariableScope], values: &[Typed]) -> Result<Level<'p>> {
    let mut level = Level::new(None, None);
    level.parameters = true;
    level.contests = true;
    let mut columns: Vec<Named> = Vec::new();
    let mut relations: Vec<Relation> = Vec::new();
    for scope in scopes {
        let mut labelled = Vec::new();
        for (name, variable) in &scope.variables {
            let taken = columns.iter().any(|known| known.name == *name)
                || relations.iter().any(|known| known.name == *name);
            match variable {
                Variable::Value(index) => {
                    let Some(value) = values.get(*index) else {
                        continue;
                    };
                    let named = Named {
                        name: name.clone(),
                        value: value.clone(),
                    };
                    labelled.push(named.clone());
                    if let Some(fields) = value.row.as_ref().filter(|_| !taken) {
                        let fields = fields.iter().map(|(name, value)| (name, value));
                        relations.push(relation(name, fields, None));
                    }
                    if !taken {
                        columns.push(named);
                    }
                }
                Variable::Row { fields, ty, null } if !taken => {
                    let fields = fields
                        .iter()
                        .filter_map(|(name, index)| Some((name, values.get(*index)?)));
                    let row = relation(name, fields, *ty);
                    relations.push(match null {
                        true => Relation {
                            null_supplied: true,
                            certain: Some(typed::null(PgType::BOOL)?),
                            ..row
                        },
                        false => row,
                    });
                }
                Variable::Row { .. } => {}
            }
        }
        if let Some(label) = &scope.label
            && !relations.iter().any(|known| known.name == *label)
        {
            let fields = labelled.iter().map(|named| (&named.name, &named.value));
            relations.push(relation(label, fields, None));
        }
    }
    level.columns.borrow_mut().extend(columns);
    level.relations.borrow_mut().extend(relations);
    Ok(level)
}

fn relation<'v>(
    name: &str,
    fields: impl Iterator<Item = (&'v String, &'v Typed)>,
    row: Option<PgType>,
) -> Relation {
    let columns = fields.map(|(name, value)| Named {
        name: name.clone(),
        value: value.clone(),
    });
    Relation {
        row,
        ..Relation::of_columns(name.to_owned(), columns.collect())
    }
}

/// `42702` for a name that is both a column and a variable.
pub(super) fn ambiguous(name: &str, span: Span) -> Error {
    level::ambiguous(name, span)
        .detail("It could refer to either a PL/pgSQL variable or a table column.")
}
