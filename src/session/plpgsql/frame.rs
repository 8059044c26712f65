//! The variables of a running block.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, new_null_array};

use super::function::Answer;
use crate::base::{Error, Result, SqlState};
use crate::engine::{Scroll, Statement};
use crate::statement::{ArgumentNames, Arguments, Variable as Named, VariableScope};
use crate::types::PgType;

/// The blocks a statement is in, and what it can name.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// From the outermost block inwards.
    scopes: Vec<Scope>,
    /// The errors being handled, from the outermost handler inwards.
    pub(super) handled: Vec<Error>,
    /// ROW_COUNT
    pub(super) row_count: i64,
    /// What messages call it.
    pub(super) name: Arc<str>,
    /// Whether it may change nothing.
    pub(super) reads_only: bool,
    /// What it gives back.
    pub(super) answer: Answer,
}

#[derive(Debug, Default)]
struct Scope {
    label: Option<String>,
    variables: Vec<Variable>,
    /// Other names of variables, which may be of a block further out.
    aliases: HashMap<String, Place>,
}

/// A variable.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) constant: bool,
    pub(super) not_null: bool,
    /// Whether a row is NULL, and not of NULLs.
    pub(super) null: bool,
    pub(super) value: Value,
    /// The query it was declared with, if it is a cursor with one.
    pub(super) cursor: Option<Arc<BoundCursor>>,
}

/// A cursor's query.
#[derive(Debug)]
pub(super) struct BoundCursor {
    pub(super) scroll: Scroll,
    pub(super) arguments: Vec<(String, PgType)>,
    pub(super) query: Box<Statement>,
}

impl Variable {
    /// That can be assigned to.
    pub(super) fn new(name: String, value: Value) -> Self {
        Self {
            name,
            constant: false,
            not_null: false,
            null: true,
            value,
            cursor: None,
        }
    }

    pub(super) fn with_null(self, null: bool) -> Self {
        Self { null, ..self }
    }
}

/// What a variable holds. Every array has one row.
#[derive(Debug)]
pub(super) enum Value {
    /// A value of a type.
    Single(PgType, ArrayRef),
    /// The fields of a row of a type.
    Row(PgType, Vec<Field>),
    /// A record: the fields of whatever row it was given last.
    Record(Option<Vec<Field>>),
}

/// A field of a row.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) ty: PgType,
    pub(super) value: ArrayRef,
}

/// Where a name leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    scope: usize,
    variable: usize,
    pub(super) field: Option<usize>,
}

impl Value {
    /// What messages call a variable that holds a row; `None` of a single value.
    pub(super) fn row_word(&self) -> Option<&'static str> {
        match self {
            Self::Single(..) => None,
            Self::Row(..) => Some("row"),
            Self::Record(_) => Some("record"),
        }
    }

    /// NULL of a type.
    pub(super) fn null(ty: PgType) -> Self {
        Self::Single(ty, new_null_array(&ty.data_type(), 1))
    }
}

impl Frame {
    /// Of what messages call so.
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Of one variable.
    pub(super) fn of(name: &str, value: Value) -> Self {
        let mut frame = Self::default();
        frame.enter(None);
        frame.declare(Variable::new(name.to_owned(), value));
        frame
    }

    pub(super) fn enter(&mut self, label: Option<String>) {
        self.scopes.push(Scope {
            label,
            ..Scope::default()
        });
    }

    pub(super) fn depth(&self) -> usize {
        self.scopes.len()
    }

    /// Leaves the blocks further in.
    pub(super) fn leave_to(&mut self, depth: usize) {
        self.scopes.truncate(depth);
    }

    /// Adds a variable to the innermost block.
    pub(super) fn declare(&mut self, variable: Variable) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.variables.push(variable);
        }
    }

    /// Adds another name of a variable.
    pub(super) fn alias(&mut self, name: &str, of: &[String]) -> Result<()> {
        let place = self.place(of)?;
        if let Some(scope) = self.scopes.last_mut() {
            scope.aliases.insert(name.to_owned(), place);
        }
        Ok(())
    }

    /// What is assigned to by a name.
    ///
    /// # Errors
    /// `42601` for what is no variable, `42703` for what is no field, `55000` for a field of a
    /// record that has none yet.
    pub(super) fn place(&self, names: &[String]) -> Result<Place> {
        let unknown = || {
            let shown = names.join(".");
            let message = format!("\"{shown}\" is not a known variable");
            Error::new(SqlState::SYNTAX_ERROR, message).without_position()
        };
        let (place, rest) = match names {
            [] => return Err(unknown()),
            [first, rest @ ..] => match (self.find(first), rest) {
                (Some(place), rest) => (place, rest),
                (None, [second, rest @ ..]) => {
                    (self.labelled(first, second).ok_or_else(unknown)?, rest)
                }
                (None, []) => return Err(unknown()),
            },
        };
        let variable = &self.scopes[place.scope].variables[place.variable];
        let [field] = rest else {
            return match rest {
                [] => Ok(place),
                _ => Err(Error::unsupported("assigning to a field of a field")),
            };
        };
        let fields = match &variable.value {
            Value::Single(..) => return Err(unknown()),
            Value::Row(_, fields) | Value::Record(Some(fields)) => fields,
            Value::Record(None) => return Err(unassigned(&variable.name)),
        };
        let index = fields.iter().position(|known| known.name == *field);
        let index = index.ok_or_else(|| {
            let message = format!("record \"{}\" has no field \"{field}\"", variable.name);
            Error::new(SqlState::UNDEFINED_COLUMN, message).without_position()
        })?;
        Ok(Place {
            field: Some(index),
            ..place
        })
    }

    fn find(&self, name: &str) -> Option<Place> {
        let scopes = self.scopes.iter().enumerate().rev();
        scopes
            .filter_map(|(index, scope)| scope.find(index, name))
            .next()
    }

    fn labelled(&self, label: &str, name: &str) -> Option<Place> {
        let mut scopes = self.scopes.iter().enumerate().rev();
        let (index, scope) = scopes.find(|(_, scope)| scope.label.as_deref() == Some(label))?;
        scope.find(index, name)
    }

    pub(super) fn variable(&self, place: Place) -> &Variable {
        &self.scopes[place.scope].variables[place.variable]
    }

    /// The type of what is assigned to.
    pub(super) fn ty(&self, place: Place) -> Option<PgType> {
        match (&self.variable(place).value, place.field) {
            (Value::Single(ty, _), _) | (Value::Row(ty, _), None) => Some(*ty),
            (Value::Row(_, fields) | Value::Record(Some(fields)), Some(index)) => {
                fields.get(index).map(|field| field.ty)
            }
            (Value::Record(_), None) | (Value::Record(None), Some(_)) => None,
        }
    }

    /// Gives a variable, or a field of one, a value of its type.
    pub(super) fn set(&mut self, place: Place, value: ArrayRef) {
        let variable = &mut self.scopes[place.scope].variables[place.variable];
        match (&mut variable.value, place.field) {
            (Value::Single(_, held), _) => *held = value,
            (Value::Row(_, fields) | Value::Record(Some(fields)), Some(index)) => {
                if let Some(field) = fields.get_mut(index) {
                    field.value = value;
                    variable.null = false;
                }
            }
            (Value::Row(..) | Value::Record(_), None) | (Value::Record(None), Some(_)) => {}
        }
    }

    /// Sets FOUND, which is the first variable there is.
    pub(super) fn set_found(&mut self, found: ArrayRef) {
        let variable = self
            .scopes
            .first_mut()
            .and_then(|scope| scope.variables.first_mut());
        if let Some(variable) = variable {
            variable.value = Value::Single(PgType::BOOL, found);
        }
    }

    /// Gives a row its fields.
    pub(super) fn set_row(&mut self, place: Place, row: Vec<Field>, null: bool) {
        let variable = &mut self.scopes[place.scope].variables[place.variable];
        variable.null = null;
        match &mut variable.value {
            Value::Row(_, fields) => *fields = row,
            Value::Record(fields) => *fields = Some(row),
            Value::Single(..) => {}
        }
    }

    /// `55000` for an error that says that there is no such name, if it is that of a record which
    /// was given no row yet.
    pub(super) fn explained(&self, error: Error) -> Error {
        if error.state() != SqlState::UNDEFINED_TABLE && error.state() != SqlState::UNDEFINED_COLUMN
        {
            return error;
        }
        let name = error.message().split('"').nth(1).unwrap_or_default();
        if name.starts_with('$') {
            return Error::new(
                SqlState::UNDEFINED_PARAMETER,
                format!("there is no parameter {name}"),
            )
            .without_position();
        }
        match self.find(name).map(|place| &self.variable(place).value) {
            Some(Value::Record(None)) => unassigned(name),
            _ => error,
        }
    }

    /// The variables as what a statement can name, and their values.
    pub(super) fn arguments(&self) -> (Arc<Arguments>, Vec<ArrayRef>) {
        let (mut types, mut values) = (Vec::new(), Vec::new());
        let mut add = |ty: PgType, value: &ArrayRef| {
            types.push(ty);
            values.push(Arc::clone(value));
            types.len() - 1
        };
        let mut named: Vec<Vec<Option<Named>>> = Vec::with_capacity(self.scopes.len());
        for scope in &self.scopes {
            let mut variables = Vec::with_capacity(scope.variables.len());
            for variable in &scope.variables {
                let mut row = |fields: &[Field]| {
                    let fields = fields.iter();
                    let fields =
                        fields.map(|field| (field.name.clone(), add(field.ty, &field.value)));
                    fields.collect()
                };
                variables.push(match &variable.value {
                    Value::Single(ty, value) => Some(Named::Value(add(*ty, value))),
                    Value::Row(ty, fields) => Some(Named::Row {
                        fields: row(fields),
                        ty: Some(*ty),
                        null: variable.null,
                    }),
                    Value::Record(Some(fields)) => Some(Named::Row {
                        fields: row(fields),
                        ty: None,
                        null: variable.null,
                    }),
                    Value::Record(None) => None,
                });
            }
            named.push(variables);
        }
        let scopes = self.scopes.iter().enumerate().rev().map(|(index, scope)| {
            let own = scope.variables.iter().zip(&named[index]);
            let own = own.filter_map(|(of, named)| Some((of.name.clone(), named.clone()?)));
            let others = scope.aliases.iter().filter_map(|(name, place)| {
                let named = named.get(place.scope)?.get(place.variable)?.clone()?;
                Some((name.clone(), named))
            });
            VariableScope {
                label: scope.label.clone(),
                variables: own.chain(others).collect(),
            }
        });
        let names = ArgumentNames::Variables(scopes.collect());
        (Arc::new(Arguments { names, types }), values)
    }
}

impl Scope {
    fn find(&self, scope: usize, name: &str) -> Option<Place> {
        let own = self.variables.iter().position(|known| known.name == name);
        let place = own.map(|variable| Place {
            scope,
            variable,
            field: None,
        });
        place.or_else(|| self.aliases.get(name).copied())
    }
}

fn unassigned(name: &str) -> Error {
    Error::new(
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("record \"{name}\" is not assigned yet"),
    )
    .detail("The tuple structure of a not-yet-assigned record is indeterminate.")
    .without_position()
}
