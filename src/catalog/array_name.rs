//! What types of arrays are called.

use super::Snapshot;
use super::user_type::Found;
use crate::base::Oid;

/// The most bytes of a name: PostgreSQL's `NAMEDATALEN` without its final NUL.
const NAME_BYTES: usize = 63;

impl Snapshot {
    /// `pg_type.typname` of the type of arrays over the type `name` of a schema.
    ///
    /// An underscore and the name; as in PostgreSQL it gives way, by more underscores, to a type
    /// that users give that name. PostgreSQL keeps what came of it when the types were made; here
    /// it follows from the names that are there, in the order in which the types were made.
    pub fn array_name(&self, schema: Oid, name: &str) -> String {
        let array = underscored(name);
        if !name.starts_with('_') && self.named_type(schema, &array).is_none() {
            return array;
        }
        let names = self.arrays_alike(schema, name.trim_start_matches('_'));
        let own = names.into_iter().find(|(of, _)| of == name);
        own.map_or(array, |(_, array)| array)
    }

    /// What arrays are over whose type has a name in a schema.
    pub(super) fn array_named(&self, schema: Oid, array: &str) -> Option<Found<'_>> {
        let base = array.trim_start_matches('_');
        let most = array.len() - base.len();
        let mut elements = (0..most).map(|many| format!("{}{base}", "_".repeat(many)));
        let over = elements
            .find(|name| {
                self.named_type(schema, name).is_some() && self.array_name(schema, name) == array
            })
            .or_else(|| self.shortened(schema, array))?;
        self.named_type(schema, &over)
    }

    /// The type whose name was too long for an underscore before it.
    fn shortened(&self, schema: Oid, array: &str) -> Option<String> {
        let known = self.types_in(schema).map(|ty| &ty.name);
        let known = known.chain(self.relations_in(schema).map(|relation| &relation.name));
        let mut long = known.filter(|name| name.len() >= NAME_BYTES);
        long.find(|name| underscored(name) == array).cloned()
    }

    /// The types of a schema whose names differ in underscores before them alone, with the names
    /// of the arrays over them.
    fn arrays_alike(&self, schema: Oid, base: &str) -> Vec<(String, String)> {
        let many = 0..=NAME_BYTES.saturating_sub(base.len());
        let mut made: Vec<_> = many
            .filter_map(|many| {
                let name = format!("{}{base}", "_".repeat(many));
                let oid = self.named_type(schema, &name)?.ty().oid;
                Some((oid, name))
            })
            .collect();
        made.sort_by_key(|(oid, _)| *oid);
        let mut types: Vec<(String, String)> = Vec::new();
        for (_, name) in made {
            let moved = types.iter().position(|(_, array)| *array == name);
            types.push((name.clone(), String::new()));
            for at in moved.into_iter().chain([types.len() - 1]) {
                types[at].1 = free_array(&types, &name);
            }
        }
        types
    }
}

/// What arrays may be called where they would have been called as a type is.
fn free_array(types: &[(String, String)], name: &str) -> String {
    let mut array = underscored(name);
    while types.iter().any(|(ty, of)| *ty == array || *of == array) {
        array = underscored(&array);
    }
    array
}

/// A name behind one more underscore, as long as names may be.
fn underscored(name: &str) -> String {
    let mut end = name.len().min(NAME_BYTES - 1);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("_{}", &name[..end])
}
