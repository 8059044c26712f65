//! FunctionCall: one function by its OID, as libpq calls those of large objects (compare
//! PostgreSQL's `HandleFunctionRequest`).

use super::connection::Connection;
use super::encode::one_value;
use super::error::Failure;
use super::message::FunctionCall;
use crate::base::Error;
use crate::observe;

impl Connection {
    /// FunctionCall: answers with FunctionCallResponse. It ends the implicit transaction, as a
    /// simple query does, and before it says what came of it.
    pub(super) async fn function_call(&mut self, call: &FunctionCall) -> Result<(), Failure> {
        let mut response = self
            .session
            .call_function(call.function, &call.formats, &call.arguments, call.binary)
            .await?;
        self.attune();
        let encoding = self.out.encoding();
        let mut value = None;
        while let Some(batch) = response.rows.next().await? {
            if batch.num_rows() > 0 {
                value = Some(one_value(&batch, &response, encoding)?);
            }
        }
        let value = value.ok_or_else(|| Error::internal("calling a function", "no value"))?;
        self.session.sync().await?;
        observe::statement_completed();
        self.report();
        // The value with its length is all the message holds.
        let length = i32::try_from(value.len() + 4)
            .map_err(|_| Error::internal("calling a function", "its value is too long"))?;
        let buffer = self.out.buffer();
        buffer.push(b'V');
        buffer.extend_from_slice(&length.to_be_bytes());
        buffer.extend_from_slice(&value);
        self.out.completed();
        Ok(())
    }
}
