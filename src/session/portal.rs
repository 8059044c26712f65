//! Portals: statements with their parameters, run as far as the client asked. A cursor of DECLARE
//! is a portal too.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use bytes::Bytes;

use super::commands::Traced;
use super::prepared::Plan;
use super::scroll::Place;
use super::{PortalDescription, Response, RowsResponse, RowsTag, Session};
use crate::base::{Error, Result, SqlState};
use crate::engine::{Rows, Statement};
use crate::pg_catalog::names::{self, Names};
use crate::statement::{Cursor, StatementContext};
use crate::types::{Encoding, PgType, Style, binary, text};

/// A portal.
#[derive(Debug)]
pub(super) struct Portal {
    /// What it runs; `None` for an empty query string.
    pub(super) statement: Option<Arc<Statement>>,
    /// Its binding.
    pub(super) plan: Plan,
    /// Values of the parameters, one row each.
    pub(super) parameters: Vec<ArrayRef>,
    /// Format of each column of the answer.
    pub(super) binary: Vec<bool>,
    /// How far it is.
    pub(super) progress: Progress,
    /// Whether it outlives its transaction.
    pub(super) hold: Hold,
    /// When it was opened, among the session's portals.
    serial: u64,
    /// When it was opened, microseconds since 1970-01-01 UTC.
    opened: i64,
}

/// Whether a portal outlives its transaction. Its rows do in any case: they stream from an
/// immutable snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// It ends with its transaction.
    No,
    /// It will, once its transaction commits.
    AtCommit,
    /// Its transaction committed.
    Held,
    /// A loop goes over it whose body ended the transaction.
    ForLoop,
}

/// How far a portal is.
#[derive(Debug)]
pub(super) enum Progress {
    /// Not run.
    New,
    /// Some of the rows are still to be sent.
    Suspended(Box<Suspended>),
    /// Its rows are being sent, or it is over.
    Over(Over),
}

impl Progress {
    /// Nothing more to come; `writing` if it answered rows.
    pub(super) fn over(writing: Option<Writing>) -> Self {
        Self::Over(Over { writing })
    }
}

/// Rows that are still to be sent.
#[derive(Debug)]
pub(super) struct Suspended {
    pub(super) rows: Rows,
    pub(super) writing: Writing,
    /// How far FETCH is.
    pub(super) place: Place,
    /// What tells the rows apart, if they are those of one table.
    pub(super) traced: Option<Traced>,
}

/// How the rows of a portal are written, whoever asks for them.
#[derive(Debug, Clone)]
pub(super) struct Writing {
    pub(super) style: Arc<Style>,
    pub(super) names: Names,
    pub(super) tag: RowsTag,
}

/// What is left of a portal whose rows went to the client.
#[derive(Debug)]
pub(super) struct Over {
    /// Set if it answered rows: they may come back by [`Session::suspend`], and running it again
    /// gives none.
    writing: Option<Writing>,
}

impl Over {
    /// Whether it ended in an error, or answered no rows: it cannot be run again.
    pub(super) fn failed(&self) -> bool {
        self.writing.is_none()
    }
}

/// The portals of a session by name; the unnamed one is "".
#[derive(Debug, Default)]
pub(super) struct Portals {
    by_name: HashMap<String, Portal>,
    serial: u64,
    /// When the running statement started, microseconds since 1970-01-01 UTC.
    pub(super) now: i64,
}

impl Portals {
    /// How many were ever opened.
    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    /// The named ones, as the session is told of them.
    pub(super) fn listed(&self) -> Arc<BTreeMap<String, Cursor>> {
        let named = self.by_name.iter().filter(|(name, _)| !name.is_empty());
        let listed = named.map(|(name, portal)| {
            let statement = portal.statement.as_ref();
            let cursor = Cursor {
                text: statement.map_or_else(String::new, |statement| statement.text.clone()),
                holdable: portal.hold != Hold::No,
                binary: portal.binary.first().copied().unwrap_or(false),
                scrollable: matches!(&portal.progress,
                    Progress::Suspended(state) if state.place.is_scroll()),
                time: portal.opened,
            };
            (name.clone(), cursor)
        });
        Arc::new(listed.collect())
    }

    /// Closes all.
    pub(super) fn clear(&mut self) {
        self.by_name.clear();
    }

    /// Closes those that end with their transaction, now that it committed.
    pub(super) fn commit(&mut self) {
        self.by_name.retain(|_, portal| portal.hold != Hold::No);
        for portal in self.by_name.values_mut() {
            if portal.hold == Hold::AtCommit {
                portal.hold = Hold::Held;
            }
        }
    }

    /// Closes those of the transaction that is rolled back, opened after `serial`.
    pub(super) fn roll_back(&mut self, serial: u64) {
        self.by_name.retain(|_, portal| {
            portal.serial <= serial || matches!(portal.hold, Hold::Held | Hold::ForLoop)
        });
        for portal in self.by_name.values_mut() {
            if let Progress::Suspended(state) = &mut portal.progress
                && let Some(traced) = &mut state.traced
            {
                traced.roll_back();
            }
        }
    }

    /// Lets one outlive its transaction, however that ends, for the loop that goes over it.
    pub(super) fn hold_for_loop(&mut self, name: &str) {
        if let Some(portal) = self.by_name.get_mut(name)
            && portal.hold != Hold::Held
        {
            portal.hold = Hold::ForLoop;
        }
    }

    /// Closes those of loops that an error ended.
    pub(super) fn end_loops(&mut self) {
        self.by_name
            .retain(|_, portal| portal.hold != Hold::ForLoop);
    }

    /// Closes one.
    pub(super) fn close(&mut self, name: &str) -> bool {
        self.by_name.remove(name).is_some()
    }

    /// Whether there is one.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Portal by name, to be looked at.
    pub(super) fn get(&self, name: &str) -> Option<&Portal> {
        self.by_name.get(name)
    }

    /// Portal by name.
    pub(super) fn find(&mut self, name: &str) -> Option<&mut Portal> {
        self.by_name.get_mut(name)
    }

    /// Opens one.
    pub(super) fn open(
        &mut self,
        name: &str,
        statement: Option<Arc<Statement>>,
        plan: Plan,
        parameters: Vec<ArrayRef>,
        binary: Vec<bool>,
        progress: Progress,
    ) {
        self.serial += 1;
        let serial = self.serial;
        self.by_name.insert(
            name.to_owned(),
            Portal {
                statement,
                plan,
                parameters,
                binary,
                progress,
                hold: Hold::No,
                serial,
                opened: self.now,
            },
        );
    }
}

impl Session {
    /// Bind message. `formats` as in the protocol: none (all text), one for all, or one each; false
    /// text, true binary.
    ///
    /// # Errors
    /// `26000`, `42P03` portal name taken, `08P01` wrong counts, `22P02`/`22P03` bad values,
    /// `25P02` failed transaction.
    pub async fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        parameters: &[Option<Bytes>],
        parameter_formats: &[bool],
        result_formats: &[bool],
    ) -> Result<()> {
        let text = self
            .prepared
            .get(statement)
            .and_then(|prepared| prepared.statement.as_ref())
            .map(|statement| statement.text.clone())
            .unwrap_or_default();
        let interrupt = self.start(&text)?;
        let planned = self.fresh(statement, &interrupt).await?;
        let expected = planned.plan.parameters.len();
        if parameter_formats.len() > 1 && parameter_formats.len() != parameters.len() {
            return Err(violation(format!(
                "bind message has {} parameter formats but {} parameters",
                parameter_formats.len(),
                parameters.len()
            )));
        }
        if parameters.len() != expected {
            return Err(violation(format!(
                "bind message supplies {} parameters, \
                 but prepared statement \"{statement}\" requires {expected}",
                parameters.len(),
            )));
        }
        let formats = |index: usize| match parameter_formats {
            [] => false,
            [all] => *all,
            each => each[index],
        };
        let style = self.style()?;
        let open = self.open.as_ref();
        let now = open.map_or(self.statement_time, |open| open.time);
        // Only names of objects are looked up.
        let has_names = planned.plan.parameters.iter().any(|ty| ty.is_reg());
        let context = has_names.then(|| self.context()).transpose()?;
        let encoding = self.client_encoding();
        let mut values = Vec::with_capacity(expected);
        for (index, (value, ty)) in parameters.iter().zip(&planned.plan.parameters).enumerate() {
            values.push(read_parameter(
                value.as_deref(),
                *ty,
                formats(index),
                encoding,
                (&style, now),
                context.as_deref().filter(|_| ty.is_reg()),
                (portal, index),
            )?);
        }
        let (plan, values) = match &planned.statement {
            Some(statement) => {
                self.plan_over(statement, planned.plan, values, &interrupt)
                    .await?
            }
            None => (planned.plan, values),
        };
        let columns = plan.columns.as_ref().map_or(0, |c| c.len());
        let binary = match result_formats {
            [] => vec![false; columns],
            [all] => vec![*all; columns],
            each if each.len() == columns || plan.columns.is_none() => each.to_vec(),
            each => {
                return Err(violation(format!(
                    "bind message has {} result formats but query has {columns} columns",
                    each.len()
                )));
            }
        };
        if portal.is_empty() {
            self.portals.close(portal);
        } else if self.portals.contains(portal) {
            return Err(duplicate_cursor(portal));
        }
        self.portals.open(
            portal,
            planned.statement,
            plan,
            values,
            binary,
            Progress::New,
        );
        Ok(())
    }

    /// Describe 'P'.
    ///
    /// # Errors
    /// `34000` no such portal.
    pub async fn describe_portal(&mut self, name: &str) -> Result<PortalDescription> {
        let portal = self.portals.find(name).ok_or_else(|| no_portal(name))?;
        Ok(PortalDescription {
            columns: portal.plan.columns.clone(),
            binary: portal.binary.clone(),
        })
    }

    /// Execute message: runs the portal, or takes up its suspended rows. Rows that were not all
    /// sent come back through [`Session::suspend`].
    ///
    /// # Errors
    /// `34000` no such portal, and whatever the statement fails with.
    pub async fn execute(&mut self, name: &str) -> Result<Response> {
        let portal = self.portals.find(name).ok_or_else(|| no_portal(name))?;
        let Some(statement) = portal.statement.clone() else {
            return Ok(Response::Empty);
        };
        match std::mem::replace(&mut portal.progress, Progress::Over(Over { writing: None })) {
            Progress::New => {}
            Progress::Suspended(state)
                if state.place.is_scroll() || state.place.has_gone_back() =>
            {
                portal.progress = Progress::Suspended(state);
                return Err(Error::unsupported("Execute of a SCROLL cursor").hint("Use FETCH."));
            }
            Progress::Suspended(state) => {
                let Suspended { rows, writing, .. } = *state;
                portal.progress = Progress::Over(Over {
                    writing: Some(writing.clone()),
                });
                let binary = portal.binary.clone();
                self.start_with(&statement.text, rows.interrupt().clone())?;
                return Ok(Response::Rows(RowsResponse {
                    rows,
                    style: writing.style,
                    names: writing.names,
                    binary,
                    tag: writing.tag,
                }));
            }
            // PostgreSQL answers a finished query with no rows, and refuses to run anything else
            // twice.
            Progress::Over(Over {
                writing: Some(writing),
            }) => {
                let columns = portal.plan.columns.clone().unwrap_or_default();
                portal.progress = Progress::Over(Over {
                    writing: Some(writing.clone()),
                });
                return Ok(Response::Rows(RowsResponse {
                    binary: portal.binary.clone(),
                    rows: super::answer::none(columns)?,
                    style: writing.style,
                    names: writing.names,
                    tag: writing.tag,
                }));
            }
            Progress::Over(Over { writing: None }) => {
                return Err(cannot_be_run(name));
            }
        }
        let plan = portal.plan.clone();
        let parameters = portal.parameters.clone();
        let binary = portal.binary.clone();
        let interrupt = self.start(&statement.text)?;
        self.check_not_failed(&statement.command)?;
        let mut response = self
            .dispatch(&statement, Some(plan), &parameters, &interrupt)
            .await
            .map_err(|error| super::located(error, &statement))?;
        if let Response::Rows(answer) = &mut response {
            answer.binary = binary;
            // Transaction commands close portals, so it may be gone.
            if let Some(portal) = self.portals.find(name) {
                portal.progress = Progress::Over(Over {
                    writing: Some(Writing {
                        style: answer.style.clone(),
                        names: answer.names.clone(),
                        tag: answer.tag.clone(),
                    }),
                });
            }
        }
        Ok(response)
    }

    /// Gives back the rest of a portal's rows after Execute's row limit.
    pub fn suspend(&mut self, name: &str, rows: Rows) {
        if let Some(portal) = self.portals.find(name)
            && let Progress::Over(Over {
                writing: Some(writing),
            }) = &portal.progress
        {
            let writing = writing.clone();
            portal.progress = Progress::Suspended(Box::new(Suspended {
                rows,
                writing,
                place: Place::default(),
                traced: None,
            }));
        }
    }

    /// Close 'P'.
    pub fn close_portal(&mut self, name: &str) {
        self.portals.close(name);
    }
}

/// One parameter's value as an array of one row. With a catalog, it may be an object's name.
fn read_parameter(
    value: Option<&[u8]>,
    ty: PgType,
    is_binary: bool,
    encoding: &Encoding,
    (style, now): (&Style, i64),
    names: Option<&StatementContext>,
    (portal, index): (&str, usize),
) -> Result<ArrayRef> {
    read_value(value, ty, is_binary, encoding, (style, now), names).map_err(|error| {
        let portal = if portal.is_empty() {
            "unnamed portal".to_owned()
        } else {
            format!("portal \"{portal}\"")
        };
        error.context(format!("{portal} parameter ${}", index + 1))
    })
}

/// A value a client sent.
pub(super) fn read_value(
    value: Option<&[u8]>,
    ty: PgType,
    is_binary: bool,
    encoding: &Encoding,
    (style, now): (&Style, i64),
    names: Option<&StatementContext>,
) -> Result<ArrayRef> {
    let text = || value.map(|bytes| encoding.decode(bytes)).transpose();
    if is_binary {
        let value = value.map(|bytes| encoding.decode_binary(bytes, ty));
        value.transpose().and_then(|value| {
            binary::parse_column(&[value.as_deref()], ty, style).map_err(|failed| failed.error)
        })
    } else if let (Some(context), Some(value)) = (names, value) {
        encoding
            .decode(value)
            .and_then(|text| names::parse_reg(context, ty, &text))
            .map(|oid| Arc::new(UInt32Array::from(vec![oid.0])) as ArrayRef)
    } else {
        text().and_then(|text| {
            text::parse_column(&[text.as_deref()], ty, style, now).map_err(|failed| failed.error)
        })
    }
}

/// `34000`
pub(super) fn no_portal(name: &str) -> Error {
    Error::new(
        SqlState::INVALID_CURSOR_NAME,
        format!("portal \"{name}\" does not exist"),
    )
}

/// `55000`
pub(super) fn cannot_be_run(name: &str) -> Error {
    Error::new(
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("portal \"{name}\" cannot be run"),
    )
}

/// `42P03`
pub(super) fn duplicate_cursor(name: &str) -> Error {
    Error::new(
        SqlState::DUPLICATE_CURSOR,
        format!("cursor \"{name}\" already exists"),
    )
}

fn violation(message: String) -> Error {
    Error::new(SqlState::PROTOCOL_VIOLATION, message)
}

/// The tag of an answer of rows that are counted.
pub(super) fn counted(word: &'static str) -> RowsTag {
    RowsTag::Counted(word)
}
