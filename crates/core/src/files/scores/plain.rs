//! Batches in which nothing is out of the ordinary: every row has an id and numbers, and nothing beside them is to be
//! compared. What comes of them is what [`Rows::row`] makes of each row.

use super::super::ids::same;
use super::super::table::{Batch, Column, Numbers, Texts};
use super::duplicate::Origin;
use super::join::At;
use super::plan::Values;
use super::rows::Rows;
use crate::error::Result;

impl Rows<'_> {
    /// Takes a batch as a whole; `false`, with nothing done, if its rows have to be looked at one by one.
    pub(super) fn plain(&mut self, batch: &Batch) -> Result<bool> {
        let plan = &self.plan;
        let beside = [plan.task, plan.prompt, plan.prompt_tokens, plan.response_tokens, plan.some_tokens];
        let Some(id) = plan.id.map(|column| self.slots[column]).filter(|_| beside.iter().all(Option::is_none)) else {
            return Ok(false);
        };
        if !plan.texts.is_empty() || self.pending.is_some() {
            return Ok(false);
        }
        let Some(ids) = texts(batch, id) else { return Ok(false) };
        if self.wide.is_empty() { self.plain_long(batch, ids) } else { self.plain_wide(batch, ids) }
    }

    fn plain_wide(&mut self, batch: &Batch, ids: &Texts) -> Result<bool> {
        let columns: Option<Vec<&Numbers>> = self.wide.iter().map(|(slot, ..)| numbers(batch, *slot)).collect();
        let (Some(columns), Some(&(_, first_model, _))) = (columns, self.wide.first()) else { return Ok(false) };
        let mut rows = Vec::with_capacity(batch.rows);
        let mut guess = self.scores.join.next_response(first_model);
        for row in 0..batch.rows {
            let number = self.scores.join.response_of(ids, row, first_model, guess);
            guess = number + 1;
            rows.push(number);
        }
        self.rows += batch.rows as u64;
        let models = self.wide.iter().map(|(_, model, _)| *model);
        let join = &mut self.scores.join;
        // Responses that no model has yet, one after another.
        let follow = rows.windows(2).all(|pair| pair[1] == pair[0] + 1)
            && rows.first().is_some_and(|first| models.clone().all(|model| join.models[model].values.len() == *first));
        let negate = self.scores.options.negate;
        let at = |row: usize| At { source: self.source, row: batch.places.of(row) };
        let models: Vec<usize> = models.collect();
        if follow {
            for (model, numbers) in models.into_iter().zip(columns) {
                join.extend(model, &numbers.values, negate, at);
            }
            return Ok(true);
        }
        for (row, number) in rows.into_iter().enumerate() {
            for (model, numbers) in models.iter().zip(&columns) {
                let value = numbers.values[row];
                let value = if negate { 0.0 - value } else { value };
                join.put(*model, number, value, at(row), self.findings)?;
            }
        }
        Ok(true)
    }

    fn plain_long(&mut self, batch: &Batch, ids: &Texts) -> Result<bool> {
        let Values::Long { log_prob: Some((column, _)), tokens: None } = &self.plan.values else { return Ok(false) };
        let Some(values) = numbers(batch, self.slots[*column]) else { return Ok(false) };
        let names = match &self.plan.model[..] {
            [] => None,
            [(_, column)] if self.plan.names_model || self.context.given.is_none() => {
                let Some(names) = texts(batch, self.slots[*column]) else { return Ok(false) };
                Some(names)
            }
            _ => return Ok(false),
        };
        let mut model = match names {
            None => self.scores.join.model(self.context.named()?, self.source, Origin::File),
            Some(_) => usize::MAX,
        };
        let (negate, source) = (self.scores.options.negate, self.source);
        let join = &mut self.scores.join;
        for row in 0..batch.rows {
            if let Some(names) = names
                && (row == 0 || !same(names.bytes_of(row), names.bytes_of(row - 1)))
            {
                model = join.model(names.get(row), source, Origin::Value);
            }
            let number = join.response_of(ids, row, model, join.next_response(model));
            let value = if negate { 0.0 - values.values[row] } else { values.values[row] };
            join.put(model, number, value, At { source, row: batch.places.of(row) }, self.findings)?;
        }
        self.rows += batch.rows as u64;
        Ok(true)
    }
}

/// The texts in a slot, if every row has one.
fn texts(batch: &Batch, slot: usize) -> Option<&Texts> {
    match &batch.columns[slot] {
        Column::Texts(texts) if texts.odd.is_empty() && !texts.has_empty() => Some(texts),
        _ => None,
    }
}

/// The numbers in a slot, if every row has one that is no NaN.
fn numbers(batch: &Batch, slot: usize) -> Option<&Numbers> {
    match batch.columns.get(slot)? {
        Column::Numbers(numbers) if numbers.odd.is_empty() => Some(numbers),
        _ => None,
    }
}
