use serde::{Deserialize, Serialize};

use super::coverage_ratio::{CoverageRatio, coverage_ratio};
use super::pass_at_k;
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;
use crate::resample::{Draws, check_replicates};
use crate::statistics::{BetaBinomial, BoundedMean, Count, Estimate, Interval, check_confidence, lane_sum};

/// Options of [`compare_pass_at_k`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PassAtKOptions {
    /// Values of k, each at least 1. Default 1.
    pub k: Vec<u32>,
    /// Bootstrap replicates over problems, at most 1,000,000; 0 for none. Default 1,000.
    pub replicates: u32,
    /// Seed of the bootstrap. Default 0.
    pub seed: u64,
    /// Confidence of the intervals, strictly between 0 and 1. Default 0.95.
    pub confidence: f64,
    /// The model whose coverage ratios the others are given; `None` for none. Default none.
    pub base: Option<usize>,
}

impl Default for PassAtKOptions {
    fn default() -> Self {
        Self { k: vec![1], replicates: 1000, seed: 0, confidence: 0.95, base: None }
    }
}

impl PassAtKOptions {
    fn check(&self, models: usize) -> Result<()> {
        if let Some(base) = self.base.filter(|&base| base >= models) {
            return Err(Error::option("base", format!("There is no model number {base}.")));
        }
        check_confidence(self.confidence)?;
        check_replicates(self.replicates, 0)?;
        if self.k.is_empty() {
            return Err(Error::option("k", "There is no k: give at least one, such as 1."));
        }
        match self.k.iter().position(|&k| k == 0) {
            Some(index) => Err(Error::option(format!("k[{index}]"), "k must be at least 1, not 0.")),
            None => Ok(()),
        }
    }
}

/// How many responses were sampled and how many were right, for M models on the same problems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleCounts {
    models: usize,
    samples: Vec<u32>,
    correct: Vec<u32>,
}

impl SampleCounts {
    /// `samples` and `correct` are row-major M × problems: n and c of each model on each problem.
    ///
    /// # Errors
    /// [`Code::TooFewModels`], [`Code::NoResponses`] for an empty table; [`Code::ShapeMismatch`] if the lengths are not
    /// equal multiples of `models`, and for a c above its n, naming model and problem (as response).
    pub fn new(models: usize, samples: Vec<u32>, correct: Vec<u32>) -> Result<Self> {
        if models == 0 {
            return Err(Error::new(Code::TooFewModels, "There is no model: give the counts of at least one."));
        }
        if samples.len() != correct.len() || !samples.len().is_multiple_of(models) {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!(
                    "There are {} numbers of samples and {} of correct samples: each of {models} models needs both on every problem.",
                    samples.len(),
                    correct.len()
                ),
            ));
        }
        if samples.is_empty() {
            return Err(Error::new(Code::NoResponses, "There is no problem: Pass@k needs at least one."));
        }
        if let Some(index) = samples.iter().zip(&correct).position(|(n, c)| c > n) {
            let problems = samples.len() / models;
            return Err(Error::new(
                Code::ShapeMismatch,
                format!("{} of {} samples are called correct.", correct[index], samples[index]),
            )
            .at_model(index / problems)
            .at_response(index % problems));
        }
        Ok(Self { models, samples, correct })
    }

    /// M, the number of models.
    #[must_use]
    pub fn models(&self) -> usize {
        self.models
    }

    /// The number of problems.
    #[must_use]
    pub fn problems(&self) -> usize {
        self.samples.len() / self.models
    }

    pub(super) fn of_model(&self, model: usize) -> (&[u32], &[u32]) {
        let problems = self.problems();
        let range = model * problems..(model + 1) * problems;
        (&self.samples[range.clone()], &self.correct[range])
    }

    fn by_problem(&self, model: usize) -> Vec<Count> {
        let (samples, correct) = self.of_model(model);
        samples.iter().zip(correct).map(|(&trials, &successes)| Count { trials, successes }).collect()
    }
}

/// Pass@k of all models at one k.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PassAtK {
    /// The budget k.
    pub k: u32,
    /// Per model the mean over problems of the unbiased estimate, with the betting interval over problems, which holds at
    /// any number of them; unknown, never a number, where some problem has fewer than k samples.
    pub values: Vec<Estimate>,
    /// Per model the mean over problems of the chance of a success within k further samples by its beta-binomial fit:
    /// an extrapolation, which stands where the unbiased estimate is unknown; `None` where that is known, or no fit is.
    pub extrapolated: Vec<Option<f64>>,
    /// Per model the number of problems with fewer than k samples.
    pub too_few_samples: Vec<usize>,
    /// The model of the greatest value, the first of several; `None` if no value is known.
    pub pick: Option<usize>,
    /// The models that may have the greatest value, in model order: with probability `confidence` they hold a truly best
    /// one of those whose value is known, at all k together. Out is who is shown to be below the pick, by a betting test
    /// of the differences problem by problem (Bonferroni over models and k).
    pub possible_winners: Vec<usize>,
    /// Per model the share of bootstrap replicates in which it is the pick; `None` without a bootstrap or pick.
    pub pick_shares: Option<Vec<f64>>,
    /// Per model its coverage ratio against the base; `None` for the base itself, and without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage_ratios: Option<Vec<Option<CoverageRatio>>>,
}

/// Pass@k of several models on the same problems.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PassAtKComparison {
    /// Number of problems.
    pub problems: usize,
    /// Per model the least number of samples of any problem.
    pub least_samples: Vec<u32>,
    /// Replicates of the bootstrap.
    pub replicates: u32,
    /// Its seed.
    pub seed: u64,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// The base of the coverage ratios.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<usize>,
    /// Per model the beta-binomial distribution of its chances over problems, with a mass at 0 (arXiv:2510.05197), by
    /// greatest likelihood; `None` where nothing can be fitted.
    pub fits: Vec<Option<BetaBinomial>>,
    /// One entry for each k, in the order asked for.
    pub per_k: Vec<PassAtK>,
}

/// Unbiased Pass@k of every model at every k, the pick of the greatest, and how sure both are: problems are
/// resampled, the same ones for all models, so that differences between models keep their pairing.
///
/// # Errors
/// [`Code::InvalidOption`], [`Code::Aborted`].
pub fn compare_pass_at_k(
    counts: &SampleCounts,
    options: &PassAtKOptions,
    workers: &Workers,
    control: &Control,
) -> Result<PassAtKComparison> {
    options.check(counts.models())?;
    control.start(options.k.len() as u64);
    let fits = workers.map(counts.models(), control, |model| Ok(BetaBinomial::fit(&counts.by_problem(model))))?;
    let mut per_k = Vec::with_capacity(options.k.len());
    for &k in &options.k {
        per_k.push(at_one_k(counts, k, &fits, options, workers, control)?);
        control.advance(1);
    }
    let least = |model| counts.of_model(model).0.iter().copied().min().unwrap_or(0);
    Ok(PassAtKComparison {
        problems: counts.problems(),
        least_samples: (0..counts.models()).map(least).collect(),
        replicates: options.replicates,
        seed: options.seed,
        confidence: options.confidence,
        base: options.base,
        fits,
        per_k,
    })
}

fn at_one_k(
    counts: &SampleCounts,
    k: u32,
    fits: &[Option<BetaBinomial>],
    options: &PassAtKOptions,
    workers: &Workers,
    control: &Control,
) -> Result<PassAtK> {
    let problems = counts.problems();
    // Per model one value a problem, or nothing if one of them is unknown.
    let per_problem = workers.map(counts.models(), control, |model| {
        let (samples, correct) = counts.of_model(model);
        Ok(samples.iter().zip(correct).map(|(&n, &c)| pass_at_k(n, c, k)).collect::<Option<Vec<f64>>>())
    })?;
    let known: Vec<usize> = (0..counts.models()).filter(|&model| per_problem[model].is_some()).collect();
    let rows: Vec<&[f64]> = per_problem.iter().flatten().map(Vec::as_slice).collect();
    let means: Vec<f64> = rows.iter().map(|row| lane_sum(row) / problems as f64).collect();
    let resampled = if known.is_empty() { Vec::new() } else { resampled_means(&rows, options, workers, control)? };

    let mut pick_shares = (!resampled.is_empty()).then(|| vec![0.0; counts.models()]);
    if let Some(shares) = &mut pick_shares {
        let mut picks = vec![0_u32; known.len()];
        for means in &resampled {
            picks[greatest(means)] += 1;
        }
        for (&model, picks) in known.iter().zip(picks) {
            shares[model] = f64::from(picks) / resampled.len() as f64;
        }
    }
    let too_few_samples: Vec<usize> =
        (0..counts.models()).map(|model| counts.of_model(model).0.iter().filter(|&&n| n < k).count()).collect();
    let mut values: Vec<Estimate> = too_few_samples
        .iter()
        .map(|few| Estimate::unknown(format!("{few} of {problems} problems have fewer than k = {k} samples.")))
        .collect();
    let unit = Interval { low: 0.0, high: 1.0 };
    for (&row, &model) in rows.iter().zip(&known) {
        values[model] = Estimate::of_bounded_mean(row, unit, options.confidence);
    }
    let extrapolated = (0..counts.models()).map(|model| {
        let fit = fits[model].filter(|_| values[model].value.is_none())?;
        let chances: Vec<f64> = counts.by_problem(model).iter().map(|&count| fit.success_within(count, k)).collect();
        Some(lane_sum(&chances) / problems as f64)
    });
    let extrapolated = extrapolated.collect();
    let coverage_ratios = match options.base {
        None => None,
        Some(base) => {
            let bootstrap = (options.replicates, options.seed, options.confidence);
            let ratio = |model| {
                (model != base)
                    .then(|| coverage_ratio(counts, [base, model], k, bootstrap, workers, control))
                    .transpose()
            };
            Some((0..counts.models()).map(ratio).collect::<Result<Vec<_>>>()?)
        }
    };
    let first = greatest(&means);
    let pick = known.get(first).copied();
    let tail = (1.0 - options.confidence) / (options.k.len() * rows.len().saturating_sub(1).max(1)) as f64;
    let may_be_best = workers.map(rows.len(), control, |row| {
        let ahead: Vec<f64> =
            rows[first].iter().zip(rows[row]).map(|(best, other)| 0.5 + 0.5 * (best - other)).collect();
        Ok(row == first || !BoundedMean::new(&ahead).is_above(0.5, tail))
    })?;
    let possible_winners =
        known.iter().zip(may_be_best).filter(|&(_, may_be)| may_be).map(|(&model, _)| model).collect();
    Ok(PassAtK { k, values, extrapolated, too_few_samples, pick, possible_winners, pick_shares, coverage_ratios })
}

/// Per replicate the mean of each row over resampled problems.
fn resampled_means(
    rows: &[&[f64]],
    options: &PassAtKOptions,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Vec<f64>>> {
    let problems = rows[0].len();
    let draws = Draws::new(problems)?;
    workers.map(options.replicates as usize, control, |replicate| {
        let mut times = vec![0; problems];
        #[expect(clippy::cast_possible_truncation, reason = "below the number of replicates, a u32")]
        draws.times(options.seed, replicate as u32, &mut times);
        let weights: Vec<f64> = times.into_iter().map(f64::from).collect();
        let mut weighted = vec![0.0; problems];
        let mut means = Vec::with_capacity(rows.len());
        for row in rows {
            control.check()?;
            for ((product, weight), value) in weighted.iter_mut().zip(&weights).zip(*row) {
                *product = weight * value;
            }
            means.push(lane_sum(&weighted) / problems as f64);
        }
        Ok(means)
    })
}

/// Index of the greatest value, the first of several; there is no NaN among them.
fn greatest(values: &[f64]) -> usize {
    (1..values.len()).fold(0, |best, index| if values[index] > values[best] { index } else { best })
}
