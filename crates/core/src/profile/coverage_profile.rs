use serde::{Deserialize, Serialize};

use super::{LikelihoodQuantile, LogRatios, StepCurve, coverage_bound_from_kl, likelihood_quantiles};
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::statistics::{
    BoundedMean, Clusters, Estimate, Interval, check_confidence, clopper_pearson, dkw_half_width,
    dkw_half_width_of_clusters, e_divergence, squared_hellinger, student_two_sided,
};
use crate::tournament::Ratios;

/// Options of [`coverage_profiles`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CoverageProfileOptions {
    /// Values of N at which Cov_N is wanted, each finite and at least 1. Default 2, 4, 8, 16.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// Confidence of every interval and of the band, strictly between 0 and 1. Default 0.95.
    pub confidence: f64,
    /// Greatest number of points of each empirical profile, 3 to 100,000. Default 400.
    pub points: usize,
}

impl Default for CoverageProfileOptions {
    fn default() -> Self {
        Self { n: vec![2.0, 4.0, 8.0, 16.0], confidence: 0.95, points: 400 }
    }
}

impl CoverageProfileOptions {
    fn checked(&self) -> Result<Ratios> {
        check_confidence(self.confidence)?;
        if !(3..=100_000).contains(&self.points) {
            let message = format!("points must be between 3 and 100000, not {}.", self.points);
            return Err(Error::option("points", message));
        }
        Ratios::new(&self.n)
    }
}

/// Cov_N of one model at one N, with everything that says how sure it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CoverageAt {
    /// The budget N.
    #[serde(rename = "N")]
    pub n: f64,
    /// Number of responses with π_D/π̂ ≥ N.
    pub count: usize,
    /// Cov_N: `count` as a share of all responses. Small is good.
    pub value: f64,
    /// For this N alone: Clopper and Pearson's exact binomial interval or, where prompts repeat, the betting interval of
    /// the prompts' shares. Both hold at any number of responses.
    pub interval: Interval,
    /// The band of Dvoretzky, Kiefer and Wolfowitz, which holds for all N at once; where prompts repeat, for prompts.
    pub band: Interval,
    /// PD.1's bound on Cov_N from the estimated KL divergence (0 if that is negative); `None` at N = 1 and where the
    /// KL divergence is unknown. The bound is one of population values, an estimate may break it.
    pub kl_bound: Option<f64>,
    /// E_N divergence, max{E_{π̂}(π_D/π̂ − N)_+, E_{π_D}(π̂/π_D − N)_+}, where prompts repeat the average over prompts of
    /// the greater side, with an interval that holds at any number of responses.
    pub e_divergence: Estimate,
}

/// Estimates of how far one model is from the reference, from responses drawn from the reference.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelProfile {
    /// One entry for each N, in the order asked for.
    pub coverage: Vec<CoverageAt>,
    /// KL divergence, the mean log ratio, in nats, with Student's interval (no interval is valid for every distribution)
    /// and a warning where few responses carry the sum, or where the estimate is impossibly negative.
    pub kl: Estimate,
    /// Squared Hellinger distance 1 − E√(π̂/π_D), with an interval that holds at any number of responses; unknown where
    /// the estimate lies more than four standard errors outside [0, 1].
    pub hellinger: Estimate,
    /// log 1/Q(ε), where the responses are correct ones: the price of reinforcement learning from outcomes.
    pub likelihood_quantiles: Vec<LikelihoodQuantile>,
    /// Greatest log ratio seen: a lower estimate of log W_max = log sup π_D/π̂. `None` if it is infinite.
    pub log_w_max: Option<f64>,
    /// How many responses the model rules out although the reference does not.
    pub infinite: usize,
    /// How many responses the reference rules out: they never count against a model, and a reference that is
    /// the data distribution has none.
    pub impossible: usize,
}

/// Coverage profiles of several models against one reference.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CoverageProfiles {
    /// n, the number of responses.
    pub responses: usize,
    /// Number of prompts where they repeat and are the units of all intervals; `None` where responses are.
    pub prompts: Option<usize>,
    /// Confidence of every interval and of the band.
    pub confidence: f64,
    /// Half the width of the band.
    pub band_half_width: f64,
    /// One profile a model, in input order.
    pub models: Vec<ModelProfile>,
    /// Cross-entropy of each model: the mean of −log π̂, in nats; needs no reference.
    pub cross_entropy: Vec<Estimate>,
    /// The curve of model m is `curve_log_n[curve_offsets[m]..curve_offsets[m + 1]]`, likewise the shares.
    pub curve_offsets: Vec<usize>,
    /// Places of all empirical profiles (see [`StepCurve`]), model after model, in nats.
    #[serde(skip)]
    pub curve_log_n: Vec<f64>,
    /// Shares of responses at those places.
    #[serde(skip)]
    pub curve_shares: Vec<f64>,
}

/// Coverage profile, KL divergence and cross-entropy of every model in `log_probs`, where `reference` (a single row:
/// a teacher, or the π_D of a synthetic problem) gives log π_D of the same responses.
///
/// `prompts` labels the prompt of each response: where labels repeat, intervals take prompts as independent, else
/// responses, always as draws from the reference. If they come from elsewhere, Cov_N, KL and the
/// others are averages over those responses of the log ratio to the reference, no longer properties of π_D.
///
/// # Errors
/// [`Code::ShapeMismatch`] unless `reference` is one row over the same responses and `prompts` has a label for each;
/// [`Code::InvalidOption`]; [`Code::Aborted`].
pub fn coverage_profiles(
    log_probs: &LogProbs,
    reference: &LogProbs,
    prompts: Option<&[u32]>,
    options: &CoverageProfileOptions,
    workers: &Workers,
    control: &Control,
) -> Result<CoverageProfiles> {
    let budgets = options.checked()?;
    if reference.models() != 1 {
        let message = format!("The reference must be one model, not {}.", reference.models());
        return Err(Error::new(Code::ShapeMismatch, message));
    }
    let reference = reference.row_f64(0);
    let clusters = clusters_of(prompts, reference.len())?;
    let clusters = clusters.as_ref();
    control.start(log_probs.models() as u64);
    let profiles = workers.map(log_probs.models(), control, |model| {
        let row = log_probs.row_f64(model);
        let ratios = LogRatios::between(&reference, &row)?;
        let mut profile = profile_of_log_ratios(&ratios, &budgets, clusters, options.confidence);
        profile.likelihood_quantiles = likelihood_quantiles(&row, clusters.is_some(), options.confidence);
        let curve = StepCurve::of(&ratios, options.points);
        control.advance(1);
        Ok((profile, curve, cross_entropy(&row, clusters, options.confidence)))
    })?;
    let mut all = CoverageProfiles {
        responses: reference.len(),
        prompts: clusters.map(Clusters::len),
        confidence: options.confidence,
        band_half_width: band_half_width(reference.len(), clusters, options.confidence),
        models: Vec::with_capacity(profiles.len()),
        cross_entropy: Vec::with_capacity(profiles.len()),
        curve_offsets: vec![0],
        curve_log_n: Vec::new(),
        curve_shares: Vec::new(),
    };
    for (profile, curve, cross_entropy) in profiles {
        all.models.push(profile);
        all.cross_entropy.push(cross_entropy);
        all.curve_log_n.extend(curve.log_n);
        all.curve_shares.extend(curve.shares);
        all.curve_offsets.push(all.curve_log_n.len());
    }
    Ok(all)
}

fn clusters_of(prompts: Option<&[u32]>, responses: usize) -> Result<Option<Clusters>> {
    match prompts {
        Some(labels) if labels.len() != responses => {
            let message = format!("There are {} prompt labels for {responses} responses.", labels.len());
            Err(Error::new(Code::ShapeMismatch, message))
        }
        Some(labels) => Ok(Clusters::by_label(labels)),
        None => Ok(None),
    }
}

fn band_half_width(responses: usize, clusters: Option<&Clusters>, confidence: f64) -> f64 {
    clusters.map_or_else(
        || dkw_half_width(responses, confidence),
        |clusters| dkw_half_width_of_clusters(clusters.sizes(), confidence),
    )
}

/// The profile at `budgets` from log ratios of responses drawn from π_D, prompts as `clusters` where they repeat;
/// `confidence` lies strictly between 0 and 1. Without likelihood quantiles, which are not of ratios.
#[must_use]
pub fn profile_of_log_ratios(
    ratios: &LogRatios,
    budgets: &Ratios,
    clusters: Option<&Clusters>,
    confidence: f64,
) -> ModelProfile {
    let n = ratios.values().len();
    let half = band_half_width(n, clusters, confidence);
    let kl = kl_divergence(ratios, clusters, confidence);
    let coverage = budgets.n().iter().zip(budgets.log_n()).map(|(&budget, &log_n)| {
        let count = ratios.count_at_least(log_n);
        let value = count as f64 / n as f64;
        CoverageAt {
            n: budget,
            count,
            value,
            interval: share_interval(ratios, log_n, clusters, confidence),
            band: Interval { low: (value - half).max(0.0), high: (value + half).min(1.0) },
            kl_bound: kl.value.and_then(|kl| coverage_bound_from_kl(kl.max(0.0), budget)),
            e_divergence: drawn_from_reference(ratios)
                .unwrap_or_else(|| e_divergence(ratios.values(), budget, clusters, confidence)),
        }
    });
    let greatest = ratios.values().iter().copied().fold(f64::NEG_INFINITY, f64::max);
    ModelProfile {
        coverage: coverage.collect(),
        hellinger: drawn_from_reference(ratios)
            .unwrap_or_else(|| squared_hellinger(ratios.values(), clusters, confidence)),
        likelihood_quantiles: Vec::new(),
        log_w_max: greatest.is_finite().then_some(greatest),
        infinite: ratios.infinite(),
        impossible: ratios.impossible(),
        kl,
    }
}

/// Of the share of ratios of at least `log_n`.
fn share_interval(ratios: &LogRatios, log_n: f64, clusters: Option<&Clusters>, confidence: f64) -> Interval {
    match clusters {
        None => clopper_pearson(ratios.count_at_least(log_n) as u64, ratios.values().len() as u64, confidence),
        Some(clusters) => {
            let hits = clusters.hits(|response| ratios.values()[response] >= log_n);
            BoundedMean::of_shares(&hits, clusters.sizes()).interval(confidence)
        }
    }
}

/// KL divergence as the mean log ratio of responses drawn from the reference, with Student's interval; unknown where it is
/// infinite, or the reference rules responses out.
#[must_use]
pub fn kl_divergence(ratios: &LogRatios, clusters: Option<&Clusters>, confidence: f64) -> Estimate {
    if let Some(unknown) = drawn_from_reference(ratios) {
        return unknown;
    }
    if ratios.infinite() > 0 {
        return Estimate::unknown(format!(
            "The KL divergence is infinite: the model rules out {} of {} responses that the reference allows.",
            ratios.infinite(),
            ratios.values().len()
        ));
    }
    let mut estimate = Estimate::of_clustered_mean(ratios.values(), clusters, confidence);
    if let (Some(value), Some(interval)) = (estimate.value, estimate.interval) {
        let units = clusters.map_or(ratios.values().len(), Clusters::len);
        let error = (interval.high - value) / student_two_sided((units - 1) as f64, confidence);
        if value < -4.0 * error {
            estimate.warning = Some(format!(
                "A KL divergence is never negative, and this estimate lies {:.1} standard errors below 0: the responses were not drawn from the reference.",
                -value / error
            ));
        }
    }
    estimate
}

/// Why means over the responses say nothing, if the reference rules some out.
fn drawn_from_reference(ratios: &LogRatios) -> Option<Estimate> {
    (ratios.impossible() > 0).then(|| {
        Estimate::unknown(format!(
            "The reference rules out {} of {} responses, so they were not drawn from it.",
            ratios.impossible(),
            ratios.values().len()
        ))
    })
}

/// Cross-entropy of every model: the mean of −log π̂ over the responses, in nats, with its interval; unknown where the
/// model rules a response out.
///
/// # Errors
/// [`Code::InvalidOption`] for a confidence outside (0, 1); [`Code::Aborted`].
pub fn cross_entropies(
    log_probs: &LogProbs,
    confidence: f64,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Estimate>> {
    clustered_cross_entropies(log_probs, None, confidence, workers, control)
}

/// [`cross_entropies`] where prompts repeat: intervals take the clusters as independent, not the responses.
///
/// # Errors
/// As [`cross_entropies`].
pub fn clustered_cross_entropies(
    log_probs: &LogProbs,
    clusters: Option<&Clusters>,
    confidence: f64,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Estimate>> {
    check_confidence(confidence)?;
    workers.map(log_probs.models(), control, |model| Ok(cross_entropy(&log_probs.row_f64(model), clusters, confidence)))
}

fn cross_entropy(row: &[f64], clusters: Option<&Clusters>, confidence: f64) -> Estimate {
    let infinite = row.iter().filter(|value| value.is_infinite()).count();
    if infinite > 0 {
        let n = row.len();
        return Estimate::unknown(format!(
            "The cross-entropy is infinite: the model rules out {infinite} of {n} responses."
        ));
    }
    Estimate::of_clustered_mean(&row.iter().map(|value| -value).collect::<Vec<_>>(), clusters, confidence)
}
