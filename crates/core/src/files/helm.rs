//! HELM's `per_instance_stats.json`: for each instance a list of statistics, among them the log-probability of the reference
//! and metrics such as `exact_match`. Perturbed instances are further responses of their own.

use super::counts::flags::flag;
use super::counts::join::At as CountAt;
use super::format::Format;
use super::json::Json;
use super::reading::{FileContext, Reading, Target};
use super::records::each_record;
use super::scores::Origin;
use super::scores::join::{At, Observation};
use crate::error::{Code, Error, Result};

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "helm",
    extensions: &[],
    sniff: |head| {
        head.json.is_some_and(|row| {
            row.get("instance_id").is_some()
                && row.get("stats").and_then(Json::as_list).is_some_and(|stats| {
                    stats.iter().all(|stat| stat.get("name").is_some_and(|name| name.get("name").is_some()))
                })
        })
    },
    read: |input, context, reading| {
        let control = reading.control;
        each_record(input, control, |row, place| add(&row, place, context, reading))
    },
};

/// The model of a run, which its folder names: `mmlu:subject=anatomy,model=org_name`.
pub(super) fn model_of_path(path: &str) -> Option<String> {
    let folder = path.rsplit(['/', '\\']).nth(1)?;
    let model = folder.split(['=', ',']).collect::<Vec<_>>();
    let index = model.iter().position(|part| *part == "model" || part.ends_with(":model"))?;
    model.get(index + 1).map(|model| (*model).to_owned())
}

/// The mean of the statistic called `name`; HELM keeps sum and count.
fn stat(row: &Json<'_>, name: &str) -> Option<f64> {
    let stats = row.get("stats")?.as_list()?;
    let found = stats.iter().find(|stat| {
        stat.get("name").is_some_and(|own| {
            own.get("name").and_then(Json::as_text) == Some(name) && own.first(&["perturbation"]).is_none()
        })
    })?;
    found
        .get("mean")
        .and_then(Json::as_f64)
        .or_else(|| Some(found.get("sum")?.as_f64()? / found.get("count")?.as_f64()?))
}

fn add(row: &Json<'_>, place: u64, context: &FileContext, reading: &mut Reading<'_>) -> Result<()> {
    let placed = |error: Error| error.in_file(&*context.file).at_row(place as usize);
    let Some(instance) = row.get("instance_id").and_then(Json::id) else {
        let error = Error::new(Code::MissingId, "The row has no instance_id: every row needs an id.");
        return reading.findings.error(placed(error));
    };
    let perturbation =
        row.get("perturbation").and_then(|perturbation| perturbation.get("name")).and_then(Json::as_text);
    let id = match perturbation {
        Some(perturbation) => format!("{instance} {perturbation}"),
        None => instance.into_owned(),
    };
    let trial = row.get("train_trial_index").and_then(Json::id).unwrap_or("0".into());
    let findings = &mut reading.findings;
    match &mut reading.target {
        Target::Scores(scores) => {
            let model = scores.join.model(context.named()?, context.source, Origin::File);
            let id = if trial == "0" { id } else { format!("{id} trial {trial}") };
            let Some(score) = stat(row, "logprob") else {
                let message =
                    "The instance has no statistic logprob: HELM keeps it where the adapter scores references.";
                return findings.error(placed(Error::new(Code::NoLogProbs, message)).of_response(id));
            };
            let at = At { source: context.source, row: place };
            let score = if scores.options.negate { 0.0 - score } else { score };
            match scores.join.response(&id, model, Observation::default(), at, findings)? {
                Some(number) => scores.join.put(model, number, score, at, findings),
                None => Ok(()),
            }
        }
        Target::Counts(counts) => {
            let model = counts.join.model(context.named()?, &[]);
            let at = CountAt { file: &context.file, row: place, model, problem: &id };
            let metrics = ["exact_match", "quasi_exact_match", "math_equiv", "test_avg", "pass"];
            let chosen = counts.options.metric.clone();
            let value = match &chosen {
                Some(metric) => stat(row, metric),
                None => metrics.iter().find_map(|metric| stat(row, metric)),
            };
            match value.and_then(|value| flag(&Json::Number(value.to_string().into()))) {
                Some(correct) => counts.join.add_sample(at, correct, Some(&trial), findings),
                None => {
                    let message = format!(
                        "The metric that says right or wrong is {}: say which it is (--metric).",
                        value.map_or_else(|| "missing".to_owned(), |value| value.to_string())
                    );
                    findings.error(counts.join.placed(Error::new(Code::NotAFlag, message), at))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_name_the_model_and_statistics_are_means() {
        assert_eq!(model_of_path("runs/mmlu:subject=anatomy,model=org_m/per_instance_stats.json").unwrap(), "org_m");
        assert_eq!(model_of_path("runs/other/per_instance_stats.json"), None);
        let row = r#"{"stats": [{"name": {"name": "logprob", "perturbation": {"name": "typos"}}, "count": 1, "sum": -9},
                                {"name": {"name": "logprob"}, "count": 2, "sum": -5}]}"#;
        assert_eq!(stat(&Json::parse(row).unwrap(), "logprob"), Some(-2.5));
    }
}
