//! Changes: the durable facts a commit adds.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::acl::Acl;
use super::constraint::Constraints;
use super::default_acl::DefaultAcl;
use super::definition::Definition;
use super::family::Family;
use super::large_object::LargeObject;
use super::object::{Column, Membership, ObjectId, Relation, Role, Schema, SettingsOf, View};
use super::policy::RowSecurity;
use super::routine::Routine;
use super::segment::Segment;
use super::sequence::Sequence;
use super::trigger::Trigger;
use super::tuning::Tuning;
use super::user_type::UserType;
use crate::base::{Oid, SegmentId};

/// One durable fact. Applied by [`super::Snapshot::apply`]; everything that must hold is checked
/// there.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A schema exists.
    CreateSchema(Schema),
    /// A table, view or foreign table exists.
    CreateRelation(Box<Relation>),
    /// A role exists.
    CreateRole(Role),
    /// A function or procedure exists.
    CreateRoutine(Box<Routine>),
    /// CREATE OR REPLACE FUNCTION: same identity, name, input types, owner and grants.
    ReplaceRoutine(Box<Routine>),
    /// ALTER FUNCTION: attributes, and the schema.
    AlterRoutine {
        /// What it was worked out from; a routine changed meanwhile is a conflict.
        was: Box<Routine>,
        /// The routine from now on.
        routine: Box<Routine>,
    },
    /// A type exists.
    CreateType(Box<UserType>),
    /// ALTER TYPE: its name, its schema and what it is, all at once.
    AlterType {
        /// What it was worked out from; changed meanwhile is a conflict.
        was: Box<UserType>,
        /// The type from now on.
        ty: Box<UserType>,
    },
    /// An operator or cast exists.
    CreateDefinition(Box<Definition>),
    /// An operator is otherwise from now on: its name, its schema and what it is made of.
    AlterDefinition {
        /// What it was worked out from; changed meanwhile is a conflict.
        was: Box<Definition>,
        /// From now on.
        now: Box<Definition>,
    },
    /// A large object exists.
    CreateLargeObject(LargeObject),
    /// The pages of a large object are others.
    WriteLargeObject {
        /// Which.
        oid: Oid,
        /// The stamp of what was written on; another one is a conflict.
        was: u64,
        /// Its stamp from now on.
        stamp: u64,
    },
    /// CREATE OR REPLACE VIEW: same identity, owner and grants; columns may only be added at the
    /// end.
    ReplaceView {
        /// The view.
        oid: Oid,
        /// New columns; the old ones must be a prefix by name and type.
        columns: Vec<Column>,
        /// New body.
        view: View,
    },
    /// The body of a view says the same in other words, because what it reads is called otherwise
    /// now: of this the view's readers notice nothing.
    Reword {
        /// The view, materialized or not.
        oid: Oid,
        /// The body it was worked out from; replaced meanwhile is a conflict.
        was: String,
        /// Its body.
        query: String,
    },
    /// An object is gone. Dependants must be gone already, or go in the same transaction before it.
    Drop(ObjectId),
    /// ALTER … RENAME TO
    Rename {
        /// What.
        object: ObjectId,
        /// New name.
        name: String,
    },
    /// ALTER TABLE … RENAME COLUMN
    RenameColumn {
        /// Relation.
        relation: Oid,
        /// Which column.
        attnum: i16,
        /// New name.
        name: String,
    },
    /// ALTER TABLE … ADD COLUMN
    AddColumn {
        /// Relation.
        relation: Oid,
        /// The column, its attnum being the relation's next.
        column: Column,
    },
    /// ALTER TABLE … DROP COLUMN
    DropColumn {
        /// Relation.
        relation: Oid,
        /// Which column.
        attnum: i16,
    },
    /// ALTER TABLE … ALTER COLUMN: all of a column but its number, its name and its comment.
    /// Another type goes together with other segments, of rows in that type.
    AlterColumn {
        /// Relation.
        relation: Oid,
        /// The column from now on.
        column: Column,
    },
    /// What a relation was told about its storage. Whoever makes this change holds the relation's
    /// exclusive lock.
    SetTuning {
        /// Relation.
        relation: Oid,
        /// All of it.
        tuning: Box<Tuning>,
    },
    /// What a table promises of its rows, from now on. Whoever makes this change holds the table's
    /// exclusive lock, and has seen that all rows keep the promise.
    SetConstraints {
        /// Table.
        relation: Oid,
        /// All of them.
        constraints: Constraints,
    },
    /// A constraint or index is gone.
    DropConstraint {
        /// Table.
        relation: Oid,
        /// OID of the constraint or index.
        constraint: Oid,
    },
    /// Which rows of a table are for whom, from now on. Whoever makes this change holds the table's
    /// exclusive lock.
    SetRowSecurity {
        /// Table.
        relation: Oid,
        /// All of it.
        security: Box<RowSecurity>,
    },
    /// What a table has of its parents, and what it is divided by, from now on. Whoever makes this
    /// change holds the exclusive locks of the table and its parents.
    SetFamily {
        /// Table.
        relation: Oid,
        /// All of it.
        family: Box<Family>,
    },
    /// A policy is gone.
    DropPolicy {
        /// Table.
        relation: Oid,
        /// OID of the policy.
        policy: Oid,
    },
    /// What a relation calls when its rows change, from now on. Whoever makes this change holds the
    /// relation's exclusive lock.
    SetTriggers {
        /// Relation.
        relation: Oid,
        /// All of them.
        triggers: Vec<Trigger>,
    },
    /// A trigger is gone.
    DropTrigger {
        /// Relation.
        relation: Oid,
        /// OID of the trigger.
        trigger: Oid,
    },
    /// ALTER SEQUENCE
    AlterSequence {
        /// Sequence.
        oid: Oid,
        /// From now on.
        sequence: Sequence,
    },
    /// REFRESH MATERIALIZED VIEW: whether it can be read from now on.
    Populate {
        /// Materialized view.
        relation: Oid,
        /// WITH DATA
        populated: bool,
    },
    /// ALTER TABLE … SET SCHEMA
    SetSchema {
        /// Relation.
        relation: Oid,
        /// Where it goes.
        schema: Oid,
    },
    /// ALTER … OWNER TO. Grants made by the old owner become the new owner's, as in PostgreSQL.
    SetOwner {
        /// What.
        object: ObjectId,
        /// New owner.
        owner: Oid,
    },
    /// GRANT and REVOKE: the whole new list.
    SetAcl {
        /// What.
        object: ObjectId,
        /// The list it was worked out from: if that is no longer the object's, somebody else
        /// granted or revoked meanwhile, and the transaction conflicts.
        was: Option<Acl>,
        /// New list; `None` is the default.
        acl: Option<Acl>,
    },
    /// GRANT and REVOKE of a column: the whole new list.
    SetColumnAcl {
        /// Relation.
        relation: Oid,
        /// Which column.
        attnum: i16,
        /// What it was worked out from; changed meanwhile is a conflict.
        was: Option<Acl>,
        /// New list; `None` is no grant.
        acl: Option<Acl>,
    },
    /// ALTER DEFAULT PRIVILEGES: what objects made later start with.
    SetDefaultAcl {
        /// What it was worked out from; changed meanwhile is a conflict.
        was: Option<Box<DefaultAcl>>,
        /// From now on; `None` is what is hard-wired. Of the same objects as `was`.
        now: Option<Box<DefaultAcl>>,
    },
    /// COMMENT ON
    Comment {
        /// What.
        object: ObjectId,
        /// Column, for COMMENT ON COLUMN.
        attnum: Option<i16>,
        /// New text; `None` removes it.
        text: Option<String>,
    },
    /// ALTER ROLE: the attributes (not the name).
    AlterRole {
        /// The role it was worked out from; attributes changed meanwhile are a conflict.
        was: Role,
        /// The role from now on.
        role: Role,
    },
    /// ALTER ROLE … SET, ALTER DATABASE … SET
    SetSettings {
        /// Whose.
        of: SettingsOf,
        /// What they were worked out from; settings changed meanwhile are a conflict.
        was: BTreeMap<String, String>,
        /// All of them.
        settings: BTreeMap<String, String>,
    },
    /// The role's password is this verifier from now on (`None`: no password logs in). Secrets are
    /// stored apart from the catalog and are in no snapshot.
    SetPassword {
        /// Role.
        role: Oid,
        /// What logins are checked against; see [`crate::storage::secrets`].
        verifier: Option<String>,
    },
    /// GRANT role TO role
    AddMember(Membership),
    /// REVOKE role FROM role
    RemoveMember {
        /// Group.
        role: Oid,
        /// Member.
        member: Oid,
    },
    /// Rows were added.
    AddSegments {
        /// Table.
        relation: Oid,
        /// Their segments.
        segments: Vec<Arc<Segment>>,
    },
    /// Segments were removed (rewritten without some rows, merged, truncated).
    RemoveSegments {
        /// Table.
        relation: Oid,
        /// Which; each must be there, else the transaction conflicts.
        segments: Vec<SegmentId>,
    },
    /// REFRESH or another in-place renewal of a published object: its next publication, and an
    /// event.
    Touch {
        /// Relation.
        relation: Oid,
    },
}

impl Change {
    /// Removes every row of a table; `None` if it has none.
    pub fn emptying(table: &Relation) -> Option<Self> {
        let segments: Vec<_> = table.segments().iter().map(|s| s.id).collect();
        (!segments.is_empty()).then_some(Self::RemoveSegments {
            relation: table.oid,
            segments,
        })
    }
}
