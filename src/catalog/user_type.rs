//! Types users make.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Acl, MultirangeType, ObjectId, RangeType, Relation, SearchPath, Snapshot};
use crate::base::{Error, Oid, Result, SqlState};
use crate::types::enums::{Enums, Labels};
use crate::types::pgtype::Shape;
use crate::types::{InDomain, PgType};

/// A type: what PostgreSQL keeps in `pg_type` of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserType {
    /// Identity.
    pub oid: Oid,
    /// OID of the type of arrays over it.
    pub array: Oid,
    /// Name, unique in its schema among types and relations.
    pub name: String,
    /// The schema it is in.
    pub schema: Oid,
    /// Who owns it.
    pub owner: Oid,
    /// Grants, or the default (PUBLIC: USAGE).
    pub acl: Option<Acl>,
    /// COMMENT ON TYPE
    pub comment: Option<String>,
    /// What it is.
    pub kind: TypeKind,
}

/// What a type is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum TypeKind {
    /// AS ENUM
    Enum(Labels),
    /// CREATE DOMAIN
    Domain(Domain),
    /// AS (…)
    Composite(Composite),
    /// AS RANGE
    Range(RangeType),
    /// What is made with a range type.
    Multirange(MultirangeType),
}

/// A type of rows that no relation has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Composite {
    /// `pg_class.oid` of the relation PostgreSQL keeps for it.
    pub relation: Oid,
    /// Number for the next attribute that is added.
    pub next_attnum: i16,
    /// The fields, in order.
    pub attributes: Vec<Attribute>,
}

/// A field of a type of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Number, from 1; never reused in its type.
    pub attnum: i16,
    /// Name, unique in the type.
    pub name: String,
    /// Type.
    pub ty: PgType,
    /// COMMENT ON COLUMN
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Composite {
    /// A field by its name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }

    fn shape(&self) -> Shape {
        let types: Vec<_> = self
            .attributes
            .iter()
            .map(|attribute| attribute.ty)
            .collect();
        Shape::of(&types)
    }
}

/// A domain: a type whose values keep constraints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    /// The type beneath; may be a domain itself.
    pub base: PgType,
    /// COLLATE, where it says another collation than that of the type beneath.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<Oid>,
    /// DEFAULT, as its author wrote it.
    pub default: Option<String>,
    /// NOT NULL
    pub not_null: bool,
    /// CHECK
    pub checks: Vec<DomainCheck>,
}

/// A CHECK of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainCheck {
    /// `pg_constraint.oid`
    pub oid: Oid,
    /// Name, unique in the domain.
    pub name: String,
    /// The condition over VALUE, as its author wrote it.
    pub expression: String,
    /// NOT VALID: values that are there already may be against it.
    #[serde(default)]
    pub not_valid: bool,
    /// COMMENT ON CONSTRAINT … ON DOMAIN
    #[serde(default)]
    pub comment: Option<String>,
}

/// What a type's name means.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// A user's type.
    Type(&'a Arc<UserType>),
    /// The rows of a relation.
    Rows(&'a Arc<Relation>),
    /// The arrays over one of these, by the name of their type.
    Arrays(PgType),
}

impl Found<'_> {
    /// The type.
    pub fn ty(self) -> PgType {
        match self {
            Self::Type(ty) => ty.ty(),
            Self::Rows(relation) => relation.row_ty(),
            Self::Arrays(ty) => ty,
        }
    }

    /// The type of arrays over it; `None` if there are no such arrays.
    pub fn array_ty(self) -> Option<PgType> {
        match self {
            Self::Type(ty) => ty.array_ty(),
            Self::Rows(relation) => relation.row_ty().array(),
            Self::Arrays(_) => None,
        }
    }
}

/// One thing a domain, or a domain beneath it, asks of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The domain the value is to be of.
    pub domain: Oid,
    /// The name of the CHECK; `None` of NOT NULL.
    pub check: Option<String>,
    /// The condition over VALUE, as SQL. NULL is as good as true.
    pub condition: String,
}

impl Rule {
    /// As the condition over an array, that all elements keep it.
    fn of_elements(self) -> Self {
        // In FROM a function's rows are their fields.
        let condition = format!(
            "(SELECT pg_catalog.bool_and(COALESCE(({}), true)) FROM (SELECT \
             pg_catalog.unnest(VALUE) AS value) element)",
            self.condition
        );
        Self { condition, ..self }
    }
}

impl UserType {
    /// The type as columns and expressions have it.
    pub fn ty(&self) -> PgType {
        match &self.kind {
            TypeKind::Enum(_) => PgType::enumerated(self.oid, self.array),
            TypeKind::Domain(domain) => domain.base.in_domain(self.oid),
            TypeKind::Composite(composite) => {
                PgType::composite(self.oid, self.array, composite.shape())
            }
            TypeKind::Range(range) => range.family.types()[0],
            TypeKind::Multirange(multirange) => multirange.family.types()[1],
        }
    }

    /// The type of arrays over it; `None` if commons has no such arrays.
    pub fn array_ty(&self) -> Option<PgType> {
        match &self.kind {
            TypeKind::Enum(_)
            | TypeKind::Composite(_)
            | TypeKind::Range(_)
            | TypeKind::Multirange(_) => self.ty().array(),
            TypeKind::Domain(domain) => domain.base.arrays_in_domain(self.oid, self.array),
        }
    }

    /// The labels of an enumerated type.
    pub fn labels(&self) -> Option<&Labels> {
        if let TypeKind::Enum(labels) = &self.kind {
            return Some(labels);
        }
        None
    }

    /// What a type of rows is made of.
    pub fn composite(&self) -> Option<&Composite> {
        if let TypeKind::Composite(composite) = &self.kind {
            return Some(composite);
        }
        None
    }

    /// What a domain is.
    pub fn domain(&self) -> Option<&Domain> {
        if let TypeKind::Domain(domain) = &self.kind {
            return Some(domain);
        }
        None
    }
}

/// The type of arrays over a relation's rows: above every OID that is handed out.
pub fn row_array(row_type: Oid) -> Oid {
    super::derived_oid(row_type, 0)
}

impl Relation {
    /// The type of its rows.
    pub fn row_ty(&self) -> PgType {
        let types: Vec<_> = self.columns.iter().map(|column| column.ty).collect();
        PgType::composite(self.row_type, row_array(self.row_type), Shape::of(&types))
    }

    /// Whether rows of it are values: those of a sequence are not.
    pub(super) fn has_row_type(&self) -> bool {
        self.sequence().is_none()
    }
}

/// The user's type that a type is, or is an array of.
pub fn made_of(ty: PgType) -> Option<Oid> {
    if let Some(domain) = ty.domain {
        return Some(domain.oid);
    }
    let ty = match ty.is_made() {
        true => ty.element().unwrap_or(ty),
        false => return None,
    };
    Some(ty.oid)
}

impl Snapshot {
    /// All types users made, by OID.
    pub fn types(&self) -> impl Iterator<Item = &Arc<UserType>> {
        self.types.values()
    }

    /// A user's type by OID.
    pub fn user_type(&self, oid: Oid) -> Option<&Arc<UserType>> {
        self.types.get(&oid)
    }

    /// A user's type by schema and name.
    pub fn type_named(&self, schema: Oid, name: &str) -> Option<&Arc<UserType>> {
        // The key is owned because BTreeMap cannot borrow a tuple of parts.
        let oid = self.type_names.get(&(schema, name.to_owned()))?;
        self.types.get(oid)
    }

    /// Types of a schema, by OID.
    pub fn types_in(&self, schema: Oid) -> impl Iterator<Item = &Arc<UserType>> {
        self.types().filter(move |ty| ty.schema == schema)
    }

    /// What an OID is as a type: one of the built-in ones, a user's, or the arrays over one.
    pub fn pg_type(&self, oid: Oid) -> Option<PgType> {
        if oid.is_system() {
            let known = crate::types::pgtype::all().any(|info| info.oid == oid);
            return known.then_some(PgType::of(oid.0));
        }
        if let Some(ty) = self.user_type(oid) {
            return Some(ty.ty());
        }
        if let Some(over) = self.types().find(|ty| ty.array == oid) {
            return over.array_ty();
        }
        if let Some(relation) = self.relation_with_rows(oid) {
            return Some(relation.row_ty());
        }
        let over = super::row_type_of_array(oid)?;
        self.relation_with_rows(over)?.row_ty().array()
    }

    /// The relation whose rows are of a type; also of a snapshot that is being changed.
    pub fn relation_with_rows(&self, row_type: Oid) -> Option<&Arc<Relation>> {
        let mut relations = self.relations();
        relations.find(|relation| relation.row_type == row_type && relation.has_row_type())
    }

    /// The type of rows that PostgreSQL keeps a relation for, by the relation's OID.
    pub fn composite_of_relation(&self, relation: Oid) -> Option<&Arc<UserType>> {
        self.types()
            .find(|ty| ty.composite().is_some_and(|of| of.relation == relation))
    }

    /// What the fields of a type of rows are called, in order; `None` of what has none.
    pub fn field_names(&self, ty: Oid) -> Option<Vec<&str>> {
        if let Some(ty) = self.user_type(ty) {
            let attributes = ty.composite()?.attributes.iter();
            return Some(
                attributes
                    .map(|attribute| attribute.name.as_str())
                    .collect(),
            );
        }
        let columns = self.relation_with_rows(ty)?.columns.iter();
        Some(columns.map(|column| column.name.as_str()).collect())
    }

    /// As [`Self::pg_type`], with no more than the OID of what is not known as a type of values.
    pub fn value_type(&self, oid: Oid) -> PgType {
        self.pg_type(oid).unwrap_or(PgType::of(oid.0))
    }

    /// A domain and those beneath it, outermost first.
    fn domains(&self, domain: Oid) -> Vec<(Oid, &Domain)> {
        let mut chain = Vec::new();
        let mut next = Some(domain);
        while let Some(oid) = next {
            let Some(domain) = self.user_type(oid).and_then(|ty| ty.domain()) else {
                break;
            };
            chain.push((oid, domain));
            let beneath = domain.base.domain;
            next = beneath.filter(|of| of.array.is_none()).map(|of| of.oid);
        }
        chain
    }

    /// What a domain asks of a value, in the order PostgreSQL looks at it: NOT NULL, then the
    /// checks by name, those of the domain beneath first.
    pub fn domain_rules(&self, of: InDomain) -> Vec<Rule> {
        let chain = self.domains(of.oid);
        let mut rules = Vec::new();
        if chain.iter().any(|(_, domain)| domain.not_null) {
            rules.push(Rule {
                domain: of.oid,
                check: None,
                // A row of NULLs is none.
                condition: "VALUE IS DISTINCT FROM NULL".to_owned(),
            });
        }
        // What a domain over arrays of another asks of the elements.
        let elements = chain.last().and_then(|(_, domain)| domain.base.domain);
        rules.extend(elements.into_iter().flat_map(|of| self.domain_rules(of)));
        for (_, domain) in chain.iter().rev() {
            let mut checks: Vec<_> = domain.checks.iter().collect();
            checks.sort_by(|a, b| a.name.cmp(&b.name));
            rules.extend(checks.into_iter().map(|check| Rule {
                domain: of.oid,
                check: Some(check.name.clone()),
                condition: check.expression.clone(),
            }));
        }
        match of.array {
            Some(_) => rules.into_iter().map(Rule::of_elements).collect(),
            None => rules,
        }
    }

    /// The default of a domain, or of one beneath it.
    pub fn domain_default(&self, of: InDomain) -> Option<&str> {
        let chain = of.array.is_none().then(|| self.domains(of.oid));
        chain
            .into_iter()
            .flatten()
            .find_map(|(_, domain)| domain.default.as_deref())
    }

    /// The collation that a domain, or one beneath it, has instead of its type's.
    pub fn domain_collation(&self, of: InDomain) -> Option<Oid> {
        let chain = self.domains(of.oid);
        chain.into_iter().find_map(|(_, domain)| domain.collation)
    }

    /// The columns whose values keep a domain's constraints.
    pub fn columns_of_domain(&self, domain: Oid) -> Vec<(Oid, i16)> {
        let mut found = Vec::new();
        for relation in self
            .relations()
            .filter(|relation| relation.view().is_none())
        {
            for column in &relation.columns {
                let of = column.ty.domain.map(|of| self.domains(of.oid));
                let mut chain = of.into_iter().flatten();
                if chain.any(|(oid, _)| oid == domain) {
                    found.push((relation.oid, column.attnum));
                }
            }
        }
        found
    }

    /// A check of a domain by its OID.
    pub fn domain_check(&self, oid: Oid) -> Option<(&Arc<UserType>, &DomainCheck)> {
        self.types().find_map(|ty| {
            let mut checks = ty.domain()?.checks.iter();
            Some((ty, checks.find(|check| check.oid == oid)?))
        })
    }

    /// Domains over a type.
    pub(super) fn domains_over(&self, ty: Oid) -> impl Iterator<Item = &Arc<UserType>> {
        self.types().filter(move |over| {
            let base = over.domain().and_then(|domain| made_of(domain.base));
            base == Some(ty)
        })
    }

    /// The fields, of types of rows, that are of a type or of arrays of it.
    pub fn attributes_of_type(
        &self,
        ty: Oid,
    ) -> impl Iterator<Item = (&Arc<UserType>, &Attribute)> {
        self.types().flat_map(move |of| {
            let attributes = of.composite().into_iter().flat_map(|c| &c.attributes);
            attributes
                .filter(move |attribute| made_of(attribute.ty) == Some(ty))
                .map(move |attribute| (of, attribute))
        })
    }

    /// The type of values that a name means: a user's type, the rows of a relation, or the arrays
    /// over one of these.
    pub fn resolve_value_type(
        &self,
        path: &SearchPath,
        schema: Option<&str>,
        name: &str,
    ) -> Option<Found<'_>> {
        let mut schemas = path.candidates(self, schema).into_iter();
        schemas.find_map(|oid| {
            let own = self.named_type(oid, name);
            own.or_else(|| {
                let over = self.array_named(oid, name)?;
                over.array_ty().map(Found::Arrays)
            })
        })
    }

    /// The user's type a name means: in `schema` if one is given, else first found along the path.
    pub fn resolve_type(
        &self,
        path: &SearchPath,
        schema: Option<&str>,
        name: &str,
    ) -> Option<&Arc<UserType>> {
        let mut schemas = path.candidates(self, schema).into_iter();
        schemas.find_map(|oid| self.type_named(oid, name))
    }

    /// The labels of every enumerated type.
    pub fn enums(&self) -> &Enums {
        &self.enums
    }

    /// Works out anew what is derived from the types.
    pub(super) fn index_types(&mut self) {
        let labels: BTreeMap<Oid, Arc<Labels>> = self
            .types
            .values()
            .filter_map(|ty| Some((ty.oid, Arc::new(ty.labels()?.clone()))))
            .collect();
        self.enums = Enums::new(labels);
        let names = self.types.values();
        let names = names.map(|ty| ((ty.schema, ty.name.clone()), ty.oid));
        self.type_names = Arc::new(names.collect());
    }

    /// What is of a type of rows that is made of something else now is something else too, and so
    /// are the types it is a field of.
    pub(super) fn retype_attributes(&mut self, ty: PgType) {
        let mut changed = Vec::new();
        for of in Arc::make_mut(&mut self.types).values_mut() {
            let uses = |attribute: &Attribute| made_of(attribute.ty) == Some(ty.oid);
            if !of
                .composite()
                .is_some_and(|of| of.attributes.iter().any(uses))
            {
                continue;
            }
            let of = Arc::make_mut(of);
            if let TypeKind::Composite(composite) = &mut of.kind {
                let attributes = composite.attributes.iter_mut();
                for attribute in attributes.filter(|attribute| uses(attribute)) {
                    let own = attribute.ty;
                    let made = match own.oid == ty.oid {
                        true => ty.made,
                        false => ty.array().unwrap_or(own).made,
                    };
                    attribute.ty = PgType { made, ..own };
                }
            }
            changed.push(of.ty());
        }
        for ty in changed {
            self.retype_attributes(ty);
        }
    }

    /// The columns of tables that are of a type, or of arrays of it.
    pub fn columns_of_type(&self, oid: Oid) -> impl Iterator<Item = (&Arc<Relation>, i16)> {
        self.relations()
            .filter(|relation| relation.view().is_none())
            .flat_map(move |relation| {
                let columns = relation.columns.iter();
                columns
                    .filter(move |column| made_of(column.ty) == Some(oid))
                    .map(move |column| (relation, column.attnum))
            })
    }

    /// `0A000` if what a type of rows is made of cannot change: `what` is the type, as messages
    /// name it.
    pub(super) fn refuse_row_users(&self, ty: Oid, what: &str) -> Result<()> {
        if let Some((table, attnum)) = self.columns_of_type(ty).next() {
            let column = table.columns.iter().find(|column| column.attnum == attnum);
            let column = column.map_or("?", |column| column.name.as_str());
            let uses = match self.user_type(ty) {
                Some(_) => "uses it",
                None => "uses its row type",
            };
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!(
                    "cannot alter {what} because column \"{}.{column}\" {uses}",
                    table.name
                ),
            ));
        }
        let mut users: Vec<String> = Vec::new();
        let views = self.views_of_type(ty);
        users.extend(views.map(|view| self.describe(ObjectId::Relation(view.oid))));
        let over = self.types_over(ty);
        users.extend(over.map(|of| self.describe(ObjectId::Type(of.oid))));
        for (of, _) in self.attributes_of_type(ty) {
            self.refuse_row_users(of.oid, what)?;
        }
        match users.is_empty() {
            true => Ok(()),
            false => {
                let lines: Vec<_> = users
                    .iter()
                    .map(|user| format!("{user} uses it."))
                    .collect();
                let what = format!("changing what {what} is made of while others use it");
                Err(Error::unsupported(what)
                    .detail(lines.join("\n"))
                    .hint("Drop them first and create them again afterwards."))
            }
        }
    }

    /// Views whose columns or bodies say a type.
    pub fn views_of_type(&self, oid: Oid) -> impl Iterator<Item = &Arc<Relation>> {
        self.relations().filter(move |relation| {
            relation
                .view()
                .is_some_and(|view| view.types.contains(&oid))
        })
    }

    /// That a type may have a name in a schema: every relation has a row type.
    ///
    /// # Errors
    /// `42710`
    pub fn check_type_name(&self, schema: Oid, name: &str) -> Result<()> {
        let taken =
            self.type_named(schema, name).is_some() || self.relation_named(schema, name).is_some();
        if taken {
            return Err(Error::new(
                SqlState::DUPLICATE_OBJECT,
                format!("type \"{name}\" already exists"),
            ));
        }
        Ok(())
    }
}
