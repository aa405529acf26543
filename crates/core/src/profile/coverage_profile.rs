use serde::{Deserialize, Serialize};

use super::{LogRatios, StepCurve, coverage_bound_from_kl};
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::statistics::{Estimate, Interval, check_confidence, clopper_pearson, dkw_half_width};
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
    /// Clopper and Pearson's exact binomial interval, for this N alone.
    pub interval: Interval,
    /// The band of Dvoretzky, Kiefer and Wolfowitz, which holds for all N at once.
    pub band: Interval,
    /// PD.1's bound on Cov_N from the estimated KL divergence (0 if that is negative); `None` at N = 1 and where the
    /// KL divergence is unknown. The bound is one of population values, an estimate may break it.
    pub kl_bound: Option<f64>,
    /// E_N divergence, max{E_{π̂}(π_D/π̂ − N)_+, E_{π_D}(π̂/π_D − N)_+}: the greater of the two estimates, each a
    /// mean over the responses, with its interval (the choice of the greater is not accounted for).
    pub e_divergence: Estimate,
}

/// Estimates of how far one model is from the reference, from responses drawn from the reference.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelProfile {
    /// One entry for each N, in the order asked for.
    pub coverage: Vec<CoverageAt>,
    /// KL divergence, the mean log ratio, in nats.
    pub kl: Estimate,
    /// Squared Hellinger distance 1 − E√(π̂/π_D); unknown where the estimate falls outside [0, 1].
    pub hellinger: Estimate,
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
/// Intervals take the responses as independent draws from the reference. If they come from elsewhere, Cov_N, KL and the
/// others are averages over those responses of the log ratio to the reference, no longer properties of π_D.
///
/// # Errors
/// [`Code::ShapeMismatch`] unless `reference` is one row over the same responses; [`Code::InvalidOption`];
/// [`Code::Aborted`].
pub fn coverage_profiles(
    log_probs: &LogProbs,
    reference: &LogProbs,
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
    control.start(log_probs.models() as u64);
    let profiles = workers.map(log_probs.models(), control, |model| {
        let row = log_probs.row_f64(model);
        let ratios = LogRatios::between(&reference, &row)?;
        let profile = profile_of_log_ratios(&ratios, &budgets, options.confidence);
        let curve = StepCurve::of(&ratios, options.points);
        control.advance(1);
        Ok((profile, curve, cross_entropy(&row, options.confidence)))
    })?;
    let mut all = CoverageProfiles {
        responses: reference.len(),
        confidence: options.confidence,
        band_half_width: dkw_half_width(reference.len(), options.confidence),
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

/// The profile at `budgets` from log ratios of responses drawn from π_D; `confidence` lies strictly between 0 and 1.
#[must_use]
pub fn profile_of_log_ratios(ratios: &LogRatios, budgets: &Ratios, confidence: f64) -> ModelProfile {
    let n = ratios.values().len();
    let half = dkw_half_width(n, confidence);
    let kl = kl_divergence(ratios, confidence);
    let coverage = budgets.n().iter().zip(budgets.log_n()).map(|(&budget, &log_n)| {
        let count = ratios.count_at_least(log_n);
        let value = count as f64 / n as f64;
        CoverageAt {
            n: budget,
            count,
            value,
            interval: clopper_pearson(count as u64, n as u64, confidence),
            band: Interval { low: (value - half).max(0.0), high: (value + half).min(1.0) },
            kl_bound: kl.value.and_then(|kl| coverage_bound_from_kl(kl.max(0.0), budget)),
            e_divergence: e_divergence(ratios, budget, confidence),
        }
    });
    let greatest = ratios.values().iter().copied().fold(f64::NEG_INFINITY, f64::max);
    ModelProfile {
        coverage: coverage.collect(),
        hellinger: hellinger_squared(ratios, confidence),
        log_w_max: greatest.is_finite().then_some(greatest),
        infinite: ratios.infinite(),
        impossible: ratios.impossible(),
        kl,
    }
}

/// 1 − E√(π̂/π_D). The mean is dominated by the few responses that the model likes better than the reference; where
/// the responses were not drawn from the reference it can leave [0, 1], and then says nothing.
fn hellinger_squared(ratios: &LogRatios, confidence: f64) -> Estimate {
    let estimate = mean_of(ratios, confidence, |x| 1.0 - libm::exp(-0.5 * x));
    match estimate.value {
        Some(value) if !(0.0..=1.0).contains(&value) => Estimate::unknown(format!(
            "The estimate, {value:.3}, lies outside [0, 1]: the responses cannot be taken as drawn from the reference."
        )),
        _ => estimate,
    }
}

fn kl_divergence(ratios: &LogRatios, confidence: f64) -> Estimate {
    if ratios.infinite() > 0 && ratios.impossible() == 0 {
        return Estimate::unknown(format!(
            "The KL divergence is infinite: the model rules out {} of {} responses that the reference allows.",
            ratios.infinite(),
            ratios.values().len()
        ));
    }
    mean_of(ratios, confidence, |x| x)
}

/// E_N divergence: E_{π̂}(π_D/π̂ − N)_+ = E_{π_D}(1 − N·π̂/π_D)_+, so both sides are means over draws from π_D.
fn e_divergence(ratios: &LogRatios, n: f64, confidence: f64) -> Estimate {
    let under = mean_of(ratios, confidence, |x| (1.0 - n * libm::exp(-x)).max(0.0));
    let over = mean_of(ratios, confidence, |x| (libm::exp(-x) - n).max(0.0));
    // Unknown values are unknown for the same reason on both sides, except that e^{−X} alone may overflow.
    match (under.value, over.value) {
        (Some(below), Some(above)) if above <= below => under,
        _ => over,
    }
}

fn mean_of(ratios: &LogRatios, confidence: f64, value: impl Fn(f64) -> f64) -> Estimate {
    if ratios.impossible() > 0 {
        return Estimate::unknown(format!(
            "The reference rules out {} of {} responses, so they were not drawn from it.",
            ratios.impossible(),
            ratios.values().len()
        ));
    }
    Estimate::of_mean(&ratios.values().iter().map(|&x| value(x)).collect::<Vec<_>>(), confidence)
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
    check_confidence(confidence)?;
    workers.map(log_probs.models(), control, |model| Ok(cross_entropy(&log_probs.row_f64(model), confidence)))
}

fn cross_entropy(row: &[f64], confidence: f64) -> Estimate {
    let infinite = row.iter().filter(|value| value.is_infinite()).count();
    if infinite > 0 {
        let n = row.len();
        return Estimate::unknown(format!(
            "The cross-entropy is infinite: the model rules out {infinite} of {n} responses."
        ));
    }
    Estimate::of_mean(&row.iter().map(|value| -value).collect::<Vec<_>>(), confidence)
}
