//! Types users make.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Acl, Relation, SearchPath, Snapshot};
use crate::base::{Error, Oid, Result, SqlState};
use crate::types::enums::{Enums, Labels};
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
}

/// A domain: a type whose values keep constraints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    /// The type beneath; may be a domain itself.
    pub base: PgType,
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
        let condition = format!(
            "(SELECT pg_catalog.bool_and(COALESCE(({}), true)) FROM pg_catalog.unnest(VALUE) AS \
             element(value))",
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
        }
    }

    /// The type of arrays over it; `None` if commons has no such arrays.
    pub fn array_ty(&self) -> Option<PgType> {
        match &self.kind {
            TypeKind::Enum(_) => self.ty().array(),
            TypeKind::Domain(domain) => domain.base.arrays_in_domain(self.oid, self.array),
        }
    }

    /// The labels of an enumerated type.
    pub fn labels(&self) -> Option<&Labels> {
        match &self.kind {
            TypeKind::Enum(labels) => Some(labels),
            TypeKind::Domain(_) => None,
        }
    }

    /// What a domain is.
    pub fn domain(&self) -> Option<&Domain> {
        match &self.kind {
            TypeKind::Domain(domain) => Some(domain),
            TypeKind::Enum(_) => None,
        }
    }

    /// `pg_type.typname` of the type of arrays over it.
    pub fn array_name(&self) -> String {
        format!("_{}", self.name)
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
        let mut types = self.types.values();
        types.find(|ty| ty.schema == schema && ty.name == name)
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
        self.types().find(|ty| ty.array == oid)?.array_ty()
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
                condition: "VALUE IS NOT NULL".to_owned(),
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
    pub fn domains_over(&self, ty: Oid) -> impl Iterator<Item = &Arc<UserType>> {
        self.types().filter(move |over| {
            let base = over.domain().and_then(|domain| made_of(domain.base));
            base == Some(ty)
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

    /// Views whose columns or bodies say a type.
    pub fn views_of_type(&self, oid: Oid) -> impl Iterator<Item = &Arc<Relation>> {
        self.relations().filter(move |relation| {
            relation
                .view()
                .is_some_and(|view| view.types.contains(&oid))
        })
    }

    /// `42710` if a type or relation of the name is in the schema: every relation has a row type.
    pub(super) fn check_type_name(&self, schema: Oid, name: &str) -> Result<()> {
        let taken = self.type_named(schema, name).is_some()
            || self.relation_named(schema, name).is_some()
            || self.types_in(schema).any(|ty| ty.array_name() == name);
        if taken {
            return Err(Error::new(
                SqlState::DUPLICATE_OBJECT,
                format!("type \"{name}\" already exists"),
            ));
        }
        Ok(())
    }
}
