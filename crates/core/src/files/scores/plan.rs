//! Which column of a table of log-probabilities holds what. It is settled before the first value.

use super::super::json::shorten;
use super::super::options::ScoreOptions;
use super::super::reading::FileContext;
use super::super::roles::{CHECKPOINT_NAMES, Columns, MODEL_NAMES, normalise, words};
use super::super::table::{Kind, Table};
use super::names::{
    ALONGSIDE, ANSWER_TEXTS, GENERATED, IDS, LINES, LOSSES, MEANS, OTHER_BASES, OTHER_QUANTITIES, PLAIN, PROMPT_TOKENS,
    PROMPTS, REASONINGS, RESPONSE_TOKENS, SCORED_TEXTS, SOME_TOKENS, SUMS, TEXTS, TOKEN_LISTS,
};
use crate::error::{Code, Error, Result};

/// What each column of a table is. Columns are numbers into the table's list.
pub(super) struct Plan {
    pub(super) id: Option<usize>,
    /// Name of that column.
    pub(super) id_name: String,
    /// Normalised names of all columns.
    known: Vec<String>,
    /// The ids are numbers of rows.
    pub(super) line_ids: bool,
    /// Id of the reasoning, where rows are of reasonings.
    pub(super) reasoning: Option<usize>,
    /// Put before ids.
    pub(super) task: Option<usize>,
    /// Columns that together name the model, with their names.
    pub(super) model: Vec<(String, usize)>,
    /// One of them is a name, not only a step or a seed.
    pub(super) names_model: bool,
    pub(super) texts: Vec<(String, usize)>,
    pub(super) prompt: Option<usize>,
    pub(super) response_tokens: Option<usize>,
    pub(super) some_tokens: Option<usize>,
    pub(super) prompt_tokens: Option<usize>,
    pub(super) values: Values,
    /// The models of a wide table are fields of an object inside the rows.
    pub(super) nested_models: bool,
}

/// Where the log-probabilities stand.
pub(super) enum Values {
    /// A column a model: column and name.
    Wide { models: Vec<(usize, String)>, certain: bool },
    /// One column, maybe beside a list of tokens.
    Long { log_prob: Option<(usize, String)>, tokens: Option<(usize, String)> },
}

impl Plan {
    /// The plan of a table with these columns.
    pub(super) fn new(
        table: &dyn Table,
        context: &FileContext,
        options: &ScoreOptions,
        reasonings: bool,
    ) -> Result<Self> {
        let names = table.columns();
        let columns = Columns::new(names, &context.file);
        let chosen = &options.columns;
        if let (None, None, Some(column)) =
            (&chosen.log_prob, &chosen.models, columns.find(&["iscorrects", "passed", "basestatus", "resolved"]))
            && columns.find(&PLAIN).or(columns.find(&SUMS)).is_none()
        {
            let message = format!(
                "This holds samples that were checked ({}), not log-probabilities: it is input for Pass@k.",
                names[column]
            );
            return Err(Error::new(Code::UnsupportedFile, message).in_file(&*context.file));
        }
        let reasoning = match reasonings {
            true => columns.role(chosen.reasoning.as_deref(), &REASONINGS, "reasoning")?,
            false => None,
        };
        let own_id = match reasoning {
            None => columns.role(chosen.id.as_deref(), &IDS, "id")?,
            // Where rows are of reasonings, an id beside that of the response is the row's own.
            Some(_) => columns.role(chosen.id.as_deref(), &["responseid"], "id")?.or_else(|| columns.find(&IDS)),
        };
        if reasoning.is_some() && own_id == reasoning {
            let message = "The only column of ids tells reasonings apart, and of which response they are is not known. Add a column id of the response, or name it (--column id=…)";
            return Err(columns.missing(message));
        }
        let line_id = columns.find(&LINES[..3]).or_else(|| {
            // pandas writes its index as a first column without a name.
            (!names.is_empty() && LINES[3..].contains(&columns.normalised(0))).then_some(0)
        });
        let line_id = line_id.or_else(|| columns.find(&LINES[5..]));
        let id = own_id.or(line_id).or_else(|| columns.find(&PROMPTS));
        let line_ids = own_id.is_none() && line_id.is_some();
        let numbered = line_ids || id.is_some_and(|id| columns.normalised(id) == "docid");
        let mut model = columns.models(chosen.model.as_deref())?;
        let names_model = chosen.model.is_some() || model.iter().any(|&m| MODEL_NAMES.contains(&columns.normalised(m)));
        if chosen.model.is_none() && !model.is_empty() {
            model.extend(columns.all(&["seed", "temperature"]));
        }
        // A hash of what was asked is one of prompt and reasoning.
        let is_prompt =
            |&prompt: &usize| Some(prompt) != id && (reasoning.is_none() || columns.normalised(prompt) != "prompthash");
        let prompt = columns.role(chosen.prompt_id.as_deref(), &PROMPTS, "promptId")?.filter(is_prompt);
        let hash = chosen.content_hash.as_deref().map(|name| columns.named(name)).transpose()?;
        let mut texts = if reasoning.is_some() { columns.all(&ANSWER_TEXTS) } else { columns.all(&TEXTS) };
        if reasoning.is_none() && columns.all(&SCORED_TEXTS).is_empty() {
            texts.extend(columns.all(&GENERATED));
        }
        texts.extend(hash.filter(|hash| !texts.contains(hash)));
        texts.retain(|&text| Some(text) != id);
        let mut plan = Self {
            id,
            id_name: id.map_or(String::new(), |id| names[id].clone()),
            known: names.iter().map(|name| normalise(name)).collect(),
            line_ids,
            reasoning,
            task: numbered.then(|| columns.find(&["task", "taskname"])).flatten(),
            model: model.iter().map(|&column| (names[column].clone(), column)).collect(),
            names_model,
            texts: texts.iter().map(|&column| (names[column].clone(), column)).collect(),
            prompt,
            response_tokens: columns.find(&RESPONSE_TOKENS),
            some_tokens: columns.role(chosen.tokens.as_deref(), &SOME_TOKENS, "tokens")?,
            prompt_tokens: columns.role(chosen.prompt_tokens.as_deref(), &PROMPT_TOKENS, "promptTokens")?,
            values: Values::Long { log_prob: None, tokens: None },
            nested_models: false,
        };
        if let Some(models) = &chosen.models {
            let found =
                models.iter().map(|name| Ok((columns.named(name)?, name.clone()))).collect::<Result<Vec<_>>>()?;
            plan.model.clear();
            plan.texts.retain(|(_, text)| found.iter().all(|(column, _)| column != text));
            plan.values = Values::Wide { models: found, certain: true };
            return Ok(plan);
        }
        let tokens = match (&chosen.log_prob, &chosen.token_log_probs) {
            // Who names the column of sums does not mean the lists beside it.
            (Some(_), None) => None,
            (_, lists) => columns.role(lists.as_deref(), &TOKEN_LISTS, "tokenLogProbs")?,
        };
        let log_prob = match &chosen.log_prob {
            Some(name) => Some(columns.named(name)?),
            None if chosen.token_log_probs.is_some() => None,
            None => log_prob_column(names, &columns, options.negate, !plan.model.is_empty(), tokens.is_some())?,
        };
        if log_prob.is_some() || tokens.is_some() {
            if plan.id.is_none() {
                let message =
                    "There is no column of response ids: rows are joined by id, never by line. Add a column id";
                return Err(columns.missing(message));
            }
            let named = |column: usize| (column, names[column].clone());
            plan.values = Values::Long { log_prob: log_prob.map(named), tokens: tokens.map(named) };
            return Ok(plan);
        }
        if !plan.model.is_empty() && names_model {
            refuse_others(names, &columns, options.negate)?;
        }
        let models = plan.wide(table, &columns, options.negate)?;
        plan.nested_models = models.iter().any(|(model, _)| table.is_nested(*model));
        plan.values = Values::Wide { models, certain: false };
        plan.model.clear();
        Ok(plan)
    }

    /// Columns that are nothing else: models.
    fn wide(&self, table: &dyn Table, columns: &Columns<'_>, negate: bool) -> Result<Vec<(usize, String)>> {
        let names = table.columns();
        let free = |&column: &usize| {
            !self.takes(column) && !is_alongside(columns.normalised(column)) && !names[column].trim().is_empty()
        };
        let mut models: Vec<usize> = (0..names.len()).filter(free).filter(|&m| !table.is_nested(m)).collect();
        if models.is_empty() {
            models = (0..names.len()).filter(free).collect();
        }
        let candidates: Vec<String> = models.iter().map(|&model| names[model].clone()).collect();
        refuse_others(&candidates, columns, negate)?;
        if models.is_empty() {
            let message = "There is no column of log-probabilities: logProb, tokenLogProbs, or a column for each model";
            return Err(columns.missing(message));
        }
        Ok(models.into_iter().map(|model| (model, names[model].clone())).collect())
    }

    /// Number of columns of the table.
    pub(super) fn columns(&self) -> usize {
        self.known.len()
    }

    /// Whether no column has this name, however it is spelt.
    pub(super) fn lacks(&self, name: &str) -> bool {
        !self.known.contains(&normalise(name))
    }

    fn takes(&self, column: usize) -> bool {
        let single = [
            self.id,
            self.reasoning,
            self.task,
            self.prompt,
            self.response_tokens,
            self.some_tokens,
            self.prompt_tokens,
        ];
        single.contains(&Some(column)) || self.model.iter().chain(&self.texts).any(|(_, taken)| *taken == column)
    }

    /// How each of `count` columns is to be read.
    pub(super) fn wanted(&self, count: usize) -> Vec<Option<Kind>> {
        let mut wanted = vec![None; count];
        for column in [self.response_tokens, self.some_tokens, self.prompt_tokens].into_iter().flatten() {
            wanted[column] = Some(Kind::Number);
        }
        for column in [self.id, self.reasoning, self.task, self.prompt].into_iter().flatten() {
            wanted[column] = Some(Kind::Text);
        }
        for (_, column) in self.model.iter().chain(&self.texts) {
            wanted[*column] = Some(Kind::Text);
        }
        match &self.values {
            Values::Wide { models, .. } => models.iter().for_each(|(model, _)| wanted[*model] = Some(Kind::Number)),
            Values::Long { log_prob, tokens } => {
                log_prob.iter().for_each(|(column, _)| wanted[*column] = Some(Kind::Number));
                tokens.iter().for_each(|(column, _)| wanted[*column] = Some(Kind::List));
            }
        }
        wanted
    }
}

/// Whether a column of this normalised name goes with scores and is none.
pub(super) fn is_alongside(name: &str) -> bool {
    ALONGSIDE.contains(&name) || TEXTS.contains(&name) || LINES.contains(&name)
}

/// Whether a column that appears in a later row only would have been no model from the beginning.
pub(super) fn names_a_role(name: &str) -> bool {
    let name = normalise(name);
    [&IDS[..], &PROMPTS, &MODEL_NAMES, &CHECKPOINT_NAMES, &SUMS, &PLAIN, &TOKEN_LISTS]
        .iter()
        .any(|names| names.contains(&name.as_str()))
}

/// The column of log-probabilities of a long table.
fn log_prob_column(
    names: &[String],
    columns: &Columns<'_>,
    negate: bool,
    has_model: bool,
    has_tokens: bool,
) -> Result<Option<usize>> {
    for group in [&SUMS[..], &PLAIN] {
        let mut found = columns.all(group);
        if found.is_empty() {
            found = columns.fields(group);
        }
        match found[..] {
            [] => {}
            [column] => return Ok(Some(column)),
            [first, second, ..] => return Err(ambiguous(&names[first], &names[second], columns)),
        }
    }
    if negate {
        return Ok(columns.find(&LOSSES));
    }
    if has_tokens {
        return Ok(None);
    }
    // `sent1_logprob`: a log-probability, and the name says of what.
    let ends = |&column: &usize| {
        let name = columns.normalised(column);
        ["logprob", "logprobs", "loglik", "loglikelihood"].iter().any(|end| name.ends_with(end))
            && !MEANS.contains(&name)
    };
    let named: Vec<usize> = (0..names.len()).filter(ends).collect();
    let part = |&column: &usize| {
        let name = columns.normalised(column);
        ["sent", "choice", "option", "answer", "good", "bad", "chosen", "rejected", "correct", "wrong", "pos", "neg"]
            .iter()
            .any(|begin| name.starts_with(begin))
    };
    match named[..] {
        [column] if has_model || part(&column) => return Ok(Some(column)),
        [first, second, ..] if has_model || named.iter().all(part) => {
            return Err(ambiguous(&names[first], &names[second], columns));
        }
        _ => {}
    }
    if let Some(mean) = columns.find(&MEANS).filter(|_| named.is_empty()) {
        let message = format!(
            "Column {} holds means over tokens, and sums are needed: log-probabilities of whole responses. Save the sum; or, if it is one, say so (--column logProb={})",
            names[mean], names[mean]
        );
        return Err(columns.missing(&message));
    }
    Ok(None)
}

fn ambiguous(first: &str, second: &str, columns: &Columns<'_>) -> Error {
    let (first, second) = (shorten(first), shorten(second));
    let message = format!(
        "Both {first} and {second} could be the log-probability of the response: say which it is (--column logProb={first})"
    );
    columns.ambiguous(&message)
}

/// Refuses columns that are called something else than log-probabilities, with the advice that is right for each.
fn refuse_others(names: &[String], columns: &Columns<'_>, negate: bool) -> Result<()> {
    for name in names {
        let whole = normalise(name);
        let words = words(name);
        let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str())) || known.contains(&&*whole);
        let shown = shorten(name);
        // `reward_model` and `llama-4-bits` may be models; `policy_reward` and `bits` are none.
        let ends = |known: &[&str]| words.last().is_some_and(|word| known.contains(&word.as_str()));
        let message = if has(&OTHER_BASES[..10]) || OTHER_BASES.contains(&&*whole) {
            format!(
                "Column {shown} seems to hold logarithms to another base, or bits: log-probabilities are natural logarithms, sums over the tokens of each response. \
                 Multiply by log 2 or log 10 (and what is a mean by its number of tokens), or name the columns that are models (--column models=A,B)"
            )
        } else if MEANS.iter().any(|mean| whole.starts_with(mean) || whole.ends_with(mean)) {
            format!(
                "Column {shown} seems to hold means over tokens, and sums are needed: log-probabilities of whole responses. Save the sums, or name the columns that are \
                 models (--column models=A,B)"
            )
        } else if ends(&OTHER_QUANTITIES) {
            format!(
                "Column {shown} seems to hold something else than log-probabilities: leave it out, or name the columns that are models (--column models=A,B)"
            )
        } else if has(&["ppl", "perplexity", "perplexities"]) {
            format!(
                "Column {shown} seems to hold perplexities, which are exp(−mean log-probability of a token): a log-probability is −tokens · log(perplexity), \
                 which needs the number of tokens. Save the sums; or name the columns that are models (--column models=A,B)"
            )
        } else if has(&["prob", "probs", "probability", "probabilities"]) && !words.contains(&"log".to_owned()) {
            format!(
                "Column {shown} seems to hold probabilities: take their natural logarithms, or name the columns that are models (--column models=A,B)"
            )
        } else if !negate && (has(&LOSSES) || has(&["losses"])) {
            format!(
                "Column {shown} seems to hold losses, which are negative log-probabilities: if they are sums over the tokens of each response, pass --negate; means are \
                 no use. If it is something else, name the columns that are models (--column models=A,B)"
            )
        } else {
            continue;
        };
        return Err(columns.missing(&message));
    }
    Ok(())
}
