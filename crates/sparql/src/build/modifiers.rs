//! Operators over one input: conditions, values, sorting, grouping.

use super::{Builder, Built, Environment};
use crate::algebra::{Place, Slot};
use crate::error::QueryError;
use crate::expression::{TermOrdering, accumulator};
use crate::operators::aggregate::{AggregateFunction, GroupAggregate};
use crate::operators::columns::{Column, Columns};
use crate::operators::distinct::{Distinct, Reduced};
use crate::operators::filter::Union;
use crate::operators::group::Group;
use crate::operators::slice::Slice;
use crate::operators::slice_of_each::SliceOfEach;
use crate::operators::sort::Sort;
use crate::operators::sort_keys::SortColumn;
use crate::operators::top::Top;
use crate::operators::unpack::{Part, Unpack, Unpacked};
use crate::plan::{AggregatePlan, Node, Plan, SortKeyPlan, lie_together};
use spargebra::algebra::AggregateExpression;
use std::sync::Arc;

impl Builder {
    pub(super) fn modifier(
        &self,
        plan: &Plan,
        environment: &Environment,
    ) -> Result<Built, QueryError> {
        match &plan.node {
            Node::Filter { input, filters } => {
                let input = self.build(input, environment)?;
                let built = self.filtered(input, filters, environment)?;
                Ok(self.projected(built, plan))
            }
            Node::Extend { input, slot, value } => {
                let is_chain = matches!(input.node, Node::Extend { .. });
                let labels = environment.labels.clone().unwrap_or_default();
                let below = Environment {
                    labels: is_chain.then(|| labels.clone()),
                    ..environment.clone()
                };
                let input = self.build(input, &below)?;
                let scalars = std::slice::from_ref(value);
                let input = self.with_parameters(input, scalars, environment);
                let built = self.extended(input, *slot, value, (labels, is_chain))?;
                Ok(self.projected(built, plan))
            }
            Node::Unpack {
                input,
                triple,
                parts,
            } => {
                let input = self.build(input, environment)?;
                self.unpacked(input, *triple, *parts, plan, environment)
            }
            Node::Constants { input, values } => {
                let input = self.build(input, environment)?;
                Ok(with_constants(input, values))
            }
            Node::Union(parts) => self.union(parts, plan, environment),
            Node::Project(input) => {
                let input = self.build(input, environment)?;
                Ok(self.arranged(input, &plan.columns, environment))
            }
            _ => self.whole(plan, environment),
        }
    }

    /// Operators on whole solutions.
    fn whole(&self, plan: &Plan, environment: &Environment) -> Result<Built, QueryError> {
        match &plan.node {
            Node::Distinct { input, grouped } => {
                let input = self.build(input, environment)?;
                if lie_together(&input.columns, grouped) {
                    // A look at the row before tells, and keeps the order whatever memory there is.
                    return Ok(Built {
                        operator: Box::new(Reduced::new(input.operator)),
                        columns: input.columns,
                    });
                }
                let width = input.width();
                let grouped = grouped.iter().filter_map(|slot| input.place(*slot));
                let grouped = grouped.collect();
                let execution = Arc::clone(&self.execution);
                let operator = Box::new(Distinct::new(execution, input.operator, width, grouped));
                Ok(Built {
                    operator,
                    columns: input.columns,
                })
            }
            Node::Reduced(input) => {
                let input = self.build(input, environment)?;
                Ok(Built {
                    operator: Box::new(Reduced::new(input.operator)),
                    columns: input.columns,
                })
            }
            Node::Slice { .. } | Node::SliceOfEach { .. } => self.slice(plan, environment),
            Node::Sort {
                input,
                sorted: true,
                ..
            } => {
                let input = self.build(input, environment)?;
                Ok(self.projected(input, plan))
            }
            Node::Sort {
                input, keys, first, ..
            } => {
                let input = self.build(input, environment)?;
                let built = self.sorted(input, keys, *first);
                Ok(self.projected(built, plan))
            }
            Node::Group {
                input,
                keys,
                aggregates,
                grouped,
            } => {
                let input = self.build(input, environment)?;
                self.grouped(input, keys, aggregates, grouped, environment)
            }
            _ => self.build(plan, environment),
        }
    }

    /// Operators that give some of the rows by their place.
    fn slice(&self, plan: &Plan, environment: &Environment) -> Result<Built, QueryError> {
        match &plan.node {
            Node::Slice {
                input,
                start,
                length,
            } => {
                let input = self.build(input, environment)?;
                let width = input.width();
                let limit = length.map(|length| length as u64);
                let operator = Box::new(Slice::new(input.operator, width, *start as u64, limit));
                Ok(Built {
                    operator,
                    columns: input.columns,
                })
            }
            Node::SliceOfEach {
                input,
                slot,
                start,
                length,
            } => {
                let input = self.build(input, environment)?;
                let column = input.place(*slot).ok_or_else(|| {
                    QueryError::Evaluation("a slice was planned of no column".to_owned())
                })?;
                let end = length.map_or(usize::MAX, |length| start.saturating_add(length));
                let operator =
                    SliceOfEach::new(&self.execution, input.operator, column, *start..end);
                let built = Built {
                    operator: Box::new(operator),
                    columns: input.columns,
                };
                Ok(self.projected(built, plan))
            }
            _ => self.build(plan, environment),
        }
    }

    /// The columns that the plan names, if others are among them.
    pub(super) fn projected(&self, built: Built, plan: &Plan) -> Built {
        let columns: Vec<Slot> = plan
            .columns
            .iter()
            .copied()
            .filter(|slot| built.place(*slot).is_some())
            .collect();
        if columns == built.columns {
            return built;
        }
        self.arranged(built, &columns, &Environment::default())
    }

    /// These columns, in this order; a slot that the input does not have is a constant or unbound.
    pub(super) fn arranged(
        &self,
        built: Built,
        columns: &[Slot],
        environment: &Environment,
    ) -> Built {
        let sources = columns
            .iter()
            .map(|slot| match built.place(*slot) {
                Some(place) => Column::Input(place),
                None => match environment.parameters.get(slot) {
                    Some(id) => Column::Constant(*id),
                    None => Column::UNBOUND,
                },
            })
            .collect();
        Built {
            operator: Box::new(Columns::new(built.operator, sources)),
            columns: columns.to_vec(),
        }
    }

    fn union(
        &self,
        parts: &[Plan],
        plan: &Plan,
        environment: &Environment,
    ) -> Result<Built, QueryError> {
        // A slot that is a constant is a column all the same if a branch has it: branches are to look alike.
        let mut inputs = Vec::with_capacity(parts.len());
        for part in parts {
            let built = self.build(part, environment)?;
            inputs.push(self.arranged(built, &plan.columns, environment).operator);
        }
        Ok(Built {
            operator: Box::new(Union::new(inputs, plan.columns.len())),
            columns: plan.columns.clone(),
        })
    }

    fn unpacked(
        &self,
        input: Built,
        triple: Slot,
        parts: [Place; 3],
        plan: &Plan,
        environment: &Environment,
    ) -> Result<Built, QueryError> {
        let input = self.with_slots(input, &[triple], environment);
        let Some(place) = input.place(triple) else {
            return Err(QueryError::Evaluation(
                "a triple term to be unpacked is in no column".to_owned(),
            ));
        };
        let mut columns: Vec<Slot> = input.columns.clone();
        let mut sources: Vec<Unpacked> = (0..input.width()).map(Unpacked::Input).collect();
        let mut new: Vec<(Slot, usize)> = Vec::new();
        let mut unpacked = [Part::New; 3];
        for (number, part) in parts.into_iter().enumerate() {
            unpacked[number] = match part {
                Place::Constant(id) => Part::Constant(id),
                Place::Slot(slot) => {
                    if let Some(id) = environment.parameters.get(&slot) {
                        Part::Constant(*id)
                    } else if let Some(column) = input.place(slot) {
                        Part::Column(column)
                    } else if let Some((_, first)) = new.iter().find(|(known, _)| *known == slot) {
                        Part::Same(*first)
                    } else {
                        new.push((slot, number));
                        columns.push(slot);
                        sources.push(Unpacked::Part(number));
                        Part::New
                    }
                }
            };
        }
        let execution = Arc::clone(&self.execution);
        let operator = Unpack::new(execution, input.operator, place, unpacked, sources);
        let built = Built {
            operator: Box::new(operator),
            columns,
        };
        Ok(self.projected(built, plan))
    }

    fn sorted(&self, input: Built, keys: &[SortKeyPlan], first: Option<usize>) -> Built {
        // A key that is a constant, or unbound, sorts nothing.
        let sort_columns = keys
            .iter()
            .filter_map(|key| {
                Some(SortColumn {
                    column: input.place(key.slot)?,
                    descending: key.descending,
                })
            })
            .collect();
        let (width, columns) = (input.width(), input.columns);
        let execution = Arc::clone(&self.execution);
        let order = TermOrdering::new(Arc::clone(&self.execution));
        let operator: super::BoxedOperator = match first {
            Some(first) => Box::new(Top::new(
                execution,
                input.operator,
                width,
                sort_columns,
                order,
                first,
            )),
            None => Box::new(Sort::new(
                execution,
                input.operator,
                width,
                sort_columns,
                order,
            )),
        };
        Built { operator, columns }
    }

    fn grouped(
        &self,
        input: Built,
        keys: &[Slot],
        aggregates: &[AggregatePlan],
        sorted_by: &[Slot],
        environment: &Environment,
    ) -> Result<Built, QueryError> {
        let all = input.columns.clone();
        let mut read: Vec<Slot> = keys.to_vec();
        read.extend(aggregates.iter().flat_map(|aggregate| &aggregate.row));
        read.extend(aggregates.iter().filter_map(|aggregate| aggregate.input));
        let mut wanted = all.clone();
        wanted.extend(read.into_iter().filter(|slot| !all.contains(slot)));
        let mut input = self.arranged(input, &wanted, environment);
        let counts_rows = aggregates.iter().any(|aggregate| aggregate.input.is_none());
        if counts_rows {
            // A row counts whether or not it binds a column: a column of equal values stands for it.
            let mut sources: Vec<_> = (0..wanted.len()).map(Column::Input).collect();
            sources.push(Column::Constant(self.marks[1]));
            input.operator = Box::new(Columns::new(input.operator, sources));
        }
        let place = |slot: Slot| {
            wanted
                .iter()
                .position(|column| *column == slot)
                .unwrap_or(0)
        };
        let mut functions = Vec::with_capacity(aggregates.len());
        for aggregate in aggregates {
            let (function, distinct) = self.aggregate(&aggregate.function)?;
            let columns = match aggregate.input {
                Some(slot) => vec![place(slot)],
                None if distinct => {
                    let row = aggregate.row.iter().map(|slot| place(*slot));
                    row.chain([wanted.len()]).collect()
                }
                None => Vec::new(),
            };
            functions.push(GroupAggregate {
                function,
                distinct,
                columns,
            });
        }
        let key_columns: Vec<usize> = keys.iter().map(|slot| place(*slot)).collect();
        let is_sorted = |key: &usize| sorted_by.contains(&keys[*key]);
        let grouped = (0..keys.len()).filter(is_sorted).collect();
        let execution = Arc::clone(&self.execution);
        let operator = Group::new(execution, input.operator, key_columns, functions, grouped);
        let slots = aggregates.iter().map(|aggregate| aggregate.slot);
        Ok(Built {
            operator: Box::new(operator),
            columns: keys.iter().copied().chain(slots).collect(),
        })
    }

    fn aggregate(
        &self,
        function: &AggregateExpression,
    ) -> Result<(AggregateFunction, bool), QueryError> {
        match function {
            AggregateExpression::CountSolutions { distinct } => {
                Ok((AggregateFunction::Count, *distinct))
            }
            AggregateExpression::FunctionCall { name, distinct, .. } => {
                let function = match name {
                    spargebra::algebra::AggregateFunction::Count => AggregateFunction::Count,
                    name => AggregateFunction::Other(accumulator(name, &self.execution)?),
                };
                Ok((function, *distinct))
            }
        }
    }
}

/// The rows with columns of one value each.
fn with_constants(input: Built, values: &[(Slot, u64)]) -> Built {
    let mut columns = input.columns;
    let mut sources: Vec<Column> = (0..columns.len()).map(Column::Input).collect();
    for (slot, id) in values {
        columns.push(*slot);
        sources.push(Column::Constant(*id));
    }
    Built {
        operator: Box::new(Columns::new(input.operator, sources)),
        columns,
    }
}
