//! Convex classes (Theorem E.1): over mixtures, Cov_N of the MLE falls like 1/N, and misspecification costs nothing.

use std::sync::Arc;

use coverage_principle_core::error::Result;
use coverage_principle_core::linear::DataDistribution;
use coverage_principle_core::progress::Control;
use coverage_principle_core::random::Stream;
use coverage_principle_core::tournament::Ratios;
use serde::{Deserialize, Serialize};

use super::fine_rate::{SignCounts, SignPrompts};
use super::instance::{
    Claim, Condition, Description, Estimate, Instance, ModelClass, NamedPolicy, Quantity, Relation, check_real, named,
    plain,
};
use super::misspecification::{Misspecification, MisspecificationOptions};
use super::mixture_mle::{MixtureOptions, fit_weights};

/// Which class is made convex.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConvexKind {
    /// The sign vectors of Proposition 4.1(b) with π_D: realizable, shows 1/N.
    #[default]
    Signs,
    /// The two models of Proposition E.1: not realizable, shows that mixing saves the MLE.
    Misspecified,
}

/// Options of [`ConvexClass`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConvexClassOptions {
    /// Which class is made convex. Default `signs`.
    pub kind: ConvexKind,
    /// n, how many responses the estimators see: 1 to 10^9. Default 10,000.
    pub responses: u64,
    /// `signs`: d, prompts besides prompt 0: 1 to 10^6, at most n. Default 1000.
    pub dim: u64,
    /// The N that the rare prompt is chosen for. Above 1. Default 16.
    #[serde(rename = "N")]
    pub n: f64,
    /// M > N: models of the class that are wrong at the rare prompt give 1/M there. Default 10^6.
    #[serde(rename = "M")]
    pub m: f64,
    /// `signs`: c0 of ε = c0·√(d/n), in (0, 1). Default 0.5.
    pub c0: f64,
    /// `signs`: p = μ(0). Default: c0³·d/(nN), of the order at which the mixture gives prompt 0 up.
    pub rare: Option<f64>,
    /// `misspecified`: α, in (0, 1]. Default 0.5.
    pub alpha: f64,
}

impl Default for ConvexClassOptions {
    fn default() -> Self {
        let kind = ConvexKind::default();
        Self { kind, responses: 10_000, dim: 1000, n: 16.0, m: 1e6, c0: 0.5, rare: None, alpha: 0.5 }
    }
}

/// Mixtures π_θ = Σ θ_k π_k, θ in the simplex; the MLE over mixtures beside the MLE over the components.
///
/// Shows what convexity buys. At the MLE of a convex class the mean of π/π̂ over the data is at most 1 for every π of
/// the class, so π_D exceeds it by a factor N on at most a share 1/N of them. `signs`: the components are
/// π_D and the models of Proposition 4.1(b). Over the components Cov_N stays at p up to p ≍ d/(n log M); a mixture
/// keeps a weight of about p·n/(c·d) on π_D, so its Cov_N is p only up to p ≍ d/(nN). `misspecified`: of
/// π_1, π_2 of Proposition E.1 the mixture has Cov_N = 0 from a small N on, where the MLE over the two does not.
#[derive(Clone, Debug)]
pub struct ConvexClass {
    options: ConvexClassOptions,
    log_m: f64,
    base: Base,
}

#[derive(Clone, Debug)]
enum Base {
    Signs { signs: SignPrompts, data: DataDistribution },
    Misspecified(Misspecification),
}

/// The MLE over all mixtures of π_D and the sign models.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FittedSigns {
    /// Weight of π_D; the rest is on sign models.
    pub(super) weight: f64,
}

impl ConvexClass {
    /// The instance.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for values out of their range.
    pub fn new(options: &ConvexClassOptions) -> Result<Self> {
        check_real("N", options.n, 1.0, 1e100)?;
        check_real("M", options.m, options.n, 1e100)?;
        let log_m = Ratios::new(&[options.m])?.log_n()[0];
        let base = match options.kind {
            ConvexKind::Signs => {
                let rare = options.c0.powi(3) * options.dim as f64 / (options.responses as f64 * options.n);
                let signs = SignPrompts::new(options.responses, options.dim, options.c0, options.rare, rare)?;
                let data = DataDistribution::new(signs.mu()?, Arc::new(signs.truth()?), None)?;
                Base::Signs { signs, data }
            }
            ConvexKind::Misspecified => Base::Misspecified(Misspecification::new(&MisspecificationOptions {
                responses: options.responses,
                alpha: options.alpha,
                m: options.m,
                n: options.n,
                ..MisspecificationOptions::default()
            })?),
        };
        Ok(Self { options: options.clone(), log_m, base })
    }

    /// p, the probability of the rare prompt.
    #[must_use]
    pub fn rare(&self) -> f64 {
        match &self.base {
            Base::Signs { signs, .. } => signs.rare,
            Base::Misspecified(base) => base.rare(),
        }
    }

    /// log π̂(1 | 0) of a mixture with weight `w` on π_D.
    fn log_escape(&self, w: f64) -> f64 {
        (w + (1.0 - w) * (-self.log_m).exp()).ln()
    }

    /// The weight of π_D in the MLE over mixtures of π_D and all 2^d sign models.
    ///
    /// Given the weight w of π_D the sign models can be mixed so as to have any bias in [−ε, ε] at each prompt, hence
    /// a coin's probability is anything in (1 ± (1−w)ε)/2, best the nearest to its frequency. What remains is concave
    /// in w: its derivative is bisected.
    fn fit_signs(&self, signs: &SignPrompts, counts: &SignCounts) -> FittedSigns {
        let escape = (-self.log_m).exp();
        // Derivative of the log-likelihood with respect to s = 1 − w.
        let slope = |s: f64| -> f64 {
            let rare = counts.rare as f64 * (1.0 - escape) / (1.0 - s + s * escape);
            let bias = s * signs.epsilon;
            let coins: f64 = counts
                .coins
                .iter()
                .map(|&(seen, ones)| {
                    let more = ones.max(seen - ones) as f64;
                    let fewer = seen as f64 - more;
                    // Beyond its frequency a coin's bias is not used any more.
                    if more - fewer <= bias * seen as f64 {
                        0.0
                    } else {
                        signs.epsilon * (more / (1.0 + bias) - fewer / (1.0 - bias))
                    }
                })
                .sum();
            coins - rare
        };
        if slope(0.0) <= 0.0 {
            return FittedSigns { weight: 1.0 };
        }
        if slope(1.0) >= 0.0 {
            return FittedSigns { weight: 0.0 };
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..64 {
            let middle = 0.5 * (low + high);
            if slope(middle) > 0.0 { low = middle } else { high = middle }
        }
        FittedSigns { weight: 1.0 - 0.5 * (low + high) }
    }

    /// KL and Cov_N of the fitted mixture; its coins have the probabilities the fit gives them.
    fn measure_signs(
        &self,
        signs: &SignPrompts,
        counts: &SignCounts,
        fitted: FittedSigns,
        budgets: &Ratios,
    ) -> (f64, Vec<f64>) {
        let reach = (1.0 - fitted.weight) * signs.epsilon;
        let of_coin = (1.0 - signs.rare) / signs.dim as f64;
        let (kl, mut cov) = signs.measures(self.log_escape(fitted.weight), 0.0, budgets);
        let mut coins = 0.0;
        let mut extra = vec![0.0; budgets.len()];
        for &(seen, ones) in &counts.coins {
            let frequency = if seen == 0 { 0.0 } else { (2.0 * ones as f64 - seen as f64).abs() / seen as f64 };
            let bias = frequency.min(reach);
            let (up, down) = (-bias.ln_1p(), -(-bias).ln_1p());
            coins += of_coin * 0.5 * (up + down);
            for (extra, &log_n) in extra.iter_mut().zip(budgets.log_n()) {
                // `measures` without bias has the coins at ratio 1: correct where N = 1.
                let fair = if log_n <= 0.0 { 2.0 } else { 0.0 };
                let counted = f64::from(u8::from(up >= log_n)) + f64::from(u8::from(down >= log_n));
                *extra += of_coin * 0.5 * (counted - fair);
            }
        }
        cov.iter_mut().zip(extra).for_each(|(cov, extra)| *cov += extra);
        (kl + coins, cov)
    }

    fn trial_signs(&self, signs: &SignPrompts, budgets: &Ratios, stream: &mut Stream) -> Vec<Estimate> {
        let counts = signs.draw(stream);
        let wrong = signs.best_gain(&counts) > counts.rare as f64 * self.log_m;
        let (log_escape, share) = if wrong { (-self.log_m, 1.0) } else { (0.0, 0.0) };
        let (kl, cov) = signs.measures(log_escape, share, budgets);
        let seen = counts.rare as f64;
        let details = named(&[("weight", 1.0 - share), ("rareSeen", seen)]);
        let component = Estimate { estimator: "component-mle", kl, cov, details };
        let fitted = self.fit_signs(signs, &counts);
        let (kl, cov) = self.measure_signs(signs, &counts, fitted, budgets);
        let details = named(&[("weight", fitted.weight), ("rareSeen", seen)]);
        vec![Estimate { estimator: "mixture-mle", kl, cov, details }, component]
    }

    fn trial_misspecified(
        &self,
        base: &Misspecification,
        budgets: &Ratios,
        stream: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        let counts: Vec<f64> = base.draw(stream).concat().into_iter().map(|count| count as f64).collect();
        let components = [base.log_probs(0), base.log_probs(1)].map(|rows| rows.concat());
        let options = MixtureOptions { gap: 1e-12, ..MixtureOptions::default() };
        let fitted = fit_weights(&components.concat(), &counts, &options, &Control::new())?;
        let likelihood = |k: usize| -> f64 { components[k].iter().zip(&counts).map(|(log, count)| log * count).sum() };
        let vertex = usize::from(likelihood(1) > likelihood(0));
        let estimate = |estimator, weights: [f64; 2], gap| {
            let log_mixed =
                |cell: usize| (weights[0] * components[0][cell].exp() + weights[1] * components[1][cell].exp()).ln();
            let ratio = |cell: usize| -std::f64::consts::LN_2 - log_mixed(cell);
            let ratios = [[ratio(0), ratio(1)], [ratio(2), ratio(3)]];
            Estimate {
                estimator,
                kl: base.kl(&ratios),
                cov: base.cov(&ratios, budgets),
                details: named(&[("weight", weights[0]), ("rareSeen", counts[2] + counts[3]), ("gap", gap)]),
            }
        };
        Ok(vec![
            estimate("mixture-mle", [fitted.weights[0], fitted.weights[1]], fitted.gap),
            estimate("component-mle", [1.0 - vertex as f64, vertex as f64], 0.0),
        ])
    }
}

impl Instance for ConvexClass {
    fn describe(&self) -> Description {
        let source = "Theorem E.1";
        let claims = match &self.base {
            Base::Signs { signs, .. } => vec![
                Claim::new(
                    source,
                    Quantity::Cov,
                    Relation::Scales,
                    "The greatest Cov_N over p of the MLE over mixtures falls like 1/N, not like 1/log N",
                )
                .of("mixture-mle")
                .like("N", -1.0)
                .like("d", 1.0)
                .like("n", -1.0),
                Claim::new(
                    "Proposition 4.1(b)",
                    Quantity::Cov,
                    Relation::AtLeast,
                    "The MLE over the components has Cov_N = p for every N up to M, as long as p ≲ d/(n log M)",
                )
                .of("component-mle")
                .at(self.options.n)
                .value(signs.rare)
                .with_probability(0.1),
            ],
            Base::Misspecified(base) => vec![
                Claim::new(
                    source,
                    Quantity::Cov,
                    Relation::AtMost,
                    "The MLE over mixtures keeps a weight of about 1/(8√log M) on π_1: Cov_N = 0 from its inverse on",
                )
                .of("mixture-mle")
                .at(self.options.m)
                .value(0.0)
                .with_probability(0.9),
                Claim::new(
                    "Proposition E.1",
                    Quantity::Cov,
                    Relation::AtLeast,
                    "The MLE over the two components has Cov_N = p/2 up to N = M",
                )
                .of("component-mle")
                .at(self.options.n)
                .value(base.rare() / 2.0)
                .with_probability(0.25),
            ],
        };
        let horizon = self.data().horizon();
        Description {
            name: "theorem-e.1",
            title: "Convex classes",
            source,
            shows: "Over mixtures Cov_N of the MLE falls like 1/N; misspecification costs no more than the best mixture",
            options: plain(&self.options),
            derived: match &self.base {
                Base::Signs { signs, .. } => named(&[("rare", signs.rare), ("epsilon", signs.epsilon)]),
                Base::Misspecified(base) => named(&[("rare", base.rare())]),
            },
            prompts: Some(self.data().mu().prompts()),
            vocabulary: 2,
            horizon,
            estimators: vec!["mixture-mle", "component-mle"],
            conditions: match &self.base {
                Base::Signs { .. } => Vec::new(),
                Base::Misspecified(_) => {
                    vec![Condition::new(
                        "M ≥ 16·√(log M), twice that inverse",
                        self.options.m >= 16.0 * self.log_m.sqrt(),
                    )]
                }
            },
            claims,
        }
    }

    fn data(&self) -> &DataDistribution {
        match &self.base {
            Base::Signs { data, .. } => data,
            Base::Misspecified(base) => base.data(),
        }
    }

    fn class(&self) -> Result<ModelClass> {
        let models = match &self.base {
            Base::Signs { signs, .. } => {
                let truth = NamedPolicy { name: "data distribution".to_owned(), policy: Arc::new(signs.truth()?) };
                let wrong = signs.sign_vectors()?.into_iter().enumerate().map(|(index, vector)| {
                    let policy = Arc::new(signs.biased(&vector, -self.log_m)?);
                    Ok(NamedPolicy { name: format!("signs {index}"), policy })
                });
                std::iter::once(Ok(truth)).chain(wrong).collect::<Result<Vec<_>>>()?
            }
            Base::Misspecified(base) => {
                let ModelClass::Finite(models) = base.class()? else { return base.class() };
                models
            }
        };
        Ok(ModelClass::Mixture(models))
    }

    fn trial(&self, budgets: &Ratios, stream: &mut Stream) -> Result<Vec<Estimate>> {
        match &self.base {
            Base::Signs { signs, .. } => Ok(self.trial_signs(signs, budgets, stream)),
            Base::Misspecified(base) => self.trial_misspecified(base, budgets, stream),
        }
    }
}

#[cfg(test)]
mod tests {
    use coverage_principle_core::linear::{Mixture, Policy, Responses};
    use coverage_principle_core::random::Purpose;
    use coverage_principle_core::{Control, Workers};

    use super::*;
    use crate::mixture_mle::fit_mixture;
    use crate::tests::enumerated;

    /// The closed form over 2^d + 1 components against the general fit by exponentiated gradient.
    #[test]
    fn the_closed_form_is_the_general_fit() {
        let options = ConvexClassOptions { responses: 60, dim: 3, c0: 0.9, rare: Some(0.05), ..Default::default() };
        let instance = ConvexClass::new(&options).unwrap();
        let Base::Signs { signs, .. } = &instance.base else { panic!("signs") };
        let ModelClass::Mixture(models) = instance.class().unwrap() else { panic!("mixture") };
        let components: Vec<_> = models.into_iter().map(|model| model.policy).collect();
        assert_eq!(components.len(), 9);
        let budgets = Ratios::new(&[1.02, 1.2, 2.0, 16.0]).unwrap();
        for trial in 0..12 {
            let counts = signs.draw(&mut Stream::new(1, Purpose::Data, trial));
            let mut responses = Responses::new();
            (0..counts.rare).for_each(|_| responses.push(0, &[1]));
            for (index, &(seen, ones)) in counts.coins.iter().enumerate() {
                (0..seen).for_each(|throw| responses.push(index + 1, &[u32::from(throw < ones)]));
            }
            let options = MixtureOptions { gap: 1e-11, ..MixtureOptions::default() };
            let general =
                fit_mixture(&components, &responses, &options, &Workers::sequential(), &Control::new()).unwrap();
            let fitted = instance.fit_signs(signs, &counts);
            let mixture = Mixture::new(components.clone(), &general.weights).unwrap();
            let (kl, _) = instance.measure_signs(signs, &counts, fitted, &budgets);
            assert!((kl - enumerated(instance.data(), &mixture, 1.0).0).abs() < 1e-4, "{fitted:?} {general:?}");
            assert!((fitted.weight - general.weights[0]).abs() < 1e-3 || counts.rare == 0, "{fitted:?} {general:?}");
        }
    }

    /// Measures by hand: the fitted model as a table.
    #[test]
    fn measures_of_the_fit_agree_with_enumeration() {
        let options = ConvexClassOptions { responses: 60, dim: 4, c0: 0.9, rare: Some(0.05), ..Default::default() };
        let instance = ConvexClass::new(&options).unwrap();
        let Base::Signs { signs, data } = &instance.base else { panic!("signs") };
        let counts = signs.draw(&mut Stream::new(2, Purpose::Data, 0));
        let fitted = FittedSigns { weight: 0.3 };
        let reach = 0.7 * signs.epsilon;
        let escape = instance.log_escape(0.3);
        let mut table = vec![(-escape.exp()).ln_1p(), escape];
        for &(seen, ones) in &counts.coins {
            let bias = ((2.0 * ones as f64 - seen as f64) / seen as f64).clamp(-reach, reach);
            table.extend([((1.0 - bias) / 2.0).ln(), ((1.0 + bias) / 2.0).ln()]);
        }
        let model = crate::token_table::TokenTable::identical(2, 1, table).unwrap();
        let budgets = Ratios::new(&[1.02, 1.2, 3.3, 3.4]).unwrap();
        let (kl, cov) = instance.measure_signs(signs, &counts, fitted, &budgets);
        for (&log_n, cov) in budgets.log_n().iter().zip(cov) {
            let expected = enumerated(data, &model as &dyn Policy, log_n);
            assert!((kl - expected.0).abs() < 1e-13 && (cov - expected.1).abs() < 1e-13, "{cov} {expected:?}");
        }
    }

    /// First-order optimality of a convex class: the data's mean of π_D/π̂ is at most 1, hence at most a share 1/N of
    /// the data has a ratio of N.
    #[test]
    fn mixtures_keep_prompt_zero_where_components_give_it_up() {
        let budgets = Ratios::new(&[4.0, 16.0, 64.0]).unwrap();
        let options = ConvexClassOptions { responses: 100_000, rare: Some(4e-4), m: 100.0, ..Default::default() };
        let instance = ConvexClass::new(&options).unwrap();
        let mut stream = Stream::new(8, Purpose::Data, 0);
        for _ in 0..10 {
            let estimates = instance.trial(&budgets, &mut stream).unwrap();
            let [mixture, component] = &estimates[..] else { panic!("two estimators") };
            assert_eq!(component.cov[2], instance.rare());
            assert_eq!(mixture.cov[1..], [0.0, 0.0], "{mixture:?}");
        }
    }

    #[test]
    fn mixing_saves_maximum_likelihood_from_misspecification() {
        let options = ConvexClassOptions { kind: ConvexKind::Misspecified, n: 4.0, m: 100.0, ..Default::default() };
        let instance = ConvexClass::new(&options).unwrap();
        let budgets = Ratios::new(&[4.0, 100.0]).unwrap();
        let mut stream = Stream::new(5, Purpose::Data, 0);
        let (mut saved, mut lost) = (0, 0);
        for _ in 0..100 {
            let estimates = instance.trial(&budgets, &mut stream).unwrap();
            assert!(estimates[0].details["gap"] < 1e-9);
            saved += i32::from(estimates[0].cov[1] == 0.0);
            lost += i32::from(estimates[1].cov[1] > 0.0);
        }
        assert!(saved >= 95 && lost > 25, "{saved} {lost}");
    }
}
