use serde::{Deserialize, Serialize};

use super::counts::{Counts, counts};
use super::mean_log_probs::mean_log_probs;
use super::ratios::Ratios;
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::resample::number_labels;

/// Options of [`offset_tournament`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OffsetOptions {
    /// Values of N, each finite and at least 1. Default 64.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// The exponent a of the offset 2·N^a, in [0, 1]. Theorem 6.4 wants N^{1−2a} ≥ 8. Default 0.25.
    pub a: f64,
}

impl Default for OffsetOptions {
    fn default() -> Self {
        Self { n: vec![64.0], a: 0.25 }
    }
}

/// Responses drawn from one model, scored by every model.
#[derive(Clone, Debug)]
pub struct OnPolicy {
    log_probs: LogProbs,
    /// For each response the number of its prompt, and per prompt how many responses it has.
    prompts: Option<(Vec<u32>, Vec<u32>)>,
}

impl OnPolicy {
    /// `log_probs` is M × s: s responses of one model under all M models. `prompts`, a label for each response, makes
    /// the estimate an average over prompts of the share within each; without it every response weighs the same.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] unless there is a label for every response.
    pub fn new(log_probs: LogProbs, prompts: Option<&[u32]>) -> Result<Self> {
        let Some(labels) = prompts else { return Ok(Self { log_probs, prompts: None }) };
        if labels.len() != log_probs.responses() {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!("There are {} prompt labels for {} responses.", labels.len(), log_probs.responses()),
            ));
        }
        let (numbers, count) = number_labels(labels);
        let mut sizes = vec![0; count];
        for &prompt in &numbers {
            sizes[prompt as usize] += 1;
        }
        Ok(Self { log_probs, prompts: Some((numbers, sizes)) })
    }

    /// Ĉ^π_N(a‖b) for the responses of b: the estimated chance under b that a's probability is at least N times b's.
    fn share(&self, above: &[f64], own: &[f64], log_n: f64) -> f64 {
        let hit = |(a, b): (&f64, &f64)| a - b >= log_n;
        let pairs = above.iter().zip(own);
        match &self.prompts {
            None => pairs.filter(|&pair| hit(pair)).count() as f64 / own.len() as f64,
            Some((prompts, sizes)) => {
                let mut hits = vec![0_u32; sizes.len()];
                for (pair, &prompt) in pairs.zip(prompts) {
                    hits[prompt as usize] += u32::from(hit(pair));
                }
                let shares = hits.iter().zip(sizes).map(|(&hits, &size)| f64::from(hits) / f64::from(size));
                shares.fold(0.0, |sum, share| sum + share) / sizes.len() as f64
            }
        }
    }
}

/// Outcome of the offset tournament [32] at one N. Vectors are in model order, models are indices.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OffsetTournament {
    /// The ratio N.
    #[serde(rename = "N")]
    pub n: f64,
    /// The exponent a.
    pub a: f64,
    /// 2·N^a, what a rival's on-policy share is multiplied by.
    pub offset: f64,
    /// Whether N^{1−2a} ≥ 8, without which theorem 6.4 promises nothing.
    pub within_theorem: bool,
    /// Model of the least objective; ties go to the greater mean log-likelihood, then to input order.
    pub winner: usize,
    /// Per model max over rivals (itself included, whose value is 0 for N > 1) of `values`. Small is good.
    pub objectives: Vec<f64>,
    /// The rival that gives each model its objective, the least index of several.
    pub rivals: Vec<usize>,
    /// All models, best first.
    pub ranking: Vec<usize>,
    /// Objective of the second in the ranking less that of the winner; `None` with a single model.
    pub margin: Option<f64>,
    /// Row-major M×M: entry `a * M + b` is Ĉ_N(a‖b) − 2·N^a·Ĉ^b_N(a‖b).
    #[serde(skip)]
    pub values: Vec<f64>,
}

/// The offset tournament [32] at every N: `log_probs` on held-out responses, `on_policy[b]` the responses drawn from
/// model b under every model.
///
/// # Errors
/// [`Code::InvalidOption`]; [`Code::ShapeMismatch`] unless there is one set of on-policy responses for each model,
/// each scored by all models; as [`counts`].
pub fn offset_tournament(
    log_probs: &LogProbs,
    on_policy: &[OnPolicy],
    options: &OffsetOptions,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<OffsetTournament>> {
    let ratios = Ratios::new(&options.n)?;
    if !(0.0..=1.0).contains(&options.a) {
        return Err(Error::option("a", format!("a must lie between 0 and 1, not {}.", options.a)));
    }
    let models = log_probs.models();
    if on_policy.len() != models {
        return Err(Error::new(
            Code::ShapeMismatch,
            format!("There are on-policy responses of {} models, but {models} models take part.", on_policy.len()),
        ));
    }
    if let Some(model) = on_policy.iter().position(|responses| responses.log_probs.models() != models) {
        let scored = on_policy[model].log_probs.models();
        return Err(Error::new(
            Code::ShapeMismatch,
            format!("The responses drawn from model {model} are scored by {scored} models instead of {models}."),
        )
        .at_model(model));
    }
    let held_out = counts(log_probs, &ratios, workers, control)?;
    let means = mean_log_probs(log_probs, workers, control)?;
    // Per model b, then per N and rival a.
    let shares = workers.map(models, control, |b| {
        let own = on_policy[b].log_probs.row_f64(b);
        let mut shares = vec![0.0; ratios.len() * models];
        for a in 0..models {
            control.check()?;
            let above = on_policy[b].log_probs.row_f64(a);
            for (ratio, &log_n) in ratios.log_n().iter().enumerate() {
                shares[ratio * models + a] = on_policy[b].share(&above, &own, log_n);
            }
        }
        Ok(shares)
    })?;
    Ok((0..ratios.len())
        .map(|ratio| {
            let share = |a: usize, b: usize| shares[b][ratio * models + a];
            at_one_n(&held_out, ratio, ratios.n()[ratio], options.a, &means, share)
        })
        .collect())
}

fn at_one_n(
    held_out: &Counts,
    ratio: usize,
    n: f64,
    a: f64,
    means: &[f64],
    share: impl Fn(usize, usize) -> f64,
) -> OffsetTournament {
    let models = held_out.models();
    let offset = 2.0 * libm::pow(n, a);
    let mut values = vec![0.0; models * models];
    let mut objectives = vec![f64::NEG_INFINITY; models];
    let mut rivals = vec![0; models];
    for rival in 0..models {
        for b in 0..models {
            let covered = f64::from(held_out.get(ratio, rival, b)) / f64::from(held_out.responses());
            let value = covered - offset * share(rival, b);
            values[rival * models + b] = value;
            if value > objectives[b] {
                (objectives[b], rivals[b]) = (value, rival);
            }
        }
    }
    let mut ranking: Vec<usize> = (0..models).collect();
    ranking.sort_by(|&left, &right| {
        objectives[left].total_cmp(&objectives[right]).then(means[right].total_cmp(&means[left])).then(left.cmp(&right))
    });
    OffsetTournament {
        n,
        a,
        offset,
        within_theorem: libm::pow(n, 1.0 - 2.0 * a) >= 8.0,
        winner: ranking[0],
        margin: ranking.get(1).map(|&second| objectives[second] - objectives[ranking[0]]),
        objectives,
        rivals,
        ranking,
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;
    use crate::random::{Purpose, Stream};

    fn run(log_probs: &LogProbs, on_policy: &[OnPolicy], n: f64, a: f64) -> Result<OffsetTournament> {
        let options = OffsetOptions { n: vec![n], a };
        let all = offset_tournament(log_probs, on_policy, &options, &Workers::sequential(), &Control::new())?;
        Ok(all.into_iter().next().expect("one N, one result"))
    }

    #[test]
    fn golden_offset_tournament() {
        let Some(file) = golden::read("offset-tournament") else { return };
        for case in file["cases"].as_array().unwrap() {
            let log_probs = LogProbs::from_f64(golden::matrix(&case["logProbs"])).unwrap();
            let on_policy: Vec<OnPolicy> = case["onPolicy"]
                .as_array()
                .unwrap()
                .iter()
                .map(|matrix| {
                    // The made-up values go a little above zero; only differences within a column matter.
                    let lowered = |row: Vec<f64>| row.into_iter().map(|value| value - 1.0).collect();
                    let rows = golden::matrix(matrix).into_iter().map(lowered).collect();
                    OnPolicy::new(LogProbs::from_f64(rows).unwrap(), None).unwrap()
                })
                .collect();
            let (n, a) = (case["N"].as_f64().unwrap(), case["a"].as_f64().unwrap());
            let result = run(&log_probs, &on_policy, n, a).unwrap();
            assert_eq!(result.winner as u64, case["winner"].as_u64().unwrap());
            for (value, expected) in result.values.iter().zip(golden::matrix(&case["value"]).concat()) {
                assert!((value - expected).abs() < 1e-12);
            }
            for (value, expected) in result.objectives.iter().zip(golden::row(&case["objective"])) {
                assert!((value - expected).abs() < 1e-12);
            }
        }
    }

    fn random(models: usize, responses: usize, stream: &mut Stream) -> LogProbs {
        LogProbs::from_f64((0..models).map(|_| (0..responses).map(|_| -8.0 * stream.uniform()).collect()).collect())
            .unwrap()
    }

    #[test]
    fn agrees_with_the_formula_written_out_with_prompts() {
        let mut stream = Stream::new(4, Purpose::Synthetic, 0);
        let log_probs = random(3, 40, &mut stream);
        let labels = [5, 5, 9, 5, 1, 1];
        let sampled: Vec<LogProbs> = (0..3).map(|_| random(3, 6, &mut stream)).collect();
        let on_policy: Vec<OnPolicy> =
            sampled.iter().map(|log_probs| OnPolicy::new(log_probs.clone(), Some(&labels)).unwrap()).collect();
        let result = run(&log_probs, &on_policy, 3.0, 0.4).unwrap();
        for a in 0..3 {
            for b in 0..3 {
                let over = |matrix: &LogProbs, i: usize| matrix.get(a, i) - matrix.get(b, i) >= 3.0_f64.ln();
                let held_out = (0..40).filter(|&i| over(&log_probs, i)).count() as f64 / 40.0;
                let share = |prompt: u32| {
                    let of_prompt: Vec<usize> = (0..6).filter(|&i| labels[i] == prompt).collect();
                    of_prompt.iter().filter(|&&i| over(&sampled[b], i)).count() as f64 / of_prompt.len() as f64
                };
                let expected = held_out - 2.0 * 3.0_f64.powf(0.4) * (share(5) + share(9) + share(1)) / 3.0;
                assert!((result.values[a * 3 + b] - expected).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn same_bits_at_every_number_of_threads() {
        let mut stream = Stream::new(5, Purpose::Synthetic, 0);
        let log_probs = random(6, 100, &mut stream);
        let on_policy: Vec<OnPolicy> =
            (0..6).map(|_| OnPolicy::new(random(6, 50, &mut stream), None).unwrap()).collect();
        let options = OffsetOptions { n: vec![2.0, 16.0], a: 0.1 };
        let run = |threads| {
            let workers = Workers::new(Some(threads)).unwrap();
            offset_tournament(&log_probs, &on_policy, &options, &workers, &Control::new()).unwrap()
        };
        assert!([2, 3, 8].into_iter().all(|threads| run(threads) == run(1)));
    }

    #[test]
    fn shapes_and_options_are_checked() {
        let mut stream = Stream::new(6, Purpose::Synthetic, 0);
        let log_probs = random(2, 5, &mut stream);
        let good = OnPolicy::new(random(2, 5, &mut stream), None).unwrap();
        let bad = OnPolicy::new(random(3, 5, &mut stream), None).unwrap();
        assert_eq!(run(&log_probs, std::slice::from_ref(&good), 4.0, 0.1).unwrap_err().code, Code::ShapeMismatch);
        let error = run(&log_probs, &[good.clone(), bad], 4.0, 0.1).unwrap_err();
        assert_eq!((error.code, error.place.model), (Code::ShapeMismatch, Some(1)));
        let both = [good.clone(), good];
        assert_eq!(run(&log_probs, &both, 4.0, f64::NAN).unwrap_err().place.field.as_deref(), Some("a"));
        assert!(run(&log_probs, &both, 0.5, 0.1).is_err());
        assert!(OnPolicy::new(random(2, 5, &mut stream), Some(&[1])).is_err());
    }
}
