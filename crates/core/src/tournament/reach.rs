//! Reach: the ratio at which one more response would count against a model, which decides between equal scores.
//!
//! With k the count behind the score of b, log reach = max over rivals a of the (k+1)-th largest L[a,i] − L[b,i]: the
//! same tournament held at the next smaller N. Where N is beyond what the responses resolve and all scores are 0, it is
//! the greatest log ratio against b, so that coverage decides its own ties.
//!
//! One rival gives a lower bound by selection; another is looked at only as far as it takes to see that it has no more
//! than k responses above the bound. Counts at smaller N rule most rivals out without looking: those at N itself a little
//! smaller ([`rungs`]) leave a few of hundreds.

use super::counts::{Counts, counts};
use super::kernel::{Countable, Kernel, slices};
use super::pair::{Candidate, Limit, RivalRow};
use super::ranking::{Scores, Standing};
use super::ratios::Ratios;
use crate::error::Result;
use crate::isa::Isa;
use crate::log_probs::{LogProbs, Rows};
use crate::order;
use crate::parallel::Workers;
use crate::progress::Control;

/// What is known of a reach before all rivals are looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// Some rivals, not among those to look at, give this much (nats).
    pub(super) at_least: f64,
    /// Whoever exceeds this much is of no interest: the search may end there.
    pub(super) enough: f64,
    /// log N of the score: no rival gives this much.
    pub(super) log_n: f64,
}

impl Start {
    /// Nothing is known but the N of the score.
    pub(super) fn at(log_n: f64) -> Self {
        Self { at_least: f64::NEG_INFINITY, enough: f64::INFINITY, log_n }
    }
}

/// Finds reaches in one matrix.
pub(super) struct ReachFinder<'a, T> {
    rows: &'a [&'a [T]],
    kernel: Kernel<T>,
    /// The greatest of all rows at each response, where it is known.
    greatest: Option<&'a [T]>,
}

impl<'a, T: Countable> ReachFinder<'a, T> {
    pub(super) fn new(rows: &'a [&'a [T]], kernel: Kernel<T>) -> Self {
        Self { rows, kernel, greatest: None }
    }

    /// With the greatest of all rows at each response, which pays where rivals are many.
    pub(super) fn with_greatest(rows: &'a [&'a [T]], kernel: Kernel<T>, greatest: &'a [T]) -> Self {
        Self { rows, kernel, greatest: Some(greatest) }
    }

    fn candidate(&self, row: &'a [T], log_n: f64) -> Candidate<'_, T> {
        match self.greatest {
            Some(greatest) => Candidate::among(row, &self.kernel, &RivalRow::new(greatest, log_n, self.kernel)),
            None => Candidate::new(row, log_n, &self.kernel),
        }
    }

    /// The log reach of `model`, whose score is `count`, over `rivals`, the likeliest to give it first; −∞ where no
    /// further response could count. What it returns above `start.enough` is a lower bound.
    pub(super) fn find(
        &self,
        model: usize,
        count: u32,
        rivals: &[usize],
        start: Start,
        control: &Control,
    ) -> Result<f64> {
        let own = self.rows[model];
        let place = count as usize;
        if place >= own.len() {
            return Ok(f64::NEG_INFINITY);
        }
        let mut reach = start.at_least;
        let at = |reach| (reach > f64::NEG_INFINITY).then(|| self.candidate(own, above(reach)));
        let mut candidate = at(reach);
        let (mut written, mut between) = (Vec::new(), Vec::new());
        for &rival in rivals.iter().filter(|&&rival| rival != model) {
            if reach > start.enough || reach == f64::INFINITY {
                break;
            }
            control.check()?;
            let row = self.rows[rival];
            // More than `count` responses above the bound, or it is no better rival.
            if let Some(candidate) = &candidate
                && candidate.meet(&mut written, row, count + 1, Limit(Some(count))).count <= count
            {
                continue;
            }
            // Only what lies between the bound and log N can be the one looked for; what reaches log N comes before it.
            between.clear();
            let mut reaching = 0;
            for (&above, &own) in row.iter().zip(own) {
                let ratio = log_ratio(above.into(), own.into());
                if ratio >= start.log_n {
                    reaching += 1;
                } else if ratio > reach {
                    between.push(ratio);
                }
            }
            if reaching + between.len() > place {
                let (found, _) = order::split_greatest(&mut between, place - reaching);
                // Adding 0 makes one zero of the two.
                reach = found + 0.0;
                candidate = at(reach);
                written.clear();
            }
        }
        Ok(reach)
    }
}

/// The least threshold that only greater log ratios reach; none does where the bound is infinite.
pub(super) fn above(reach: f64) -> f64 {
    if reach == f64::INFINITY { f64::NAN } else { reach.next_up() }
}

/// The log ratio of two log-probabilities: −∞ where the first vanishes, also against another that does.
pub(super) fn log_ratio(above: f64, own: f64) -> f64 {
    if above == f64::NEG_INFINITY { f64::NEG_INFINITY } else { above - own }
}

/// What powers of the values of N are counted, too. Powers of one number stay powers of one number, which one subtraction
/// on bit planes decides: a rung costs a fraction of the comparisons that it spares.
const RUNGS: [f64; 2] = [127.0 / 128.0, 31.0 / 32.0];
/// No more counts than this (256 MiB) are made to spare comparisons.
const MOST_COUNTS: usize = 1 << 26;

/// Further values of N, a little below each of `ratios`, whose counts rule most rivals out.
pub(crate) fn rungs(ratios: &Ratios, models: usize) -> Vec<f64> {
    if models * models * ratios.len() * RUNGS.len() > MOST_COUNTS {
        return Vec::new();
    }
    let above = || ratios.n().iter().filter(|&&n| n > 1.0);
    RUNGS.iter().flat_map(|&power| above().map(move |&n| libm::pow(n, power))).collect()
}

/// Counts at `ratios` and then at their [`rungs`], and the values of N of both.
///
/// # Errors
/// As [`counts`].
pub(super) fn counts_with_rungs(
    log_probs: &LogProbs,
    ratios: &Ratios,
    workers: &Workers,
    control: &Control,
) -> Result<(Counts, Ratios)> {
    let all = Ratios::new(&[ratios.n(), &rungs(ratios, log_probs.models())].concat())?;
    Ok((counts(log_probs, &all, workers, control)?, all))
}

/// The log reach of every model at some of the values of N: `score_counts[k]` are the scores at `ratios.n()[k]`, for the
/// first few values of N. The counts at all of `ratios` rule rivals out.
///
/// # Errors
/// [`crate::Code::Aborted`].
pub(super) fn log_reaches(
    log_probs: &LogProbs,
    counts: &Counts,
    ratios: &Ratios,
    score_counts: &[Vec<u32>],
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Vec<f64>>> {
    let nobody = Known { score_counts: &[], log_reaches: &[] };
    extended_log_reaches(log_probs, counts, ratios, score_counts, &nobody, workers, control)
}

/// What the first few models came to when they were alone.
pub(super) struct Known<'a> {
    /// Their scores at each N.
    pub(super) score_counts: &'a [Vec<u32>],
    /// Their log reaches at each N.
    pub(super) log_reaches: &'a [Vec<f64>],
}

impl Known<'_> {
    /// The log reach of a model over the old rivals, if its score stayed, and how many these are.
    fn of(&self, ratio: usize, model: usize, count: u32) -> Option<(f64, usize)> {
        let scores = self.score_counts.get(ratio)?;
        (*scores.get(model)? == count).then(|| (self.log_reaches[ratio][model], scores.len()))
    }
}

/// [`log_reaches`] where those of the first models among themselves are known: a model whose score stayed meets only the
/// new rivals.
///
/// # Errors
/// [`crate::Code::Aborted`].
pub(super) fn extended_log_reaches(
    log_probs: &LogProbs,
    counts: &Counts,
    ratios: &Ratios,
    score_counts: &[Vec<u32>],
    known: &Known<'_>,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Vec<f64>>> {
    let ladder = Ladder::new(counts, ratios);
    match log_probs.rows() {
        Rows::F32(rows) => all(&slices(rows), &ladder, score_counts, known, workers, control),
        Rows::F64(rows) => all(&slices(rows), &ladder, score_counts, known, workers, control),
    }
}

fn all<T: Countable>(
    rows: &[&[T]],
    ladder: &Ladder<'_>,
    score_counts: &[Vec<u32>],
    known: &Known<'_>,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Vec<f64>>> {
    let finder = ReachFinder::new(rows, T::kernel(Isa::best()));
    let models = rows.len();
    let tasks = score_counts.len() * models;
    control.start(tasks as u64);
    let reaches = workers.map(tasks, control, |task| {
        let (ratio, model) = (task / models, task % models);
        let count = score_counts[ratio][model];
        let (mut rivals, mut start) = ladder.rivals(ratio, model, count);
        if let Some((at_least, old)) = known.of(ratio, model, count) {
            rivals.retain(|&rival| rival >= old);
            start.at_least = start.at_least.max(at_least);
        }
        let reach = finder.find(model, count, &rivals, start, control)?;
        control.advance(1);
        Ok(reach)
    })?;
    Ok(reaches.chunks(models.max(1)).map(<[f64]>::to_vec).collect())
}

/// The first in the ranking at each N with the indices `at`, and the scores there: reaches are looked at only where
/// several models share the least score.
///
/// # Errors
/// [`crate::Code::Aborted`].
pub(crate) fn leaders(
    log_probs: &LogProbs,
    counts: &Counts,
    ratios: &Ratios,
    at: &[usize],
    means: &[f64],
    workers: &Workers,
    control: &Control,
) -> Result<Vec<(usize, Scores)>> {
    let ladder = Ladder::new(counts, ratios);
    match log_probs.rows() {
        Rows::F32(rows) => lead(&slices(rows), &ladder, at, means, workers, control),
        Rows::F64(rows) => lead(&slices(rows), &ladder, at, means, workers, control),
    }
}

fn lead<T: Countable>(
    rows: &[&[T]],
    ladder: &Ladder<'_>,
    at: &[usize],
    means: &[f64],
    workers: &Workers,
    control: &Control,
) -> Result<Vec<(usize, Scores)>> {
    let finder = ReachFinder::new(rows, T::kernel(Isa::best()));
    workers.map(at.len(), control, |index| {
        let ratio = at[index];
        let scores = Scores::new(ladder.counts, ratio);
        let least = scores.counts.iter().copied().min().unwrap_or(0);
        let tied: Vec<usize> = (0..rows.len()).filter(|&model| scores.counts[model] == least).collect();
        let mut best: Option<Standing> = None;
        if let [alone] = tied[..] {
            return Ok((alone, scores));
        }
        for model in tied {
            let (rivals, start) = ladder.rivals(ratio, model, least);
            let enough = best.map_or(f64::INFINITY, |best| best.log_reach);
            let log_reach = finder.find(model, least, &rivals, Start { enough, ..start }, control)?;
            let standing = Standing { score: least, log_reach, mean: means[model], model };
            if best.is_none_or(|best| standing.compare(&best).is_lt()) {
                best = Some(standing);
            }
        }
        Ok((best.map_or(0, |best| best.model), scores))
    })
}

/// Counts at several N, from the greatest down.
pub(super) struct Ladder<'a> {
    counts: &'a Counts,
    log_n: &'a [f64],
    /// Indices of the values of N, falling.
    falling: Vec<usize>,
}

impl<'a> Ladder<'a> {
    pub(super) fn new(counts: &'a Counts, ratios: &'a Ratios) -> Self {
        let mut falling: Vec<usize> = (0..ratios.len()).collect();
        order::indices_by(&mut falling, |a, b| ratios.log_n()[b].total_cmp(&ratios.log_n()[a]));
        Self { counts, log_n: ratios.log_n(), falling }
    }

    /// The rivals of `model` that can give it its reach at the N with index `ratio`, where its score is `count`, the
    /// likeliest first, and what is known of the reach. If at some smaller N a rival has more than `count`, the reach is at least log of that N, and
    /// rivals that have no more there cannot give it.
    pub(super) fn rivals(&self, ratio: usize, model: usize, count: u32) -> (Vec<usize>, Start) {
        let models = self.counts.models();
        let mut rivals: Vec<usize> = (0..models).filter(|&rival| rival != model).collect();
        let mut at = ratio;
        let mut start = Start::at(self.log_n[ratio]);
        for &smaller in self.falling.iter().filter(|&&each| self.log_n[each] < self.log_n[ratio]) {
            at = smaller;
            let more = |&rival: &usize| self.counts.get(smaller, rival, model) > count;
            if rivals.iter().any(more) {
                rivals.retain(more);
                // One of them gives at least log of the smaller N.
                start.at_least = self.log_n[smaller].next_down();
                break;
            }
        }
        order::indices_by_key(&mut rivals, |rival| {
            (std::cmp::Reverse((self.counts.get(at, rival, model), self.counts.get(ratio, rival, model))), rival)
        });
        (rivals, start)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tournament::{counts, tournament};

    /// The definition: the (k+1)-th largest log ratio of each rival, the greatest of them.
    fn plain(rows: &[Vec<f64>], model: usize, count: u32) -> f64 {
        let n = rows[0].len();
        if count as usize >= n {
            return f64::NEG_INFINITY;
        }
        (0..rows.len())
            .filter(|&rival| rival != model)
            .map(|rival| {
                let mut ratios: Vec<f64> = (0..n).map(|i| log_ratio(rows[rival][i], rows[model][i])).collect();
                ratios.sort_by(|a, b| b.total_cmp(a));
                ratios[count as usize] + 0.0
            })
            .fold(f64::NEG_INFINITY, f64::max)
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            6 => (0..6u32).prop_map(|k| -f64::from(k) * 2.0f64.ln()),
            3 => -4.0..0.0f64,
            1 => Just(f64::NEG_INFINITY),
        ]
    }

    fn matrices() -> impl Strategy<Value = Vec<Vec<f64>>> {
        (1..7usize, 1..20usize)
            .prop_flat_map(|(models, n)| prop::collection::vec(prop::collection::vec(value(), n), models))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn it_is_the_next_largest_log_ratio(rows in matrices(), single in any::<bool>()) {
            let log_probs = if single {
                #[expect(clippy::cast_possible_truncation, reason = "values in single precision are wanted")]
                let narrow = |row: &Vec<f64>| row.iter().map(|&value| value as f32).collect();
                LogProbs::from_f32(rows.iter().map(narrow).collect()).unwrap()
            } else {
                LogProbs::from_f64(rows).unwrap()
            };
            let rows: Vec<Vec<f64>> = (0..log_probs.models()).map(|model| log_probs.row_f64(model)).collect();
            let (workers, control) = (Workers::sequential(), Control::new());
            let ratios = Ratios::new(&[4.0, 1.0, 2.0, 1e6]).unwrap();
            let (_, tournaments) = tournament(&log_probs, &ratios, &workers, &control).unwrap();
            for result in &tournaments {
                for model in 0..rows.len() {
                    let wanted = plain(&rows, model, result.score_counts[model]);
                    prop_assert_eq!(result.log_reach[model], wanted, "model {} at N = {}", model, result.n);
                }
            }
            // Counts at one N alone rule nobody out and change nothing.
            let one = Ratios::new(&[4.0]).unwrap();
            let counts = counts(&log_probs, &one, &workers, &control).unwrap();
            let scores = [tournaments[0].score_counts.clone()];
            let alone = log_reaches(&log_probs, &counts, &one, &scores, &workers, &control).unwrap();
            prop_assert_eq!(&alone[0], &tournaments[0].log_reach);
        }
    }

    #[test]
    fn one_more_response_counts_at_the_reach_and_none_above_it() {
        let rows = vec![vec![-1.0, -2.0, -3.5], vec![-3.0, -3.0, -3.0], vec![-1.5, -6.0, -1.0]];
        let ratios = Ratios::new(&[64.0]).unwrap();
        let log_probs = LogProbs::from_f64(rows.clone()).unwrap();
        let (_, results) = tournament(&log_probs, &ratios, &Workers::sequential(), &Control::new()).unwrap();
        assert_eq!(results[0].score_counts, [0, 0, 0]);
        assert_eq!(results[0].log_reach, [2.5, 2.0, 4.0]);
        assert_eq!(results[0].ranking, [1, 0, 2]);
        for (model, reach) in results[0].reach.iter().enumerate() {
            let below = Ratios::new(&[reach * (1.0 - 1e-12)]).unwrap();
            let (_, below) = tournament(&log_probs, &below, &Workers::sequential(), &Control::new()).unwrap();
            assert_eq!(below[0].score_counts[model], 1);
        }
        assert_eq!(plain(&rows, 1, 0), 2.0);
    }
}
