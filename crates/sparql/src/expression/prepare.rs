//! What is done to an expression once, so that it is not done for each row.
//!
//! What flows in: a compiled expression. What flows out: one of the same value, in which parts without variables are
//! constants, lists of constants are sets, and calls that read a single column are remembered by its ids. What always holds:
//! what differs from row to row by itself (`RAND`, `UUID`, `STRUUID`, `BNODE`) is computed for each row.

use super::Compiled;
use super::evaluate::Context;
use super::ids::Exact;
use super::value::Value;
use crate::batch::Batch;
use crate::error::QueryError;
use spargebra::algebra::Function;

impl Compiled {
    /// Prepares the expression for many rows.
    ///
    /// # Errors
    /// What reading and encoding constants fails with.
    pub(super) fn prepare(&mut self, context: &mut Context) -> Result<(), QueryError> {
        self.fold(context)?;
        self.remember(&mut 0);
        Ok(())
    }

    /// The parts of the expression.
    fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Constant(_) | Self::Column(_) | Self::Unbound | Self::Bound(_) => Vec::new(),
            Self::Or(left, right)
            | Self::And(left, right)
            | Self::Equal(left, right)
            | Self::SameTerm(left, right)
            | Self::Compare(_, left, right)
            | Self::Arithmetic(_, left, right) => vec![left, right],
            Self::Not(inner) | Self::Signed(inner) | Self::Negated(inner) => vec![inner],
            Self::Remembered { inner, .. } => vec![inner],
            Self::In { left, list, .. } => std::iter::once(&**left).chain(list).collect(),
            Self::If(condition, then, otherwise) => vec![condition, then, otherwise],
            Self::Coalesce(list) | Self::Call(_, list) | Self::Custom(_, list) => {
                list.iter().collect()
            }
        }
    }

    /// Whether the value is another one in another run of the same query.
    pub(super) fn is_of_run(&self) -> bool {
        matches!(self, Self::Call(Function::Now, _))
            || self.parts().into_iter().any(Self::is_of_run)
    }

    fn parts_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Constant(_) | Self::Column(_) | Self::Unbound | Self::Bound(_) => Vec::new(),
            Self::Or(left, right)
            | Self::And(left, right)
            | Self::Equal(left, right)
            | Self::SameTerm(left, right)
            | Self::Compare(_, left, right)
            | Self::Arithmetic(_, left, right) => vec![left, right],
            Self::Not(inner) | Self::Signed(inner) | Self::Negated(inner) => vec![inner],
            Self::Remembered { inner, .. } => vec![inner],
            Self::In { left, list, .. } => std::iter::once(&mut **left).chain(list).collect(),
            Self::If(condition, then, otherwise) => vec![condition, then, otherwise],
            Self::Coalesce(list) | Self::Call(_, list) | Self::Custom(_, list) => {
                list.iter_mut().collect()
            }
        }
    }

    /// Makes constants of the parts that read no column.
    fn fold(&mut self, context: &mut Context) -> Result<(), QueryError> {
        for part in self.parts_mut() {
            part.fold(context)?;
        }
        let is_constant = |part: &&Self| matches!(part, Self::Constant(_) | Self::Unbound);
        let is_leaf = matches!(
            self,
            Self::Constant(_) | Self::Column(_) | Self::Unbound | Self::Bound(Some(_))
        );
        if !is_leaf && !self.is_volatile() && self.parts().iter().all(is_constant) {
            *self = match context.operand(self, &Batch::default(), 0)? {
                Some(operand) => Self::Constant(context.id(operand)?),
                None => Self::Unbound,
            };
        }
        self.gather_exact(context)
    }

    /// Makes a set of the constants of `IN` and `=`, if each of them is equal to itself only.
    fn gather_exact(&mut self, context: &mut Context) -> Result<(), QueryError> {
        if let Self::Equal(left, right) = self {
            let (id, other) = match (&**left, &**right) {
                (other, Self::Constant(id)) | (Self::Constant(id), other) => (*id, other),
                _ => return Ok(()),
            };
            if is_exact(id, context)? {
                *self = Self::In {
                    left: Box::new(other.clone()),
                    list: vec![Self::Constant(id)],
                    exact: std::iter::once(id).collect(),
                };
            }
            return Ok(());
        }
        let Self::In { list, exact, .. } = self else {
            return Ok(());
        };
        for part in list {
            match part {
                Self::Constant(id) if is_exact(*id, context)? => exact.insert(*id),
                _ => {
                    exact.clear();
                    break;
                }
            };
        }
        Ok(())
    }

    /// Whether the operator itself may give something else each time; of a caller's own function nobody knows.
    fn is_volatile(&self) -> bool {
        matches!(
            self,
            Self::Custom(..)
                | Self::Call(
                    Function::Rand | Function::Uuid | Function::StrUuid | Function::BNode,
                    _
                )
        )
    }

    /// Has the calls that depend on one column only remembered by its ids, each whole of such parts by one number.
    fn remember(&mut self, numbers: &mut usize) {
        let mut reads = Reads::default();
        self.reads(&mut reads);
        if let Some(column) = reads.column
            && reads.calls
            && !reads.others
        {
            let inner = std::mem::replace(self, Self::Unbound);
            *self = Self::Remembered {
                column,
                number: *numbers,
                inner: Box::new(inner),
            };
            *numbers += 1;
            return;
        }
        for part in self.parts_mut() {
            part.remember(numbers);
        }
    }

    fn reads(&self, reads: &mut Reads) {
        match self {
            Self::Column(column) | Self::Bound(Some(column)) => {
                reads.others |= reads.column.is_some_and(|known| known != *column);
                reads.column = Some(*column);
            }
            // What a call of these costs is less than remembering it.
            Self::Call(Function::IsIri | Function::IsBlank | Function::IsLiteral, _) => {}
            Self::Call(..) => reads.calls = true,
            _ => {}
        }
        reads.others |= self.is_volatile();
        for part in self.parts() {
            part.reads(reads);
        }
    }
}

/// What an expression depends on.
#[derive(Default)]
struct Reads {
    column: Option<usize>,
    /// Whether it depends on more than that column.
    others: bool,
    calls: bool,
}

/// Whether nothing but the very term is equal to a constant.
fn is_exact(id: u64, context: &mut Context) -> Result<bool, QueryError> {
    if Exact::of(id).is_some() {
        return Ok(true);
    }
    if !quadrille_store::TermId::from_raw(id).is_query_local() {
        return Ok(false);
    }
    Ok(matches!(
        context.value_of_id(id)?,
        Value::Iri(_) | Value::BlankNode(_) | Value::String(_) | Value::Tagged(..)
    ))
}

#[cfg(test)]
mod tests {
    use super::super::Evaluator;
    use super::*;
    use crate::batch::UNBOUND;
    use crate::operators::test_support::execution;
    use oxrdf::{Literal, Term, Variable};
    use spargebra::algebra::{Expression, GraphPattern};
    use spargebra::{Query, SparqlParser};

    fn parsed(text: &str) -> Expression {
        let query =
            format!("PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> ASK {{ FILTER({text}) }}");
        let Query::Ask { mut pattern, .. } = SparqlParser::new().parse_query(&query).unwrap()
        else {
            panic!("{query}");
        };
        loop {
            pattern = match pattern {
                GraphPattern::Project { inner, .. } => *inner,
                GraphPattern::Filter { expr, .. } => return expr,
                other => panic!("{other}"),
            };
        }
    }

    fn column_of(variable: &Variable) -> Option<usize> {
        ["a", "b"]
            .iter()
            .position(|name| *name == variable.as_str())
    }

    /// The expression as it is evaluated.
    fn prepared(text: &str) -> String {
        let execution = execution(1 << 20);
        let compiled = Compiled::new(&parsed(text), &column_of, &execution).unwrap();
        let evaluator = Evaluator::new(compiled, execution).unwrap();
        format!("{:?}", evaluator.compiled())
    }

    #[test]
    fn parts_without_variables_are_constants() {
        for (text, same) in [
            ("?a < 1 + 2 * 3", "?a < 7"),
            ("?a < xsd:integer(\"7\")", "?a < 7"),
            ("?a < STRLEN(CONCAT(\"abc\", \"defg\"))", "?a < 7"),
            ("?a < COALESCE(1 / 0, 7)", "?a < 7"),
            ("?a || 1 IN (2, 1)", "?a || true"),
            ("?a || BOUND(?nothing)", "?a || false"),
            ("?a < 1 / 0", "?a < ?nothing"),
            ("?a = \"x\"", "?a IN (\"x\")"),
            ("<x:y> = ?a", "?a IN (<x:y>)"),
        ] {
            assert_eq!(prepared(text), prepared(same), "{text}");
        }
        for volatile in ["RAND()", "STRUUID()", "UUID()", "BNODE()", "BNODE(\"a\")"] {
            assert!(!prepared(volatile).starts_with("Constant"), "{volatile}");
        }
        assert!(prepared("NOW()").starts_with("Constant"));
    }

    #[test]
    fn calls_on_one_column_are_remembered() {
        for text in [
            "CONTAINS(?a, \"x\") || STRLEN(?a) > 3",
            "REGEX(STR(?a), \"x\", \"i\")",
            "YEAR(?a)",
        ] {
            assert!(
                prepared(text).starts_with("Remembered { column: 0, number: 0"),
                "{text}"
            );
        }
        let two = prepared("CONTAINS(?a, \"x\") && CONTAINS(?b, \"y\")");
        assert!(
            two.starts_with("And(") && two.contains("number: 1"),
            "{two}"
        );
        for text in [
            "?a < 3",
            "CONTAINS(?a, ?b)",
            "STRLEN(?a) < RAND()",
            "isIRI(?a)",
        ] {
            assert!(!prepared(text).starts_with("Remembered"), "{text}");
        }
    }

    #[test]
    fn what_is_remembered_is_what_is_computed() {
        let execution = execution(1 << 20);
        let encode = |term: Term| execution.terms.encode(term).unwrap();
        let texts = [
            "",
            "x",
            "long enough for a dictionary",
            "xx and more of it",
            "\u{e9}",
        ];
        let mut ids: Vec<u64> = texts
            .iter()
            .map(|text| encode(Literal::new_simple_literal(*text).into()))
            .collect();
        ids.extend([1, 10, -3].map(|number: i64| encode(Literal::from(number).into())));
        ids.push(UNBOUND);
        let mut batch = Batch::new(2);
        for row in 0..2 * RESULTS {
            batch.push([ids[row % ids.len()], ids[row % 7]]);
        }
        for (text, expected) in [
            (
                "CONTAINS(?a, \"x\")",
                "CONTAINS(?a, ?b) && ?b = \"x\" || CONTAINS(?a, \"x\") && (?b != \"x\" || !BOUND(?b))",
            ),
            (
                "STRLEN(?a) > 3 && STRLEN(?b) < 5",
                "!(STRLEN(?a) <= 3) && !(STRLEN(?b) >= 5)",
            ),
        ] {
            let [mut left, mut right] = [text, expected].map(|text| {
                let compiled = Compiled::new(&parsed(text), &column_of, &execution).unwrap();
                Evaluator::new(compiled, execution.clone()).unwrap()
            });
            let (mut kept, mut again) = (vec![true; batch.len()], vec![true; batch.len()]);
            left.filter(&batch, &mut kept).unwrap();
            right.filter(&batch, &mut again).unwrap();
            assert!(
                kept == again && kept.contains(&true) && kept.contains(&false),
                "{text}"
            );
            // Rows that are passed over stay so, and a second look is like the first.
            left.filter(&batch, &mut again).unwrap();
            assert_eq!(kept, again, "{text}");
        }
    }

    /// Rows enough that most of them are remembered.
    const RESULTS: usize = 700;
}
