//! A class on which likelihood misleads and which does not hold π_D: what Theorems 6.3 and 6.4 are measured on.

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::log_probs::LogProbs;
use coverage_principle_core::parallel::Workers;
use coverage_principle_core::progress::Control;
use coverage_principle_core::random::Stream;
use coverage_principle_core::tournament::{
    OffsetOptions, OnPolicy, Ratios, mean_log_probs, offset_tournament, select_winner,
};
use serde::{Deserialize, Serialize};

use super::instance::{
    Claim, Condition, Description, Estimate, Quantity, Relation, Study, check_count, check_real, covered, named, plain,
};

/// Options of [`TournamentClass`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TournamentClassOptions {
    /// N of the tournaments, above 1. Default 256.
    #[serde(rename = "N")]
    pub n: f64,
    /// a of the theorems, in (0, 1]. Default 0.25.
    pub a: f64,
    /// n, held-out responses: 1 to 10^7. Default 1000.
    pub responses: u64,
    /// Of each wrong model, the probability under π_D that it fails: its Cov at N^{1+a}. Default 0.1 and 0.02.
    pub wrong: Vec<f64>,
    /// Whether the rival is there that makes the flat model look bad to a simple tournament. Default false.
    pub bold: bool,
    /// The probability that the flat model fails. Default 0.
    pub flat: f64,
    /// Responses that each model draws for each prompt of the offset tournament, 1 to 1000; without them it is not held.
    pub on_policy: Option<u64>,
}

impl Default for TournamentClassOptions {
    fn default() -> Self {
        Self { n: 256.0, a: 0.25, responses: 1000, wrong: vec![0.1, 0.02], bold: false, flat: 0.0, on_policy: None }
    }
}

/// The probability under π_D that the bold model fails, in units of N^{−(1−a)}: well below what it costs the flat one.
pub const BOLD_FAILS: f64 = 0.2;
/// By how much a ratio that is to reach N exceeds it where the bold model gives everything.
const MARGIN: f64 = 1.1;
/// δ of the bounds.
const DELTA: f64 = 0.05;

/// A model: probabilities of the three responses outside and inside its set of prompts.
#[derive(Clone, Debug)]
struct Member {
    outside: [f64; 3],
    inside: [f64; 3],
    /// Probability that a prompt is in its set.
    share: f64,
}

/// A prompt may fall into any of the sets of the models, independently. There are three responses: the main one, a
/// special one and junk.
///
/// - The flat model is within N^a of π_D everywhere, but spreads itself thin: less likely than all but the bold one. It
///   may have a set of its own where it, too, is wrong.
/// - The bold one (if there is a special response) gives that one nearly everything, N times what the flat model gives it
///   and, outside a small set, the others enough for no ratio to it to reach N.
/// - A wrong model is π_D except on its set, where it gives the main response N^{−(1+a)}/3 of what π_D does.
///
/// Shows that the winner of the tournament covers about as well as the best model of the class, likely or not; and that
/// the offset tournament does without the term N^{−(1−a)} of the simple one. Estimators: maximum likelihood, the simple
/// tournament and, with `onPolicy`, the offset one. The detail `wrong` is 1 where the choice is one of the wrong models,
/// else 0.
#[derive(Clone, Debug)]
pub struct TournamentClass {
    options: TournamentClassOptions,
    truth: [f64; 3],
    members: Vec<Member>,
}

impl TournamentClass {
    /// The class.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for values out of their range.
    pub fn new(options: &TournamentClassOptions) -> Result<Self> {
        check_real("N", options.n, 1.0, 1e100)?;
        check_real("a", options.a, 0.0, 1.0)?;
        check_count("responses", options.responses, 1, 10_000_000)?;
        if let Some(each) = options.on_policy {
            check_count("onPolicy", each, 1, 1000)?;
        }
        let (n, a) = (options.n, options.a);
        // A hair above N^−a: a ratio of N^a exactly would count as reached.
        let thin = n.powf(-a) * (1.0 + 1e-9);
        // flat gives the special response `thin` times what π_D does, so bold's ratio to it is at least N.
        let special = if options.bold { n.powf(a - 1.0) / MARGIN } else { 0.0 };
        let truth = [1.0 - special - thin, special, thin];
        if truth[0] <= 0.5 {
            return Err(Error::option("N", format!("N^a must be above 2 by some margin, not {}.", n.powf(a))));
        }
        let deny = |[main, special, _]: [f64; 3]| {
            let left = main * n.powf(-(1.0 + a)) / 3.0;
            [left, special, 1.0 - left - special]
        };
        let shares = |field: &str, fails: f64| {
            if (0.0..truth[0]).contains(&fails) {
                return Ok(fails / truth[0]);
            }
            Err(Error::option(field, format!("{field} must be at least 0 and below {}, not {fails}.", truth[0])))
        };
        let spread = [truth[0] * thin, special * thin];
        let flat = Member {
            outside: [spread[0], spread[1], 1.0 - spread[0] - spread[1]],
            inside: deny(truth),
            share: shares("flat", options.flat)?,
        };
        let mut members = vec![flat];
        if options.bold {
            let denied = deny(truth)[0];
            members.push(Member {
                outside: [2.0 / n, 1.0 - 4.0 / n, 2.0 / n],
                inside: [denied, 1.0 - denied - 2.0 / n, 2.0 / n],
                share: shares("N", BOLD_FAILS * n.powf(a - 1.0))?,
            });
        }
        for &fails in &options.wrong {
            members.push(Member { outside: truth, inside: deny(truth), share: shares("wrong", fails)? });
        }
        Ok(Self { options: options.clone(), truth, members })
    }

    /// Cov_N of a member at log N, exactly.
    fn cov(&self, member: &Member, log_n: f64) -> f64 {
        let at = |model: &[f64; 3]| -> f64 {
            let reached = |(p, q): (&f64, &f64)| if *p > 0.0 { p * covered(p.ln() - q.ln(), log_n) } else { 0.0 };
            self.truth.iter().zip(model).map(reached).sum()
        };
        member.share * at(&member.inside) + (1.0 - member.share) * at(&member.outside)
    }

    /// D_KL(π_D ‖ member).
    fn kl(&self, member: &Member) -> f64 {
        let at = |model: &[f64; 3]| -> f64 {
            self.truth.iter().zip(model).map(|(p, q)| if *p > 0.0 { p * (p.ln() - q.ln()) } else { 0.0 }).sum()
        };
        member.share * at(&member.inside) + (1.0 - member.share) * at(&member.outside)
    }

    /// Which of `count` prompts are in each member's set.
    fn draw_sets(&self, count: usize, stream: &mut Stream) -> Vec<Vec<usize>> {
        self.members.iter().map(|member| draw_set(member.share, count, stream)).collect()
    }

    /// `responses` to prompts of these sets under every member.
    fn score(&self, responses: &[u8], sets: &[Vec<usize>]) -> Result<LogProbs> {
        let rows = self.members.iter().zip(sets).map(|(Member { outside, inside, .. }, set)| {
            let [outside, inside] = [outside, inside].map(|model| model.map(f64::ln));
            let mut row: Vec<f64> = responses.iter().map(|&response| outside[usize::from(response)]).collect();
            for &prompt in set {
                row[prompt] = inside[usize::from(responses[prompt])];
            }
            row
        });
        LogProbs::from_f64(rows.collect())
    }

    /// `each` responses of a member to every prompt, prompt after prompt, under every member.
    fn on_policy(&self, member: usize, count: usize, sets: &[Vec<usize>], stream: &mut Stream) -> Result<OnPolicy> {
        #[expect(clippy::cast_possible_truncation, reason = "at most 1000")]
        let each = self.options.on_policy.unwrap_or(1) as usize;
        let mut within = vec![false; count];
        sets[member].iter().for_each(|&prompt| within[prompt] = true);
        let Member { outside, inside, .. } = &self.members[member];
        let mut responses = Vec::with_capacity(count * each);
        for within in within {
            for _ in 0..each {
                responses.push(choose(if within { inside } else { outside }, stream.uniform()));
            }
        }
        let repeated: Vec<Vec<usize>> = sets
            .iter()
            .map(|set| set.iter().flat_map(|&prompt| (0..each).map(move |copy| prompt * each + copy)).collect())
            .collect();
        Ok(OnPolicy::alike(self.score(&responses, &repeated)?))
    }

    /// log N^{1+a} and log 2N^{1+a}, at which winners are measured.
    fn thresholds(&self) -> [f64; 2] {
        [self.options.n.powf(1.0 + self.options.a), 2.0 * self.options.n.powf(1.0 + self.options.a)]
    }
}

/// The indices below `count` that come up with probability `share` each, by jumping from one to the next.
fn draw_set(share: f64, count: usize, stream: &mut Stream) -> Vec<usize> {
    let mut chosen = Vec::new();
    if share > 0.0 {
        let rate = (-share).ln_1p();
        let mut at = 0.0f64;
        loop {
            at += ((-stream.uniform()).ln_1p() / rate).floor();
            if at >= count as f64 {
                break;
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below `count`")]
            chosen.push(at as usize);
            at += 1.0;
        }
    }
    chosen
}

fn choose(probabilities: &[f64; 3], at: f64) -> u8 {
    if at < probabilities[0] {
        0
    } else if at < probabilities[0] + probabilities[1] {
        1
    } else {
        2
    }
}

impl Study for TournamentClass {
    fn describe(&self) -> Description {
        let (n, a) = (self.options.n, self.options.a);
        let models = self.members.len() as f64;
        let sampling = (models / DELTA).ln() / self.options.responses as f64;
        let least = self.members.iter().map(|member| self.cov(member, a * n.ln())).fold(f64::INFINITY, f64::min);
        let [simple, offset] = self.thresholds();
        let mut estimators = vec!["mle", "tournament"];
        let mut claims = vec![
            Claim::new(
                "Theorem 6.3",
                Quantity::Cov,
                Relation::AtMost,
                "Cov at N^{1+a} of the winner is at most min Cov at N^a + N^{−(1−a)} + log(M/δ)/n with probability 1 − δ = 0.95, the constant of ≲ taken as 1",
            )
            .of("tournament")
            .at(simple)
            .value(least + n.powf(a - 1.0) + sampling)
            .with_probability(1.0 - DELTA),
        ];
        let mut conditions = Vec::new();
        if self.options.on_policy.is_some() {
            estimators.push("offset-tournament");
            conditions.push(Condition::new("N^{1−2a} ≥ 8", n.powf(1.0 - 2.0 * a) >= 8.0));
            conditions.push(Condition::new("Some model is within N^a of π_D everywhere", self.options.flat == 0.0));
            claims.push(
                Claim::new(
                    "Theorem 6.4",
                    Quantity::Cov,
                    Relation::AtMost,
                    "Cov at 2N^{1+a} of the offset winner is at most log(M/δ)/n with probability 1 − δ = 0.95, the constant of ≲ taken as 1",
                )
                .of("offset-tournament")
                .at(offset)
                .value(sampling)
                .with_probability(1.0 - DELTA),
            );
        }
        Description {
            name: "tournament-class",
            title: "A class on which likelihood misleads",
            source: "Theorems 6.3 and 6.4",
            shows: "The winner of the tournament covers about as well as the best model of the class, likely or not",
            options: plain(&self.options),
            derived: named(&[("models", models), ("leastCov", least), ("special", self.truth[1])]),
            prompts: None,
            vocabulary: 3,
            horizon: 1,
            estimators,
            conditions,
            claims,
        }
    }

    fn trial(&self, budgets: &Ratios, stream: &mut Stream, control: &Control) -> Result<Vec<Estimate>> {
        #[expect(clippy::cast_possible_truncation, reason = "at most 10^7")]
        let count = self.options.responses as usize;
        let responses: Vec<u8> = (0..count).map(|_| choose(&self.truth, stream.uniform())).collect();
        let sets = self.draw_sets(count, stream);
        let held_out = self.score(&responses, &sets)?;
        // Progress of what runs within a trial is not the trials'.
        let (workers, inner) = (Workers::sequential(), Control::new());
        let means = mean_log_probs(&held_out, &workers, &inner)?;
        let most_likely = (0..means.len()).rev().max_by(|&a, &b| means[a].total_cmp(&means[b])).unwrap_or(0);
        let at = Ratios::new(&[self.options.n])?;
        let mut chosen =
            vec![("mle", most_likely), ("tournament", select_winner(&held_out, &at, &workers, &inner)?[0].winner)];
        if self.options.on_policy.is_some() {
            let mut on_policy = Vec::with_capacity(self.members.len());
            for member in 0..self.members.len() {
                control.check()?;
                on_policy.push(self.on_policy(member, count, &sets, stream)?);
            }
            let options = OffsetOptions { n: vec![self.options.n], a: self.options.a, confidence: 0.95 };
            let found = offset_tournament(&held_out, &on_policy, &options, &workers, &inner)?;
            chosen.push(("offset-tournament", found[0].winner));
        }
        let first_wrong = self.members.len() - self.options.wrong.len();
        let estimate = |(estimator, winner): (&'static str, usize)| {
            let member = &self.members[winner];
            let wrong = f64::from(u8::from(winner >= first_wrong));
            Estimate {
                estimator,
                kl: self.kl(member),
                cov: budgets.log_n().iter().map(|&log_n| self.cov(member, log_n)).collect(),
                details: named(&[("wrong", wrong)]),
            }
        };
        Ok(chosen.into_iter().map(estimate).collect())
    }
}

#[cfg(test)]
mod tests {
    use coverage_principle_core::random::Purpose;

    use super::*;

    fn class(bold: bool, wrong: &[f64]) -> TournamentClass {
        TournamentClass::new(&TournamentClassOptions {
            bold,
            wrong: wrong.to_vec(),
            on_policy: Some(3),
            ..TournamentClassOptions::default()
        })
        .unwrap()
    }

    #[test]
    fn the_class_is_what_it_says() {
        let (n, a) = (256.0f64, 0.25);
        let class = class(true, &[0.1, 0.02]);
        let [flat, bold, first, second] = &class.members[..] else { panic!("four models") };
        for Member { outside, inside, .. } in &class.members {
            assert!((outside.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!((inside.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        // flat is within a·log N of π_D everywhere, in both directions.
        for (p, q) in class.truth.iter().zip(&flat.outside) {
            assert!((p / q).ln().abs() <= a * n.ln());
        }
        assert_eq!(class.cov(flat, a * n.ln()), 0.0);
        let offset = class.thresholds()[1].ln();
        assert!((class.cov(bold, offset) - BOLD_FAILS * n.powf(a - 1.0)).abs() < 1e-12);
        assert!((class.cov(first, offset) - 0.1).abs() < 1e-12 && (class.cov(second, offset) - 0.02).abs() < 1e-12);
        // What bold claims it claims N times as much as flat, N^(1−a) as much as π_D.
        assert!(bold.outside[1] / flat.outside[1] > n && bold.outside[1] / first.outside[1] < n);
    }

    #[test]
    fn what_is_drawn_has_the_shares_it_should() {
        let class = class(true, &[0.1, 0.02]);
        let mut stream = Stream::new(1, Purpose::Data, 0);
        let count = 20_000;
        let sets = class.draw_sets(count, &mut stream);
        for (member, set) in class.members.iter().zip(&sets) {
            let error = (member.share * (1.0 - member.share) / count as f64).sqrt();
            assert!((set.len() as f64 / count as f64 - member.share).abs() <= 5.0 * error);
            assert!(set.windows(2).all(|pair| pair[0] < pair[1]));
        }
        // In its set the wrong model hardly ever gives the main response.
        let on_policy = class.on_policy(2, count, &sets, &mut stream).unwrap();
        drop(on_policy);
        let scores = class.score(&vec![0; count], &sets).unwrap();
        assert_eq!((scores.models(), scores.responses()), (4, count));
        let first = sets[2][0];
        assert!(scores.get(2, first) < scores.get(3, (0..count).find(|i| !sets[3].contains(i)).unwrap()) - 7.0);
    }

    #[test]
    fn likelihood_is_misled_and_the_tournaments_are_not() {
        let class = class(false, &[0.1, 0.05]);
        let budgets = Ratios::new(&[class.thresholds()[0]]).unwrap();
        let mut misses = [0.0; 3];
        for trial in 0..20 {
            let mut stream = Stream::new(0, Purpose::Data, trial);
            for (sum, estimate) in misses.iter_mut().zip(class.trial(&budgets, &mut stream, &Control::new()).unwrap()) {
                *sum += estimate.details["wrong"];
                assert!((estimate.cov[0] > 0.0) == (estimate.details["wrong"] > 0.0));
            }
        }
        assert_eq!(misses, [20.0, 0.0, 0.0]);
    }

    #[test]
    fn options_are_checked() {
        let with = |change: fn(&mut TournamentClassOptions)| {
            let mut options = TournamentClassOptions::default();
            change(&mut options);
            TournamentClass::new(&options).unwrap_err().into_fault().place.field.unwrap()
        };
        assert_eq!(with(|options| options.wrong = vec![1.0]), "wrong");
        assert_eq!(with(|options| options.flat = -0.1), "flat");
        assert_eq!(with(|options| options.n = 2.0), "N");
        assert_eq!(with(|options| options.a = f64::NAN), "a");
    }
}
