//! What types of arrays are called.

use super::Snapshot;
use super::user_type::Found;
use crate::base::Oid;
use crate::base::limits::NAME_BYTES_MAX;
use crate::base::name::truncate;

/// The most bytes that a character before the cut takes along.
const SHORTENED_BYTES: usize = 4;

impl Snapshot {
    /// `pg_type.typname` of the type of arrays over the type `name` of a schema.
    ///
    /// An underscore and the name; as in PostgreSQL it gives way, by more underscores, to a type
    /// that users give that name. PostgreSQL keeps what came of it when the types were made; here
    /// it follows from the names that are there, in the order in which the types were made.
    pub fn array_name(&self, schema: Oid, name: &str) -> String {
        let array = underscored(name);
        if name.len() >= NAME_BYTES_MAX {
            return self.shortened_name(schema, name);
        }
        if !name.starts_with('_') && self.named_type(schema, &array).is_none() {
            return array;
        }
        let names = self.arrays_alike(schema, name.trim_start_matches('_'));
        let own = names.into_iter().find(|(of, _)| of == name);
        own.map_or(array, |(_, array)| array)
    }

    /// The type of a schema that is called so and is not one of arrays.
    pub(super) fn named_type(&self, schema: Oid, name: &str) -> Option<Found<'_>> {
        let own = self.type_named(schema, name).map(Found::Type);
        own.or_else(|| {
            let relation = self.relation_named(schema, name)?;
            relation.has_row_type().then_some(Found::Rows(relation))
        })
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
            .or_else(|| {
                // The name of the type may have been too long for an underscore before it.
                let short = array.len() + SHORTENED_BYTES < NAME_BYTES_MAX;
                let mut long = (!short)
                    .then(|| self.long_names(schema))
                    .into_iter()
                    .flatten();
                long.find(|name| self.array_name(schema, name) == array)
                    .cloned()
            })?;
        self.named_type(schema, &over)
    }

    /// The names of a schema's types that are too long for an underscore before them.
    fn long_names(&self, schema: Oid) -> impl Iterator<Item = &String> {
        let known = self.types_in(schema).map(|ty| &ty.name);
        let known = known.chain(self.relations_in(schema).map(|relation| &relation.name));
        known.filter(|name| name.len() >= NAME_BYTES_MAX)
    }

    /// [`Self::array_name`] of such a type: those that begin alike have an underscore more each.
    fn shortened_name(&self, schema: Oid, name: &str) -> String {
        let array = underscored(name);
        let alike = self
            .long_names(schema)
            .filter(|of| underscored(of) == array);
        let own = self.named_type(schema, name).map(|of| of.ty().oid);
        let older = alike.filter(|of| {
            let oid = self.named_type(schema, of).map(|of| of.ty().oid);
            oid < own
        });
        let older = older.count();
        (0..older).fold(array, |array, _| underscored(&array))
    }

    /// The types of a schema whose names differ in underscores before them alone, with the names
    /// of the arrays over them.
    fn arrays_alike(&self, schema: Oid, base: &str) -> Vec<(String, String)> {
        let many = 0..=NAME_BYTES_MAX.saturating_sub(base.len());
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
    // A name of underscores alone becomes no other.
    for _ in 0..NAME_BYTES_MAX {
        if !types.iter().any(|(ty, of)| *ty == array || *of == array) {
            break;
        }
        array = underscored(&array);
    }
    array
}

/// A name behind one more underscore, as long as names may be.
fn underscored(name: &str) -> String {
    truncate(&format!("_{name}")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_way_to_types_and_other_arrays() {
        let types = [
            ("_a".to_owned(), "__a".to_owned()),
            ("a".to_owned(), String::new()),
        ];
        assert_eq!(free_array(&types, "a"), "___a");
        assert_eq!(free_array(&types, "b"), "_b");
    }

    #[test]
    fn ends_where_there_is_no_other_name() {
        let all = "_".repeat(NAME_BYTES_MAX);
        let types = [(all.clone(), String::new())];
        assert_eq!(free_array(&types, &all), all);
    }

    #[test]
    fn is_cut_between_characters() {
        let name = format!("{}é", "a".repeat(NAME_BYTES_MAX - 2));
        assert_eq!(
            underscored(&name),
            format!("_{}", "a".repeat(NAME_BYTES_MAX - 2))
        );
    }
}
