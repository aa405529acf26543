//! Where a stage's batches come from.

use std::sync::Arc;

use super::optimizer::Batch;
use super::options::StageOptions;
use crate::linear::policy::{DataDistribution, Walker};
use crate::linear::responses::Responses;
use crate::random::{Purpose, Stream, StreamState};

/// Where training responses come from.
#[derive(Clone, Debug)]
pub enum TrainingData {
    /// Drawn fresh from π_D, each used once.
    Fresh(Arc<DataDistribution>),
    /// A data set, gone through in epochs.
    Set(Arc<Responses>),
}

/// Hands out the batches of a stage.
pub(super) struct Source<'t> {
    data: &'t TrainingData,
    fresh: Option<(Box<dyn Walker + 't>, Stream)>,
    batch_size: u64,
    /// Samples after which the data ends; only the last batch of whole epochs can reach it.
    end: u64,
    shuffle: bool,
    seed: u64,
    /// The epoch whose order is in `order`.
    epoch: Option<u64>,
    order: Vec<usize>,
}

impl<'t> Source<'t> {
    /// Of `data`, which belongs to a run under `seed` and has come to `stream`.
    pub(super) fn new(data: &'t TrainingData, options: &StageOptions, seed: u64, stream: StreamState) -> Self {
        let (fresh, size) = match data {
            TrainingData::Fresh(data) => (Some((data.policy().walker(), Stream::resume(stream))), None),
            TrainingData::Set(responses) => (None, Some(responses.len() as u64)),
        };
        let end = match (options.steps, size) {
            (None, Some(size)) => size.saturating_mul(options.epochs),
            _ => u64::MAX,
        };
        let batch_size = options.batch_size as u64;
        Self { data, fresh, batch_size, end, shuffle: options.shuffle, seed, epoch: None, order: Vec::new() }
    }

    /// The batch of step `step` of the stage; fresh data must be asked for in order.
    pub(super) fn fill(&mut self, batch: &mut Batch, step: u64) {
        batch.responses.clear();
        batch.indices.clear();
        let first = step.saturating_mul(self.batch_size);
        let last = first.saturating_add(self.batch_size).min(self.end);
        match self.data {
            TrainingData::Fresh(data) => {
                if let Some((walker, stream)) = &mut self.fresh {
                    let count = usize::try_from(last - first).unwrap_or(usize::MAX);
                    data.draw(&mut **walker, count, stream, &mut batch.responses);
                    batch.indices.resize(count, 0);
                }
            }
            TrainingData::Set(responses) => {
                let size = responses.len() as u64;
                for sample in first..last {
                    #[expect(clippy::cast_possible_truncation, reason = "a remainder by a usize")]
                    let (epoch, within) = (sample / size, (sample % size) as usize);
                    let index = if self.shuffle { self.shuffled(epoch, responses.len())[within] } else { within };
                    let response = responses.get(index);
                    batch.responses.push(response.prompt, response.tokens);
                    batch.indices.push(index);
                }
            }
        }
    }

    /// The order of `epoch`.
    fn shuffled(&mut self, epoch: u64, size: usize) -> &[usize] {
        if self.epoch != Some(epoch) {
            self.order.clear();
            self.order.extend(0..size);
            Stream::new(self.seed, Purpose::Shuffle, epoch).shuffle(&mut self.order);
            self.epoch = Some(epoch);
        }
        &self.order
    }

    /// Where the stream of fresh data is now; `before` where there is none.
    pub(super) fn stream_state(&self, before: StreamState) -> StreamState {
        self.fresh.as_ref().map_or(before, |(_, stream)| stream.state())
    }
}
