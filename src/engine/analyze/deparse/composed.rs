//! What is made of several values: parts of arrays and rows, arrays, CASE.

use sqlparser::ast::{self, Expr as Ast, Value};

use super::super::Analyst;
use super::super::coerce::array_element;
use super::super::expression::strip;
use super::super::level::Level;
use super::super::typed::{self, Typed};
use super::{Written, not_written, plain};
use crate::base::Result;
use crate::types::PgType;

impl Analyst<'_> {
    /// `array[i]`, `array[i:j]`, `(row).field`
    pub(super) fn accessed(
        &self,
        level: &Level<'_>,
        root: &Ast,
        chain: &[ast::AccessExpr],
    ) -> Result<Ast> {
        let index = |index: &Ast| -> Result<Ast> {
            let written = self.written(level, index)?;
            self.as_type(written, PgType::INT4)
        };
        let bound = |bound: &Option<Ast>| bound.as_ref().map(index).transpose();
        let written = self.written(level, root)?;
        if array_element(written.value.ty).is_none() && !written.value.ty.is_composite() {
            return Err(not_written());
        }
        let chain = chain.iter().map(|access| {
            Ok(match access {
                ast::AccessExpr::Dot(Ast::Identifier(name)) => {
                    ast::AccessExpr::Dot(Ast::Identifier(plain(name)))
                }
                ast::AccessExpr::Dot(_) => return Err(not_written()),
                ast::AccessExpr::Subscript(ast::Subscript::Index { index: at }) => {
                    let at = ast::Subscript::Index { index: index(at)? };
                    ast::AccessExpr::Subscript(at)
                }
                ast::AccessExpr::Subscript(ast::Subscript::Slice {
                    lower_bound,
                    upper_bound,
                    stride: None,
                }) => ast::AccessExpr::Subscript(ast::Subscript::Slice {
                    lower_bound: bound(lower_bound)?,
                    upper_bound: bound(upper_bound)?,
                    stride: None,
                }),
                ast::AccessExpr::Subscript(_) => return Err(not_written()),
            })
        });
        let root = match written.ast {
            column @ Ast::Identifier(_) if !written.value.ty.is_composite() => column,
            other => Ast::Nested(Box::new(other)),
        };
        Ok(Ast::CompoundFieldAccess {
            root: Box::new(root),
            access_chain: chain.collect::<Result<_>>()?,
        })
    }

    /// `ARRAY[…]` of a type: its elements are of the element's.
    pub(super) fn array_written(
        &self,
        level: &Level<'_>,
        elements: &[Ast],
        ty: PgType,
    ) -> Result<Ast> {
        let element = array_element(ty).ok_or_else(not_written)?;
        let elements = elements.iter().map(|item| match strip(item) {
            Ast::Array(inner) => self.array_written(level, &inner.elem, ty),
            item => {
                let written = self.written(level, item)?;
                match array_element(written.value.ty) {
                    Some(_) => Err(not_written()),
                    None if ty.typmod < 0 => self.as_type(written, element.unmodified()),
                    // Each is cut by itself.
                    None => self.as_cut(written, element.with_typmod(ty.typmod)),
                }
            }
        });
        Ok(Ast::Array(ast::Array {
            elem: elements.collect::<Result<_>>()?,
            named: true,
        }))
    }

    /// CASE, whose results are of the type they have in common.
    pub(super) fn case_written(
        &self,
        level: &Level<'_>,
        operand: Option<&Ast>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&Ast>,
    ) -> Result<Ast> {
        let operand = match operand {
            Some(operand) => Some(self.settled_written(level, operand)?),
            None => None,
        };
        let mut results = Vec::with_capacity(conditions.len() + 1);
        results.push(match otherwise {
            Some(otherwise) => self.written(level, otherwise)?,
            None => Written {
                ast: Ast::value(Value::Null),
                value: typed::unknown(None),
            },
        });
        let mut whens = Vec::with_capacity(conditions.len());
        for branch in conditions {
            let condition = self.written(level, &branch.condition)?;
            whens.push(match &operand {
                Some(operand) => {
                    let (_, right) = self.taken("=", &operand.value, &condition.value)?;
                    self.as_operand(condition, right)?
                }
                None => self.as_type(condition, PgType::BOOL)?,
            });
            results.push(self.written(level, &branch.result)?);
        }
        let mut results = self.written_alike(results, "CASE")?.into_iter();
        let else_result = results.next().map(Box::new);
        let whens = whens.into_iter().zip(results);
        Ok(Ast::Case {
            case_token: ast::helpers::attached_token::AttachedToken::empty(),
            end_token: ast::helpers::attached_token::AttachedToken::empty(),
            operand: operand.map(|operand| Box::new(operand.ast)),
            conditions: whens
                .map(|(condition, result)| ast::CaseWhen { condition, result })
                .collect(),
            else_result,
        })
    }

    /// Values as the type they have in common.
    pub(super) fn written_alike(&self, values: Vec<Written>, context: &str) -> Result<Vec<Ast>> {
        let all: Vec<&Typed> = values.iter().map(|one| &one.value).collect();
        let ty = self.common_type(&all, context)?;
        let values = values.into_iter();
        values.map(|one| self.as_type(one, ty)).collect()
    }
}
