//! Times the training and test-time training of dense table features, for comparison with other software.
//!
//! `linear_training DIR DIM SEQUENCES`: DIR gets the data (`features.f64`, [32, 16, DIM]; `tokens.u32`,
//! [SEQUENCES, 32]) and what came out (`*.theta.f64`, `testTime.logProbs.f64`), so that another implementation can be
//! run on the same numbers and held to the same results. Prints seconds per sequence as JSON.
#![expect(clippy::print_stdout, reason = "a program that prints its result")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use coverage_principle_core::linear::features::{Layout, TableFeatures};
use coverage_principle_core::linear::train::{Procedure, StepSize, TrainOptions, TrainTask, TrainingData, train};
use coverage_principle_core::linear::{Constraint, FeatureMap, Model, Policy, Responses, TestTimeModel};
use coverage_principle_core::random::{Purpose, Stream};
use coverage_principle_core::{Control, Workers};

const HORIZON: usize = 32;
const VOCABULARY: usize = 16;

fn write<T: Copy, const W: usize>(path: &Path, values: &[T], bytes: impl Fn(T) -> [u8; W]) {
    let bytes: Vec<u8> = values.iter().flat_map(|&value| bytes(value)).collect();
    std::fs::write(path, bytes).expect("the directory can be written to");
}

/// The least of several times, in seconds, and a result: short runs repeated are what a busy machine lets through.
fn least_time<T>(run: impl Fn() -> T) -> (f64, T) {
    const REPEATS: usize = 20;
    let once = || {
        let begin = Instant::now();
        let result = run();
        (begin.elapsed().as_secs_f64(), result)
    };
    (1..REPEATS).fold(once(), |(least, _), _| {
        let (seconds, result) = once();
        (least.min(seconds), result)
    })
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, directory, dim, sequences] = arguments.as_slice() else {
        println!("usage: linear_training DIR DIM SEQUENCES");
        return;
    };
    let directory = Path::new(directory);
    let dim: usize = dim.parse().expect("DIM is a number");
    let sequences: usize = sequences.parse().expect("SEQUENCES is a number");

    let mut stream = Stream::new(1, Purpose::Synthetic, 0);
    let scale = 1.0 / (dim as f64).sqrt();
    let values: Vec<f64> = (0..HORIZON * VOCABULARY * dim).map(|_| scale * stream.normal()).collect();
    let tokens: Vec<u32> = (0..sequences * HORIZON).map(|_| stream.below(VOCABULARY as u64) as u32).collect();
    write(&directory.join("features.f64"), &values, f64::to_le_bytes);
    write(&directory.join("tokens.u32"), &tokens, u32::to_le_bytes);

    let layout = Layout::Position { horizon: HORIZON };
    let features: Arc<dyn FeatureMap> =
        Arc::new(TableFeatures::new(layout, VOCABULARY, dim, values, None).expect("the features are legal"));
    let responses = Responses::from_rectangle(vec![0; sequences], tokens, HORIZON).expect("the shape fits");
    let task = TrainTask {
        features: features.clone(),
        data: TrainingData::Set(Arc::new(responses.clone())),
        teacher: None,
        validation: Default::default(),
    };
    let (workers, control) = (Workers::sequential(), Control::new());
    let mut timings = Vec::new();
    let mut last = Vec::new();
    let runs = [
        ("sgd", Procedure::Sgd, 1, 0.01),
        ("normalizedSgd", Procedure::NormalizedSgd { lambda: Some(0.5) }, 16, 0.05),
        ("tokenSgd", Procedure::TokenSgd, 1, 0.01),
    ];
    for (name, procedure, batch_size, value) in runs {
        let options = TrainOptions {
            procedure,
            batch_size,
            step_size: StepSize::Constant { value },
            shuffle: false,
            ..Default::default()
        };
        let (seconds, report) =
            least_time(|| train(task.clone(), options.clone(), &workers, &control).expect("training runs"));
        timings.push((name, seconds / sequences as f64));
        write(&directory.join(format!("{name}.theta.f64")), &report.theta, f64::to_le_bytes);
        last = report.theta;
    }
    let model = Model::new(features, last).expect("theta is legal");
    let policy = TestTimeModel::new(model, 0.01, Constraint::default()).expect("the step size is legal");
    let (seconds, log_probs) = least_time(|| policy.log_probs(&responses, &workers, &control).expect("scoring runs"));
    timings.push(("testTime", seconds / sequences as f64));
    write(&directory.join("testTime.logProbs.f64"), &log_probs, f64::to_le_bytes);
    let fields: Vec<String> = timings.iter().map(|(name, seconds)| format!("\"{name}\":{seconds:e}")).collect();
    println!("{{{}}}", fields.join(","));
}
