//! What exists, as a value.
//!
//! A [`Snapshot`] is immutable. A [`Change`] is a fact. [`Snapshot::apply`] is the only way to make
//! another snapshot, and it is pure: no clock, no I/O, no permission. Transactions, recovery and
//! tests all use it.

pub mod acl;
mod aggregate;
mod apply;
mod array_name;
pub mod change;
mod constraint;
mod default_acl;
mod definition;
mod dependency;
mod derived;
mod family;
mod genesis;
mod large_object;
pub mod object;
mod policy;
mod range_type;
mod reserved;
mod resolve;
pub mod routine;
pub mod segment;
mod sequence;
mod snapshot;
mod temporary;
#[cfg(test)]
mod tests;
mod trigger;
mod tuning;
pub mod user_type;
mod walk;

pub use acl::{Acl, AclItem, DisplayAclItem, Privilege, Privileges};
pub use aggregate::{Aggregate, AggregateKind, Modify, Moving, Transition};
pub use change::Change;
pub use constraint::{
    Check, Constraints, ForeignAction, ForeignKey, Index, IndexPart, IndexedBy, KeyPart, Timing,
    index_columns,
};
pub use default_acl::{DefaultAcl, DefaultKind};
pub use definition::{
    Cast, CastMade, CastMethod, Definition, DefinitionBody, Operator, StatisticKind, Statistics,
};
pub use dependency::{Cascade, Dependence, Dependent};
pub use derived::{Places, derived_oid, row_type_of_array};
pub use family::{
    Family, Inherited, PartitionBound, PartitionKey, PartitionKeyPart, PartitionStrategy,
    RangeDatum,
};
pub use large_object::{LargeObject, duplicate_large_object, missing_large_object};
pub use object::{
    CheckOption, Column, Database, Generation, Membership, ObjectId, Persistence, Relation,
    RelationKind, Role, Schema, SettingsOf, View,
};
pub use policy::{Condition, Policy, PolicyCommand, RowSecurity};
pub use range_type::{Constructors, MultirangeType, RangeType};
pub use resolve::{SearchPath, undefined_relation};
pub use routine::{Parallel, Parameter, ParameterMode, Routine, RoutineBody, Volatility};
pub use segment::{ColumnStatistics, Location, Segment};
pub use sequence::{Sequence, Standing};
pub use snapshot::Snapshot;
pub use trigger::{ConstraintTrigger, Enabled, Firing, Trigger, TriggerEvent, without_stars};
pub use tuning::{
    ColumnTuning, ParameterChanges, Parameters, ReplicaIdentity, Tuned, Tuning, check_parameter,
    is_true, with_parameters,
};
pub use user_type::{Attribute, Composite, TypeKind, UserType};
