//! Pipelines that run side by side, on threads of their own, and give their rows in any order.
//!
//! What flows in: operators that share no more than tables and tries. What flows out: all their batches. What always holds: no
//! more than a few batches a thread wait to be taken; an error of one thread ends all; when the operator is dropped its
//! threads have ended; a thread that panics is an error and never an early end.

use super::hash_table::SharedTable;
use super::{BoxedOperator, Operator};
use crate::batch::Batch;
use crate::error::QueryError;
use crate::execution::Execution;
use quadrille_store::CancelToken;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How many batches a thread may be ahead.
const BATCHES_AHEAD: usize = 4;

/// What threads have of the stack unless they are told otherwise.
const STACK_LEAST: usize = 2 << 20;

/// How long to wait for a batch before asking whether the query may go on.
const CHECK_EVERY: Duration = Duration::from_millis(10);

/// What an exchange is made of.
pub(crate) struct ExchangeParts {
    /// Each of so many columns. They run in an execution that the token stops.
    pub(crate) pipelines: Vec<BoxedOperator>,
    pub(crate) width: usize,
    pub(crate) stop: CancelToken,
    /// What the pipelines join their rows with; filled before they run.
    pub(crate) tables: Vec<Arc<SharedTable>>,
    /// How many threads there may be.
    pub(crate) threads: usize,
}

/// The pipelines that no thread has begun with.
type Waiting = Arc<Mutex<Vec<BoxedOperator>>>;

/// What a thread sends: a batch, its error, or that it has given all.
enum Message {
    Rows(Batch),
    Failed(QueryError),
    Ended,
}

/// Pipelines on threads.
pub(crate) struct Exchange {
    execution: Arc<Execution>,
    width: usize,
    stop: CancelToken,
    tables: Vec<Arc<SharedTable>>,
    waiting: Waiting,
    /// How many threads are still to be started.
    unstarted: usize,
    receiver: Option<Receiver<Message>>,
    threads: Vec<JoinHandle<()>>,
    /// How many threads have not told that they have given all.
    running: usize,
}

impl Exchange {
    /// The rows of all pipelines; nothing runs before the first batch is asked for.
    pub(crate) fn new(execution: Arc<Execution>, mut parts: ExchangeParts) -> Self {
        // The last is begun with first.
        parts.pipelines.reverse();
        Self {
            execution,
            width: parts.width,
            stop: parts.stop,
            tables: parts.tables,
            unstarted: parts.threads.min(parts.pipelines.len()),
            waiting: Arc::new(Mutex::new(parts.pipelines)),
            receiver: None,
            threads: Vec::new(),
            running: 0,
        }
    }

    fn start(&mut self) -> Result<(), QueryError> {
        if self.unstarted == 0 {
            return Ok(());
        }
        for table in self.tables.drain(..) {
            table.fill(&self.execution)?;
        }
        let (sender, receiver) = sync_channel(self.unstarted * BATCHES_AHEAD);
        self.receiver = Some(receiver);
        for _ in 0..std::mem::take(&mut self.unstarted) {
            let (sender, stop) = (sender.clone(), self.stop.clone());
            let waiting = Arc::clone(&self.waiting);
            let thread = Builder::new()
                .name("quadrille-query".to_owned())
                .stack_size(self.execution.stack_bytes().max(STACK_LEAST))
                .spawn(move || run(&waiting, &sender, &stop))
                .map_err(|error| {
                    QueryError::Evaluation(format!("cannot start a thread: {error}"))
                })?;
            self.threads.push(thread);
            self.running += 1;
        }
        Ok(())
    }

    fn receive(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        while self.running > 0 {
            self.execution.check()?;
            let Some(receiver) = &self.receiver else {
                break;
            };
            match receiver.recv_timeout(CHECK_EVERY) {
                Ok(Message::Rows(rows)) => {
                    *batch = rows;
                    return Ok(true);
                }
                Ok(Message::Failed(error)) => return Err(error),
                Ok(Message::Ended) => self.running -= 1,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    // Threads that are told to stop end without a word.
                    self.execution.check()?;
                    let error = "a thread of the query ended early";
                    return Err(QueryError::Evaluation(error.to_owned()));
                }
            }
        }
        Ok(false)
    }

    /// Ends all threads and waits for them. Whoever sends is told by the channel, whoever reads by the token.
    fn finish(&mut self) {
        self.stop.cancel();
        self.receiver = None;
        self.tables.clear();
        self.unstarted = 0;
        self.running = 0;
        for thread in self.threads.drain(..) {
            // A panic has been sent as an error, or nobody asks any more.
            drop(thread.join());
        }
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        drop(waiting);
    }
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, Vec<BoxedOperator>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells of a panic, which unwinds past the end of [`run`].
struct PanicGuard<'a>(&'a SyncSender<Message>);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let error = QueryError::Evaluation("a thread of the query panicked".to_owned());
            // It fails only when nobody asks any more.
            drop(self.0.send(Message::Failed(error)));
        }
    }
}

/// Runs pipelines to their end, one after the other, until there are none or nobody takes their rows.
fn run(waiting: &Waiting, sender: &SyncSender<Message>, stop: &CancelToken) {
    let _guard = PanicGuard(sender);
    let next = || lock(waiting).pop();
    let mut pipeline = next();
    while !stop.is_cancelled() {
        let message = match &mut pipeline {
            None => Message::Ended,
            Some(operator) => {
                let mut batch = Batch::default();
                match operator.next(&mut batch) {
                    Ok(true) => Message::Rows(batch),
                    Ok(false) => {
                        pipeline = next();
                        continue;
                    }
                    Err(error) => Message::Failed(error),
                }
            }
        };
        let is_last = !matches!(message, Message::Rows(_));
        if sender.send(message).is_err() || is_last {
            return;
        }
    }
}

impl Operator for Exchange {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.width);
        let received = self.start().and_then(|()| self.receive(batch));
        if !matches!(received, Ok(true)) {
            self.finish();
        }
        received
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::{Exchange, ExchangeParts};
    use crate::batch::Batch;
    use crate::error::QueryError;
    use crate::execution::Execution;
    use crate::operators::test_support::{Random, collect, execution, input};
    use crate::operators::{BoxedOperator, Operator};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// What a pipeline does behind its first batches.
    #[derive(Clone, Copy, PartialEq)]
    enum Then {
        Fails,
        Panics,
        GoesOn,
    }

    /// Gives batches of one row and counts how many such operators there are.
    struct Counted {
        batches: usize,
        then: Then,
        alive: Arc<AtomicUsize>,
    }

    impl Counted {
        fn boxed(then: Then, alive: &Arc<AtomicUsize>) -> BoxedOperator {
            alive.fetch_add(1, Ordering::SeqCst);
            Box::new(Self {
                batches: 0,
                then,
                alive: Arc::clone(alive),
            })
        }
    }

    impl Operator for Counted {
        fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
            self.batches += 1;
            if self.batches > 20 && self.then == Then::Fails {
                return Err(QueryError::Evaluation("as it was told".to_owned()));
            }
            assert!(self.batches <= 20 || self.then != Then::Panics, "as told");
            batch.reset(1);
            batch.push([1]);
            Ok(true)
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.alive.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Takes all rows and gives none.
    struct Swallow(BoxedOperator, Arc<Execution>);

    impl Operator for Swallow {
        fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
            while self.0.next(batch)? {
                self.1.check()?;
            }
            Ok(false)
        }
    }

    fn exchange(
        width: usize,
        make: impl FnOnce(&Arc<Execution>) -> Vec<BoxedOperator>,
    ) -> Exchange {
        let execution = execution(usize::MAX);
        let (within, stop) = execution.stoppable();
        let parts = ExchangeParts {
            pipelines: make(&Arc::new(within)),
            width,
            stop,
            tables: Vec::new(),
            threads: 2,
        };
        Exchange::new(execution, parts)
    }

    fn drain(exchange: &mut Exchange) -> QueryError {
        let mut batch = Batch::default();
        loop {
            match exchange.next(&mut batch) {
                Ok(more) => assert!(more, "an end instead of an error"),
                Err(error) => return error,
            }
        }
    }

    #[test]
    fn all_rows_of_all_pipelines_come() {
        let mut random = Random(3);
        let tables: Vec<_> = (0..7).map(|_| random.rows(4_000, 2, 50)).collect();
        let mut exchange = exchange(2, |_| tables.iter().map(|rows| input(rows, 2)).collect());
        let mut rows = collect(&mut exchange, 2).expect("no errors");
        let mut expected = tables.concat();
        rows.sort();
        expected.sort();
        assert!(expected == rows);
    }

    #[test]
    fn an_error_or_a_panic_of_one_thread_ends_all() {
        for then in [Then::Fails, Then::Panics] {
            let alive = Arc::default();
            // The ones that go on would keep the channel open for ever: they must hear of the other's end.
            let mut exchange = exchange(1, |_| {
                let kinds = [Then::GoesOn, then, Then::GoesOn, Then::GoesOn];
                kinds.map(|kind| Counted::boxed(kind, &alive)).into()
            });
            assert!(matches!(drain(&mut exchange), QueryError::Evaluation(_)));
            assert_eq!(0, alive.load(Ordering::SeqCst));
        }
    }

    #[test]
    fn dropping_it_ends_threads_that_give_nothing() {
        let alive = Arc::default();
        let mut exchange = exchange(1, |execution| {
            let leaf = Counted::boxed(Then::GoesOn, &alive);
            let endless = Box::new(Swallow(leaf, Arc::clone(execution)));
            vec![endless, Counted::boxed(Then::GoesOn, &alive)]
        });
        assert!(exchange.next(&mut Batch::default()).expect("a row"));
        drop(exchange);
        assert_eq!(0, alive.load(Ordering::SeqCst));
    }

    #[test]
    fn dropping_it_before_its_first_row_starts_nothing() {
        let alive = Arc::default();
        let exchange = exchange(1, |_| vec![Counted::boxed(Then::Panics, &alive)]);
        drop(exchange);
        assert_eq!(0, alive.load(Ordering::SeqCst));
    }
}
