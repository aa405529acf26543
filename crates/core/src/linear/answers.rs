//! The probability of an answer under a policy: a response is a reasoning, its first R tokens, and an answer, the rest.
//!
//! π(a | x) = Σ_r π(r | x)·π(a | x, r) is a sum over V^R reasonings. Where the next token depends on the last k tokens
//! alone ([`Policy::memory`]), reasonings that end alike go on alike, and their probabilities are added up token by token:
//! V^k states instead of V^R reasonings. Sampled reasonings stand beside both.

use std::collections::HashMap;

use super::policy::{Policy, Walker};
use super::responses::{Response, Responses};
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;
use crate::random::{Purpose, Stream};

/// Responses whose reasonings one task draws. Part of no result.
const RESPONSES_PER_TASK: usize = 64;

/// log π(a_i | x_i), the answer being what comes after the first `reasoning_tokens` tokens of each response, summed over
/// all reasonings of so many tokens.
///
/// # Errors
/// [`Code::TooLarge`] where more than `max_responses` pairs of a reasoning (or a state that reasonings end in) and an answer
/// would have to be visited; [`Code::ShapeMismatch`] naming a response without an answer, or that does not fit the policy;
/// [`Code::NoResponses`]; [`Code::Aborted`].
pub fn answer_log_probs(
    policy: &dyn Policy,
    responses: &Responses,
    reasoning_tokens: usize,
    max_responses: u64,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<f64>> {
    check(policy, responses, reasoning_tokens)?;
    let asked = Asked::new(responses, reasoning_tokens);
    let visits: f64 = asked.prompts.iter().map(|of_prompt| of_prompt.visits(policy, reasoning_tokens)).sum();
    if visits > max_responses as f64 {
        let message = format!(
            "Exact probabilities of the answers would take visits to {visits:.4e} reasonings with their answers, more than the limit of {max_responses}: draw reasonings instead, or raise maxResponses."
        );
        return Err(Error::new(Code::TooLarge, message).at_field("maxResponses"));
    }
    let merged = policy.memory();
    // Without states, the first token tells the tasks of one prompt apart.
    let tasks_per_prompt = if merged.is_some() || reasoning_tokens == 0 { 1 } else { policy.vocabulary() };
    control.start((asked.prompts.len() * tasks_per_prompt) as u64);
    let parts = workers.map(asked.prompts.len() * tasks_per_prompt, control, |task| {
        let of_prompt = &asked.prompts[task / tasks_per_prompt];
        let mut sums = Sums::new(&of_prompt.answers);
        let mut walker = policy.walker();
        match merged {
            Some(memory) => {
                let (prompt, vocabulary) = (of_prompt.prompt, policy.vocabulary());
                for (prefix, log_mass) in states(&mut *walker, prompt, vocabulary, reasoning_tokens, memory, control)? {
                    go_to(&mut *walker, prompt, &prefix);
                    sums.add(&mut *walker, prefix.len(), log_mass);
                }
            }
            None => {
                walker.start(of_prompt.prompt);
                let mut first = (reasoning_tokens > 0).then_some(task % tasks_per_prompt);
                enumerate(&mut *walker, 0, reasoning_tokens, 0.0, &mut first, &mut sums, control)?;
            }
        }
        control.advance(1);
        Ok(sums.sums)
    })?;
    let mut found = vec![0.0; responses.len()];
    for (of_prompt, parts) in asked.prompts.iter().zip(parts.chunks(tasks_per_prompt)) {
        let mut sums = vec![LogSum::default(); of_prompt.answers.len()];
        for part in parts {
            for (sum, part) in sums.iter_mut().zip(part) {
                sum.merge(*part);
            }
        }
        for &(response, answer) in &of_prompt.responses {
            found[response] = sums[answer].log().min(0.0);
        }
    }
    Ok(found)
}

/// What reasonings to draw from a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reasonings {
    /// Tokens of a reasoning.
    pub tokens: usize,
    /// How many for each response; at least one.
    pub count: usize,
    /// The user's seed.
    pub seed: u64,
    /// Tells policies apart, whose reasonings are to be independent.
    pub run: u32,
}

/// log π(a_i | x_i, r) of reasonings r drawn from the policy itself, response after response. Streams are keyed by the seed,
/// the run and the response.
///
/// # Errors
/// As [`answer_log_probs`] but for the limit; [`Code::InvalidOption`] for no reasoning; [`Code::TooLarge`].
pub fn sampled_answer_log_probs(
    policy: &dyn Policy,
    responses: &Responses,
    draw: Reasonings,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<f64>> {
    let Reasonings { tokens: reasoning_tokens, count, seed, run } = draw;
    check(policy, responses, reasoning_tokens)?;
    if count == 0 {
        return Err(Error::option("reasonings", "Draw at least one reasoning a response."));
    }
    if responses.len().checked_mul(count).is_none_or(|all| all > u32::MAX as usize) {
        let message = format!("{count} reasonings of each of {} responses are more than fit.", responses.len());
        return Err(Error::new(Code::TooLarge, message).at_field("reasonings"));
    }
    let tasks = responses.len().div_ceil(RESPONSES_PER_TASK);
    control.start(tasks as u64);
    let parts = workers.map(tasks, control, |task| {
        let (mut walker, mut tokens, mut log_probs) = (policy.walker(), Vec::new(), Vec::new());
        for index in task * RESPONSES_PER_TASK..((task + 1) * RESPONSES_PER_TASK).min(responses.len()) {
            let response = responses.get(index);
            let mut stream = Stream::new(seed, Purpose::Reasoning, (u64::from(run) << 32) | index as u64);
            for _ in 0..count {
                control.check()?;
                tokens.clear();
                walker.sample(response.prompt, reasoning_tokens, &mut stream, &mut tokens);
                walker.truncate(reasoning_tokens.saturating_sub(1));
                if let Some(&last) = tokens.last() {
                    walker.push(last);
                }
                log_probs.push(log_prob_of(&mut *walker, reasoning_tokens, &response.tokens[reasoning_tokens..]));
            }
        }
        control.advance(1);
        Ok(log_probs)
    })?;
    Ok(parts.concat())
}

fn check(policy: &dyn Policy, responses: &Responses, reasoning_tokens: usize) -> Result<()> {
    responses.check(policy.prompts(), policy.vocabulary(), policy.horizon())?;
    match responses.iter().position(|response| response.tokens.len() <= reasoning_tokens) {
        None => Ok(()),
        Some(index) => {
            let message = format!(
                "The response has {} tokens, and the first {reasoning_tokens} are its reasoning: nothing is left to be the answer.",
                responses.get(index).tokens.len()
            );
            Err(Error::new(Code::ShapeMismatch, message).at_response(index))
        }
    }
}

/// The answers that are asked for, prompt by prompt, each once.
struct Asked<'a> {
    prompts: Vec<OfPrompt<'a>>,
}

struct OfPrompt<'a> {
    prompt: usize,
    answers: Vec<&'a [u32]>,
    /// Index of a response, and of its answer.
    responses: Vec<(usize, usize)>,
}

impl<'a> Asked<'a> {
    fn new(responses: &'a Responses, reasoning_tokens: usize) -> Self {
        let (mut places, mut known) = (HashMap::new(), HashMap::new());
        let mut prompts: Vec<OfPrompt<'a>> = Vec::new();
        for index in 0..responses.len() {
            let Response { prompt, tokens } = responses.get(index);
            let place = *places.entry(prompt).or_insert_with(|| {
                prompts.push(OfPrompt { prompt, answers: Vec::new(), responses: Vec::new() });
                prompts.len() - 1
            });
            let of_prompt = &mut prompts[place];
            let answer = &tokens[reasoning_tokens..];
            let number = *known.entry((prompt, answer)).or_insert_with(|| {
                of_prompt.answers.push(answer);
                of_prompt.answers.len() - 1
            });
            of_prompt.responses.push((index, number));
        }
        Self { prompts }
    }
}

impl OfPrompt<'_> {
    /// Pairs of a reasoning, or a state, and an answer; infinite where no double holds it.
    fn visits(&self, policy: &dyn Policy, reasoning_tokens: usize) -> f64 {
        let vocabulary = policy.vocabulary() as f64;
        let answers = self.answers.len() as f64;
        match policy.memory() {
            Some(memory) => {
                let states = vocabulary.powf(memory.min(reasoning_tokens) as f64);
                states * (answers + vocabulary * reasoning_tokens as f64)
            }
            None => {
                let all = vocabulary.powf(reasoning_tokens as f64);
                answers * policy.support(self.prompt).map_or(all, |support| all.min(support as f64))
            }
        }
    }
}

/// log of a sum of exponentials that come one by one.
#[derive(Clone, Copy, Debug)]
struct LogSum {
    greatest: f64,
    /// The sum as parts of the greatest.
    parts: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self { greatest: f64::NEG_INFINITY, parts: 0.0 }
    }
}

impl LogSum {
    fn add(&mut self, log: f64) {
        self.merge(Self { greatest: log, parts: 1.0 });
    }

    fn merge(&mut self, other: Self) {
        if other.greatest == f64::NEG_INFINITY {
            return;
        }
        if other.greatest <= self.greatest {
            self.parts += other.parts * libm::exp(other.greatest - self.greatest);
        } else {
            self.parts = other.parts + self.parts * libm::exp(self.greatest - other.greatest);
            self.greatest = other.greatest;
        }
    }

    fn log(self) -> f64 {
        self.greatest + libm::log(self.parts)
    }
}

/// The sums over reasonings, answer by answer.
struct Sums<'a> {
    answers: &'a [&'a [u32]],
    sums: Vec<LogSum>,
}

impl<'a> Sums<'a> {
    fn new(answers: &'a [&'a [u32]]) -> Self {
        Self { answers, sums: vec![LogSum::default(); answers.len()] }
    }

    /// Adds what the reasoning, or state, where `walker` stands after `len` tokens leads to.
    fn add(&mut self, walker: &mut dyn Walker, len: usize, log_mass: f64) {
        for (sum, answer) in self.sums.iter_mut().zip(self.answers) {
            sum.add(log_mass + log_prob_of(walker, len, answer));
        }
    }
}

/// log π(`answer` | x, y_{1:len}) from where `walker` stands, and back again.
fn log_prob_of(walker: &mut dyn Walker, len: usize, answer: &[u32]) -> f64 {
    let mut sum = 0.0;
    for (index, &token) in answer.iter().enumerate() {
        sum += walker.next()[token as usize];
        if sum == f64::NEG_INFINITY {
            break;
        }
        if index + 1 < answer.len() {
            walker.push(token);
        }
    }
    walker.truncate(len);
    sum
}

fn go_to(walker: &mut dyn Walker, prompt: usize, prefix: &[u32]) {
    walker.start(prompt);
    for &token in prefix {
        walker.push(token);
    }
}

/// All reasonings of positive probability one by one, from where `walker` stands; the first token, where `first` has one,
/// is given.
fn enumerate(
    walker: &mut dyn Walker,
    len: usize,
    reasoning_tokens: usize,
    log_mass: f64,
    first: &mut Option<usize>,
    sums: &mut Sums<'_>,
    control: &Control,
) -> Result<()> {
    control.check()?;
    if len == reasoning_tokens {
        sums.add(walker, len, log_mass);
        return Ok(());
    }
    let next = walker.next().to_vec();
    let given = first.take();
    for (token, log_prob) in next.iter().enumerate() {
        if *log_prob == f64::NEG_INFINITY || given.is_some_and(|given| given != token) {
            continue;
        }
        #[expect(clippy::cast_possible_truncation, reason = "tokens are 32-bit by contract")]
        walker.push(token as u32);
        enumerate(walker, len + 1, reasoning_tokens, log_mass + log_prob, &mut None, sums, control)?;
        walker.truncate(len);
    }
    Ok(())
}

/// The states in which reasonings end: one that stands for all with its last `memory` tokens, and the log-probability of
/// all of them. In the order in which they are first met.
fn states(
    walker: &mut dyn Walker,
    prompt: usize,
    vocabulary: usize,
    reasoning_tokens: usize,
    memory: usize,
    control: &Control,
) -> Result<Vec<(Vec<u32>, f64)>> {
    let mut states: Vec<(Vec<u32>, f64)> = vec![(Vec::new(), 0.0)];
    for len in 1..=reasoning_tokens {
        let mut places: HashMap<Vec<u32>, usize> = HashMap::new();
        let mut grown: Vec<(Vec<u32>, LogSum)> = Vec::new();
        for (prefix, log_mass) in &states {
            control.check()?;
            go_to(walker, prompt, prefix);
            let next = walker.next();
            for (token, log_prob) in next.iter().enumerate().take(vocabulary) {
                if *log_prob == f64::NEG_INFINITY {
                    continue;
                }
                let mut longer = prefix.clone();
                #[expect(clippy::cast_possible_truncation, reason = "tokens are 32-bit by contract")]
                longer.push(token as u32);
                let end = longer[len.saturating_sub(memory)..].to_vec();
                let place = *places.entry(end).or_insert_with(|| {
                    grown.push((longer, LogSum::default()));
                    grown.len() - 1
                });
                grown[place].1.add(log_mass + log_prob);
            }
        }
        states = grown.into_iter().map(|(prefix, sum)| (prefix, sum.log())).collect();
    }
    Ok(states)
}
