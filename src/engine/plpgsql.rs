//! PL/pgSQL as a tree: what the body of a `DO` says (PostgreSQL manual, "PL/pgSQL").
//!
//! Queries and expressions in it are parsed once, with the body; they are bound each time they run,
//! when the types of the variables they name are known.

use sqlparser::ast;

use super::command::{Direction, ObjectName, Scroll, Statement};
use super::parse::TypeName;
use crate::base::SqlState;
use crate::base::error::Level;
use crate::catalog::Routine;
use crate::types::PgType;

/// `[<<label>>] [DECLARE …] BEGIN … [EXCEPTION …] END`
#[derive(Debug, Clone)]
pub struct Block {
    /// What qualifies its variables, and what EXIT leaves it by.
    pub label: Option<String>,
    /// Its variables.
    pub declarations: Vec<Declaration>,
    /// What it does.
    pub body: Vec<Step>,
    /// What it does when that fails.
    pub handlers: Vec<Handler>,
}

/// A variable.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// Its name.
    pub name: String,
    /// Line of the body, from 1.
    pub line: usize,
    /// What it is.
    pub declared: Declared,
}

/// What a name in DECLARE is.
#[derive(Debug, Clone)]
pub enum Declared {
    /// A variable of its own.
    Variable {
        /// Its type.
        ty: VariableType,
        /// Whether it is not assigned to again.
        constant: bool,
        /// Whether NULL is refused.
        not_null: bool,
        /// What it starts with; else NULL.
        default: Option<Expression>,
    },
    /// Another name of a variable.
    Alias(Vec<String>),
    /// `CURSOR [(argument type, …)] FOR query`
    Cursor {
        /// Whether it goes back, too.
        scroll: Scroll,
        /// What its query names beside the variables.
        arguments: Vec<(String, VariableType)>,
        /// Its query.
        query: Box<Statement>,
    },
}

/// The type of a variable, to be looked up.
#[derive(Debug, Clone)]
pub enum VariableType {
    /// By its name: a row of a table, too.
    Named(Box<TypeName>),
    /// `column%TYPE`, `variable%TYPE`
    Like(Vec<String>),
    /// `table%ROWTYPE`
    Row(ObjectName),
    /// `record`: whatever row it is given.
    Record,
    /// `refcursor`: the name of a cursor.
    Cursor,
}

/// An expression, or a query.
#[derive(Debug, Clone)]
pub struct Expression {
    /// As it was written.
    pub text: String,
    /// The query that gives its value.
    pub query: Box<ast::Query>,
}

/// What can be assigned to.
#[derive(Debug, Clone)]
pub struct Target {
    /// A variable's name, perhaps qualified, perhaps followed by a field's.
    pub names: Vec<String>,
    /// Subscripts of an array, each with what follows a colon.
    pub subscripts: Vec<(Expression, Option<Expression>)>,
}

/// `INTO [STRICT] target, …`
#[derive(Debug, Clone)]
pub struct Into {
    /// Whether there must be one row.
    pub strict: bool,
    /// Where its columns go.
    pub targets: Vec<Target>,
}

/// What a body gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Returns {
    /// Whether it is a value, or a row.
    pub value: bool,
    /// Whether what it is stands in variables of its own.
    pub outputs: bool,
    /// Whether there are any number of them.
    pub set: bool,
}

impl Returns {
    /// Nothing, as DO does.
    pub const NOTHING: Self = Self {
        value: false,
        outputs: false,
        set: false,
    };

    /// What a function does.
    pub fn of(routine: &Routine) -> Self {
        let outputs = routine.outputs().next().is_some();
        Self {
            value: !routine.procedure && routine.returns != PgType::VOID.oid,
            outputs,
            set: routine.set,
        }
    }
}

/// One statement, and its line in the body, from 1.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its line.
    pub line: usize,
    /// What it does.
    pub action: Action,
}

/// What a statement does.
#[derive(Debug, Clone)]
pub enum Action {
    /// A block in the block.
    Block(Block),
    /// NULL
    Nothing,
    /// `target := value`
    Assign {
        /// What is assigned to.
        target: Target,
        /// The value.
        value: Expression,
        /// As it was written.
        text: String,
    },
    /// IF and its ELSIFs, ELSE.
    If {
        /// Conditions, and what is done if one is true.
        arms: Vec<(Expression, Vec<Step>)>,
        /// ELSE
        otherwise: Vec<Step>,
    },
    /// CASE
    Case(Case),
    /// LOOP, WHILE, FOR, FOREACH
    Loop(Loop),
    /// EXIT and CONTINUE.
    Leave {
        /// Whether the loop ends, not only its turn.
        exit: bool,
        /// Which loop or block.
        label: Option<String>,
        /// WHEN
        when: Option<Expression>,
    },
    /// RETURN
    Return(Option<Expression>),
    /// RETURN NEXT
    ReturnNext(Option<Expression>),
    /// RETURN QUERY
    ReturnQuery(Source),
    /// RAISE
    Raise(Box<Raise>),
    /// ASSERT
    Assert {
        /// What has to be true.
        condition: Expression,
        /// What is said if it is not.
        message: Option<Expression>,
    },
    /// PERFORM
    Perform(Expression),
    /// A statement of SQL.
    Sql {
        /// The statement, without INTO.
        statement: Box<Statement>,
        /// Where its first row goes.
        into: Option<Into>,
    },
    /// EXECUTE
    Execute {
        /// The statement.
        what: Dynamic,
        /// Where its first row goes.
        into: Option<Into>,
    },
    /// GET DIAGNOSTICS and GET STACKED DIAGNOSTICS
    Diagnostics {
        /// Whether of the error being handled.
        stacked: bool,
        /// Where what goes.
        items: Vec<(Target, Diagnostic)>,
    },
    /// OPEN
    Open {
        /// The variable.
        cursor: String,
        /// Where its rows come from.
        source: CursorSource,
    },
    /// FETCH and MOVE
    Fetch {
        /// The variable.
        cursor: String,
        /// Which row.
        direction: Direction,
        /// Where it goes; nowhere, if the cursor only moves.
        into: Option<Vec<Target>>,
    },
    /// CLOSE
    Close(String),
    /// COMMIT and ROLLBACK.
    End {
        /// Whether what was done is kept.
        commit: bool,
        /// AND CHAIN
        chain: bool,
    },
}

/// CASE
#[derive(Debug, Clone)]
pub struct Case {
    /// What is compared; without it the arms are conditions.
    pub subject: Option<Expression>,
    /// Values or conditions, and what is done.
    pub arms: Vec<(Vec<Expression>, Vec<Step>)>,
    /// ELSE
    pub otherwise: Option<Vec<Step>>,
}

/// LOOP, WHILE, FOR, FOREACH
#[derive(Debug, Clone)]
pub struct Loop {
    /// What EXIT and CONTINUE name it by.
    pub label: Option<String>,
    /// How often.
    pub repeat: Repeat,
    /// What is done each time.
    pub body: Vec<Step>,
}

/// A statement made when it runs: `text [USING value, …]`.
#[derive(Debug, Clone)]
pub struct Dynamic {
    /// Its text.
    pub text: Expression,
    /// `$1`, `$2`, … in it.
    pub using: Vec<Expression>,
}

/// How often a loop turns.
#[derive(Debug, Clone)]
pub enum Repeat {
    /// LOOP
    Forever,
    /// WHILE
    While(Expression),
    /// `FOR variable IN [REVERSE] from .. to [BY by]`
    Count {
        /// A variable of the loop's own.
        variable: String,
        /// Whether it goes down.
        reverse: bool,
        /// The first number.
        from: Expression,
        /// The last one.
        to: Expression,
        /// From one to the next.
        by: Option<Expression>,
    },
    /// `FOR targets IN query`
    Rows {
        /// Where each row goes.
        targets: Vec<Target>,
        /// The query.
        of: Source,
    },
    /// `FOR record IN cursor [(argument, …)]`
    Cursor {
        /// A record of the loop's own.
        target: Target,
        /// The variable.
        cursor: String,
        /// What its query is given.
        arguments: Vec<(Option<String>, Expression)>,
    },
    /// `FOREACH target [SLICE n] IN ARRAY value`
    Elements {
        /// Where each element goes, or each part.
        targets: Vec<Target>,
        /// How many dimensions each part has; of elements 0.
        slice: usize,
        /// The array.
        array: Expression,
    },
}

/// Where the rows of a cursor come from.
#[derive(Debug, Clone)]
pub enum CursorSource {
    /// From the query it was declared with, which is given arguments, by place or by name.
    Declared(Vec<(Option<String>, Expression)>),
    /// From a query; whether the cursor goes back.
    Static(Scroll, Box<Statement>),
    /// EXECUTE
    Dynamic(Scroll, Dynamic),
}

/// Where rows come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A query, or a change that returns rows.
    Static(Box<Statement>),
    /// EXECUTE
    Dynamic(Dynamic),
}

/// RAISE
#[derive(Debug, Clone)]
pub struct Raise {
    /// How loud; `None` is an error.
    pub level: Option<Level>,
    /// What is raised; `None` is the error being handled, once more.
    pub what: Option<Raised>,
    /// USING
    pub options: Vec<(RaiseOption, Expression)>,
}

/// What RAISE says.
#[derive(Debug, Clone)]
pub enum Raised {
    /// A text, with a value for each `%`.
    Format(String, Vec<Expression>),
    /// A condition, by name or SQLSTATE.
    Condition(SqlState, String),
    /// What USING says alone.
    Options,
}

/// What USING sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RaiseOption {
    /// ERRCODE
    State,
    /// MESSAGE
    Message,
    /// DETAIL
    Detail,
    /// HINT
    Hint,
    /// COLUMN
    Column,
    /// CONSTRAINT
    Constraint,
    /// TABLE
    Table,
    /// SCHEMA
    Schema,
    /// DATATYPE
    DataType,
}

/// `WHEN condition [OR …] THEN …`
#[derive(Debug, Clone)]
pub struct Handler {
    /// What it catches.
    pub conditions: Vec<Condition>,
    /// What it does then.
    pub body: Vec<Step>,
}

/// What a handler catches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// OTHERS: everything but a cancel request and a failed ASSERT.
    Others,
    /// One SQLSTATE, or those of its class.
    State(SqlState),
}

/// An item of GET DIAGNOSTICS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Diagnostic {
    /// ROW_COUNT
    RowCount,
    /// PG_CONTEXT
    Context,
    /// RETURNED_SQLSTATE
    State,
    /// MESSAGE_TEXT
    Message,
    /// PG_EXCEPTION_DETAIL
    Detail,
    /// PG_EXCEPTION_HINT
    Hint,
    /// PG_EXCEPTION_CONTEXT
    ErrorContext,
    /// COLUMN_NAME
    Column,
    /// CONSTRAINT_NAME
    Constraint,
    /// PG_DATATYPE_NAME
    DataType,
    /// TABLE_NAME
    Table,
    /// SCHEMA_NAME
    Schema,
}
