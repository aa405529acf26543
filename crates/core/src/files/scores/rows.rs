//! Rows of named values as log-probabilities: long (a row a model and response) or wide (a row a response, a column a
//! model).

use std::borrow::Cow;

use super::super::findings::Findings;
use super::super::json::{self, Json, Reading, shorten};
use super::super::reading::FileContext;
use super::super::roles::{TOTALS, normalise};
use super::super::table::{Batch, Column, Kind, Sink};
use super::Scores;
use super::duplicate::Origin;
use super::join::{At, Observation};
use super::parts::name_of_parts;
use super::plan::{Plan, Values, is_alongside, names_a_role};
use super::tokens::{self, Lengths};
use crate::error::{Code, Error, Place, Result};

/// Models of a wide table that later rows may add: each row has a value of every one of them.
const MOST_LATE: usize = 4096;

/// Takes the rows of one table.
pub(super) struct Rows<'a> {
    pub(super) plan: Plan,
    /// By column of the table: its place in a batch.
    pub(super) slots: Vec<usize>,
    pub(super) context: &'a FileContext,
    pub(super) scores: &'a mut Scores,
    pub(super) findings: &'a mut Findings,
    pub(super) source: usize,
    /// Models of a wide table: slot, number in the join, column.
    pub(super) wide: Vec<(usize, usize, String)>,
    pub(super) rows: u64,
    /// Columns wanted, late ones included.
    width: usize,
    late: usize,
    /// A row without an id, which is an error unless it is the last one of a table with totals.
    pub(super) pending: Option<Error>,
    totals: bool,
    /// The response of the last row, and where that stands.
    pub(super) last: Option<(usize, u64)>,
    /// Values of the columns that name the model, and the number of the model, of the row before.
    last_model: Option<(Vec<String>, usize)>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        plan: Plan,
        context: &'a FileContext,
        scores: &'a mut Scores,
        findings: &'a mut Findings,
        totals: bool,
    ) -> Result<Self> {
        if plan.id.is_none() && context.inputs > 1 {
            let message = "There is no column of response ids, by which several files are joined. Add a column id.";
            return Err(Error::new(Code::MissingColumn, message).in_file(&*context.file));
        }
        if plan.line_ids && plan.texts.is_empty() && context.inputs > 1 {
            let message = "Responses are joined by the numbers of their rows, and nothing beside them shows that rows of one number are about one text: add ids, or the \
                           text or a hash of it.";
            let place = Place { file: Some(context.file.clone()), ..Place::default() };
            findings.warn("WARN_JOINED_BY_LINE", message, place);
        }
        let columns = plan.columns();
        let wanted = plan.wanted(columns);
        let mut width = 0;
        let slots = wanted.iter().map(|kind| {
            width += usize::from(kind.is_some());
            width.saturating_sub(1)
        });
        let slots = slots.collect();
        let source = context.source;
        let mut rows = Self {
            plan,
            slots,
            context,
            scores,
            findings,
            source,
            wide: Vec::new(),
            rows: 0,
            width: 0,
            late: 0,
            pending: None,
            totals,
            last: None,
            last_model: None,
        };
        rows.width = wanted.iter().flatten().count();
        if let Values::Wide { models, certain } = &rows.plan.values {
            for (column, name) in models.clone() {
                let (slot, certain) = (rows.slots[column], *certain);
                rows.wide.push(wide_model(rows.scores, slot, &name, source, certain));
            }
        }
        Ok(rows)
    }

    /// Makes room for that many rows.
    pub(super) fn expect(&mut self, rows: usize) {
        let models = self.wide.iter().map(|(_, model, _)| *model);
        if self.plan.reasoning.is_none() && models.len() > 0 {
            self.scores.join.expect(rows, models);
        }
    }

    fn at(&self, row: u64) -> At {
        At { source: self.source, row }
    }

    fn text<'b>(&self, batch: &'b Batch, column: Option<usize>, row: usize) -> Option<&'b str> {
        match &batch.columns[self.slots[column?]] {
            Column::Texts(texts) => Some(texts.get(row)).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// What stands in a column of texts, lists and objects included.
    fn content<'b>(&self, batch: &'b Batch, column: usize, row: usize) -> Option<Cow<'b, str>> {
        let Column::Texts(texts) = &batch.columns[self.slots[column]] else { return None };
        match texts.odd_at(row) {
            Some(Json::Null) => None,
            Some(odd) => Some(odd.whole().into()),
            None => Some(texts.get(row)).filter(|text| !text.is_empty()).map(Cow::Borrowed),
        }
    }

    fn count(&self, batch: &Batch, column: Option<usize>, row: usize) -> Option<u64> {
        match &batch.columns[self.slots[column?]] {
            Column::Numbers(numbers) => {
                Some(numbers.values[row]).filter(|value| *value >= 0.0).map(|value| value as u64)
            }
            _ => None,
        }
    }

    fn error(&self, code: Code, message: String, row: u64) -> Error {
        Error::new(code, message).in_file(&*self.context.file).at_row(row as usize)
    }

    /// The number of the model of row `row` of a long table; `None` after a fault was reported.
    fn model(&mut self, batch: &Batch, row: usize, place: u64, id: &str) -> Result<Option<usize>> {
        if self.plan.model.is_empty() {
            let name = self.context.named()?;
            return Ok(Some(self.scores.join.model(name, self.source, Origin::File)));
        }
        if let Some((last, model)) = &self.last_model
            && self
                .plan
                .model
                .iter()
                .zip(last)
                .all(|((_, column), last)| self.text(batch, Some(*column), row) == Some(last.as_str()))
        {
            return Ok(Some(*model));
        }
        if let ([(_, column)], true) = (&self.plan.model[..], self.plan.names_model || self.context.given.is_none())
            && let Some(name) = self.text(batch, Some(*column), row)
        {
            return Ok(Some(self.scores.join.model(name, self.source, Origin::Value)));
        }
        let values: Vec<Option<&str>> =
            self.plan.model.iter().map(|(_, column)| self.text(batch, Some(*column), row)).collect();
        if let Some(index) = values.iter().position(Option::is_none) {
            let message = format!(
                "Column {} does not name a model, as it does in other rows: every row needs it.",
                self.plan.model[index].0
            );
            let error = self.error(Code::MissingModel, message, place).of_response(id);
            self.findings.error(error)?;
            return Ok(None);
        }
        let values: Vec<String> = values.into_iter().flatten().map(str::to_owned).collect();
        let columns = self.plan.model.iter().map(|(column, _)| column.clone());
        let mut parts: Vec<(String, String)> = columns.zip(values.iter().cloned()).collect();
        if let (Some(given), false) = (&self.context.given, self.plan.names_model) {
            parts.insert(0, (String::new(), given.clone()));
        }
        let model = self.scores.join.model(&name_of_parts(parts.iter()), self.source, Origin::Value);
        self.scores.join.models[model].parts = parts;
        self.last_model = Some((values, model));
        Ok(Some(model))
    }

    fn row(&mut self, batch: &Batch, row: usize, id_text: &mut String) -> Result<()> {
        let place = batch.places.of(row);
        if let Some(error) = self.pending.take() {
            self.findings.error(error)?;
        }
        let id = match self.plan.id {
            None => {
                id_text.clear();
                id_text.push_str(&self.rows.to_string());
                &**id_text
            }
            Some(column) => match (self.text(batch, Some(column), row), self.plan.task) {
                (None, _) => return self.missing_id(batch, (column, self.plan.id_name.clone()), row, place),
                (Some(id), None) => id,
                (Some(id), task) => {
                    id_text.clear();
                    id_text.push_str(self.text(batch, task, row).unwrap_or(""));
                    id_text.push(':');
                    id_text.push_str(id);
                    &**id_text
                }
            },
        };
        let of_reasoning;
        let (id, answer) = match &self.plan.reasoning {
            None => (id, None),
            &Some(column) => match self.text(batch, Some(column), row) {
                None => return self.missing_id(batch, (column, "of reasoning ids".to_owned()), row, place),
                Some(reasoning) => {
                    of_reasoning = format!("{id}, reasoning {reasoning}");
                    (&*of_reasoning, Some(id))
                }
            },
        };
        self.rows += 1;
        let model = match self.wide.first() {
            Some((_, model, _)) => *model,
            None => match self.model(batch, row, place, id)? {
                Some(model) => model,
                None => return Ok(()),
            },
        };
        let texts = self.plan.texts.iter();
        let texts: Vec<(&str, Cow<'_, str>)> =
            texts.filter_map(|(kind, column)| Some((&**kind, self.content(batch, *column, row)?))).collect();
        let texts: Vec<(&str, &str)> = texts.iter().map(|(kind, text)| (*kind, &**text)).collect();
        let lengths = Lengths {
            prompt: self.count(batch, self.plan.prompt_tokens, row),
            response: self.count(batch, self.plan.response_tokens, row),
            some: self.count(batch, self.plan.some_tokens, row),
            given_prompt: self.scores.options.prompt_tokens,
            given_response: self.scores.options.response_tokens,
        };
        let at = self.at(place);
        let list = match &self.plan.values {
            Values::Long { tokens: Some((column, _)), .. } => match &batch.columns[self.slots[*column]] {
                Column::Lists(lists) if lists.odd_at(row).is_none() => Some((lists, lists.range(row))),
                _ => None,
            },
            _ => None,
        };
        let mut observation = Observation {
            tokens: lengths.response.or(lengths.some),
            prompt: self.text(batch, self.plan.prompt, row),
            answer,
            texts: &texts,
        };
        let Some((lists, range)) = list else {
            let Some(number) = self.scores.join.response(id, model, observation, at, self.findings)? else {
                return Ok(());
            };
            self.last = Some((number, place));
            return self.values(batch, row, model, number, at);
        };
        let start = match lengths.start(range.len()) {
            Ok(start) => start,
            Err(message) => {
                let error = self.error(Code::ResponseSlice, message, place).of_response(id);
                return self.findings.error(error.of_model(&*self.scores.join.models[model].name));
            }
        };
        observation.tokens = Some((range.len() - start) as u64);
        let Some(number) = self.scores.join.response(id, model, observation, at, self.findings)? else {
            return Ok(());
        };
        let join = &self.scores.join;
        let options = &self.scores.options;
        let total = tokens::sum(
            &lists.elements.values[range.clone()],
            start,
            |index| lists.elements.odd_at(range.start + index).clone(),
            (options.keep_clamped, options.negate),
            |error| join.placed(error, at, model, number),
            self.findings,
        )?;
        let Some(total) = total else { return Ok(()) };
        if let Some(error) = self.contradicts(batch, row, total, range.len() - start) {
            let error = self.scores.join.placed(error, at, model, number);
            return self.findings.error(error);
        }
        self.scores.join.put(model, number, total, at, self.findings)
    }

    /// Whether the log-probability beside a list of tokens is neither its sum nor its mean, in the few digits that people
    /// write: then one of them is of something else, as when the list begins with the prompt.
    fn contradicts(&self, batch: &Batch, row: usize, total: f64, tokens: usize) -> Option<Error> {
        let Values::Long { log_prob: Some((column, name)), tokens: Some((_, list)) } = &self.plan.values else {
            return None;
        };
        let Column::Numbers(numbers) = &batch.columns[self.slots[*column]] else { return None };
        let beside = if self.scores.options.negate { 0.0 - numbers.values[row] } else { numbers.values[row] };
        let near = |value: f64| (value - beside).abs() <= 0.01 + 0.001 * value.abs();
        if beside.is_nan() || total.is_infinite() || near(total) || near(total / tokens as f64) {
            return None;
        }
        let (name, list) = (shorten(name), shorten(list));
        let message = format!(
            "The log-probabilities of {list} add up to {total}, and {name} is {beside}, which is neither that nor their mean: say where the response begins \
             (prompt_tokens, --prompt-tokens), or which column counts (--column logProb={name} or --column tokenLogProbs={list})."
        );
        Some(Error::new(Code::ResponseSlice, message))
    }

    /// Adds the values of a row that are no lists of tokens.
    fn values(&mut self, batch: &Batch, row: usize, model: usize, number: usize, at: At) -> Result<()> {
        if !self.wide.is_empty() {
            for index in 0..self.wide.len() {
                let (slot, model, _) = self.wide[index];
                self.value(batch, (slot, row), (model, number), at, Some(index))?;
            }
            return Ok(());
        }
        let Values::Long { log_prob, tokens } = &self.plan.values else { return Ok(()) };
        if let Some((column, _)) = log_prob {
            return self.value(batch, (self.slots[*column], row), (model, number), at, None);
        }
        let Some((column, name)) = tokens else { return Ok(()) };
        let Column::Lists(lists) = &batch.columns[self.slots[*column]] else { return Ok(()) };
        let odd = lists.odd_at(row).cloned().unwrap_or(Json::Null);
        // A number in a column of that name is the log-probability itself.
        match odd {
            Json::Number(text) => {
                let Reading::Number(value) = json::number(&text) else { return Ok(()) };
                self.put(model, number, value, at)
            }
            odd => {
                let error = self.not_a_list(&odd, name);
                let error = self.scores.join.placed(error, at, model, number);
                self.findings.error(error)
            }
        }
    }

    fn not_a_list(&self, odd: &Json<'_>, column: &str) -> Error {
        let text = odd.as_text().unwrap_or("");
        if matches!(odd, Json::Null) {
            return null_value(column);
        }
        let advice = if text.contains("np.")
            || text.contains("array(")
            || text.contains("...")
            || text.contains("tensor(")
        {
            ": this is how numpy prints an array, with values left out; write a JSON list (json.dumps(values.tolist()))."
        } else {
            ", not a list of numbers."
        };
        Error::new(Code::NotANumber, format!("Column {} is {}{advice}", shorten(column), odd.show()))
    }

    /// Adds the number of one column; `wide` is the number of the model's column in a wide table.
    fn value(
        &mut self,
        batch: &Batch,
        (slot, row): (usize, usize),
        (model, number): (usize, usize),
        at: At,
        wide: Option<usize>,
    ) -> Result<()> {
        let Some(Column::Numbers(numbers)) = batch.columns.get(slot) else { return Ok(()) };
        let value = numbers.values[row];
        if !value.is_nan() {
            return self.put(model, number, value, at);
        }
        let odd = numbers.odd_at(row);
        if matches!(odd.number(), Reading::Number(_)) {
            return self.put(model, number, f64::NAN, at);
        }
        // A key that later rows have: the response was not scored by this model.
        if matches!(odd, Json::Null) && !self.wide.is_empty() && !self.totals {
            return Ok(());
        }
        let column = match (wide, &self.plan.values) {
            (Some(index), _) => self.wide[index].2.clone(),
            (None, Values::Long { log_prob: Some((_, name)), .. }) => name.clone(),
            _ => String::new(),
        };
        let error = match odd.number() {
            Reading::Missing => null_value(&column),
            _ => not_a_number(&column, odd),
        };
        let error = self.scores.join.placed(error, at, model, number);
        self.findings.error(error)
    }

    #[inline]
    fn put(&mut self, model: usize, number: usize, value: f64, at: At) -> Result<()> {
        let value = if self.scores.options.negate { 0.0 - value } else { value };
        self.scores.join.put(model, number, value, at, self.findings)
    }

    fn missing_id(&mut self, batch: &Batch, column: (usize, String), row: usize, place: u64) -> Result<()> {
        let (column, name) = column;
        let found = match &batch.columns[self.slots[column]] {
            Column::Texts(texts) => texts.odd_at(row).map_or_else(|| "empty".to_owned(), Json::show),
            _ => "empty".to_owned(),
        };
        let error = self.error(Code::MissingId, format!("Column {name} is {found}: every row needs an id."), place);
        if self.totals {
            self.pending = Some(error);
            return Ok(());
        }
        self.findings.error(error)
    }

    /// Ends the table.
    pub(super) fn finish(self) -> Result<()> {
        if let Some(error) = self.pending {
            let message =
                "The last row has no id and is left out, as a row of totals: give it an id if it is a response.";
            self.findings.warn("WARN_TOTALS_LEFT_OUT", message, error.into_fault().place);
            return Ok(());
        }
        let join = &mut self.scores.join;
        let Some((number, row)) = self.last.filter(|_| self.totals && self.rows > 1) else { return Ok(()) };
        let id = join.id(number).to_owned();
        if TOTALS.contains(&&*normalise(&id)) && join.forget(number) {
            let message = format!(
                "The last row is called {id} and is left out, as a row of totals: give it another id if it is a response."
            );
            let place = Place { file: Some(self.context.file.clone()), row: Some(row as usize), ..Place::default() };
            self.findings.warn("WARN_TOTALS_LEFT_OUT", message, place);
        }
        Ok(())
    }
}

fn wide_model(scores: &mut Scores, slot: usize, name: &str, source: usize, certain: bool) -> (usize, usize, String) {
    let model = scores.join.model(name, source, Origin::WideColumn);
    scores.join.models[model].certain |= certain;
    (slot, model, name.to_owned())
}

fn null_value(column: &str) -> Error {
    let message = format!(
        "Column {} has no value. If it was −∞: JSON has no infinity and JSON.stringify writes null for it; write the text \"-inf\".",
        shorten(column)
    );
    Error::new(Code::NullLogProb, message)
}

fn not_a_number(column: &str, value: &Json<'_>) -> Error {
    let text = value.as_text().unwrap_or("").trim().trim_start_matches(['-', '+']);
    let comma = text.split_once(',').is_some_and(|(before, after)| {
        !before.is_empty()
            && before.chars().all(|c| c.is_ascii_digit() || c == '.')
            && after.starts_with(|c: char| c.is_ascii_digit())
    });
    let advice = if comma {
        ": write a decimal point and no thousands separators."
    } else {
        ". If the column is no model, name those that are (--column models=NAME,…)."
    };
    Error::new(Code::NotANumber, format!("Column {} is {}, not a number{advice}", shorten(column), value.show()))
}

impl Sink for Rows<'_> {
    fn late_column(&mut self, name: &str, row: u64, nested: bool) -> Result<Option<Kind>> {
        if names_a_role(name) && self.plan.lacks(name) {
            let message = format!(
                "The field {} first appears in this row, and rows before it were read without it: what it means for them is not known. Write it in every row.",
                shorten(name)
            );
            self.findings.error(self.error(Code::MissingColumn, message, row))?;
            return Ok(None);
        }
        let Values::Wide { certain: false, .. } = self.plan.values else { return Ok(None) };
        if is_alongside(&normalise(name)) || (nested && !self.plan.nested_models) {
            return Ok(None);
        }
        self.late += 1;
        if self.late > MOST_LATE {
            let message = format!(
                "More than {MOST_LATE} fields first appear in later rows, which are too many models: write every row with the same fields, or ids as values."
            );
            return Err(self.error(Code::TooLarge, message, row));
        }
        self.wide.push(wide_model(self.scores, self.width, name, self.source, false));
        self.width += 1;
        Ok(Some(Kind::Number))
    }

    fn batch(&mut self, batch: &Batch) -> Result<()> {
        if self.plain(batch)? {
            return Ok(());
        }
        let mut id = String::new();
        for row in 0..batch.rows {
            self.row(batch, row, &mut id)?;
        }
        Ok(())
    }
}
