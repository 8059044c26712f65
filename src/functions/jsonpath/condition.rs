//! Conditions: true, false, or unknown.

use std::cmp::Ordering;

use chrono::NaiveDateTime;

use super::item::Item;
use super::run::{At, Done, Run, Stop, or_unknown};
use crate::base::{Error, SqlState};
use crate::functions::are;
use crate::functions::json_tree::Tree;
use crate::types::Numeric;
use crate::types::jsonpath::{Binary, Expr, Start};

type Truth = Option<bool>;

impl<'a> Run<'a> {
    /// `None` is unknown.
    pub(super) fn condition(&mut self, expr: &'a Expr, at: At<'_, 'a>) -> Done<Truth> {
        Ok(match &expr.start {
            Start::Binary(Binary::And, left, right) => match self.condition(left, at)? {
                Some(false) => Some(false),
                left => match self.condition(right, at)? {
                    Some(true) => left,
                    right => right,
                },
            },
            Start::Binary(Binary::Or, left, right) => match self.condition(left, at)? {
                Some(true) => Some(true),
                left => match self.condition(right, at)? {
                    Some(false) => left,
                    right => right,
                },
            },
            Start::Not(inner) => self.condition(inner, at)?.map(|truth| !truth),
            Start::IsUnknown(inner) => Some(self.condition(inner, at)?.is_none()),
            Start::Exists(inner) => {
                let lax = self.lax();
                let mut found = false;
                let done = self.expr(inner, at, &mut |_| {
                    found = true;
                    // Strictly, errors behind the first item count too.
                    Ok(!lax)
                });
                or_unknown(done)?.map(|_| found)
            }
            Start::Like(inner, pattern, flags) => {
                let pattern = are::compile(pattern, &letters(flags))?;
                let items = or_unknown(self.unwrapped(inner, at))?;
                self.any(items, vec![None], |_, item, _| match item.string() {
                    Some(text) => Ok(Some(pattern.is_match(text)?)),
                    None => Ok(None),
                })?
            }
            Start::Binary(op, left, right) => {
                let op = *op;
                let left = or_unknown(self.unwrapped(left, at))?;
                if left.is_none() {
                    return Ok(None);
                }
                let right = match op {
                    Binary::StartsWith => self.collected(right, at),
                    _ => self.unwrapped(right, at),
                };
                let Some(right) = or_unknown(right)? else {
                    return Ok(None);
                };
                let right = right.into_iter().map(Some).collect();
                self.any(left, right, |run, a, b| match (op, b) {
                    (Binary::StartsWith, Some(b)) => Ok(a
                        .string()
                        .zip(b.string())
                        .map(|(text, start)| text.starts_with(start))),
                    (op, Some(b)) => run.compared(op, a, b),
                    (_, None) => Ok(None),
                })?
            }
            _ => None,
        })
    }

    /// Whether a condition holds for some pair of items: laxly the first for which it does decides,
    /// strictly one for which it is unknown.
    fn any(
        &self,
        left: Option<Vec<Item<'a>>>,
        right: Vec<Option<Item<'a>>>,
        holds: impl Fn(&Self, &Item<'a>, Option<&Item<'a>>) -> Done<Truth>,
    ) -> Done<Truth> {
        let Some(left) = left else {
            return Ok(None);
        };
        let (mut found, mut unknown) = (false, false);
        for a in &left {
            for b in &right {
                match holds(self, a, b.as_ref())? {
                    None if !self.lax() => return Ok(None),
                    None => unknown = true,
                    Some(true) if self.lax() => return Ok(Some(true)),
                    Some(true) => found = true,
                    Some(false) => {}
                }
            }
        }
        Ok(match (found, unknown) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        })
    }

    fn compared(&self, op: Binary, a: &Item<'a>, b: &Item<'a>) -> Done<Truth> {
        let order = match (a, b) {
            (Item::Moment(a), Item::Moment(b)) => {
                let zone = self.context.style.time_zone;
                let offset = |local: NaiveDateTime| {
                    let offset = zone.local_offset(local.and_utc().timestamp_micros());
                    // Some hours, so it converts.
                    i32::try_from(offset).unwrap_or_default()
                };
                let local: Option<&dyn Fn(NaiveDateTime) -> i32> =
                    if self.zoned { Some(&offset) } else { None };
                let order = a.order(b, local).map_err(|(from, to)| {
                    Stop::Error(
                        Error::new(
                            SqlState::FEATURE_NOT_SUPPORTED,
                            format!(
                                "cannot convert value from {from} to {to} without time zone usage"
                            ),
                        )
                        .hint("Use *_tz() function for time zone support."),
                    )
                })?;
                match order {
                    Some(order) => order,
                    None => return Ok(None),
                }
            }
            (Item::Moment(_), other) | (other, Item::Moment(_)) => {
                let null = matches!(other.tree(), Some(Tree::Null));
                return Ok(null.then_some(op == Binary::NotEqual));
            }
            _ => match (a.tree(), b.tree()) {
                (Some(a), Some(b)) => match order(a, b) {
                    Ok(order) => order,
                    Err(decided) => return Ok(decided.map(|()| op == Binary::NotEqual)),
                },
                _ => return Ok(None),
            },
        };
        Ok(Some(match op {
            Binary::Equal => order.is_eq(),
            Binary::NotEqual => order.is_ne(),
            Binary::Less => order.is_lt(),
            Binary::LessOrEqual => order.is_le(),
            Binary::Greater => order.is_gt(),
            _ => order.is_ge(),
        }))
    }
}

/// The order of two values of one type. NULL differs from everything else; what else is of two
/// types, or has parts, does not compare.
fn order(a: &Tree, b: &Tree) -> Result<Ordering, Option<()>> {
    Ok(match (a, b) {
        (Tree::Null, Tree::Null) => Ordering::Equal,
        (Tree::Null, _) | (_, Tree::Null) => return Err(Some(())),
        (Tree::Bool(a), Tree::Bool(b)) => a.cmp(b),
        (Tree::String(a), Tree::String(b)) => a.cmp(b),
        (Tree::Number(a), Tree::Number(b)) => match (Numeric::parse(a), Numeric::parse(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => return Err(None),
        },
        _ => return Err(None),
    })
}

/// XQuery's flags as those of PostgreSQL's regular expressions.
fn letters(flags: &str) -> String {
    let has = |letter| flags.contains(letter);
    let mut letters = String::new();
    if has('i') {
        letters.push('i');
    }
    if has('q') {
        letters.push('q');
        return letters;
    }
    letters.push(match (has('s'), has('m')) {
        (false, false) => 'p',
        (false, true) => 'n',
        (true, true) => 'w',
        (true, false) => 's',
    });
    letters
}
