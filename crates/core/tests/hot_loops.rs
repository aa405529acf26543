//! The work of the hot loops, small: what they allocate and how many instructions they take is held against snapshots.

use std::sync::Arc;

use coverage_principle_core::linear::Responses;
use coverage_principle_core::linear::features::{Layout as TableLayout, TableFeatures};
use coverage_principle_core::linear::train::{Procedure, StepSize, TrainOptions, TrainTask, TrainingData, Validation};
use coverage_principle_core::random::{Purpose, Stream};
use coverage_principle_core::tournament::{Counts, Ratios, Resampled, Wins, counts, resampled_wins};
use coverage_principle_core::{Control, LogProbs, Workers};

/// Log-probabilities of models that are alike, in single precision.
pub(super) fn matrix(models: usize, responses: usize) -> LogProbs {
    let mut stream = Stream::new(1, Purpose::Synthetic, 0);
    let base: Vec<f64> = (0..responses).map(|_| -20.0 - 5.0 * stream.normal().abs()).collect();
    #[expect(clippy::cast_possible_truncation, reason = "single precision is what is wanted")]
    let mut row = |model: usize| -> Vec<f32> {
        base.iter().map(|base| (base + 0.05 * model as f64 + 0.5 * stream.normal()).min(0.0) as f32).collect()
    };
    LogProbs::from_f32((0..models).map(&mut row).collect()).unwrap()
}

pub(super) const PROMPTS: usize = 4;
pub(super) const HORIZON: usize = 8;
const VOCABULARY: usize = 5;

/// Features of each prompt and position, of `dim` values.
pub(super) fn features(dim: usize) -> Arc<TableFeatures> {
    let mut stream = Stream::new(2, Purpose::Synthetic, 0);
    let layout = TableLayout::PromptPosition { prompts: PROMPTS, horizon: HORIZON };
    let values: Vec<f64> =
        (0..PROMPTS * HORIZON * VOCABULARY * dim).map(|_| stream.uniform() / (dim as f64).sqrt()).collect();
    Arc::new(TableFeatures::new(layout, VOCABULARY, dim, values, None).unwrap())
}

/// Responses of equal length to prompts drawn at random.
pub(super) fn responses(count: usize) -> Responses {
    let mut stream = Stream::new(3, Purpose::Synthetic, 0);
    let mut draw = |below: usize| stream.below(below as u64);
    #[expect(clippy::cast_possible_truncation, reason = "draws are below a small bound")]
    let (prompts, tokens) = (
        (0..count).map(|_| draw(PROMPTS) as usize).collect(),
        (0..count * HORIZON).map(|_| draw(VOCABULARY) as u32).collect(),
    );
    Responses::from_rectangle(prompts, tokens, HORIZON).unwrap()
}

/// So many steps of a procedure over features of `dim` values.
pub(super) fn training(dim: usize, procedure: Procedure, batch_size: usize, steps: usize) -> (TrainTask, TrainOptions) {
    let task = TrainTask {
        before: Vec::new(),
        features: features(dim),
        data: TrainingData::Set(Arc::new(responses(steps * batch_size))),
        teacher: None,
        validation: Validation::default(),
    };
    let options = TrainOptions {
        procedure,
        step_size: StepSize::Constant { value: 0.01 },
        batch_size,
        shuffle: false,
        ..TrainOptions::default()
    };
    (task, options)
}

/// Replicates of the tournament of a matrix at N = 16, all models its candidates.
pub(super) struct Bootstrap {
    matrix: LogProbs,
    ratios: Ratios,
    counts: Counts,
    contests: [Resampled; 1],
}

impl Bootstrap {
    pub(super) fn of(models: usize, responses: usize) -> Self {
        let matrix = matrix(models, responses);
        let ratios = Ratios::new(&[16.0]).unwrap();
        let counts = counts(&matrix, &ratios, &Workers::sequential(), &Control::new()).unwrap();
        let contests = [Resampled { ratio: 0, candidates: (0..models).collect() }];
        Self { matrix, ratios, counts, contests }
    }

    pub(super) fn run(&self, replicates: u32) -> Wins {
        let (workers, control) = (Workers::sequential(), Control::new());
        let Self { matrix, ratios, counts, contests } = self;
        resampled_wins(matrix, None, counts, ratios, contests, (replicates, 0), &workers, &control).unwrap()
    }
}
