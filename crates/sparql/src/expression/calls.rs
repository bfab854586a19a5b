//! Calls of functions that see more than the values of their arguments: terms, the run, the row.

use super::Compiled;
use super::casts::cast;
use super::evaluate::{Context, Operand};
use super::functions::{TooLong, call, concatenated, of_term, of_value, typed_literal};
use super::made::{fraction, identifier, part_of_triple, triple};
use super::value::{Temporal, Value};
use crate::batch::Batch;
use crate::error::QueryError;
use crate::extensions::CustomFunction;
use oxiri::Iri;
use oxrdf::{BlankNode, NamedNodeRef};
use quadrille_store::{InlinedDate, Tag, TermId};
use spargebra::algebra::Function;

impl Context {
    /// The value of a call; `None` is an error, as it is where an argument is one.
    pub(super) fn call(
        &mut self,
        function: &Function,
        arguments: &[Compiled],
        batch: &Batch,
        row: usize,
    ) -> Result<Option<Operand>, QueryError> {
        let mut operands = Vec::with_capacity(arguments.len());
        for argument in arguments {
            match self.operand(argument, batch, row)? {
                Some(operand) => operands.push(operand),
                None => return Ok(None),
            }
        }
        if let [Operand::Id(id)] = operands[..]
            && let Some(value) = self.of_id(function, id)?
        {
            return Ok(Some(Operand::Value(value)));
        }
        match function {
            Function::Str | Function::Datatype => match operands.pop() {
                Some(operand) => {
                    let term = self.term(operand)?;
                    Ok(of_term(function, term).map(Operand::Value))
                }
                None => Ok(None),
            },
            Function::StrDt
            | Function::Triple
            | Function::Subject
            | Function::Predicate
            | Function::Object => self.made_term(function, operands),
            Function::Custom(name) => match operands.pop() {
                Some(operand) if operands.is_empty() => {
                    let value = self.value(&operand)?;
                    Ok(cast(name.as_ref(), value).map(Operand::Value))
                }
                _ => Ok(None),
            },
            Function::Iri
            | Function::BNode
            | Function::Rand
            | Function::Uuid
            | Function::StrUuid
            | Function::Now => {
                let value = match operands.first() {
                    Some(operand) => Some(self.value(operand)?),
                    None => None,
                };
                Ok(self.of_run(function, value).map(Operand::Value))
            }
            _ => {
                let mut values = Vec::with_capacity(operands.len());
                for operand in &operands {
                    values.push(self.value(operand)?);
                }
                Ok(self.of_values(function, &values)?.map(Operand::Value))
            }
        }
    }

    /// Functions of values alone. Those whose results can be far longer than their arguments are held to the memory of the
    /// query, and those that can take long on one row are not begun once it has to stop.
    fn of_values(
        &mut self,
        function: &Function,
        values: &[Value],
    ) -> Result<Option<Value>, QueryError> {
        let text_max = self.execution.memory.text_max();
        let called = match function {
            Function::Concat => concatenated(values, text_max),
            Function::Replace => {
                self.execution.check()?;
                self.functions.replaced(values, text_max)
            }
            Function::Regex => {
                self.execution.check()?;
                Ok(self.functions.matches(values))
            }
            _ => Ok(call(function, values)),
        };
        called.map_err(|TooLong| self.execution.memory.exceeded())
    }

    /// Functions of one term that its id or its remembered value answers.
    fn of_id(&mut self, function: &Function, id: u64) -> Result<Option<Value>, QueryError> {
        let tag = TermId::from_raw(id).tag();
        let is_known = tag.is_some_and(|tag| tag != Tag::QueryLocal);
        let is_blank = matches!(tag, Some(Tag::SerialBlank | Tag::LabelledBlank));
        let is_iri = tag == Some(Tag::Iri);
        Ok(match function {
            Function::IsIri if is_known => Some(Value::Boolean(is_iri)),
            Function::IsBlank if is_known => Some(Value::Boolean(is_blank)),
            Function::IsLiteral if is_known => Some(Value::Boolean(
                !is_iri && !is_blank && tag != Some(Tag::TripleTerm),
            )),
            Function::Year
            | Function::Month
            | Function::Day
            | Function::Hours
            | Function::Minutes => TermId::from_raw(id)
                .date()
                .and_then(|date| part_of_date(function, date)),
            Function::Str | Function::Datatype => of_value(function, &self.value_of_id(id)?),
            _ => None,
        })
    }

    /// The value of a function that the caller of the query brings.
    pub(super) fn custom_call(
        &mut self,
        function: &CustomFunction,
        arguments: &[Compiled],
        batch: &Batch,
        row: usize,
    ) -> Result<Option<Operand>, QueryError> {
        let mut terms = Vec::with_capacity(arguments.len());
        for argument in arguments {
            match self.operand(argument, batch, row)? {
                Some(operand) => terms.push(self.term(operand)?),
                None => return Ok(None),
            }
        }
        match function.call(&terms) {
            Some(term) => Ok(Some(Operand::Id(self.encode(term)?))),
            None => Ok(None),
        }
    }

    /// Functions whose result is a term as it stands: its form is kept, whatever its value.
    fn made_term(
        &mut self,
        function: &Function,
        operands: Vec<Operand>,
    ) -> Result<Option<Operand>, QueryError> {
        let mut operands = operands.into_iter();
        let mut next = || operands.next();
        let term = match (function, next(), next(), next()) {
            (Function::StrDt, Some(text), Some(datatype), None) => {
                let (text, datatype) = (self.value(&text)?, self.value(&datatype)?);
                typed_literal(&text, datatype)
            }
            (Function::Triple, Some(subject), Some(predicate), Some(object)) => triple(
                self.term(subject)?,
                self.term(predicate)?,
                self.term(object)?,
            ),
            (_, Some(part), None, None) => part_of_triple(function, self.term(part)?),
            _ => None,
        };
        match term {
            Some(term) => Ok(Some(Operand::Id(self.encode(term)?))),
            None => Ok(None),
        }
    }

    /// Functions that know the run or the row.
    fn of_run(&mut self, function: &Function, value: Option<Value>) -> Option<Value> {
        match (function, value) {
            (Function::Now, None) => Some(Value::Temporal(Temporal::DateTime(self.now()))),
            (Function::Rand, None) => fraction(),
            (Function::Uuid, None) => Some(Value::Iri(format!("urn:uuid:{}", identifier()?))),
            (Function::StrUuid, None) => Some(Value::String(identifier()?)),
            (Function::BNode, None) => Some(Value::BlankNode(BlankNode::default().into_string())),
            (Function::BNode, Some(Value::String(label))) => {
                Some(Value::BlankNode(self.labels.node(self.row, &label)))
            }
            (Function::Iri, Some(Value::Iri(iri))) => Some(Value::Iri(iri)),
            (Function::Iri, Some(Value::String(text))) => {
                let iri = match self.base_iri() {
                    Some(base) => Iri::parse(base).ok()?.resolve(&text).ok()?.into_inner(),
                    None => Iri::parse(text).ok()?.into_inner(),
                };
                Some(Value::Iri(iri))
            }
            _ => None,
        }
    }
}

/// What a function of dates gives for one that its id tells.
fn part_of_date(function: &Function, date: InlinedDate) -> Option<Value> {
    let part = match function {
        Function::Year => date.year,
        Function::Month => date.month.into(),
        Function::Day => date.day.into(),
        Function::Hours => date.time?.0.into(),
        Function::Minutes => date.time?.1.into(),
        _ => return None,
    };
    Some(Value::Integer(part.into()))
}

/// Whether a function that is named by an IRI is known.
pub(super) fn is_known(name: NamedNodeRef<'_>) -> bool {
    super::casts::is_cast(name)
}
