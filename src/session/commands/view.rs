//! CREATE VIEW.

use super::row_lock::refuse_row_locks;
use super::table::{Place, output_columns};
use super::{query::check_parameters, tag};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use sqlparser::ast::{self, Expr};

use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::user_type::made_of;
use crate::catalog::{Change, ObjectId, Persistence, RelationKind, Tuning, View};
use crate::engine::command::CreateView;
use crate::engine::parse::{changes_rows, fold};
use crate::engine::{Bound, parse_query, written_type};
use crate::privileges::{self, Need};
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session, interruptible};
use crate::statement::StatementContext;
use crate::types::PgType;

/// A body as the catalog keeps it.
pub(super) fn view_of(context: &StatementContext, text: &str, bound: &Bound) -> View {
    View {
        query: text.to_owned(),
        search_path: context.search_path.names(&context.snapshot),
        depends_on: bound.reads.clone(),
        next_attnums: bound
            .reads
            .iter()
            .filter_map(|oid| context.snapshot.relation(*oid))
            .map(|relation| (relation.oid, relation.next_attnum))
            .collect(),
        names: names_of(bound.reads.iter().copied(), &bound.names),
        keys: bound.keys.clone(),
        types: types_of(context, text, bound),
        check_option: None,
    }
}

/// The columns that a body names, by the relations it reads.
pub(super) fn names_of(
    reads: impl Iterator<Item = Oid>,
    names: &BTreeSet<(Oid, i16)>,
) -> BTreeMap<Oid, BTreeSet<i16>> {
    let mut found: BTreeMap<Oid, BTreeSet<i16>> =
        reads.map(|read| (read, BTreeSet::new())).collect();
    for (relation, attnum) in names {
        if let Some(columns) = found.get_mut(relation) {
            columns.insert(*attnum);
        }
    }
    found
}

/// The users' types a body says, or has columns of.
fn types_of(context: &StatementContext, text: &str, bound: &Bound) -> Vec<Oid> {
    let mut types: Vec<Oid> = bound.columns.iter().filter_map(|c| made_of(c.ty)).collect();
    let query = parse_query(text).ok();
    let _ = query.as_ref().map(|query| {
        sqlparser::ast::visit_expressions(query, |expression| {
            if let Expr::Function(call) = expression
                && let Some(ty) = constructed(context, &call.name)
            {
                types.extend(made_of(ty));
            }
            let written = match expression {
                Expr::Cast { data_type, .. } => Some(data_type),
                Expr::TypedString(typed) => Some(&typed.data_type),
                _ => None,
            };
            let ty = written.and_then(|ty| {
                let name = written_type(ty).ok()?;
                name.resolve(&context.snapshot, &context.search_path).ok()
            });
            types.extend(ty.and_then(made_of));
            ControlFlow::<()>::Continue(())
        })
    });
    types.sort_unstable();
    types.dedup();
    types
}

/// The range or multirange type that a function makes values of.
fn constructed(context: &StatementContext, function: &ast::ObjectName) -> Option<PgType> {
    let parts = function.0.iter().map(|part| part.as_ident().map(fold));
    let parts = parts.collect::<Option<Vec<_>>>()?;
    let (schema, name) = match parts.as_slice() {
        [name] => (None, name),
        [schema, name] => (Some(schema.as_str()), name),
        _ => return None,
    };
    let (snapshot, path) = (&context.snapshot, &context.search_path);
    snapshot.constructed(path, schema, name).map(|ty| ty.ty())
}

/// Whether it is about finding something by its name.
fn is_of_schema(need: &Need) -> bool {
    matches!(
        need,
        Need::Privilege {
            object: ObjectId::Schema(_),
            ..
        }
    )
}

impl Session {
    /// CREATE [OR REPLACE] VIEW. The body is kept as its author wrote it, with the schemas its
    /// names were looked up in. Whether its owner may read what the body reads is asked whenever
    /// the view is read, and not here.
    pub(in crate::session) async fn create_view(
        &mut self,
        create: &CreateView,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        if create.query.with.as_ref().is_some_and(changes_rows) {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "views must not contain data-modifying statements in WITH",
            ));
        }
        let context = self.context()?;
        let engine = self.shared.engine.clone();
        let work = engine.bind(&context, &create.query, &[]);
        let bound = interruptible(run.interrupt, work).await?;
        check_parameters(bound.parameters.len(), 0)?;
        refuse_row_locks(&bound.needs, "a view")?;
        let found: Vec<Need> = bound
            .needs
            .iter()
            .filter(|need| is_of_schema(need))
            .cloned()
            .collect();
        privileges::authorize(&context.snapshot, &found, ())?;
        if create.columns.len() > bound.columns.len() {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "CREATE VIEW specifies more column names than columns",
            ));
        }
        let columns = output_columns(&context, &bound.columns, &create.columns)?;
        let reads_temporary = bound.reads.iter().any(|oid| {
            context
                .snapshot
                .relation(*oid)
                .is_some_and(|relation| relation.persistence == Persistence::Temporary)
        });
        if reads_temporary && !create.temporary {
            self.notice(format!(
                "view \"{}\" will be a temporary view",
                create.name.name
            ));
        }
        let temporary = create.temporary || reads_temporary;
        let view = view_of(&context, &create.text, &bound);
        let Some(place) = self.place(&context, &create.name, temporary, false)? else {
            return Ok(tag("CREATE VIEW"));
        };
        self.push_view(create, place, columns, view)?;
        if create
            .options
            .iter()
            .any(|(name, _)| name == "check_option")
        {
            let context = self.context()?;
            let made = context
                .snapshot
                .relation_named(place.schema, &create.name.name);
            if let Some(made) = made {
                engine.check_updatable(&context, made)?;
            }
        }
        Ok(tag("CREATE VIEW"))
    }

    fn push_view(
        &mut self,
        create: &CreateView,
        place: Place,
        columns: Vec<crate::catalog::Column>,
        view: View,
    ) -> Result<()> {
        let tuning = Tuning {
            parameters: create.options.clone(),
            ..Tuning::default()
        };
        let existing = self
            .transaction()?
            .view()
            .relation_named(place.schema, &create.name.name)
            .cloned();
        let changes = match existing {
            Some(old) if create.or_replace => match &old.kind {
                RelationKind::View(_) => vec![
                    Change::ReplaceView {
                        oid: old.oid,
                        columns,
                        view,
                    },
                    Change::SetTuning {
                        relation: old.oid,
                        tuning: Box::new(tuning),
                    },
                ],
                RelationKind::Table { .. }
                | RelationKind::Materialized { .. }
                | RelationKind::Sequence(_)
                | RelationKind::Foreign { .. } => {
                    return Err(Error::new(
                        SqlState::WRONG_OBJECT_TYPE,
                        format!("\"{}\" is not a view", old.name),
                    ));
                }
            },
            Some(_) | None => {
                let kind = RelationKind::View(view);
                let mut made = self.new_relation(&create.name.name, place, columns, kind);
                made.tuning = tuning;
                vec![Change::CreateRelation(Box::new(made))]
            }
        };
        self.push(changes, Vec::<Need>::new())
    }
}
