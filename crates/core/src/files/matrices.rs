//! Matrices from files of arrays: their names, and how they are put beside others.

use super::findings::Findings;
use super::id_list::IdList;
use super::ids::Ids;
use super::reading::{FileContext, Matrix};
use super::scores::join::{At, Observation, ScoreJoin};
use super::scores::reasonings::Reasonings;
use super::scores::{Origin, Shape};
use crate::error::{Code, Error, Result};
use crate::log_probs::{Float, LogProbs, Rows, first_illegal};
use crate::parallel::Workers;
use crate::progress::Control;

/// A matrix whose models have names.
pub(super) struct StoredMatrix {
    matrix: Matrix,
    models: Vec<String>,
    source: usize,
    file: String,
}

/// All that was read, as one matrix.
pub(super) struct AllScores {
    pub(super) log_probs: LogProbs,
    pub(super) models: Vec<String>,
    pub(super) sources: Vec<usize>,
    pub(super) ids: Option<IdList>,
    pub(super) prompt_ids: Option<Vec<String>>,
    pub(super) token_counts: Option<Vec<u64>>,
    pub(super) reasonings: Option<Reasonings>,
}

fn shape_of(rows: &Rows) -> [usize; 2] {
    match rows {
        Rows::F32(rows) => [rows.len(), rows.first().map_or(0, |row| row.len())],
        Rows::F64(rows) => [rows.len(), rows.first().map_or(0, |row| row.len())],
    }
}

/// The matrix with names for its models.
pub(super) fn named(mut matrix: Matrix, context: &FileContext, transposed: bool) -> Result<StoredMatrix> {
    let [models, responses] = shape_of(&matrix.rows);
    let stem = context.named()?;
    let (names, made_up) = model_names(matrix.models.take(), models, context, stem)?;
    if made_up && models > 1 && models > responses && !transposed {
        return Err(tall(models, responses, "responses").in_file(&*context.file));
    }
    for (field, length) in [
        ("responseIds", matrix.ids.as_ref().map(Vec::len)),
        ("promptIds", matrix.prompt_ids.as_ref().map(Vec::len)),
        ("tokenCounts", matrix.token_counts.as_ref().map(Vec::len)),
    ] {
        if let Some(length) = length.filter(|&length| length != responses) {
            let message = format!(
                "{field} has {length} entries where there are {responses} responses: correct the list, or, if responses are in rows, transpose the matrix (--transpose)."
            );
            return Err(Error::new(Code::ShapeMismatch, message).in_file(&*context.file));
        }
    }
    if let Some(ids) = &matrix.ids {
        let mut seen = Ids::new();
        if let Some(id) = ids.iter().find(|id| !seen.number(id, [usize::MAX; 2]).1) {
            let message = format!("The response id {} occurs twice: ids must be distinct.", super::json::shorten(id));
            return Err(Error::new(Code::DuplicateResponse, message).in_file(&*context.file));
        }
    }
    Ok(StoredMatrix { matrix, models: names, source: context.source, file: context.file.clone() })
}

/// Names of the models of a matrix, and whether they are made up.
pub(super) fn model_names(
    known: Option<Vec<String>>,
    count: usize,
    context: &FileContext,
    stem: &str,
) -> Result<(Vec<String>, bool)> {
    match (known, &context.given) {
        (_, Some(given)) if count == 1 => Ok((vec![given.clone()], false)),
        (Some(names), _) if names.len() == count => Ok((names, false)),
        (Some(names), _) => {
            let message = format!(
                "{} models are named for {count} rows: correct the list of models, or, if responses are in rows, transpose the matrix (--transpose).",
                names.len()
            );
            Err(Error::new(Code::ShapeMismatch, message).in_file(&*context.file))
        }
        (None, _) if count == 1 => Ok((vec![stem.to_owned()], false)),
        (None, _) => Ok(((0..count).map(|row| format!("{stem}[{row}]")).collect(), true)),
    }
}

/// The error of a matrix that has more rows than columns and no names.
pub(super) fn tall(models: usize, columns: usize, what: &str) -> Error {
    let message = format!(
        "The matrix would be {models} models × {columns} {what}, none of them named: if {what} are in rows, transpose it (--transpose); if not, name the models in a \
         JSON file beside it (models)."
    );
    Error::new(Code::ShapeMismatch, message)
}

/// All matrices and joined rows as one matrix; `None` after a fault was reported.
pub(super) fn finish(
    mut join: ScoreJoin,
    matrices: Vec<StoredMatrix>,
    findings: &mut Findings,
    workers: &Workers,
    control: &Control,
) -> Result<Option<AllScores>> {
    for stored in &matrices {
        check(stored, join.negated, findings, workers, control)?;
    }
    let same_ids = matrices.windows(2).all(|pair| pair[0].matrix.ids == pair[1].matrix.ids);
    if join.is_empty() && !matrices.is_empty() && same_ids {
        if findings.failed() {
            return Ok(None);
        }
        return match stack(matrices) {
            Ok(all) => Ok(Some(all)),
            Err(error) => findings.error(error).map(|()| None),
        };
    }
    for stored in &matrices {
        if let Err(error) = add(stored, &mut join, findings, control) {
            findings.error(error)?;
        }
    }
    let joined = join.finish(findings, workers, control)?;
    Ok(joined.map(|joined| AllScores {
        log_probs: joined.log_probs,
        models: joined.models,
        sources: joined.sources,
        ids: Some(joined.ids),
        prompt_ids: joined.prompt_ids,
        token_counts: joined.token_counts,
        reasonings: joined.reasonings,
    }))
}

/// Reports every model that has values which are no log-probabilities.
fn check(
    stored: &StoredMatrix,
    negated: bool,
    findings: &mut Findings,
    workers: &Workers,
    control: &Control,
) -> Result<()> {
    if stored.matrix.legal {
        return Ok(());
    }
    let [models, _] = shape_of(&stored.matrix.rows);
    let shapes = workers.map(models, control, |model| {
        Ok(match &stored.matrix.rows {
            Rows::F32(rows) => illegal_shape(&rows[model], control)?,
            Rows::F64(rows) => illegal_shape(&rows[model], control)?,
        })
    })?;
    for (model, shape) in shapes.into_iter().enumerate() {
        let Some(shape) = shape else { continue };
        let first = |is: &dyn Fn(f64) -> bool| match &stored.matrix.rows {
            Rows::F32(rows) => rows[model].iter().position(|&value| is(f64::from(value))),
            Rows::F64(rows) => rows[model].iter().position(|&value| is(value)),
        };
        let value = |response: usize| match &stored.matrix.rows {
            Rows::F32(rows) => f64::from(rows[model][response]),
            Rows::F64(rows) => rows[model][response],
        };
        let placed = |error: Error, response: usize| {
            let id = stored.matrix.ids.as_ref().map_or_else(|| response.to_string(), |ids| ids[response].clone());
            error.in_file(&*stored.file).of_model(&*stored.models[model]).of_response(id)
        };
        if let Some(response) = first(&f64::is_nan) {
            let message = "A log-probability is NaN: score the response again, or drop it for every model.";
            findings.error_times(placed(Error::new(Code::NanLogProb, message), response), shape.nans as u64)?;
        }
        if let Some(response) = first(&|value| value > LogProbs::POSITIVE_TOLERANCE) {
            let error = shape.positive_error(value(response), negated);
            findings.error_times(placed(error, response), shape.positive as u64)?;
        }
    }
    Ok(())
}

/// What the values of a row are, if some are no log-probabilities.
fn illegal_shape<T: Float>(row: &[T], control: &Control) -> Result<Option<Shape>> {
    first_illegal(row, control)?.map(|_| Shape::of(row, control)).transpose()
}

/// All matrices, whose values [`check`] has seen, one above the other.
fn stack(matrices: Vec<StoredMatrix>) -> Result<AllScores> {
    let mut all: Option<AllScores> = None;
    for stored in matrices {
        let StoredMatrix { matrix, models, source, file } = stored;
        let log_probs = LogProbs::of_legal(matrix.rows).map_err(|error| error.in_file(&*file))?;
        let sources = vec![source; models.len()];
        all = Some(match all {
            None => AllScores {
                log_probs,
                models,
                sources,
                ids: matrix.ids.map(IdList::from),
                prompt_ids: matrix.prompt_ids,
                token_counts: matrix.token_counts,
                reasonings: None,
            },
            Some(mut above) => {
                above.log_probs = above.log_probs.stack(&log_probs).map_err(|error| error.in_file(&*file))?;
                above.models.extend(models);
                above.sources.extend(sources);
                above.prompt_ids = above.prompt_ids.or(matrix.prompt_ids);
                let differ = above.token_counts.is_some()
                    && matrix.token_counts.is_some()
                    && above.token_counts != matrix.token_counts;
                above.token_counts = if differ { None } else { above.token_counts.or(matrix.token_counts) };
                above
            }
        });
    }
    let all = all.ok_or_else(|| Error::new(Code::NoResponses, "The input holds no scored response."))?;
    let mut seen = std::collections::HashSet::new();
    if let Some(model) = all.models.iter().find(|model| !seen.insert(model.as_str())) {
        let message =
            format!("The model {} occurs twice: give each a name of its own (NAME=PATH).", super::json::shorten(model));
        return Err(Error::new(Code::DuplicateModel, message).of_model(&**model));
    }
    Ok(all)
}

/// Adds a matrix with ids to the rows of other files.
fn add(stored: &StoredMatrix, join: &mut ScoreJoin, findings: &mut Findings, control: &Control) -> Result<()> {
    let StoredMatrix { matrix, models, source, file } = stored;
    let Some(ids) = &matrix.ids else {
        let message = "Arrays without response ids cannot be joined with files that have them: list the ids in a JSON file beside the array (responseIds).";
        return Err(Error::new(Code::MissingId, message).in_file(&**file));
    };
    for (index, name) in models.iter().enumerate() {
        control.check()?;
        let model = join.model(name, *source, Origin::Array);
        for (response, id) in ids.iter().enumerate() {
            let at = At { source: *source, row: response as u64 };
            let observation = Observation {
                tokens: matrix.token_counts.as_ref().map(|counts| counts[response]),
                prompt: matrix.prompt_ids.as_ref().map(|ids| ids[response].as_str()),
                ..Observation::default()
            };
            let value = match &matrix.rows {
                Rows::F32(rows) => f64::from(rows[index][response]),
                Rows::F64(rows) => rows[index][response],
            };
            if let Some(number) = join.response(id, model, observation, at, findings)?
                && !value.is_nan()
            {
                join.put(model, number, value, at, findings)?;
            }
        }
    }
    Ok(())
}
