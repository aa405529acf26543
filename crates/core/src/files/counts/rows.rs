//! Rows that say how many samples of a problem are right: `{ id, n, c }`, a list of flags, or one flag a row and sample.

use super::super::findings::Findings;
use super::super::json::{Json, shorten};
use super::super::reading::FileContext;
use super::super::roles::{TOTALS, normalise};
use super::super::scores::parts::name_of_parts;
use super::super::table::{Batch, Column, Kind, Sink};
use super::Counts;
use super::flags;
use super::join::At;
use super::plan::{OutOf, Plan, Values};
use crate::error::{Code, Error, Place, Result};

/// Takes the rows of one table.
pub(super) struct Rows<'a> {
    plan: Plan,
    slots: Vec<usize>,
    context: &'a FileContext,
    counts: &'a mut Counts,
    findings: &'a mut Findings,
    last_model: Option<(Vec<String>, usize)>,
    /// People write a row of totals below such a table.
    totals: bool,
    /// The problem of the last row, and where that stands.
    last: Option<(String, u64)>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        plan: Plan,
        wanted: &[Option<Kind>],
        context: &'a FileContext,
        counts: &'a mut Counts,
        findings: &'a mut Findings,
        totals: bool,
    ) -> Self {
        let mut width = 0;
        let slots = wanted.iter().map(|kind| {
            width += usize::from(kind.is_some());
            width.saturating_sub(1)
        });
        Self { plan, slots: slots.collect(), context, counts, findings, last_model: None, totals, last: None }
    }

    /// Ends the table.
    pub(super) fn finish(self) {
        let Some((id, row)) = self.last.filter(|_| self.totals) else { return };
        if TOTALS.contains(&&*normalise(&id)) && self.counts.join.forget(&id) {
            let message = format!(
                "The last row is called {} and is left out, as a row of totals: give it another id if it is a problem.",
                shorten(&id)
            );
            let place = Place { file: Some(self.context.file.clone()), row: Some(row as usize), ..Place::default() };
            self.findings.warn("WARN_TOTALS_LEFT_OUT", message, place);
        }
    }

    fn text<'b>(&self, batch: &'b Batch, column: usize, row: usize) -> Option<&'b str> {
        match &batch.columns[self.slots[column]] {
            Column::Texts(texts) => Some(texts.get(row)).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    fn value<'b>(&self, batch: &'b Batch, column: usize, row: usize) -> &'b Json<'static> {
        match &batch.columns[self.slots[column]] {
            Column::Values(values) => &values[row],
            _ => &Json::Null,
        }
    }

    fn row(&mut self, batch: &Batch, row: usize) -> Result<()> {
        let place = batch.places.of(row);
        let (column, name) = &self.plan.id;
        let Some(id) = self.text(batch, *column, row) else {
            return self.missing(name.clone(), place);
        };
        let id = match self.plan.task.and_then(|task| self.text(batch, task, row)) {
            Some(task) => format!("{task}:{id}"),
            None => id.to_owned(),
        };
        if self.totals {
            self.last = Some((id.clone(), place));
        }
        if let Values::Wide(models) = &self.plan.values {
            for (column, name) in models.clone() {
                let model = self.counts.join.model(&name, &[]);
                let at = At { file: &self.context.file, row: place, model, problem: &id };
                self.wide(&self.value(batch, column, row).clone(), &name, at)?;
            }
            return Ok(());
        }
        let Some(model) = self.model(batch, row, place)? else { return Ok(()) };
        let at = At { file: &self.context.file, row: place, model, problem: &id };
        match &self.plan.values {
            Values::Counts { samples, correct } => {
                let (samples, correct) = (self.value(batch, *samples, row), self.value(batch, *correct, row));
                if let (Some(samples), Some(correct)) = (samples.as_f64(), correct.as_f64()) {
                    return self.counts.join.add_counts(at, samples, correct, self.findings);
                }
                let odd = if samples.as_f64().is_none() { samples } else { correct };
                let message = format!("A count of samples is {}, not a number.", odd.show());
                let error = self.counts.join.placed(Error::new(Code::InvalidCount, message), at);
                self.findings.error(error)
            }
            Values::Flags { column, name, reward, others, out_of } => {
                let value = self.value(batch, *column, row);
                if let Some(OutOf { column: all, name: of, samples }) = out_of
                    && let (Some(all), Some(correct)) = (self.value(batch, *all, row).as_f64(), value.as_f64())
                {
                    if *samples {
                        return self.counts.join.add_counts(at, all, correct, self.findings);
                    }
                    let (of, name) = (shorten(of), shorten(name));
                    let message = format!(
                        "{name} ({correct}) of {of} ({all}) could be samples that are right, or unit tests that one sample passed: if they are samples, say so \
                         (--column samples={of} --column correct={name}); else name the column that says whether the sample is right (--column passed=…)."
                    );
                    let error = self.counts.join.placed(Error::new(Code::AmbiguousColumn, message), at);
                    return self.findings.error(error);
                }
                let sample: Vec<&str> =
                    self.plan.sample.iter().filter_map(|column| self.text(batch, *column, row)).collect();
                let sample = (sample.len() == self.plan.sample.len() && !sample.is_empty()).then(|| sample.join(" "));
                let read = if *reward { flags::reward } else { flags::flag };
                let contradicts = |right: bool| {
                    others.iter().find(|(other, _)| flags::flag(self.value(batch, *other, row)) == Some(!right))
                };
                if let Some((right, (other, other_name))) =
                    read(value).and_then(|right| Some((right, contradicts(right)?)))
                {
                    let message = format!(
                        "Column {} says {} and column {} is {}: say which of them counts (--column passed={}).",
                        shorten(name),
                        if right { "right" } else { "wrong" },
                        shorten(other_name),
                        self.value(batch, *other, row).show(),
                        shorten(name)
                    );
                    let error = self.counts.join.placed(Error::new(Code::AmbiguousColumn, message), at);
                    return self.findings.error(error);
                }
                flags_of(value, name, sample.as_deref(), read, at, self.counts, self.findings)
            }
            Values::Wide(_) => Ok(()),
        }
    }

    /// One value of a column that is a model: flags, or the number of right samples.
    fn wide(&mut self, value: &Json<'_>, column: &str, at: At<'_>) -> Result<()> {
        match (self.counts.options.samples, value.as_f64()) {
            (Some(samples), Some(correct)) => {
                self.counts.join.add_counts(at, f64::from(samples), correct, self.findings)
            }
            (None, Some(number)) if number > 1.0 && number.fract() == 0.0 => {
                let message = format!(
                    "Column {} holds {number}: if it is the number of right samples of a model, say how many there are of each problem (--samples); if it is no model, \
                     name the column that says right or wrong (--column passed=…).",
                    shorten(column)
                );
                let error = self.counts.join.placed(Error::new(Code::MissingOption, message), at);
                self.findings.error(error)
            }
            _ => flags_of(value, column, None, flags::flag, at, self.counts, self.findings),
        }
    }

    fn model(&mut self, batch: &Batch, row: usize, place: u64) -> Result<Option<usize>> {
        if self.plan.model.is_empty() {
            return Ok(Some(self.counts.join.model(self.context.named()?, &[])));
        }
        let same = |last: &[String]| {
            self.plan.model.iter().zip(last).all(|((_, column), last)| self.text(batch, *column, row) == Some(last))
        };
        if let Some((_, model)) = self.last_model.as_ref().filter(|(last, _)| same(last)) {
            return Ok(Some(*model));
        }
        let mut parts = Vec::new();
        for (name, column) in &self.plan.model {
            match self.text(batch, *column, row) {
                Some(value) => parts.push((name.clone(), value.to_owned())),
                None => return self.missing(name.clone(), place).map(|()| None),
            }
        }
        let values = parts.iter().map(|(_, value)| value.clone()).collect();
        if let (Some(given), false) = (&self.context.given, self.plan.names_model) {
            parts.insert(0, (String::new(), given.clone()));
        }
        let name = name_of_parts(parts.iter());
        let model = self.counts.join.model(&name, &parts);
        self.last_model = Some((values, model));
        Ok(Some(model))
    }

    fn missing(&mut self, column: String, place: u64) -> Result<()> {
        let message = format!("Column {column} is empty or null here: every row needs it.");
        let error = Error::new(Code::MissingId, message).in_file(&*self.context.file).at_row(place as usize);
        self.findings.error(error)
    }
}

/// Adds a flag, or a list of them.
pub(in super::super) fn flags_of(
    value: &Json<'_>,
    column: &str,
    sample: Option<&str>,
    read: fn(&Json<'_>) -> Option<bool>,
    at: At<'_>,
    counts: &mut Counts,
    findings: &mut Findings,
) -> Result<()> {
    let neither = |value: &Json<'_>| {
        let message = format!(
            "Column {} is {}, which says neither right nor wrong (true, false, 1, 0, passed, failed).",
            shorten(column),
            value.show()
        );
        Error::new(Code::NotAFlag, message)
    };
    let Some(list) = flags::list(value) else {
        return match read(value) {
            Some(correct) => counts.join.add_sample(at, correct, sample, findings),
            None => findings.error(counts.join.placed(neither(value), at)),
        };
    };
    let read: Vec<Option<bool>> = list.iter().map(read).collect();
    match read.iter().position(Option::is_none) {
        Some(odd) => findings.error(counts.join.placed(neither(&list[odd]), at)),
        None => {
            let correct = read.iter().filter(|flag| **flag == Some(true)).count();
            counts.join.add_counts(at, list.len() as f64, correct as f64, findings)
        }
    }
}

impl Sink for Rows<'_> {
    fn late_column(&mut self, name: &str, row: u64, _: bool) -> Result<Option<Kind>> {
        if self.plan.would_count(name) {
            let message = format!(
                "The field {} first appears in this row, and rows before it were read without it: what it means for them is not known. Write it in every row.",
                shorten(name)
            );
            let error = Error::new(Code::MissingColumn, message).in_file(&*self.context.file);
            self.findings.error(error.at_row(row as usize))?;
        }
        Ok(None)
    }

    fn batch(&mut self, batch: &Batch) -> Result<()> {
        (0..batch.rows).try_for_each(|row| self.row(batch, row))
    }
}
