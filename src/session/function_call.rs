//! A function called by its OID, without SQL: the protocol's FunctionCall.

use bytes::Bytes;

use super::portal::read_value;
use super::prepared::declared_type;
use super::{Response, RowsResponse, Session, state};
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Snapshot;
use crate::pg_catalog::relations::functions;

/// What is to be known of a function to call it.
struct Called {
    schema: Oid,
    name: String,
    arguments: Vec<Oid>,
    /// A function that gives one value: no aggregate, window function, procedure or set.
    plain: bool,
}

impl Called {
    /// # Errors
    /// `42883`
    fn find(snapshot: &Snapshot, oid: Oid) -> Result<Self> {
        if let Some(routine) = snapshot.routine(oid) {
            return Ok(Self {
                schema: routine.schema,
                name: routine.name.clone(),
                arguments: routine.input_types(),
                plain: !routine.procedure && !routine.set,
            });
        }
        let function = functions::by_oid(oid).ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_FUNCTION,
                format!("function with OID {oid} does not exist"),
            )
        })?;
        Ok(Self {
            schema: function.schema,
            name: function.name.to_owned(),
            arguments: function.arguments.clone(),
            plain: function.kind == "f" && !function.set,
        })
    }

    /// The call as a query.
    fn query(&self, snapshot: &Snapshot) -> String {
        let schema = snapshot.schema(self.schema);
        let schema = schema.map_or("pg_catalog", |schema| schema.name.as_str());
        let arguments: Vec<_> = (1..=self.arguments.len())
            .map(|number| format!("${number}"))
            .collect();
        let (schema, name) = (quote(schema), quote(&self.name));
        format!("SELECT {schema}.{name}({})", arguments.join(", "))
    }
}

impl Session {
    /// Calls a function. `formats` as in the protocol: none (all text), one for all, or one each;
    /// false text, true binary.
    ///
    /// # Errors
    /// `42883` no such function; `0A000` one that does not give one value; `08P01` wrong counts;
    /// `22P02`/`22P03` bad values; `42501`; `25P02` failed transaction; and what it fails with.
    pub async fn call_function(
        &mut self,
        function: Oid,
        formats: &[bool],
        arguments: &[Option<Bytes>],
        binary: bool,
    ) -> Result<RowsResponse> {
        let interrupt = self.start("<FASTPATH> function call")?;
        if self.has_failed() {
            return Err(state::failed());
        }
        let context = self.context()?;
        let snapshot = &context.snapshot;
        let called = Called::find(snapshot, function)?;
        if !called.plain {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!(
                    "cannot call function \"{}\" via fastpath interface",
                    called.name
                ),
            ));
        }
        check_counts(called.arguments.len(), formats.len(), arguments.len())?;
        let declared = called
            .arguments
            .iter()
            .map(|ty| declared_type(snapshot, *ty))
            .collect::<Result<Vec<_>>>()?;
        let sql = called.query(snapshot);
        let statement = crate::engine::parse(&sql)?.pop();
        let statement =
            statement.ok_or_else(|| Error::internal("calling a function", "no statement"))?;
        let plan = self.plan(&statement, &declared, &interrupt).await?;
        let style = self.style()?;
        let now = context.transaction_time;
        let encoding = self.client_encoding();
        let mut values = Vec::with_capacity(arguments.len());
        for (index, (value, ty)) in arguments.iter().zip(&plan.parameters).enumerate() {
            let is_binary = match formats {
                [] => false,
                [all] => *all,
                each => each[index],
            };
            values.push(read_value(
                value.as_deref(),
                *ty,
                is_binary,
                encoding,
                (&style, now),
                Some(&*context).filter(|_| ty.is_reg()),
            )?);
        }
        let (plan, values) = self.plan_over(&statement, plan, values, &interrupt).await?;
        let response = self
            .dispatch(&statement, Some(plan), &values, &interrupt)
            .await?;
        let Response::Rows(mut rows) = response else {
            return Err(Error::internal("calling a function", "it gave no rows"));
        };
        rows.binary = vec![binary];
        Ok(rows)
    }
}

/// `08P01`
fn check_counts(wanted: usize, formats: usize, given: usize) -> Result<()> {
    let message = if given != wanted {
        format!("function call message contains {given} arguments but function requires {wanted}")
    } else if formats > 1 && formats != given {
        format!("function call message contains {formats} argument formats but {given} arguments")
    } else {
        return Ok(());
    };
    Err(Error::new(SqlState::PROTOCOL_VIOLATION, message))
}
