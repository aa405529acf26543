//! Small files that could mean two things, or seem to mean what they do not: each is refused with the question to answer, and
//! none is read as what is most likely.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use coverage_principle_core::error::Fault;
use coverage_principle_core::files::{CountOptions, InputFile, read_counts, read_scores};
use coverage_principle_core::{Code, Control, Result, Workers};

/// Files of these names and contents in a folder of the test's own.
fn written(files: &[(&str, &str)]) -> Vec<InputFile> {
    static FOLDERS: AtomicU32 = AtomicU32::new(0);
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let folder = super::scratch(&format!("read-asked-{number}"));
    let write = |(name, content): &(&str, &str)| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        InputFile { path: path.display().to_string(), shown: None, model: None }
    };
    files.iter().map(write).collect()
}

/// Models with their values, responses in the order of their ids, and codes of what was noticed.
type Scores = (Vec<(String, Vec<f64>)>, Vec<String>);

fn scores(files: &[(&str, &str)], columns: &str) -> Result<Scores> {
    scores_of(&written(files), columns)
}

fn scores_of(files: &[InputFile], columns: &str) -> Result<Scores> {
    let read = read_scores(files, super::score_options(columns), false, &Workers::sequential(), &Control::new())?;
    let matrix = read.log_probs.unwrap();
    let rows = read.models.into_iter().enumerate().map(|(model, name)| (name, matrix.row_f64(model)));
    Ok((rows.collect(), read.findings.iter().map(|finding| finding.code.clone()).collect()))
}

/// Problems with right samples and samples, one model; codes of what was noticed.
type Counts = (Vec<(String, u64, u64)>, Vec<String>);

fn counts(content: (&str, &str), columns: &str) -> Result<Counts> {
    let options = format!(
        r#"{{"format": null, "transpose": false, "join": "exact", "tests": "plus", "samples": null, "metric": null,
            "filter": null, "columns": {{{columns}}}}}"#
    );
    let options: CountOptions = serde_json::from_str(&options).unwrap();
    let read = read_counts(&written(&[content]), options, false, &Workers::sequential(), &Control::new())?;
    let counts = read.counts.unwrap();
    let values = counts.correct[0].iter().zip(&counts.samples[0]);
    let rows =
        counts.problems.into_iter().zip(values).map(|(problem, (&correct, &samples))| (problem, correct, samples));
    Ok((rows.collect(), read.findings.iter().map(|finding| finding.code.clone()).collect()))
}

fn assert_asks<T>(read: Result<T>, code: Code, words: &[&str]) {
    let Err(error) = read else { panic!("was read: {words:?}") };
    let Fault { code: found, message, .. } = error.into_fault();
    assert_eq!(found, code, "{message}");
    for word in words {
        assert!(message.contains(word), "{message} lacks {word}");
    }
}

/// Rows of models a and b and responses r1 and r2.
fn rows(row: impl Fn(&str, &str, f64) -> String) -> String {
    let value =
        |model: &str, id: &str| -1.0 - if model == "b" { 1.0 } else { 0.0 } - if id == "r2" { 0.25 } else { 0.0 };
    let of = |(model, id): (&str, &str)| row(model, id, value(model, id)) + "\n";
    [("a", "r1"), ("a", "r2"), ("b", "r1"), ("b", "r2")].into_iter().map(of).collect()
}

fn values(model: &str, values: &[f64]) -> (String, Vec<f64>) {
    (model.to_owned(), values.to_vec())
}

#[test]
fn two_columns_of_one_name_are_asked_about() {
    let nested = rows(|model, id, value| {
        format!(
            r#"{{"model": "{model}", "id": "{id}", "chosen": {{"logprob": {value}}}, "rejected": {{"logprob": -9}}}}"#
        )
    });
    let file = [("x.jsonl", nested.as_str())];
    assert_asks(scores(&file, ""), Code::AmbiguousColumn, &["chosen.logprob", "rejected.logprob"]);
    let chosen = scores(&file, r#""logProb": "chosen.logprob""#).unwrap().0;
    assert_eq!(chosen, [values("a", &[-1.0, -1.25]), values("b", &[-2.0, -2.25])]);

    let spelt = "model,id,logprob,log_prob\na,r1,-1,-5\nb,r1,-3,-7\n";
    assert_asks(scores(&[("x.csv", spelt)], ""), Code::AmbiguousColumn, &["logprob", "log_prob"]);
    let ids = "model,id,ID,logprob\na,r1,q1,-1\nb,r1,q1,-3\n";
    assert_asks(scores(&[("x.csv", ids)], ""), Code::AmbiguousColumn, &["id", "ID", "--column id="]);
    let models = "model,Model,id,logprob\na,x,r1,-1\nb,x,r1,-3\n";
    assert_asks(scores(&[("x.csv", models)], ""), Code::AmbiguousColumn, &["model", "Model", "--column model="]);
    let flags = ("x.jsonl", "{\"id\": 1, \"strict\": {\"correct\": true}, \"loose\": {\"correct\": false}}\n");
    assert_asks(counts(flags, ""), Code::AmbiguousColumn, &["strict.correct", "loose.correct"]);
    assert_eq!(counts(flags, r#""passed": "loose.correct""#).unwrap().0, [("1".to_owned(), 0, 1)]);
}

#[test]
fn a_log_probability_agrees_with_the_list_beside_it() {
    let rows_of = |value: fn(f64) -> f64| {
        rows(|model, id, sum| {
            let (value, half) = (value(sum), sum / 2.0);
            format!(r#"{{"model": "{model}", "id": "{id}", "logprob": {value}, "token_logprobs": [{half}, {half}]}}"#)
        })
    };
    let both = [values("a", &[-1.0, -1.25]), values("b", &[-2.0, -2.25])];
    // Their sum, their mean, or the sum of fewer tokens.
    assert_eq!(scores(&[("x.jsonl", &rows_of(|sum| sum))], "").unwrap().0, both);
    assert_eq!(scores(&[("x.jsonl", &rows_of(|sum| sum / 2.0))], "").unwrap().0, both);
    let other = rows_of(|sum| sum / 4.0);
    assert_asks(
        scores(&[("x.jsonl", &other)], ""),
        Code::ResponseSlice,
        &["token_logprobs", "--column logProb=logprob"],
    );
    // Who says which counts gets it.
    let sums = scores(&[("x.jsonl", &other)], r#""logProb": "logprob""#).unwrap().0;
    assert_eq!(sums, [values("a", &[-0.25, -0.3125]), values("b", &[-0.5, -0.5625])]);
    assert_eq!(scores(&[("x.jsonl", &other)], r#""tokenLogProbs": "token_logprobs""#).unwrap().0, both);
}

#[test]
fn texts_beside_an_id_are_compared_whatever_they_are() {
    for (field, one, other) in [
        ("messages", r#"[{"role": "user", "content": "x"}]"#, r#"[{"role": "user", "content": "y"}]"#),
        ("prompt", r#"[{"role": "user", "content": "x"}]"#, r#"[{"role": "user", "content": "y"}]"#),
        ("token_ids", "[1, 2]", "[1, 3]"),
        ("output", r#""x""#, r#""y""#),
        ("generated_text", r#""x""#, r#""y""#),
    ] {
        let file = |text: &str| format!("{{\"id\": 1, \"{field}\": {text}, \"logprob\": -1.5}}\n");
        let (first, second) = (file(one), file(other));
        let differ = scores(&[("a.jsonl", &first), ("b.jsonl", &second)], "");
        assert_asks(differ, Code::MismatchedResponse, &[field]);
        let alike = scores(&[("a.jsonl", &first), ("b.jsonl", &first)], "").unwrap().0;
        assert_eq!(alike, [values("a", &[-1.5]), values("b", &[-1.5])], "{field}");
    }
    // What the model wrote is not what was scored where that stands beside it.
    let file =
        |output: &str| format!("{{\"id\": 1, \"target\": \"x\", \"output\": \"{output}\", \"logprob\": -1.5}}\n");
    assert!(scores(&[("a.jsonl", &file("x")), ("b.jsonl", &file("y"))], "").is_ok());
}

#[test]
fn columns_that_say_they_are_something_else_are_no_models() {
    for (header, says) in [
        ("id,a_log2prob,b_log2prob", "another base"),
        ("id,log10_prob,b", "another base"),
        ("id,a_avg_logprob,b_avg_logprob", "means over tokens"),
        ("id,a_logprob_per_token,b", "means over tokens"),
        ("id,a,reward", "something else"),
        ("id,a,policy.kl", "something else"),
    ] {
        let table = format!("{header}\nr1,-1.5,-2.5\nr2,-3.5,-4.5\n");
        assert_asks(scores(&[("x.csv", &table)], ""), Code::MissingColumn, &[says, "--column models="]);
    }
    let models = "id,reward_model,llama-4-bits\nr1,-1.5,-2.5\nr2,-3.5,-4.5\n";
    assert_eq!(scores(&[("x.csv", models)], "").unwrap().0.len(), 2);
}

#[test]
fn no_infinity_is_left_out_or_made_up() {
    let infinite = scores(&[("x.csv", "id,a,b\nr1,inf,-2.5\nr2,-3,-4\n")], "");
    assert_asks(infinite, Code::PositiveLogProb, &["Infinity"]);
    let zeros = scores(&[("x.csv", "id,a,b\nr1,0,-2.5\nr2,-inf,-4\n")], "").unwrap().0;
    assert_eq!(zeros[0], values("a", &[0.0, f64::NEG_INFINITY]));
    for name in ["x.csv", "x.jsonl"] {
        let text =
            if name == "x.csv" { "id,a,b\nr1,-1e400,-2.5\n" } else { "{\"id\": 1, \"a\": -1e400, \"b\": -2.5}\n" };
        assert_asks(scores(&[(name, text)], ""), Code::NotANumber, &["-1e400"]);
    }
}

#[test]
fn shards_are_of_one_model() {
    let shard = |ids: [u32; 2]| ids.map(|id| format!("{{\"idx\": {id}, \"logprob\": -1.{id}}}\n")).concat();
    let (first, second) = ("t-00000-of-00002.jsonl", "t-00001-of-00002.jsonl");
    let (read, _) = scores(&[(first, &shard([0, 1])), (second, &shard([2, 3]))], "").unwrap();
    assert_eq!(read, [values("t", &[-1.0, -1.1, -1.2, -1.3])]);
    let again = scores(&[(first, &shard([0, 1])), (second, &shard([0, 1]))], "");
    assert_asks(again, Code::DuplicateResponse, &[]);
}

#[test]
fn flags_that_disagree_and_opposites_are_asked_about() {
    let disagree = (
        "x.jsonl",
        "{\"id\": 1, \"correct\": true, \"passed\": true}\n{\"id\": 2, \"correct\": true, \"passed\": false}\n",
    );
    assert_asks(counts(disagree, ""), Code::AmbiguousColumn, &["correct", "passed", "--column passed="]);
    assert_eq!(counts(disagree, r#""passed": "passed""#).unwrap().0, [("1".to_owned(), 1, 1), ("2".to_owned(), 0, 1)]);
    let agree = (
        "x.jsonl",
        "{\"id\": 1, \"passed\": true, \"result\": \"passed\"}\n{\"id\": 1, \"passed\": false, \"result\": \"failed: x\"}\n",
    );
    assert_eq!(counts(agree, "").unwrap().0, [("1".to_owned(), 1, 2)]);
    for name in ["failed", "error", "incorrect", "is_wrong", "timed_out"] {
        let table = format!("id,{name}\np1,1\np2,0\n");
        assert_asks(counts(("x.csv", &table), ""), Code::AmbiguousColumn, &[name, "wrong"]);
    }
    assert_asks(counts(("x.csv", "id,m1,timeout\np1,1,0\n"), ""), Code::AmbiguousColumn, &["timeout"]);
    assert_asks(counts(("x.csv", "task_id,pass@1\np1,1\np2,0\n"), ""), Code::AmbiguousColumn, &["Pass@k"]);
    let points =
        ("x.jsonl", "{\"id\": 1, \"score\": 1, \"max_score\": 5}\n{\"id\": 2, \"score\": 0, \"max_score\": 5}\n");
    assert_asks(counts(points, ""), Code::AmbiguousColumn, &["max_score"]);
}

#[test]
fn a_last_row_of_totals_is_no_problem() {
    let (read, warnings) = counts(("x.csv", "id,n,c\np1,10,5\np2,10,7\nmean,10,6\n"), "").unwrap();
    assert_eq!(read, [("p1".to_owned(), 5, 10), ("p2".to_owned(), 7, 10)]);
    assert_eq!(warnings, ["WARN_TOTALS_LEFT_OUT"]);
    let (read, warnings) = counts(("x.csv", "id,passed\ntotal,1\np2,0\ntotal,1\n"), "").unwrap();
    assert_eq!((read.len(), warnings.len()), (2, 0), "a problem that has other rows is one");
    // Rows of JSON are written by programs, which sum nothing up.
    let (read, _) =
        counts(("x.jsonl", "{\"id\": \"a\", \"passed\": true}\n{\"id\": \"total\", \"passed\": true}\n"), "").unwrap();
    assert_eq!(read.len(), 2);
}

#[test]
fn keys_of_their_own_in_every_row_are_no_models() {
    let row = |index: u32| format!("{{\"id\": {index}, \"k{index}\": -1.5}}\n");
    let many: String = (0..5000).map(row).collect();
    assert_asks(scores(&[("x.jsonl", &many)], ""), Code::TooLarge, &["later rows"]);
}

#[test]
fn columns_of_one_name_are_refused_in_every_table() {
    assert_asks(scores(&[("x.csv", "id,a,a\nr1,-1.5,-2.5\n")], ""), Code::MalformedFile, &["twice", "a"]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures/tables/refused/twice.arrow");
    let file = InputFile { path: path.display().to_string(), shown: None, model: None };
    assert_asks(scores_of(&[file], ""), Code::MalformedFile, &["twice"]);
}

#[test]
fn numbers_of_right_samples_go_by_many_names() {
    for (samples, correct) in [
        ("n", "c"),
        ("samples", "correct"),
        ("num_samples", "num_correct"),
        ("n_samples", "n_correct"),
        ("samples", "c"),
        ("total", "num_correct"),
        ("n_attempts", "num_solved"),
        ("completions", "correct"),
        ("total_samples", "correct_samples"),
        ("numTrials", "numSuccesses"),
    ] {
        let text = format!("id,{samples},{correct}\np,4,3\nq,4,0\n");
        let (problems, _) = counts(("a.csv", &text), "").unwrap();
        assert_eq!(problems, [("p".to_owned(), 3, 4), ("q".to_owned(), 0, 4)], "{samples}, {correct}");
    }
    // The samples themselves beside a flag, or a list of flags, are no number.
    let text = "{\"id\": \"p\", \"samples\": [\"x\", \"y\"], \"correct\": [true, false]}\n";
    assert_eq!(counts(("a.jsonl", text), "").unwrap().0, [("p".to_owned(), 1, 2)]);
    let text =
        "{\"id\": \"p\", \"samples\": 16, \"correct\": true}\n{\"id\": \"p\", \"samples\": 16, \"correct\": false}\n";
    assert_eq!(counts(("a.jsonl", text), "").unwrap().0, [("p".to_owned(), 1, 2)]);
    // More right ones than there are is no count.
    assert!(counts(("a.csv", "id,samples,correct\np,4,5\n"), "").is_err());
}

#[test]
fn right_ones_of_a_total_are_asked_about() {
    for correct in [0, 1, 3] {
        let text = format!("id,total,correct\np,10,{correct}\n");
        assert_asks(
            counts(("a.csv", &text), ""),
            Code::AmbiguousColumn,
            &["samples=total", "correct=correct", "tests"],
        );
        let chosen = r#""samples": "total", "correct": "correct""#;
        assert_eq!(counts(("a.csv", &text), chosen).unwrap().0, [("p".to_owned(), correct, 10)]);
    }
    let flags = "id,total,correct\np,10,1\np,10,0\n";
    assert_eq!(counts(("a.csv", flags), r#""passed": "correct""#).unwrap().0, [("p".to_owned(), 1, 2)]);
    let tests = "id,total,num_passed,correct\np,10,10,1\np,10,3,0\n";
    assert_eq!(counts(("a.csv", tests), "").unwrap().0, [("p".to_owned(), 1, 2)]);
    let words = "id,total,correct\np,10,True\np,10,False\n";
    assert_eq!(counts(("a.csv", words), "").unwrap().0, [("p".to_owned(), 1, 2)]);
}
