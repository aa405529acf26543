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
        let beside =
            [plan.reasoning, plan.task, plan.prompt, plan.prompt_tokens, plan.response_tokens, plan.some_tokens];
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
        let rows = self.scores.join.responses_of(ids, first_model);
        self.rows += batch.rows as u64;
        self.note_last(batch, rows.last().copied());
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
        let mut last = None;
        for row in 0..batch.rows {
            if let Some(names) = names
                && (row == 0 || !same(names.bytes_of(row), names.bytes_of(row - 1)))
            {
                model = join.model(names.get(row), source, Origin::Value);
            }
            let number = join.response_of(ids, row, model, join.next_response(model));
            let value = if negate { 0.0 - values.values[row] } else { values.values[row] };
            join.put(model, number, value, At { source, row: batch.places.of(row) }, self.findings)?;
            last = Some(number);
        }
        self.rows += batch.rows as u64;
        self.note_last(batch, last);
        Ok(true)
    }

    fn note_last(&mut self, batch: &Batch, number: Option<usize>) {
        if let Some(number) = number {
            self.last = Some((number, batch.places.of(batch.rows - 1)));
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::{InputFile, JoinMode, ScoreColumns, ScoreOptions, read_scores};
    use crate::parallel::Workers;
    use crate::progress::Control;

    /// What comes of a table, or code and row of its error.
    fn read(name: &str, text: &str, negate: bool) -> String {
        let path = std::env::temp_dir().join(format!("coverage-plain-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let options = ScoreOptions {
            format: None,
            transpose: false,
            negate,
            join: JoinMode::Shared,
            ignore_hashes: false,
            keep_clamped: false,
            prompt_tokens: None,
            response_tokens: None,
            filter: None,
            columns: ScoreColumns::default(),
        };
        let input = InputFile { path: path.display().to_string(), shown: Some("f".to_owned()), model: None };
        let read = read_scores(&[input], options, false, &Workers::sequential(), &Control::new());
        std::fs::remove_file(path).unwrap();
        match read {
            Err(error) => {
                format!("{:?} {:?} {:?} {}", error.code, error.place.row, error.place.response_id, error.message)
            }
            Ok(read) => {
                let matrix = read.log_probs.unwrap();
                let rows: Vec<Vec<f64>> = (0..matrix.models()).map(|model| matrix.row_f64(model)).collect();
                format!("{:?} {:?} {rows:?} {}", read.models, read.response_ids, read.findings.len())
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn batches_as_a_whole_come_to_what_their_rows_do(
            rows in prop::collection::vec(
                (0..12_usize, 0..3_usize, prop::sample::select(vec!["-1.5", "-2.25", "-0.5", "-inf", "3", "nan", "x", ""])),
                1..40,
            ),
            calm in any::<bool>(),
            negate in any::<bool>(),
            wide in any::<bool>(),
        ) {
            // A column of prompts has the rows looked at one by one. Half of the cases hold nothing odd and no id twice.
            let (mut plain, mut looked_at) = if wide {
                ("id,a,b\n".to_owned(), "id,a,b,prompt_id\n".to_owned())
            } else {
                ("id,model,logprob\n".to_owned(), "id,model,logprob,prompt_id\n".to_owned())
            };
            for (index, (id, model, value)) in rows.iter().enumerate() {
                let value = if calm { ["-1.5", "-2.25", "-0.5"][index % 3] } else { value };
                let value = if negate && calm { &value[1..] } else { value };
                let id = if calm { format!("r{}", index * 7 % 41) } else { format!("r{id}") };
                let row = if wide { format!("{id},{value},{value}") } else { format!("{id},m{model},{value}") };
                plain.push_str(&format!("{row}\n"));
                looked_at.push_str(&format!("{row},p\n"));
            }
            prop_assert_eq!(read("plain.csv", &plain, negate), read("rows.csv", &looked_at, negate));
        }
    }
}
