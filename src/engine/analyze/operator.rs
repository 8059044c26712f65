//! Applying operators: choosing the candidate by PostgreSQL's rules, and computing it.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, Like, Operator};

use super::Analyst;
use super::coded::is_figure;
use super::coerce::{array_element, category, implicitly, is_preferred};
use super::operators::{COMPARISONS, Candidate, Make, OPERATORS};
use super::routine::schema_and_sign;
use super::typed::{self, Typed, binary};
use crate::base::{Error, Result, SqlState};
use crate::engine::numeric;
use crate::engine::semantics;
use crate::types::PgType;
use crate::types::coded::bits;

/// What choosing among candidates came to.
pub(super) enum Choice<T> {
    One(T),
    None,
    Many,
}

/// PostgreSQL's choice among candidates that take `types`, by its rules for overloaded functions.
/// Each candidate comes with what it takes.
pub(super) fn choose<T: Copy>(candidates: &[(Vec<PgType>, T)], types: &[PgType]) -> Choice<T> {
    let unknown = |ty: &PgType| ty.oid == PgType::UNKNOWN.oid;
    let mut left: Vec<&(Vec<PgType>, T)> = candidates
        .iter()
        .filter(|(takes, _)| {
            takes.len() == types.len()
                && takes
                    .iter()
                    .zip(types)
                    .all(|(to, from)| unknown(to) || implicitly(*from, *to))
        })
        .collect();
    let exact = |(takes, _): &(Vec<PgType>, T)| {
        takes
            .iter()
            .zip(types)
            .filter(|(to, from)| is_exactly(**to, **from))
            .count()
    };
    keep_most(&mut left, exact);
    if let [] | [_] = left.as_slice() {
        return left.first().map_or(Choice::None, |one| Choice::One(one.1));
    }
    keep_most(&mut left, |(takes, _)| {
        takes
            .iter()
            .zip(types)
            .filter(|(to, from)| {
                !unknown(from)
                    && (is_exactly(**to, **from)
                        || is_preferred(**to) && category(**to) == category(**from))
            })
            .count()
    });
    if let [one] = left.as_slice() {
        return Choice::One(one.1);
    }
    if !types.iter().any(unknown) {
        return Choice::Many;
    }
    // What the candidates take where a type is unknown decides: text if any takes it. Where they
    // take what has nothing in common, no such place decides.
    let wanted = |index: usize| {
        let mut categories = left.iter().map(|(takes, _)| taken(takes[index]));
        let first = categories.next()?;
        match categories.clone().any(|category| category == 'S') || first == 'S' {
            true => Some('S'),
            false => categories
                .all(|category| category == first)
                .then_some(first),
        }
    };
    let places = (0..types.len()).filter(|index| unknown(&types[*index]));
    let wanted: Option<Vec<(usize, char, bool)>> = places
        .map(|index| {
            let category = wanted(index)?;
            let mut there = left.iter().map(|(takes, _)| takes[index]);
            let preferred = there.any(|ty| taken(ty) == category && is_preferred(ty));
            Some((index, category, preferred))
        })
        .collect();
    if let Some(wanted) = wanted {
        let fits = |(takes, _): &&(Vec<PgType>, T)| {
            wanted.iter().all(|(index, category, preferred)| {
                taken(takes[*index]) == *category && (!preferred || is_preferred(takes[*index]))
            })
        };
        if left.iter().any(&fits) {
            left.retain(|one| fits(one));
        }
    }
    if let [one] = left.as_slice() {
        return Choice::One(one.1);
    }
    // Else what is unknown is taken for what is known.
    let mut known = types.iter().filter(|ty| !unknown(ty));
    if let Some(first) = known.next()
        && known.all(|ty| ty.oid == first.oid)
    {
        let fits = |to: &PgType| unknown(to) || implicitly(*first, *to);
        left.retain(|(takes, _)| takes.iter().all(fits));
        if let [one] = left.as_slice() {
            return Choice::One(one.1);
        }
    }
    Choice::Many
}

/// Whether what is taken is just what is given: a domain is not what it is over, and nothing is
/// known of a literal.
fn is_exactly(to: PgType, from: PgType) -> bool {
    to.domain.is_none() && from.oid != PgType::UNKNOWN.oid && to.oid == from.oid
}

/// The category of what a candidate takes; that of a polymorphic type of which nothing is known is
/// of its own.
fn taken(to: PgType) -> char {
    match to.oid == PgType::UNKNOWN.oid {
        true => 'P',
        false => category(to),
    }
}

fn keep_most<C>(left: &mut Vec<C>, count: impl Fn(C) -> usize)
where
    C: Copy,
{
    let most = left.iter().map(|one| count(*one)).max().unwrap_or(0);
    left.retain(|one| count(*one) == most);
}

impl Analyst<'_> {
    /// `left sign right`
    pub(super) fn operate(&self, sign: &str, left: Typed, right: Typed) -> Result<Typed> {
        let sign = if sign == "!=" { "<>" } else { sign };
        if let Some(value) = self.users_operated(sign, Some(&left), &right)? {
            return Ok(value);
        }
        let (left, right) = (left.undomained(), right.undomained());
        let (_, sign) = schema_and_sign(sign);
        if Self::is_written(&left)
            && Self::is_written(&right)
            && let Some((_, op)) = COMPARISONS.iter().find(|(known, _)| *known == sign)
        {
            return self.compare_rows(*op, left, right);
        }
        if let Some((_, op)) = COMPARISONS.iter().find(|(known, _)| *known == sign)
            && let Some(compared) = self.compare_composites(*op, &left, &right)?
        {
            return Ok(compared);
        }
        if (array_element(left.ty).is_some() || array_element(right.ty).is_some())
            && let Some(applied) = self.over_arrays(sign, &left, &right)?
        {
            return Ok(applied);
        }
        if let Some(joined) = self.join_text(sign, &left, &right)? {
            return Ok(joined);
        }
        let candidate = self.binary_candidate(sign, left.base(), right.base())?;
        let (takes_left, takes_right) =
            (candidate.left.unwrap_or(candidate.right), candidate.right);
        let left = self.coerced(left, takes_left)?;
        let right = self.coerced(right, takes_right)?;
        self.make(candidate, left, right)
    }

    pub(super) fn binary_candidate(
        &self,
        sign: &str,
        left: PgType,
        right: PgType,
    ) -> Result<Candidate> {
        let unknown = |ty: PgType| ty.oid == PgType::UNKNOWN.oid;
        let all = OPERATORS.get(sign).map(Vec::as_slice).unwrap_or_default();
        // One unknown side is first taken for the other's type.
        let (a, b) = match (unknown(left), unknown(right)) {
            (true, false) => (right, right),
            (false, true) => (left, left),
            _ => (left, right),
        };
        if let Some(candidate) = super::enums::comparison(sign, a, b) {
            return Ok(candidate);
        }
        if let Some(candidate) = super::ranges::operator(sign, a, b) {
            return Ok(candidate);
        }
        let exact = all.iter().find(|candidate| {
            candidate.left.is_some_and(|ty| ty.oid == a.oid) && candidate.right.oid == b.oid
        });
        if let Some(exact) = exact {
            return Ok(*exact);
        }
        let candidates: Vec<(Vec<PgType>, &Candidate)> = all
            .iter()
            .filter_map(|candidate| Some((vec![candidate.left?, candidate.right], candidate)))
            .collect();
        match choose(&candidates, &[left, right]) {
            Choice::One(candidate) => Ok(*candidate),
            Choice::None => Err(no_operator(&format!("{left} {sign} {right}"))),
            Choice::Many => Err(Error::new(
                SqlState::AMBIGUOUS_FUNCTION,
                format!("operator is not unique: {left} {sign} {right}"),
            )
            .hint(
                "Could not choose a best candidate operator. You might need to add explicit type \
                 casts.",
            )),
        }
    }

    /// `sign operand`
    pub(super) fn prefix(&self, sign: &str, operand: Typed) -> Result<Typed> {
        if let Some(value) = self.users_operated(sign, None, &operand)? {
            return Ok(value);
        }
        let (_, sign) = schema_and_sign(sign);
        let all = OPERATORS.get(sign).map(Vec::as_slice).unwrap_or_default();
        let operand = operand.undomained();
        let ty = operand.base();
        let candidates: Vec<(Vec<PgType>, &Candidate)> = all
            .iter()
            .filter(|candidate| candidate.left.is_none())
            .map(|candidate| (vec![candidate.right], candidate))
            .collect();
        let candidate = match choose(&candidates, &[ty]) {
            Choice::One(candidate) => *candidate,
            Choice::None => {
                return Err(no_operator(&format!("{sign} {ty}")).hint(
                    "No operator matches the given name and argument type. You might need to add \
                     an explicit type cast.",
                ));
            }
            Choice::Many => {
                return Err(Error::new(
                    SqlState::AMBIGUOUS_FUNCTION,
                    format!("operator is not unique: {sign} {ty}"),
                )
                .hint(
                    "Could not choose a best candidate operator. You might need to add explicit \
                     type casts.",
                ));
            }
        };
        let operand = self.coerced(operand, candidate.right)?;
        match candidate.make {
            Make::Call("+") => Ok(Typed {
                ty: candidate.result,
                ..operand
            }),
            Make::Call("-") if self.is_open(&operand)? => {
                Ok(Typed::new(numeric::negated(operand.expr), candidate.result))
            }
            Make::Call("-") => Ok(Typed::new(
                Expr::Negative(Box::new(operand.expr)),
                candidate.result,
            )),
            Make::Call("bitwise_not") => {
                let ones = self.coerced(typed::int4(-1), candidate.result)?;
                Ok(Typed::new(
                    binary(operand.expr, Operator::BitwiseXor, ones.expr),
                    candidate.result,
                ))
            }
            Make::Call(name) => {
                let operand = self.said(operand)?;
                let result = self.native(name, vec![operand])?;
                self.coerced(result, candidate.result)
            }
            _ => Err(Error::unsupported(format!("operator {sign} before {ty}"))),
        }
    }

    /// An operator over operands of the types it takes.
    fn make(&self, candidate: Candidate, left: Typed, right: Typed) -> Result<Typed> {
        let result = candidate.result;
        let left = match candidate.make {
            Make::Match { .. } | Make::Like { .. } => self.padded(left)?,
            _ => left,
        };
        let expr = match candidate.make {
            Make::Compare(op) => self.compare(op, left, right)?,
            Make::Arrow(op) => {
                let shift = matches!(op, Operator::BitwiseShiftLeft | Operator::BitwiseShiftRight);
                // One Arrow type on both sides; a shift counts in the shifted type.
                let (left, right) = if shift || result.oid == PgType::INTERVAL.oid {
                    (left.clone(), self.coerced(right, left.base())?)
                } else {
                    (self.coerced(left, result)?, self.coerced(right, result)?)
                };
                let computed = match result.oid == PgType::NUMERIC.oid {
                    true => self.arithmetic(op, &left, &right)?,
                    false => None,
                };
                match computed {
                    Some(computed) => computed,
                    None => binary(left.expr, op, right.expr),
                }
            }
            Make::Call(name) => return self.computed(name, left, right, result),
            Make::Swapped(name) => return self.computed(name, right, left, result),
            Make::Shift(op) => {
                let moment = |value: Typed| {
                    if value.is(PgType::INTERVAL) {
                        Ok(value)
                    } else {
                        self.coerced(value, result)
                    }
                };
                let sign = if op == Operator::Plus { "+" } else { "-" };
                let args = vec![self.said(moment(left)?)?, self.said(moment(right)?)?];
                self.native(sign, args)?.expr
            }
            Make::Span(how) => return self.spanning(how, vec![left, right], result),
            Make::Join => binary(left.expr, Operator::StringConcat, right.expr),
            Make::Match {
                insensitive,
                negated,
            } => {
                let name = match (insensitive, negated) {
                    (false, false) => "~",
                    (true, false) => "~*",
                    (false, true) => "!~",
                    (true, true) => "!~*",
                };
                self.native(name, vec![left.expr, right.expr])?.expr
            }
            // What such a pattern says depends on how far it comes.
            Make::Like {
                insensitive: false,
                negated,
            } if ends_in_escape(&right.expr) => {
                let name = if negated { "textnlike" } else { "textlike" };
                self.native(name, vec![left.expr, right.expr])?.expr
            }
            Make::Like {
                insensitive,
                negated,
            } => Expr::Like(Like::new(
                negated,
                Box::new(left.expr),
                Box::new(right.expr),
                None,
                insensitive,
            )),
        };
        Ok(Typed::new(expr, result))
    }

    /// A `char(n)` with the blanks that patterns are compared with; everything else as it is.
    pub(super) fn padded(&self, value: Typed) -> Result<Typed> {
        let Some(length) = value.ty.char_length().filter(|_| value.is(PgType::BPCHAR)) else {
            return Ok(value);
        };
        let length = i32::try_from(length).unwrap_or(i32::MAX);
        let text = self.coerced(value, PgType::TEXT)?;
        self.native("rpad", vec![text.expr, typed::int4(length).expr])
    }

    /// An operator that is a function of two arguments.
    fn computed(&self, name: &'static str, left: Typed, right: Typed, ty: PgType) -> Result<Typed> {
        if let Some(function) = semantics::computed(name) {
            let args = vec![left.expr, right.expr];
            return Ok(Typed::new(function.call(args), ty));
        }
        if crate::functions::scalar(self.scope.context, name).is_none() {
            return Err(Error::unsupported(format!("the operator behind {name}")));
        }
        let result = self.native(name, vec![self.said(left)?, self.said(right)?])?;
        self.coerced(result, ty)
    }

    /// The operators of arrays; `None` if `sign` is none of them.
    fn over_arrays(&self, sign: &str, left: &Typed, right: &Typed) -> Result<Option<Typed>> {
        let failed = || no_operator(&format!("{} {sign} {}", left.base(), right.base()));
        let array = |ty: PgType| array_element(ty).is_some();
        if let Some((_, op)) = COMPARISONS.iter().find(|(known, _)| *known == sign) {
            let ty = if array(left.ty) {
                left.base()
            } else {
                right.base()
            };
            let fits = |value: &Typed| value.is_unknown() || value.ty.oid == ty.oid;
            if !fits(left) || !fits(right) {
                return Err(failed());
            }
            if let Some(element) = array_element(ty).filter(|element| is_figure(*element)) {
                return Err(match sign {
                    "=" | "<>" => no_equality(element),
                    _ => no_comparison(element),
                });
            }
            let left = self.coerced(left.clone(), ty)?;
            let right = self.coerced(right.clone(), ty)?;
            if self.has_array_key(&left)? || self.has_array_key(&right)? {
                let [left, right] = [left, right].map(|side| semantics::array_key(side.expr, ty));
                return Ok(Some(Typed::new(binary(left, *op, right), PgType::BOOL)));
            }
            let compared = self.native(sign, vec![left.expr, right.expr])?;
            return Ok(Some(compared));
        }
        let name = match sign {
            "||" => return self.join_arrays(left, right).map(Some),
            "@>" | "<@" | "&&" => sign,
            _ => return Ok(None),
        };
        let (values, _) = self
            .in_common(vec![left.clone(), right.clone()], "ARRAY")
            .map_err(|_| failed())?;
        if !values.iter().all(|value| array(value.ty)) {
            return Err(failed());
        }
        let elements = values.iter().find_map(|value| array_element(value.ty));
        if let Some(element) = elements.filter(|element| is_figure(*element)) {
            return Err(no_equality(element));
        }
        let args = values.into_iter();
        let args = args.map(|value| Ok(self.told_elements(value)?.expr));
        self.native(name, args.collect::<Result<_>>()?).map(Some)
    }

    /// `array || array`, `array || element`, `element || array`.
    fn join_arrays(&self, left: &Typed, right: &Typed) -> Result<Typed> {
        let failed = || no_operator(&format!("{} || {}", left.base(), right.base()));
        let (name, a, b) = match (array_element(left.ty), array_element(right.ty)) {
            (Some(a), Some(b)) => ("array_cat", a, b),
            // An unknown literal beside an array is an array, NULL also.
            (Some(_), None) if right.is_unknown() => {
                let right = self.coerced(right.clone(), left.base())?;
                return self.join_arrays(left, &right);
            }
            (None, Some(_)) if left.is_unknown() => {
                let left = self.coerced(left.clone(), right.base())?;
                return self.join_arrays(&left, right);
            }
            (Some(a), None) => ("array_append", a, right.base()),
            (None, Some(b)) => ("array_prepend", left.base(), b),
            (None, None) => return Err(failed()),
        };
        let element = if implicitly(b, a) {
            a
        } else if implicitly(a, b) {
            b
        } else {
            return Err(failed());
        };
        let whole = element.array().ok_or_else(failed)?;
        let as_part = |value: &Typed| {
            let to = if array_element(value.ty).is_some() {
                whole
            } else {
                element
            };
            self.coerced(value.clone(), to)
        };
        let args = vec![as_part(left)?.expr, as_part(right)?.expr];
        let joined = self.native(name, args)?;
        Ok(Typed::new(joined.expr, whole))
    }

    /// `text || anything`; `None` if this is no such join.
    fn join_text(&self, sign: &str, left: &Typed, right: &Typed) -> Result<Option<Typed>> {
        let string = |value: &Typed| category(value.ty) == 'S' || value.is_unknown();
        // Beside what is a text or nothing yet, these are joined as what they are.
        let joined = |value: &Typed| {
            let own = [PgType::JSONB, PgType::TSVECTOR, PgType::TSQUERY];
            bits::is(value.ty) || own.iter().any(|ty| value.is(*ty))
        };
        let other = |value: &Typed| {
            !string(value) && array_element(value.ty).is_none() && !value.is(PgType::BYTEA)
        };
        let joins = sign == "||"
            && (category(left.ty) == 'S' && other(right)
                || other(left) && category(right.ty) == 'S'
                || left.is_unknown() && other(right) && !joined(right)
                || other(left) && right.is_unknown() && !joined(left));
        if !joins {
            return Ok(None);
        }
        let left = self.coerced(left.clone(), PgType::TEXT)?;
        let right = self.coerced(right.clone(), PgType::TEXT)?;
        Ok(Some(Typed::new(
            binary(left.expr, Operator::StringConcat, right.expr),
            PgType::TEXT,
        )))
    }

    /// The types `=` compares an `a` and a `b` as: what an IN list or a set operation needs.
    pub(super) fn equality_types(&self, left: PgType, right: PgType) -> Result<PgType> {
        if is_figure(left) && left.oid == right.oid {
            return Err(no_equality(left));
        }
        if left.element().is_some() && left.oid == right.oid {
            if let Some(element) = left.element().filter(|element| element.is_composite()) {
                self.row_equality(element)?;
            }
            return Ok(left);
        }
        if let (Some(a), Some(b)) = (left.shape(), right.shape())
            && left.oid == right.oid
        {
            super::composite::check_alike(&a.types(), &b.types())?;
            self.row_equality(left)?;
            return Ok(left);
        }
        let candidate = self.binary_candidate("=", left, right)?;
        let left = candidate.left.unwrap_or(candidate.right);
        Ok(if implicitly(left, candidate.right) {
            candidate.right
        } else {
            left
        })
    }
}

/// Whether a pattern is known to end with a backslash that nothing follows.
fn ends_in_escape(pattern: &Expr) -> bool {
    let text = match pattern {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        Expr::Alias(alias) => return ends_in_escape(&alias.expr),
        Expr::Cast(cast) => return ends_in_escape(&cast.expr),
        _ => None,
    };
    text.is_some_and(|text| (text.len() - text.trim_end_matches('\\').len()) % 2 == 1)
}

pub(super) fn not_an_array() -> Error {
    Error::new(
        SqlState::WRONG_OBJECT_TYPE,
        "op ANY/ALL (array) requires array on right side",
    )
}

/// `42883` in PostgreSQL's words.
pub(super) fn no_operator(shown: &str) -> Error {
    Error::new(
        SqlState::UNDEFINED_FUNCTION,
        format!("operator does not exist: {shown}"),
    )
    .hint(
        "No operator matches the given name and argument types. You might need to add explicit \
         type casts.",
    )
}

/// Whether an expression is the literal NULL.
pub(super) fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null() || *value == ScalarValue::Null)
}

/// A type whose values have no order.
pub(super) fn no_comparison(ty: PgType) -> Error {
    Error::new(
        SqlState::UNDEFINED_FUNCTION,
        format!("could not identify a comparison function for type {ty}"),
    )
}

/// A type whose values cannot be told apart.
pub(super) fn no_equality(ty: PgType) -> Error {
    Error::new(
        SqlState::UNDEFINED_FUNCTION,
        format!("could not identify an equality operator for type {ty}"),
    )
}
