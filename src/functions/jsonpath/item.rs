//! What a path finds: values of jsonb, and moments, which jsonb has none of.

use super::moment::Moment;
use crate::functions::json_tree::Tree;
use crate::types::Numeric;

/// An item; parts of the document are not copied.
#[derive(Debug, Clone)]
pub(super) enum Item<'a> {
    Part(&'a Tree),
    Made(Tree),
    Moment(Moment),
}

impl<'a> Item<'a> {
    pub(super) fn tree(&self) -> Option<&Tree> {
        match self {
            Self::Part(tree) => Some(tree),
            Self::Made(tree) => Some(tree),
            Self::Moment(_) => None,
        }
    }

    pub(super) fn into_tree(self) -> Tree {
        match self {
            Self::Part(tree) => tree.clone(),
            Self::Made(tree) => tree,
            Self::Moment(moment) => Tree::String(moment.to_string()),
        }
    }

    pub(super) fn number(&self) -> Option<Numeric> {
        match self.tree()? {
            Tree::Number(text) => Numeric::parse(text),
            _ => None,
        }
    }

    pub(super) fn string(&self) -> Option<&str> {
        match self.tree()? {
            Tree::String(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn of_number(number: &Numeric) -> Self {
        Self::Made(Tree::Number(number.to_string()))
    }

    /// The elements of an array; `None` if it is none.
    pub(super) fn elements(&self) -> Option<Vec<Item<'a>>> {
        match self {
            Self::Part(Tree::Array(items)) => Some(items.iter().map(Item::Part).collect()),
            Self::Made(Tree::Array(items)) => Some(items.iter().cloned().map(Item::Made).collect()),
            _ => None,
        }
    }

    /// The fields of an object; `None` if it is none.
    pub(super) fn fields(&self) -> Option<Vec<(String, Item<'a>)>> {
        match self {
            Self::Part(Tree::Object(fields)) => Some(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), Item::Part(value)))
                    .collect(),
            ),
            Self::Made(Tree::Object(fields)) => Some(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), Item::Made(value.clone())))
                    .collect(),
            ),
            _ => None,
        }
    }

    /// A field; the outer `None` if it is no object.
    pub(super) fn field(&self, name: &str) -> Option<Option<Item<'a>>> {
        match self {
            Self::Part(Tree::Object(fields)) => Some(
                fields
                    .iter()
                    .find(|(known, _)| known == name)
                    .map(|(_, value)| Item::Part(value)),
            ),
            Self::Made(Tree::Object(fields)) => Some(
                fields
                    .iter()
                    .find(|(known, _)| known == name)
                    .map(|(_, value)| Item::Made(value.clone())),
            ),
            _ => None,
        }
    }

    /// What is in it.
    pub(super) fn children(&self) -> Vec<Item<'a>> {
        match self.elements() {
            Some(items) => items,
            None => self
                .fields()
                .unwrap_or_default()
                .into_iter()
                .map(|(_, value)| value)
                .collect(),
        }
    }

    pub(super) fn is_container(&self) -> bool {
        matches!(self.tree(), Some(Tree::Array(_) | Tree::Object(_)))
    }

    /// What `.type()` says.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Moment(moment) => moment.type_name(),
            _ => match self.tree() {
                Some(Tree::Null) | None => "null",
                Some(Tree::Bool(_)) => "boolean",
                Some(Tree::Number(_)) => "number",
                Some(Tree::String(_)) => "string",
                Some(Tree::Array(_)) => "array",
                Some(Tree::Object(_)) => "object",
            },
        }
    }
}

/// Bytes a value takes in PostgreSQL's jsonb behind what came before, and where in them a part of
/// it begins: `keyvalue()` tells objects apart by that.
pub(super) fn place(tree: &Tree, part: &Tree) -> Option<usize> {
    fn padded(at: usize) -> usize {
        at.div_ceil(4) * 4
    }
    fn number(text: &str) -> usize {
        let text = text.trim_start_matches('-');
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let whole = whole.trim_start_matches('0');
        let mut groups: Vec<bool> = Vec::new();
        let lead = whole.len().div_ceil(4) * 4;
        let mut digits = "0".repeat(lead - whole.len());
        digits.push_str(whole);
        digits.push_str(fraction);
        digits.push_str(&"0".repeat(fraction.len().div_ceil(4) * 4 - fraction.len()));
        for group in digits.as_bytes().chunks(4) {
            groups.push(group.iter().any(|digit| *digit != b'0'));
        }
        let first = groups.iter().position(|some| *some);
        let last = groups.iter().rposition(|some| *some);
        // A length, a header, and four digits in each two bytes.
        let count = first.zip(last).map_or(0, |(first, last)| last - first + 1);
        4 + 2 + 2 * count
    }
    /// Where the value ends that begins at `at`; notes where `part` does.
    fn layout(tree: &Tree, at: usize, part: &Tree, found: &mut Option<usize>) -> usize {
        match tree {
            Tree::Null | Tree::Bool(_) => at,
            Tree::String(text) => at + text.len(),
            Tree::Number(text) => padded(at) + number(text),
            Tree::Array(items) => {
                let start = padded(at);
                if std::ptr::eq(tree, part) {
                    *found = Some(start);
                }
                let mut at = start + 4 + 4 * items.len();
                for item in items {
                    at = layout(item, at, part, found);
                }
                at
            }
            Tree::Object(fields) => {
                let start = padded(at);
                if std::ptr::eq(tree, part) {
                    *found = Some(start);
                }
                let mut at = start + 4 + 8 * fields.len();
                for (name, _) in fields {
                    at += name.len();
                }
                for (_, value) in fields {
                    at = layout(value, at, part, found);
                }
                at
            }
        }
    }
    let mut found = None;
    layout(tree, 0, part, &mut found);
    found
}
