//! What is handed on once all rows are joined.

use std::sync::{Mutex, PoisonError};

use super::super::id_list::IdList;
use super::join::{NONE, STEP, ScoreJoin};
use super::reasonings::Reasonings;
use crate::error::Result;
use crate::log_probs::{LogProbs, Row};
use crate::parallel::Workers;
use crate::progress::Control;

/// Everything about the joined responses.
pub(in super::super) struct Joined {
    pub(in super::super) log_probs: LogProbs,
    pub(in super::super) models: Vec<String>,
    pub(in super::super) sources: Vec<usize>,
    pub(in super::super) ids: IdList,
    pub(in super::super) prompt_ids: Option<Vec<String>>,
    pub(in super::super) token_counts: Option<Vec<u64>>,
    pub(in super::super) reasonings: Option<Reasonings>,
}

impl ScoreJoin {
    /// The values of the responses in `order`, and all that is known of these.
    pub(super) fn gather(mut self, order: &[usize], workers: &Workers, control: &Control) -> Result<Joined> {
        let in_order = order.iter().enumerate().all(|(index, &number)| index == number);
        // One row a task, so that no more are there twice than there are threads: the next is put in order in its place.
        let left = Mutex::new(Vec::new());
        let spare = || left.lock().unwrap_or_else(PoisonError::into_inner);
        workers.for_each_chunk(&mut self.models, 1, control, |_, models| {
            for model in models {
                if !in_order || model.values.len() != order.len() {
                    let mut values: Vec<f64> = spare().pop().unwrap_or_default();
                    values.clear();
                    values.reserve_exact(order.len());
                    for part in order.chunks(STEP) {
                        control.check()?;
                        values.extend(part.iter().map(|&number| model.values[number]));
                    }
                    spare().push(std::mem::replace(&mut model.values, values));
                }
                model.values.shrink_to_fit();
            }
            Ok(())
        })?;
        let rows: Vec<Row<f64>> =
            self.models.iter_mut().map(|model| std::mem::take(&mut model.values).into()).collect();
        // What was put in was looked at: NaN is refused there, and a value above zero is an error by now.
        let log_probs = LogProbs::of_legal(crate::log_probs::Rows::F64(rows))?;
        let known = |value: u32| value != NONE;
        let facts = |index: &usize| &self.facts[*index];
        let prompt = |number: usize| self.prompts.get(self.facts[number].prompt as usize).to_owned();
        let prompts = order.iter().all(|index| known(facts(index).prompt));
        let prompt_ids = prompts.then(|| in_steps(order, control, prompt)).transpose()?;
        let answers = order.iter().all(|index| known(facts(index).answer));
        let reasonings = answers.then(|| self.reasonings(order, workers, control)).transpose()?;
        let counted = self.same_tokens && order.iter().all(|index| known(facts(index).tokens));
        let token_counts = counted.then(|| order.iter().map(|index| u64::from(facts(index).tokens)).collect());
        Ok(Joined {
            log_probs,
            sources: self.models.iter().map(|model| model.source).collect(),
            ids: self.ids.into_list(order),
            prompt_ids,
            token_counts,
            reasonings,
            models: self.models.into_iter().map(|model| model.name).collect(),
        })
    }
}

/// What `make` makes of each number.
fn in_steps<T>(numbers: &[usize], control: &Control, make: impl Fn(usize) -> T) -> Result<Vec<T>> {
    let mut made = Vec::with_capacity(numbers.len());
    for part in numbers.chunks(STEP) {
        control.check()?;
        made.extend(part.iter().map(|&number| make(number)));
    }
    Ok(made)
}
