//! The threads that parse: text to batches, or quads to batches.

use super::{Buffers, Content, Parsed, Receiver, Sender, Taking, Work, not_started};
use crate::directions::Directions;
use crate::error::LoadError;
use crate::lines::{ChunkReport, LineFormat, LineParser};
use oxrdf::Quad;
use quadrille_store::{QuadBatch, StorageResult};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What the parsing threads share.
pub(super) struct Parsers {
    work: Arc<Mutex<Receiver<Work>>>,
    done: Sender<Parsed>,
}

impl Parsers {
    pub(super) fn new(work: Receiver<Work>, done: Sender<Parsed>) -> Self {
        Self {
            work: Arc::new(Mutex::new(work)),
            done,
        }
    }

    /// Starts the threads. They end with the work, or when nobody wants what they parse.
    pub(super) fn spawn(
        self,
        threads: usize,
        lines: Option<LineFormat>,
        taking: &Taking,
    ) -> Result<(), LoadError> {
        for _ in 0..threads {
            let (work, done, taking) = (Arc::clone(&self.work), self.done.clone(), taking.clone());
            thread::Builder::new()
                .name("quadrille-parse".to_owned())
                .spawn(move || parse_all(&work, &done, lines, &taking))
                .map_err(not_started("a thread could not be started"))?;
        }
        Ok(())
    }
}

fn parse_all(
    work: &Mutex<Receiver<Work>>,
    done: &Sender<Parsed>,
    lines: Option<LineFormat>,
    taking: &Taking,
) {
    let mut parser = lines.map(|format| {
        LineParser::new(
            format,
            taking.graph.clone(),
            taking.blank_nodes,
            taking.skips,
        )
    });
    loop {
        // The guard is gone before the parsing begins.
        let item = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(item) = item else {
            return;
        };
        if done.send(parse(item, parser.as_mut(), taking)).is_err() {
            return;
        }
    }
}

fn parse(work: Work, parser: Option<&mut LineParser>, taking: &Taking) -> Parsed {
    let Work {
        number,
        bytes_read,
        buffers: Buffers { text, mut batch },
        content,
    } = work;
    let (mut at, mut report, mut error) = (0, ChunkReport::default(), None);
    let mut rejected = Vec::new();
    match content {
        Content::Lines { offset } => {
            at = offset;
            match parser.map(|parser| parser.parse(&text, &mut batch)) {
                Some(Ok(lines)) => report = lines,
                Some(Err(full)) => error = Some(full.into()),
                None => {}
            }
        }
        Content::Quads { quads, skipped } => {
            rejected = skipped;
            let pushed = push_all(&mut batch, &quads, taking);
            error = pushed.err().map(LoadError::from);
        }
        Content::Failed(failure) => error = Some(failure),
    }
    Parsed {
        number,
        bytes_read,
        buffers: Buffers { text, batch },
        offset: at,
        report,
        rejected,
        error,
    }
}

fn push_all(batch: &mut QuadBatch, quads: &[Quad], taking: &Taking) -> StorageResult<()> {
    let directions = Directions::new(batch, &taking.graph)?;
    quads
        .iter()
        .try_for_each(|quad| directions.push(batch, quad, taking.blank_nodes))
}
