//! The immutable catalog: indexes by identity and by name.
//!
//! Cloning is cheap: every map is shared, and a change copies the one map it touches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::default_acl::DefaultAcl;
use super::definition::Definitions;
use super::derived::Derived;
use super::large_object::LargeObjects;
use super::object::{
    Column, Database, Membership, ObjectId, Relation, RelationKind, Role, Schema, SettingsOf,
};
use super::routine::Routine;
use super::user_type::UserType;
use crate::base::{Error, Oid, Result, SqlState, Version};
use crate::types::enums::Enums;

/// What exists at one [`Version`].
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub(super) version: Version,
    pub(super) database: Arc<Database>,
    pub(super) schemas: Arc<BTreeMap<Oid, Arc<Schema>>>,
    pub(super) schema_names: Arc<BTreeMap<String, Oid>>,
    pub(super) relations: Arc<BTreeMap<Oid, Arc<Relation>>>,
    pub(super) relation_names: Arc<BTreeMap<(Oid, String), Oid>>,
    pub(super) roles: Arc<BTreeMap<Oid, Arc<Role>>>,
    pub(super) role_names: Arc<BTreeMap<String, Oid>>,
    pub(super) memberships: Arc<BTreeMap<(Oid, Oid), Membership>>,
    pub(super) routines: Arc<BTreeMap<Oid, Arc<Routine>>>,
    pub(super) routine_names: Arc<BTreeMap<(Oid, String), BTreeSet<Oid>>>,
    pub(super) types: Arc<BTreeMap<Oid, Arc<UserType>>>,
    pub(super) default_acls: Arc<BTreeMap<Oid, Arc<DefaultAcl>>>,
    pub(super) large_objects: LargeObjects,
    pub(super) definitions: Definitions,
    /// The labels of `types`, as values are read and written with.
    pub(super) enums: Enums,
    /// Types by schema and name.
    pub(super) type_names: Arc<BTreeMap<(Oid, String), Oid>>,
    pub(super) derived: Derived,
}

impl Snapshot {
    /// A snapshot from its objects, as recovery reads them. Indexes are built here and nowhere
    /// else.
    pub fn from_objects(
        version: Version,
        database: Database,
        schemas: impl IntoIterator<Item = Schema>,
        relations: impl IntoIterator<Item = Relation>,
        roles: impl IntoIterator<Item = Role>,
        memberships: impl IntoIterator<Item = Membership>,
        types: impl IntoIterator<Item = UserType>,
    ) -> Self {
        let schemas: BTreeMap<_, _> = schemas.into_iter().map(|s| (s.oid, Arc::new(s))).collect();
        let relations: BTreeMap<_, _> = relations
            .into_iter()
            .map(|r| (r.oid, Arc::new(r)))
            .collect();
        let roles: BTreeMap<_, _> = roles.into_iter().map(|r| (r.oid, Arc::new(r))).collect();
        let types = types.into_iter().map(|ty| (ty.oid, Arc::new(ty)));
        let mut snapshot = Self {
            version,
            database: Arc::new(database),
            types: Arc::new(types.collect()),
            enums: Enums::NONE,
            type_names: Arc::default(),
            schema_names: Arc::new(schemas.values().map(|s| (s.name.clone(), s.oid)).collect()),
            relation_names: Arc::new(
                relations
                    .values()
                    .map(|r| ((r.schema, r.name.clone()), r.oid))
                    .collect(),
            ),
            role_names: Arc::new(roles.values().map(|r| (r.name.clone(), r.oid)).collect()),
            memberships: Arc::new(
                memberships
                    .into_iter()
                    .map(|m| ((m.role, m.member), m))
                    .collect(),
            ),
            schemas: Arc::new(schemas),
            relations: Arc::new(relations),
            roles: Arc::new(roles),
            routines: Arc::default(),
            routine_names: Arc::default(),
            default_acls: Arc::default(),
            large_objects: Arc::default(),
            definitions: Arc::default(),
            derived: Derived::default(),
        };
        snapshot.index_types();
        snapshot
    }

    /// The same with functions and procedures, as recovery reads them.
    pub fn with_routines(mut self, routines: impl IntoIterator<Item = Routine>) -> Self {
        for routine in routines {
            self.place_routine(routine);
        }
        self
    }

    /// The same with default privileges, as recovery reads them.
    pub fn with_default_acls(mut self, acls: impl IntoIterator<Item = DefaultAcl>) -> Self {
        let acls = acls.into_iter().map(|acl| (acl.oid, Arc::new(acl)));
        self.default_acls = Arc::new(acls.collect());
        self
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The same catalog under another version.
    pub fn at_version(&self, version: Version) -> Self {
        Self {
            version,
            ..self.clone()
        }
    }

    /// The database.
    pub fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// All schemas, by OID.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        self.schemas.values()
    }

    /// Schema by OID.
    pub fn schema(&self, oid: Oid) -> Option<&Arc<Schema>> {
        self.schemas.get(&oid)
    }

    /// Schema by name.
    pub fn schema_named(&self, name: &str) -> Option<&Arc<Schema>> {
        self.schema_names
            .get(name)
            .and_then(|oid| self.schemas.get(oid))
    }

    /// Schema by name, or `3F000`.
    pub fn must_schema(&self, name: &str) -> Result<&Arc<Schema>> {
        self.schema_named(name).ok_or_else(|| {
            Error::new(
                SqlState::INVALID_SCHEMA_NAME,
                format!("schema \"{name}\" does not exist"),
            )
        })
    }

    /// All relations, by OID.
    pub fn relations(&self) -> impl Iterator<Item = &Arc<Relation>> {
        self.relations.values()
    }

    /// Relation by OID.
    pub fn relation(&self, oid: Oid) -> Option<&Arc<Relation>> {
        self.relations.get(&oid)
    }

    /// Relation by schema and name.
    pub fn relation_named(&self, schema: Oid, name: &str) -> Option<&Arc<Relation>> {
        // The key is owned because BTreeMap cannot borrow a tuple of parts.
        self.relation_names
            .get(&(schema, name.to_owned()))
            .and_then(|oid| self.relations.get(oid))
    }

    /// Relations of a schema, by name.
    pub fn relations_in(&self, schema: Oid) -> impl Iterator<Item = &Arc<Relation>> {
        self.relation_names
            .range((schema, String::new())..)
            .take_while(move |((s, _), _)| *s == schema)
            .filter_map(|(_, oid)| self.relations.get(oid))
    }

    /// The table that has an index, and the index, by name.
    pub fn index_named(&self, schema: Oid, name: &str) -> Option<(&Arc<Relation>, &super::Index)> {
        self.relations_in(schema).find_map(|relation| {
            let indexes = &relation.constraints.indexes;
            let index = indexes.iter().find(|index| index.name == name)?;
            Some((relation, index))
        })
    }

    /// All roles, by OID.
    pub fn roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.roles.values()
    }

    /// Role by OID.
    pub fn role(&self, oid: Oid) -> Option<&Arc<Role>> {
        self.roles.get(&oid)
    }

    /// Role by name.
    pub fn role_named(&self, name: &str) -> Option<&Arc<Role>> {
        self.role_names
            .get(name)
            .and_then(|oid| self.roles.get(oid))
    }

    /// Role by name, or `42704`.
    pub fn must_role(&self, name: &str) -> Result<&Arc<Role>> {
        self.role_named(name).ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_OBJECT,
                format!("role \"{name}\" does not exist"),
            )
        })
    }

    /// The role's name, or `unknown (OID=n)` as PostgreSQL's `pg_get_userbyid`.
    pub fn role_name(&self, oid: Oid) -> String {
        self.role(oid)
            .map_or_else(|| format!("unknown (OID={oid})"), |role| role.name.clone())
    }

    /// The settings that sessions start with, as stored.
    pub fn settings_of(&self, of: SettingsOf) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        let found = match of {
            SettingsOf::Role(role) => self.role(role).map(|role| &role.settings),
            SettingsOf::RoleHere(role) => self.database.settings.get(&role),
            SettingsOf::Database => self.database.settings.get(&Oid::INVALID),
            SettingsOf::Everybody => Some(&self.database.everywhere),
        };
        found.unwrap_or(&NONE)
    }

    /// All functions and procedures, by OID.
    pub fn routines(&self) -> impl Iterator<Item = &Arc<Routine>> {
        self.routines.values()
    }

    /// Function or procedure by OID.
    pub fn routine(&self, oid: Oid) -> Option<&Arc<Routine>> {
        self.routines.get(&oid)
    }

    /// The functions and procedures of a name in a schema, by OID.
    pub fn routines_named(&self, schema: Oid, name: &str) -> impl Iterator<Item = &Arc<Routine>> {
        self.routine_names
            .get(&(schema, name.to_owned()))
            .into_iter()
            .flatten()
            .filter_map(|oid| self.routines.get(oid))
    }

    /// Functions and procedures of a schema.
    pub fn routines_in(&self, schema: Oid) -> impl Iterator<Item = &Arc<Routine>> {
        self.routines
            .values()
            .filter(move |routine| routine.schema == schema)
    }

    /// All memberships.
    pub fn memberships(&self) -> impl Iterator<Item = &Membership> {
        self.memberships.values()
    }

    /// Views that read `relation` directly.
    pub fn dependants(&self, relation: Oid) -> impl Iterator<Item = &Arc<Relation>> {
        self.relations.values().filter(move |other| {
            other
                .view()
                .is_some_and(|view| view.depends_on.contains(&relation))
        })
    }

    /// A relation as it is read now. What a view says of its arrays is what they were when it was
    /// made; since then what it reads may have been told to hold arrays of any dimensions.
    pub fn as_read(&self, relation: &Arc<Relation>) -> Arc<Relation> {
        let is_view = matches!(relation.kind, RelationKind::View(_));
        let lists = |column: &Column| column.ty.has_lists() && !column.ty.has_any_dimensions();
        if !is_view || !relation.columns.iter().any(lists) || !self.gives_any_arrays(relation) {
            return Arc::clone(relation);
        }
        let mut read = Relation::clone(relation);
        for column in &mut read.columns {
            column.ty = column.ty.with_any_dimensions();
        }
        Arc::new(read)
    }

    /// Whether something that a view reads, through whatever views, may hold arrays of any
    /// dimensions. What a function answers with is not known here.
    fn gives_any_arrays(&self, view: &Relation) -> bool {
        let body = |relation: &Relation| match &relation.kind {
            RelationKind::View(view) => view.depends_on.clone(),
            _ => Vec::new(),
        };
        let mut next = body(view);
        let mut seen = BTreeSet::new();
        while let Some(oid) = next.pop() {
            if !seen.insert(oid) {
                continue;
            }
            match self.relation(oid) {
                Some(read) if read.columns.iter().any(|c| c.ty.has_any_dimensions()) => {
                    return true;
                }
                Some(read) => next.extend(body(read)),
                None if self.routine(oid).is_some() => return true,
                None => {}
            }
        }
        false
    }

    /// Who owns an object; `None` if there is no such object. A role is owned by nobody.
    pub fn owner(&self, object: ObjectId) -> Option<Oid> {
        match object {
            ObjectId::Database => Some(self.database.owner),
            ObjectId::Schema(oid) => self.schema(oid).map(|schema| schema.owner),
            ObjectId::Relation(oid) => self.relation(oid).map(|relation| relation.owner),
            ObjectId::Routine(oid) => self.routine(oid).map(|routine| routine.owner),
            ObjectId::Type(oid) => self.user_type(oid).map(|ty| ty.owner),
            ObjectId::LargeObject(oid) => self.large_object(oid).map(|of| of.owner),
            ObjectId::Definition(oid) => self.definition(oid).map(|of| of.owner),
            ObjectId::Role(_) => None,
        }
    }

    /// An object's grants as stored; `None` is the default of its kind, and of what has none.
    pub fn acl(&self, object: ObjectId) -> Option<&super::Acl> {
        match object {
            ObjectId::Database => self.database.acl.as_ref(),
            ObjectId::Schema(oid) => self.schema(oid)?.acl.as_ref(),
            ObjectId::Relation(oid) => self.relation(oid)?.acl.as_ref(),
            ObjectId::Routine(oid) => self.routine(oid)?.acl.as_ref(),
            ObjectId::Type(oid) => self.user_type(oid)?.acl.as_ref(),
            ObjectId::LargeObject(oid) => self.large_object(oid)?.acl.as_ref(),
            ObjectId::Role(_) | ObjectId::Definition(_) => None,
        }
    }

    /// `schema.name` of a relation, for messages.
    pub fn qualified_name(&self, relation: &Relation) -> crate::base::name::QualifiedName {
        let schema = self
            .schema(relation.schema)
            .map_or("?", |schema| schema.name.as_str());
        crate::base::name::QualifiedName::new(schema, relation.name.clone())
    }
}
