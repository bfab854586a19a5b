//! `SERVICE`: rows that a handler gives, by themselves or joined with the rows that name the endpoint.
//!
//! What flows in: a pattern as text, endpoints. What flows out: rows of ids. What always holds: an endpoint that rows name
//! is asked once; the blank nodes of an answer are nobody else's; a `SILENT` pattern fails only by the limits of the query,
//! and otherwise gives either the whole answer or one row without values.

use super::correlated::OneBatch;
use super::{BoxedOperator, Operator};
use crate::batch::{BATCH_ROWS, Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::service::{ServiceError, ServiceRequest, ServiceRows};
use oxrdf::{BlankNode, NamedNode, NamedOrBlankNode, Term, Triple, Variable};
use std::collections::HashMap;
use std::sync::Arc;

/// A pattern that a service is asked.
pub(crate) struct ServiceCall {
    pub(crate) execution: Arc<Execution>,
    pub(crate) query: String,
    pub(crate) variables: Vec<Variable>,
    /// The columns whose values are known already: other rows are none of the answer.
    pub(crate) known: Vec<(usize, u64)>,
    /// The columns that hold a value in each row.
    pub(crate) certain: Vec<usize>,
    pub(crate) silent: bool,
}

impl ServiceCall {
    /// All rows of an endpoint.
    fn collected(&self, endpoint: u64, account: &mut Account) -> Result<Batch, QueryError> {
        let mut rows = Batch::new(self.variables.len());
        match self.collect(endpoint, &mut rows, account) {
            Err(QueryError::Service { .. }) if self.silent => {
                let mut nothing = Batch::new(self.variables.len());
                nothing.push(std::iter::empty());
                Ok(nothing)
            }
            collected => collected.map(|()| rows),
        }
    }

    fn collect(
        &self,
        endpoint: u64,
        rows: &mut Batch,
        account: &mut Account,
    ) -> Result<(), QueryError> {
        let before = account.bytes();
        let mut answer = self.ask(endpoint)?;
        while let Some(row) = answer.next_row(self)? {
            rows.push(row);
            account.require(before + rows.bytes())?;
        }
        Ok(())
    }

    fn ask(&self, endpoint: u64) -> Result<Answer, QueryError> {
        let execution = &self.execution;
        execution.check()?;
        let term = execution.terms.decode(endpoint);
        let endpoint = match term.map_err(|error| execution.explain(error))? {
            Some(Term::NamedNode(endpoint)) => endpoint,
            Some(term) => return Err(failed(term.to_string(), "it is no IRI".into())),
            None => {
                let words = "nothing binds the variable that names it";
                return Err(failed("a variable".to_owned(), words.into()));
            }
        };
        let limits = &execution.dataset.limits;
        let request = ServiceRequest {
            endpoint,
            query: self.query.clone(),
            variables: self.variables.clone(),
            deadline: limits.deadline(),
            cancel: limits.cancel_token().cloned(),
        };
        let Some(handler) = execution.extensions.service(&request.endpoint) else {
            let words = "no handler answers for it, and none asks over the network by itself";
            return Err(failed(request.endpoint.to_string(), words.into()));
        };
        match handler.answer(&request) {
            Ok(rows) => Ok(Answer {
                endpoint: request.endpoint,
                rows,
                labels: HashMap::new(),
            }),
            Err(error) => {
                // A handler that heeds the deadline fails by it.
                execution.check()?;
                Err(failed(request.endpoint.to_string(), error))
            }
        }
    }
}

fn failed(endpoint: String, source: ServiceError) -> QueryError {
    QueryError::Service { endpoint, source }
}

/// The answer of an endpoint as it comes.
struct Answer {
    endpoint: NamedNode,
    rows: ServiceRows,
    /// Our blank nodes for those of the answer.
    labels: HashMap<BlankNode, BlankNode>,
}

impl Answer {
    /// The next row that agrees with what is known.
    fn next_row(&mut self, call: &ServiceCall) -> Result<Option<Vec<u64>>, QueryError> {
        let execution = &call.execution;
        loop {
            execution.check()?;
            let terms = match self.rows.next() {
                None => return Ok(None),
                Some(Ok(terms)) => terms,
                Some(Err(error)) => {
                    execution.check()?;
                    return Err(failed(self.endpoint.to_string(), error));
                }
            };
            self.check_row(call, &terms)?;
            let mut row = Vec::with_capacity(terms.len());
            for term in terms {
                row.push(match term {
                    Some(term) => execution
                        .terms
                        .encode(self.own(term))
                        .map_err(|error| execution.explain(error))?,
                    None => UNBOUND,
                });
            }
            let agrees =
                |(column, id): &(usize, u64)| row[*column] == *id || row[*column] == UNBOUND;
            if call.known.iter().all(agrees) {
                return Ok(Some(row));
            }
        }
    }

    /// Refuses a row that the pattern cannot give: joins rely on it.
    fn check_row(&self, call: &ServiceCall, row: &[Option<Term>]) -> Result<(), QueryError> {
        let words = if row.len() != call.variables.len() {
            let (given, wanted) = (row.len(), call.variables.len());
            format!("it gave a row of {given} values for {wanted} variables")
        } else if let Some(column) = call.certain.iter().find(|column| row[**column].is_none()) {
            let variable = &call.variables[*column];
            format!("it gave a row without a value for {variable}, which the pattern binds")
        } else {
            return Ok(());
        };
        Err(failed(self.endpoint.to_string(), words.into()))
    }

    /// The term with blank nodes of our own.
    fn own(&mut self, term: Term) -> Term {
        let mut around = Vec::new();
        let mut term = term;
        while let Term::Triple(triple) = term {
            let subject = match triple.subject {
                NamedOrBlankNode::BlankNode(node) => self.own_node(node).into(),
                subject @ NamedOrBlankNode::NamedNode(_) => subject,
            };
            around.push((subject, triple.predicate));
            term = triple.object;
        }
        if let Term::BlankNode(node) = term {
            term = self.own_node(node).into();
        }
        for (subject, predicate) in around.into_iter().rev() {
            term = Triple::new(subject, predicate, term).into();
        }
        term
    }

    fn own_node(&mut self, node: BlankNode) -> BlankNode {
        self.labels.entry(node).or_default().clone()
    }
}

/// The rows of one endpoint by themselves.
pub(crate) struct Service {
    call: ServiceCall,
    endpoint: u64,
    account: Account,
    state: State,
}

enum State {
    NotAsked,
    Streaming(Answer),
    Collected(OneBatch),
    Done,
}

impl Service {
    pub(crate) fn new(call: ServiceCall, endpoint: u64) -> Self {
        Self {
            account: call.execution.memory.account(),
            call,
            endpoint,
            state: State::NotAsked,
        }
    }
}

impl Operator for Service {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.call.variables.len());
        if matches!(self.state, State::NotAsked) {
            self.state = if self.call.silent {
                let rows = self.call.collected(self.endpoint, &mut self.account)?;
                State::Collected(OneBatch::whole(rows))
            } else {
                State::Streaming(self.call.ask(self.endpoint)?)
            };
        }
        match &mut self.state {
            State::Streaming(answer) => {
                while batch.len() < BATCH_ROWS {
                    match answer.next_row(&self.call)? {
                        Some(row) => batch.push(row),
                        None => {
                            self.state = State::Done;
                            break;
                        }
                    }
                }
                Ok(!batch.is_empty())
            }
            State::Collected(rows) => rows.next(batch),
            State::NotAsked | State::Done => Ok(false),
        }
    }
}

/// An answer that is kept.
pub(crate) struct KeptAnswer {
    pub(crate) rows: Batch,
    /// The columns that hold a value in each row.
    pub(crate) bound: Vec<usize>,
}

/// Joins left rows with the answer of the endpoint that they name.
pub(crate) type AnswerFactory =
    Box<dyn FnMut(Batch, &KeptAnswer) -> Result<BoxedOperator, QueryError> + Send>;

/// What names the endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EndpointName {
    Constant(u64),
    Column(usize),
}

/// Left rows, joined with the answers of the endpoints that they name.
pub(crate) struct ServiceJoin {
    call: ServiceCall,
    name: EndpointName,
    left: BoxedOperator,
    factory: AnswerFactory,
    width: usize,
    answers: HashMap<u64, KeptAnswer>,
    account: Account,
    /// The rows of the left batch by their endpoint, those that wait.
    waiting: Vec<(u64, Batch)>,
    current: Option<BoxedOperator>,
}

impl ServiceJoin {
    pub(crate) fn new(
        call: ServiceCall,
        name: EndpointName,
        left: BoxedOperator,
        factory: AnswerFactory,
        width: usize,
    ) -> Self {
        Self {
            account: call.execution.memory.account(),
            call,
            name,
            left,
            factory,
            width,
            answers: HashMap::new(),
            waiting: Vec::new(),
            current: None,
        }
    }

    /// Sorts the rows of a left batch by their endpoint.
    fn take(&mut self, batch: Batch) {
        let column = match self.name {
            EndpointName::Constant(endpoint) => {
                self.waiting.push((endpoint, batch));
                return;
            }
            EndpointName::Column(column) => column,
        };
        let mut parts: HashMap<u64, Batch> = HashMap::new();
        for row in 0..batch.len() {
            let part = parts
                .entry(batch.value(row, column))
                .or_insert_with(|| Batch::new(batch.width()));
            part.push(batch.row(row));
        }
        self.waiting = parts.into_iter().collect();
    }

    /// Goes on to the next endpoint; false when there are no more rows.
    fn advance(&mut self) -> Result<bool, QueryError> {
        if self.waiting.is_empty() {
            let mut batch = Batch::default();
            if !self.left.next(&mut batch)? {
                return Ok(false);
            }
            self.take(batch);
        }
        if let Some((endpoint, rows)) = self.waiting.pop() {
            if !self.answers.contains_key(&endpoint) {
                let answer = self.call.collected(endpoint, &mut self.account)?;
                let is_bound = |column: &usize| !answer.column(*column).contains(&UNBOUND);
                let bound = (0..answer.width()).filter(is_bound).collect();
                let answer = KeptAnswer {
                    rows: answer,
                    bound,
                };
                self.answers.insert(endpoint, answer);
            }
            if let Some(answer) = self.answers.get(&endpoint) {
                self.current = Some((self.factory)(rows, answer)?);
            }
        }
        Ok(true)
    }
}

impl Operator for ServiceJoin {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        loop {
            self.call.execution.check()?;
            if let Some(current) = &mut self.current {
                if current.next(batch)? {
                    return Ok(true);
                }
                self.current = None;
            }
            if !self.advance()? {
                batch.reset(self.width);
                return Ok(false);
            }
        }
    }
}
