//! How often intervals hold, by simulation with known truth: `cargo run --release --example interval_coverage [RUNS]`.
//! Prints the table of docs/statistics.md. Seeds are fixed; 2,000 runs a cell unless another number is given.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use coverage_principle_core::best_of_n::{PassAtKOptions, SampleCounts, compare_pass_at_k};
use coverage_principle_core::profile::{LogRatios, likelihood_quantiles, profile_of_log_ratios};
use coverage_principle_core::random::{Purpose, Stream};
use coverage_principle_core::statistics::{
    Clusters, Estimate, Interval, clopper_pearson, draw_binomial, e_divergence, greatest_share_interval, normal_cdf,
    squared_hellinger,
};
use coverage_principle_core::tournament::Ratios;
use coverage_principle_core::{Control, Workers};

const CONFIDENCE: f64 = 0.95;

/// Intervals that held, of how many, their mean width; and the same of a plainer method, if there is one.
#[derive(Clone, Copy, Default)]
struct Tally {
    held: f64,
    count: f64,
    width: f64,
    plain_held: f64,
    plain_count: f64,
}

impl Tally {
    fn add(&mut self, interval: Interval, truth: f64) {
        // The truth is a computed number itself.
        self.held += f64::from(u8::from(interval.low - 1e-12 <= truth && truth <= interval.high + 1e-12));
        self.count += 1.0;
        self.width += interval.high - interval.low;
    }

    fn add_plain(&mut self, interval: Option<Interval>, truth: f64) {
        self.plain_held += f64::from(u8::from(interval.is_some_and(|interval| interval.contains(truth))));
        self.plain_count += 1.0;
    }

    fn plus(self, other: Self) -> Self {
        Self {
            held: self.held + other.held,
            count: self.count + other.count,
            width: self.width + other.width,
            plain_held: self.plain_held + other.plain_held,
            plain_count: self.plain_count + other.plain_count,
        }
    }
}

struct Bench {
    runs: usize,
    workers: Workers,
    control: Control,
    cells: u64,
    failed: Vec<String>,
}

impl Bench {
    /// Simulates a cell and prints its row.
    fn cell(&mut self, what: &str, setting: &str, plain: &str, run: impl Fn(&mut Stream, &mut Tally) + Sync) {
        self.cells += 1;
        let seed = self.cells;
        let tallies = self.workers.map(self.runs, &self.control, |index| {
            let mut tally = Tally::default();
            run(&mut Stream::new(seed, Purpose::MonteCarlo, index as u64), &mut tally);
            Ok(tally)
        });
        let tally = tallies.expect("nothing cancels").into_iter().fold(Tally::default(), Tally::plus);
        let share = tally.held / tally.count;
        // Of the runs: intervals of one run are not independent.
        let error = (0.94 * 0.06 / self.runs as f64).sqrt();
        let verdict = if share >= 0.94 - 2.0 * error { "" } else { " **below 0.94**" };
        if !verdict.is_empty() {
            self.failed.push(format!("{what}, {setting}"));
        }
        let beside = if tally.plain_count > 0.0 {
            format!("{:.3} ({plain})", tally.plain_held / tally.plain_count)
        } else {
            String::new()
        };
        println!("| {what} | {setting} | {share:.3}{verdict} | {:.4} | {beside} |", tally.width / tally.count);
    }
}

fn main() {
    let runs = std::env::args().nth(1).map_or(2000, |runs| runs.parse().expect("RUNS is a number"));
    let workers = Workers::new(None).expect("a pool of threads");
    let mut bench = Bench { runs, workers, control: Control::new(), cells: 0, failed: Vec::new() };
    println!("| interval | setting | coverage | mean width | plain method |");
    println!("| --- | --- | ---: | ---: | --- |");
    scores(&mut bench);
    profiles(&mut bench);
    divergences(&mut bench);
    pass_at_k(&mut bench);
    quantiles(&mut bench);
    println!(
        "\n{runs} runs a cell; {} of {} cells below 0.94 less two standard errors.",
        bench.failed.len(),
        bench.cells
    );
    if !bench.failed.is_empty() {
        println!("{}", bench.failed.join("\n"));
        std::process::exit(1);
    }
}

/// Scores of models whose log-probabilities are independent normals about their means.
fn scores(bench: &mut Bench) {
    for (name, means) in [
        ("2 models", vec![0.0; 2]),
        ("20 alike", vec![0.0; 20]),
        ("12 apart", (0..12).map(|model| -0.25 * f64::from(model)).collect::<Vec<f64>>()),
    ] {
        for n in [4.0_f64, 16.0, 100.0] {
            for responses in [200_usize, 1000, 5000] {
                let models = means.len();
                // Differences have standard deviation 1.5·√2.
                let log_n = n.ln();
                let truth = |b: usize| {
                    let above = |a: usize| normal_cdf((means[a] - means[b] - log_n) / (1.5 * std::f64::consts::SQRT_2));
                    (0..models).filter(|&a| a != b).map(above).fold(0.0, f64::max)
                };
                let truths: Vec<f64> = (0..models).map(truth).collect();
                bench.cell("score", &format!("{name}, N = {n}, n = {responses}"), "", |stream, tally| {
                    let mut counts = vec![0_u32; models * models];
                    let mut row = vec![0.0; models];
                    for _ in 0..responses {
                        for (value, mean) in row.iter_mut().zip(&means) {
                            *value = mean + 1.5 * stream.normal();
                        }
                        for b in 0..models {
                            for a in 0..models {
                                counts[b * models + a] += u32::from(row[a] - row[b] >= log_n);
                            }
                        }
                    }
                    for (b, counts) in counts.chunks_exact(models).enumerate() {
                        let rivals: Vec<u32> = (0..models).filter(|&a| a != b).map(|a| counts[a]).collect();
                        tally.add(greatest_share_interval(&rivals, responses as u64, CONFIDENCE), truths[b]);
                    }
                });
            }
        }
    }
}

/// Cov_N, its band and KL where prompts repeat: log ratios with half of their variance between prompts.
fn profiles(bench: &mut Bench) {
    for (prompts, each) in [(5_usize, 100_usize), (10, 50), (20, 50), (50, 20)] {
        let labels: Vec<u32> = (0..prompts * each).map(|i| u32::try_from(i / each).expect("few prompts")).collect();
        let clusters = Clusters::by_label(&labels).expect("prompts repeat");
        let draw = |stream: &mut Stream| -> Vec<f64> {
            (0..prompts)
                .flat_map(|_| {
                    let common = stream.normal();
                    (0..each).map(|_| 0.5 + common + stream.normal()).collect::<Vec<_>>()
                })
                .collect()
        };
        // The tail of a normal of mean 0.5 and standard deviation √2.
        let tail = |log_n: f64| normal_cdf((0.5 - log_n) / std::f64::consts::SQRT_2);
        let setting = format!("{prompts} prompts × {each}, within-prompt correlation ½");
        for n in [2.0_f64, 16.0] {
            let budgets = Ratios::new(&[n]).expect("N is legal");
            bench.cell(&format!("Cov_N, N = {n}"), &setting, "binomial", |stream, tally| {
                let ratios = LogRatios::new(draw(stream)).expect("ratios are numbers");
                let at = &profile_of_log_ratios(&ratios, &budgets, Some(&clusters), CONFIDENCE).coverage[0];
                tally.add(at.interval, tail(n.ln()));
                let plain = clopper_pearson(at.count as u64, ratios.values().len() as u64, CONFIDENCE);
                tally.add_plain(Some(plain), tail(n.ln()));
            });
        }
        let budgets = Ratios::new(&[2.0]).expect("N is legal");
        bench.cell("band, all N", &setting, "", |stream, tally| {
            let mut values = draw(stream);
            let ratios = LogRatios::new(values.clone()).expect("ratios are numbers");
            let at = &profile_of_log_ratios(&ratios, &budgets, Some(&clusters), CONFIDENCE).coverage[0];
            let half = (at.band.high - at.value).max(at.value - at.band.low);
            values.sort_by(|a, b| b.total_cmp(a));
            let count = values.len() as f64;
            let far = |(rank, &value): (usize, &f64)| {
                let truth = tail(value);
                ((rank as f64 + 1.0) / count - truth).abs().max((rank as f64 / count - truth).abs())
            };
            let distance = values.iter().enumerate().filter(|(_, value)| **value >= 0.0).map(far).fold(0.0, f64::max);
            tally.add(Interval { low: 0.0, high: half }, distance);
        });
        bench.cell("KL", &setting, "Student's", |stream, tally| {
            let values = draw(stream);
            let estimate = Estimate::of_clustered_mean(&values, Some(&clusters), CONFIDENCE);
            tally.add(estimate.interval.expect("values differ"), 0.5);
            tally.add_plain(Estimate::of_mean(&values, CONFIDENCE).interval, 0.5);
        });
    }
}

/// Draws of a cell of `p`.
fn cell_of(p: &[f64], stream: &mut Stream) -> usize {
    let mut rest = stream.uniform();
    for (cell, p) in p.iter().enumerate() {
        rest -= p;
        if rest < 0.0 {
            return cell;
        }
    }
    p.len() - 1
}

/// Measures of responses that are independent draws from the reference.
fn divergences(bench: &mut Bench) {
    let normal = |shift: f64| format!("normals {shift} apart");
    for shift in [0.5_f64, 2.0] {
        // Log ratios of N(0, 1) to N(shift, 1) at draws of the first.
        let draw = |n: usize, stream: &mut Stream| -> Vec<f64> {
            (0..n).map(|_| shift * (0.5 * shift - stream.normal())).collect()
        };
        for n in [50, 200, 1000] {
            let setting = format!("{}, n = {n}", normal(shift));
            bench.cell("KL", &setting, "", |stream, tally| {
                let estimate = Estimate::of_mean(&draw(n, stream), CONFIDENCE);
                tally.add(estimate.interval.expect("values differ"), 0.5 * shift * shift);
            });
            let truth = 1.0 - (-shift * shift / 8.0).exp();
            bench.cell("D_H²", &setting, "Student's", |stream, tally| {
                let ratios = draw(n, stream);
                tally.add(squared_hellinger(&ratios, None, CONFIDENCE).interval.expect("within [0, 1]"), truth);
                let plain: Vec<f64> = ratios.iter().map(|x| 1.0 - (-0.5 * x).exp()).collect();
                tally.add_plain(Estimate::of_mean(&plain, CONFIDENCE).interval, truth);
            });
            let log_n = 2.0_f64.ln();
            let truth = normal_cdf(0.5 * shift - log_n / shift) - 2.0 * normal_cdf(-0.5 * shift - log_n / shift);
            bench.cell("E_N, N = 2", &setting, "", |stream, tally| {
                tally.add(e_divergence(&draw(n, stream), 2.0, None, CONFIDENCE).interval.expect("finite"), truth);
            });
        }
    }
    for (name, p, q) in [
        ("a half of the model hardly ever drawn", [0.002, 0.5, 0.498], [0.5, 0.25, 0.25]),
        ("a half that the model hardly has", [0.5, 0.25, 0.25], [0.002, 0.5, 0.498]),
    ] {
        let draw = |n: usize, stream: &mut Stream| -> Vec<f64> {
            (0..n)
                .map(|_| {
                    let cell = cell_of(&p, stream);
                    (p[cell] / q[cell]).ln()
                })
                .collect()
        };
        for n in [50, 200, 1000] {
            let setting = format!("{name}, n = {n}");
            let truth = 1.0 - p.iter().zip(&q).map(|(p, q): (&f64, &f64)| (p * q).sqrt()).sum::<f64>();
            bench.cell("D_H²", &setting, "Student's", |stream, tally| {
                let ratios = draw(n, stream);
                if let Some(interval) = squared_hellinger(&ratios, None, CONFIDENCE).interval {
                    tally.add(interval, truth);
                }
                let plain: Vec<f64> = ratios.iter().map(|x| 1.0 - (-0.5 * x).exp()).collect();
                tally.add_plain(Estimate::of_mean(&plain, CONFIDENCE).interval, truth);
            });
            for budget in [2.0, 16.0] {
                let over = |a: &[f64; 3], b: &[f64; 3]| -> f64 {
                    a.iter().zip(b).map(|(a, b)| (a - budget * b).max(0.0)).sum()
                };
                let truth = over(&p, &q).max(over(&q, &p));
                bench.cell(&format!("E_N, N = {budget}"), &setting, "Student's", |stream, tally| {
                    let ratios = draw(n, stream);
                    tally.add(e_divergence(&ratios, budget, None, CONFIDENCE).interval.expect("finite"), truth);
                    let side = |value: &dyn Fn(f64) -> f64| {
                        Estimate::of_mean(&ratios.iter().map(|x| value((-x).exp())).collect::<Vec<_>>(), CONFIDENCE)
                    };
                    let (under, over) = (side(&|r| (1.0 - budget * r).max(0.0)), side(&|r| (r - budget).max(0.0)));
                    tally.add_plain(if under.value >= over.value { under.interval } else { over.interval }, truth);
                });
            }
        }
    }
    // PD.2's shape: a share p of responses is under-weighted by N, the others hardly: stopped at log N.
    let (p, n, responses) = (0.005_f64, 1000.0_f64, 200);
    let truth = p * n.ln();
    bench.cell("D_seq,N", "a share of 0.005 at N = 1,000, n = 200", "Student's", |stream, tally| {
        let values: Vec<f64> = (0..responses).map(|_| if stream.uniform() < p { n.ln() } else { 0.0 }).collect();
        let range = Interval { low: 0.0, high: n.ln() };
        tally.add(Estimate::of_bounded_mean(&values, range, CONFIDENCE).interval.expect("bounded"), truth);
        tally.add_plain(Estimate::of_mean(&values, CONFIDENCE).interval, truth);
    });
}

/// Pass@k with 16 samples a problem.
fn pass_at_k(bench: &mut Bench) {
    type Chance = fn(&mut Stream) -> f64;
    type Shape = (&'static str, Chance, fn(f64) -> f64);
    /// The least of three uniforms: Beta(1, 3).
    fn low(stream: &mut Stream) -> f64 {
        stream.uniform().min(stream.uniform()).min(stream.uniform())
    }
    let shapes: [Shape; 3] = [
        ("chances uniform", |stream| stream.uniform(), |k| 1.0 - 1.0 / (k + 1.0)),
        (
            "four in five unsolvable",
            |stream| if stream.uniform() < 0.8 { 0.0 } else { low(stream) },
            |k| 0.2 * (1.0 - 3.0 / (3.0 + k)),
        ),
        (
            "four in five always solved",
            |stream| if stream.uniform() < 0.8 { 1.0 } else { 1.0 - low(stream) },
            |k| 1.0 - 0.2 * 6.0 / ((k + 1.0) * (k + 2.0) * (k + 3.0)),
        ),
    ];
    for (name, chance, truth) in shapes {
        for problems in [5, 20, 164] {
            for k in [1_u32, 4] {
                let truth = truth(f64::from(k));
                bench.cell(
                    &format!("Pass@{k}"),
                    &format!("{name}, {problems} problems"),
                    "Student's",
                    |stream, tally| {
                        #[expect(clippy::cast_possible_truncation, reason = "at most 16")]
                        let correct: Vec<u32> = (0..problems)
                            .map(|_| {
                                let p = chance(stream);
                                draw_binomial(16, p, stream) as u32
                            })
                            .collect();
                        let counts =
                            SampleCounts::new(1, vec![16; problems], correct.clone()).expect("counts are legal");
                        let options = PassAtKOptions { k: vec![k], replicates: 0, ..PassAtKOptions::default() };
                        let result = compare_pass_at_k(&counts, &options, &Workers::sequential(), &Control::new());
                        let estimate = result.expect("options are legal").per_k[0].values[0].clone();
                        tally.add(estimate.interval.expect("k is at most n"), truth);
                        let values: Vec<f64> = correct
                            .iter()
                            .filter_map(|&c| coverage_principle_core::best_of_n::pass_at_k(16, c, k))
                            .collect();
                        tally.add_plain(Estimate::of_mean(&values, CONFIDENCE).interval, truth);
                    },
                );
            }
        }
    }
}

/// log 1/Q(ε) of correct responses whose probabilities are uniform.
fn quantiles(bench: &mut Bench) {
    for (index, epsilon) in coverage_principle_core::profile::EPSILONS.into_iter().enumerate() {
        bench.cell("log 1/Q(ε)", &format!("ε = {epsilon}, 300 responses"), "", |stream, tally| {
            let row: Vec<f64> = (0..300).map(|_| (1.0 - stream.uniform()).ln()).collect();
            let each = &likelihood_quantiles(&row, false, CONFIDENCE)[index];
            tally.add(each.log_queries.interval.expect("enough responses"), -epsilon.ln());
        });
    }
}
