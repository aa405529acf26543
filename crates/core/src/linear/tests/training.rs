//! The loop: resuming, threads, epochs, checkpoints.

use std::sync::Arc;

use super::random_problem;
use crate::linear::features::{Layout, TableFeatures, Values};
use crate::linear::train::*;
use crate::linear::{Constraint, FeatureMap, Model, Policy, Responses, TestTimeModel};
use crate::parallel::Workers;
use crate::progress::Control;
use crate::random::{Purpose, Stream};

fn procedures() -> Vec<Procedure> {
    vec![
        Procedure::Sgd,
        Procedure::NormalizedSgd { lambda: Some(0.1) },
        Procedure::SignSgd,
        Procedure::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
        Procedure::AdaGrad { epsilon: 1e-10 },
        Procedure::TokenSgd,
        Procedure::TruncatedSgd { threshold: None },
        Procedure::PolicyGradient { reward: RewardKind::Outcome, rollouts: Some(4), kl: 0.1, standardize: false },
        Procedure::PolicyGradient { reward: RewardKind::Process, rollouts: None, kl: 0.0, standardize: false },
    ]
}

/// A run on fresh data (or on a set of responses drawn from it), validated in every way.
fn run(procedure: Procedure, fresh: bool) -> (TrainTask, TrainOptions) {
    let (data, model) = random_problem(11, 3, 2, 3, 4);
    let data = Arc::new(data);
    let held_out = data.sample(20, &mut Stream::new(1, Purpose::Synthetic, 1));
    let reference = data.policy().log_probs(&held_out, &Workers::sequential(), &Control::new()).unwrap();
    let set = Arc::new(data.sample(7, &mut Stream::new(1, Purpose::Synthetic, 2)));
    let task = TrainTask {
        before: Vec::new(),
        features: model.features().clone(),
        data: if fresh { TrainingData::Fresh(data.clone()) } else { TrainingData::Set(set) },
        teacher: Some(Teacher::Policy(data.policy().clone())),
        validation: Validation {
            held_out: Some(Arc::new(held_out)),
            reference: Some(reference.into()),
            exact: Some(data),
            n: vec![1.2, 2.0],
            test_time_step_size: (procedure == Procedure::TokenSgd).then_some(0.1),
            of_checkpoints: None,
            max_responses: 0,
        },
    };
    let options = TrainOptions {
        procedure,
        step_size: StepSize::Cosine { value: 0.5, warmup: 3, end: 0.01 },
        batch_size: if procedure == Procedure::TokenSgd { 1 } else { 3 },
        steps: Some(23),
        n: 1.3,
        validate_every: 5,
        checkpoint_every: 4,
        average: true,
        seed: 3,
        ..Default::default()
    };
    (task, options)
}

#[test]
fn a_run_cut_anywhere_ends_as_one_run_through() {
    let (workers, control) = (Workers::sequential(), Control::new());
    for procedure in procedures() {
        for fresh in [true, false] {
            let (task, options) = run(procedure, fresh);
            let mut whole = Trainer::new(task.clone(), options.clone()).unwrap();
            assert_eq!(whole.run(None, &workers, &control).unwrap(), StopReason::Finished);
            for cut in [0, 1, 4, 10, 22, 23] {
                let mut first = Trainer::new(task.clone(), options.clone()).unwrap();
                first.run(Some(cut), &workers, &control).unwrap();
                let saved = TrainState::from_bytes(&first.state().to_bytes()).unwrap();
                assert_eq!(&saved, first.state());
                let mut second = Trainer::resume(task.clone(), options.clone(), saved).unwrap();
                second.run(None, &workers, &control).unwrap();
                assert_eq!(second.state(), whole.state(), "{procedure:?} cut at {cut}");
            }
        }
    }
}

/// `run` on fresh data after two stages by other procedures: one on the set, one on fresh data of another stream.
fn staged(procedure: Procedure) -> (TrainTask, TrainOptions) {
    let ((task, options), (on_set, _)) = (run(procedure, true), run(procedure, false));
    let stage = |task: &TrainTask| StageTask {
        features: task.features.clone(),
        data: task.data.clone(),
        teacher: task.teacher.clone(),
    };
    let settings = |procedure, run, checkpoints: &[u64]| StageOptions {
        procedure,
        step_size: StepSize::Linear { value: 0.4, warmup: 0, end: 0.1 },
        batch_size: 2,
        steps: Some(9),
        epochs: 1,
        shuffle: true,
        run,
        checkpoints: checkpoints.to_vec(),
    };
    let adam = Procedure::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    let before = vec![settings(Procedure::Sgd, 0, &[0, 9]), settings(adam, 1, &[3])];
    let task = TrainTask { before: vec![stage(&on_set), stage(&task)], ..task };
    (task, TrainOptions { before, run: 2, checkpoints: vec![0, 5, 23], ..options })
}

/// Stages are what runs one after the other are, each from the θ of the one before.
#[test]
fn stages_are_runs_one_after_the_other() {
    let (workers, control) = (Workers::sequential(), Control::new());
    for procedure in procedures() {
        let (task, options) = staged(procedure);
        let mut theta0 = None;
        for (stage, settings) in task.before.iter().zip(&options.before) {
            let StageTask { features, data, teacher } = stage.clone();
            let alone = TrainTask { before: vec![], features, data, teacher, validation: Validation::default() };
            let options = TrainOptions {
                procedure: settings.procedure,
                step_size: settings.step_size,
                batch_size: settings.batch_size,
                steps: settings.steps,
                run: settings.run,
                theta0,
                seed: options.seed,
                ..TrainOptions::default()
            };
            theta0 = Some(train(alone, options, &workers, &control).unwrap().theta);
        }
        let alone = TrainTask { before: vec![], ..task.clone() };
        let last = TrainOptions { before: vec![], theta0, ..options.clone() };
        let last = train(alone, last, &workers, &control).unwrap();
        let whole = train(task, options, &workers, &control).unwrap();
        assert_eq!((&whole.theta, &whole.average_theta), (&last.theta, &last.average_theta), "{procedure:?}");
        assert_eq!(whole.drawn_theta, last.drawn_theta);
        let kept: Vec<(usize, u64)> = whole.checkpoints.iter().map(|kept| (kept.stage, kept.step)).collect();
        let named = [(0, 0), (0, 9), (1, 12), (2, 18), (2, 23), (2, 41)];
        assert!(named.iter().all(|each| kept.contains(each)), "{kept:?}");
        // Every fourth step besides, none of them twice.
        assert_eq!(kept.len(), named.len() + (41 / 4) - 1, "{kept:?}");
    }
}

#[test]
fn staged_runs_cut_anywhere_end_as_one_run_through() {
    let (workers, control) = (Workers::sequential(), Control::new());
    for procedure in procedures() {
        let (task, options) = staged(procedure);
        let mut whole = Trainer::new(task.clone(), options.clone()).unwrap();
        whole.run(None, &workers, &control).unwrap();
        for cut in [0, 1, 8, 9, 10, 17, 18, 19, 40, 41] {
            let mut first = Trainer::new(task.clone(), options.clone()).unwrap();
            first.run(Some(cut), &workers, &control).unwrap();
            let saved = TrainState::from_bytes(&first.state().to_bytes()).unwrap();
            assert_eq!(&saved, first.state());
            let mut second = Trainer::resume(task.clone(), options.clone(), saved).unwrap();
            second.run(None, &workers, &control).unwrap();
            assert_eq!(second.state(), whole.state(), "{procedure:?} cut at {cut}");
        }
    }
    let (task, options) = staged(Procedure::Sgd);
    let state = Trainer::new(task.clone(), options.clone()).unwrap().state().clone();
    let elsewhere = TrainState { stage: 3, ..state };
    assert!(Trainer::resume(task.clone(), options.clone(), elsewhere).is_err());
    let mut faulty = options;
    faulty.before[1].batch_size = 0;
    assert_eq!(Trainer::new(task, faulty).err().unwrap().place.field.as_deref(), Some("before[1].batchSize"));
}

#[test]
fn an_aborted_run_can_be_resumed() {
    let (task, options) = run(Procedure::Sgd, true);
    let control = Control::new();
    let mut trainer = Trainer::new(task.clone(), options.clone()).unwrap();
    trainer.run(Some(8), &Workers::sequential(), &control).unwrap();
    control.cancel();
    assert_eq!(trainer.run(None, &Workers::sequential(), &control).unwrap_err().code, crate::Code::Aborted);
    trainer.run(None, &Workers::sequential(), &Control::new()).unwrap();
    let whole = train(task, options, &Workers::sequential(), &Control::new()).unwrap();
    assert_eq!(trainer.state().parameter.theta(), whole.theta);
    assert_eq!(trainer.state().validations, whole.validations);
}

#[test]
fn sweeps_do_not_depend_on_threads_and_name_the_run_at_fault() {
    let runs: Vec<_> = procedures().into_iter().map(|procedure| run(procedure, true)).collect();
    let of = |threads| sweep(runs.clone(), &Workers::new(Some(threads)).unwrap(), &Control::new()).unwrap();
    let (one, three) = (of(1), of(3));
    for (a, b) in one.iter().zip(&three) {
        assert_eq!((&a.theta, &a.validations, &a.checkpoints), (&b.theta, &b.validations, &b.checkpoints));
    }
    let matrix = one[0].log_probs().unwrap();
    assert_eq!((matrix.models(), matrix.responses()), (5, 20));
    let mut faulty = runs;
    faulty[1].1.batch_size = 0;
    let error = sweep(faulty, &Workers::sequential(), &Control::new()).unwrap_err();
    assert_eq!(error.place.field.as_deref(), Some("runs[1].batchSize"));
}

#[test]
fn epochs_visit_every_response_once_in_their_own_order() {
    let (task, options) = run(Procedure::Sgd, false);
    let of =
        |options: &TrainOptions| train(task.clone(), options.clone(), &Workers::sequential(), &Control::new()).unwrap();
    let epochs = TrainOptions { steps: None, epochs: 3, batch_size: 7, ..options };
    let report = of(&epochs);
    assert_eq!((report.step, report.stopped), (3, StopReason::Finished));
    // With batches of all the data, order only changes rounding.
    let ordered = of(&TrainOptions { shuffle: false, ..epochs.clone() });
    for (a, b) in report.theta.iter().zip(&ordered.theta) {
        assert!((a - b).abs() < 1e-12);
    }
    let single = TrainOptions { batch_size: 1, ..epochs.clone() };
    assert_ne!(of(&single).theta, of(&TrainOptions { shuffle: false, ..single.clone() }).theta);
    let uneven = of(&TrainOptions { batch_size: 5, ..epochs });
    assert_eq!(uneven.step, 5, "21 responses in batches of 5 are 5 steps, the last of 1");
}

#[test]
fn bad_configurations_are_named() {
    let (task, options) = run(Procedure::TruncatedSgd { threshold: None }, false);
    let code = |task: &TrainTask, options: TrainOptions| Trainer::new(task.clone(), options).err().unwrap();
    let bad = TrainOptions { batch_size: 8, ..options.clone() };
    assert_eq!(code(&task, bad).place.field.as_deref(), Some("batchSize"));
    let bad = TrainOptions { step_size: StepSize::Constant { value: -1.0 }, ..options.clone() };
    assert_eq!(code(&task, bad).place.field.as_deref(), Some("stepSize.value"));
    let bad = TrainOptions { theta0: Some(vec![0.0; 3]), ..options.clone() };
    assert_eq!(code(&task, bad).place.field.as_deref(), Some("theta0"));
    let no_teacher = TrainTask { teacher: None, ..task.clone() };
    assert_eq!(code(&no_teacher, options.clone()).place.field.as_deref(), Some("teacher"));
    assert!(serde_json::from_str::<TrainOptions>(r#"{"stepsize":1}"#).is_err());
    let parsed: Procedure = serde_json::from_str(r#"{"kind":"normalizedSgd","lambda":0.5}"#).unwrap();
    assert_eq!(parsed, Procedure::NormalizedSgd { lambda: Some(0.5) });
}

/// AdaGrad by hand on a coin: φ(heads) = 1, φ(tails) = 0, so that ĝ = 1{heads} − p with p = 1/(1 + e^{−θ}).
#[test]
fn ada_grad_divides_by_the_root_of_the_sum_of_squares() {
    let features = TableFeatures::new(Layout::Prompt { prompts: 1 }, 2, 1, [0.0, 1.0], None).unwrap();
    let mut flips = Responses::new();
    for token in [1, 1, 0] {
        flips.push(0, &[token]);
    }
    let task = TrainTask {
        before: vec![],
        features: Arc::new(features),
        data: TrainingData::Set(Arc::new(flips)),
        teacher: None,
        validation: Validation::default(),
    };
    let options = TrainOptions {
        procedure: Procedure::AdaGrad { epsilon: 1e-10 },
        step_size: StepSize::Constant { value: 0.5 },
        constraint: Constraint::Unconstrained,
        shuffle: false,
        ..TrainOptions::default()
    };
    let report = train(task, options, &Workers::sequential(), &Control::new()).unwrap();
    // ĝ = ½, ½: the first step is η exactly, whatever ĝ is.
    let p = |theta: f64| 1.0 / (1.0 + (-theta).exp());
    let (first, second) = (0.5, 1.0 - p(0.5));
    let at_two = 0.5 + 0.5 * second / (first * first + second * second).sqrt();
    let third = -p(at_two);
    let expected = at_two + 0.5 * third / (first * first + second * second + third * third).sqrt();
    assert!((report.theta[0] - expected).abs() < 1e-9, "{} {expected}", report.theta[0]);
}

/// Features of single precision are stored so and train to the bits of the same numbers in double precision, which one
/// prompt more, whose features are of no single precision, makes of all of a table.
#[test]
fn single_precision_trains_to_the_bits_of_double() {
    let (vocabulary, horizon) = (5, 7);
    for dim in [65, 256, 700] {
        // A little more than is kept in double precision in any case.
        let prompts = (1usize << 17).div_ceil(horizon * vocabulary * dim) + 1;
        let mut stream = Stream::new(31, Purpose::Synthetic, 0);
        let count = prompts * horizon * vocabulary * dim;
        #[expect(clippy::cast_possible_truncation, reason = "single precision is what is tested")]
        let single = |value: f64| f64::from(value as f32);
        let scale = 1.0 / (dim as f64).sqrt();
        let mut values: Vec<f64> = (0..count).map(|_| single(scale * stream.normal())).collect();
        let table = |prompts, values: &[f64]| {
            let layout = Layout::PromptPosition { prompts, horizon };
            TableFeatures::new(layout, vocabulary, dim, values, None).unwrap()
        };
        let narrow = table(prompts, &values);
        values.extend(std::iter::repeat_n(0.1, horizon * vocabulary * dim));
        let wide = table(prompts + 1, &values);
        assert!(matches!(narrow.values(), Values::F32(_)) && matches!(wide.values(), Values::F64(_)));
        assert_eq!(narrow.bytes() * 2 * (prompts + 1), wide.bytes() * prompts);

        #[expect(clippy::cast_possible_truncation, reason = "tokens are below the vocabulary size")]
        let tokens = (0..24 * horizon).map(|_| stream.below(vocabulary as u64) as u32).collect();
        let responses = Responses::from_rectangle((0..24).map(|i| i % prompts).collect(), tokens, horizon).unwrap();
        let (narrow, wide): (Arc<dyn FeatureMap>, Arc<dyn FeatureMap>) = (Arc::new(narrow), Arc::new(wide));
        for threads in [1, 3] {
            let (workers, control) = (Workers::new(Some(threads)).unwrap(), Control::new());
            for procedure in [Procedure::Sgd, Procedure::NormalizedSgd { lambda: Some(0.1) }, Procedure::TokenSgd] {
                let trained = |features: &Arc<dyn FeatureMap>| {
                    let task = TrainTask {
                        before: Vec::new(),
                        features: features.clone(),
                        data: TrainingData::Set(Arc::new(responses.clone())),
                        teacher: None,
                        validation: Validation::default(),
                    };
                    let step_size = StepSize::Constant { value: 0.3 };
                    let batch_size = if procedure == Procedure::TokenSgd { 1 } else { 4 };
                    let options = TrainOptions { procedure, step_size, batch_size, ..Default::default() };
                    train(task, options, &workers, &control).unwrap().theta
                };
                assert_eq!(trained(&narrow), trained(&wide), "{procedure:?}, d = {dim}");
            }
            let theta: Vec<f64> = (0..dim).map(|at| scale * 0.5 * if at % 3 == 0 { -1.0 } else { 1.0 }).collect();
            let log_probs = |features: &Arc<dyn FeatureMap>| {
                let model = Model::new(features.clone(), theta.clone()).unwrap();
                let plain = model.log_probs(&responses, &workers, &control).unwrap();
                let test_time = TestTimeModel::new(model, 0.1, Constraint::default()).unwrap();
                [plain, test_time.log_probs(&responses, &workers, &control).unwrap()]
            };
            assert_eq!(log_probs(&narrow), log_probs(&wide), "d = {dim}");
        }
    }
}
