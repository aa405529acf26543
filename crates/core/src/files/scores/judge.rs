//! What the values of a model say of what they are: log-probabilities, probabilities, losses, or none of them.

use super::super::findings::Findings;
use super::super::json::shorten;
use super::duplicate::Origin;
use super::join::{Model, ScoreJoin};
use crate::error::{Code, Error, Place, Result};
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;

/// Whole numbers below zero are doubted from this many on: few may be so by chance.
const MANY: usize = 4;

/// Values that are looked at between two looks at whether to stop.
const STEP: usize = 1 << 16;

/// Values that are gone through in one way.
const BLOCK: usize = 1 << 12;

/// Shape of the values of one model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in super::super) struct Shape {
    /// Values that are there and finite.
    pub(in super::super) finite: usize,
    /// Values that are NaN.
    pub(in super::super) nans: usize,
    /// Values above zero by more than rounding.
    pub(in super::super) positive: usize,
    /// Values in (0, 1].
    pub(in super::super) unit: usize,
    /// Values of at least zero.
    pub(in super::super) not_negative: usize,
    /// Values that are +∞ or −∞.
    pub(in super::super) infinite: usize,
    /// A finite value is not whole.
    pub(in super::super) fractional: bool,
}

impl Shape {
    pub(in super::super) fn of<T: Copy + Into<f64>>(values: &[T], control: &Control) -> Result<Self> {
        let mut shape = Self::default();
        for part in values.chunks(STEP) {
            control.check()?;
            shape.add(part);
        }
        Ok(shape)
    }

    /// Counts `values`, too.
    pub(super) fn add<T: Copy + Into<f64>>(&mut self, values: &[T]) {
        for block in values.chunks(BLOCK) {
            if !self.add_plain(block) {
                self.add_any(block);
            }
        }
    }

    /// [`Shape::add_any`] for values that are all finite and below zero, as log-probabilities mostly are, in a loop for vectors;
    /// `false`, with nothing done, if one is not.
    fn add_plain<T: Copy + Into<f64>>(&mut self, values: &[T]) -> bool {
        let plain = |value: f64| (value < 0.0) & (value > f64::NEG_INFINITY);
        if !values.iter().fold(true, |all, &value| all & plain(value.into())) {
            return false;
        }
        self.finite += values.len();
        if !self.fractional {
            self.fractional = !values.iter().fold(true, |all, &value| all & is_whole(value.into()));
        }
        true
    }

    fn add_any<T: Copy + Into<f64>>(&mut self, values: &[T]) {
        let shape = self;
        for &value in values {
            let value: f64 = value.into();
            shape.finite += usize::from(value.is_finite());
            shape.nans += usize::from(value.is_nan());
            shape.infinite += usize::from(value.is_infinite());
            shape.positive += usize::from(value > LogProbs::POSITIVE_TOLERANCE);
            shape.unit += usize::from(value > 0.0 && value <= 1.0);
            shape.not_negative += usize::from(value >= 0.0);
            shape.fractional |= value.is_finite() & !is_whole(value);
        }
    }

    /// Counts, labels, lengths, or zeros: whole numbers of at least zero.
    fn counts(self) -> bool {
        self.finite > 0 && self.infinite == 0 && !self.fractional && self.not_negative >= self.finite
    }

    /// What values that are above zero are, given that `first` is the first of them.
    pub(in super::super) fn positive_error(self, first: f64, negated: bool) -> Error {
        let values = self.finite.max(self.positive);
        let first = if first.is_infinite() { "Infinity".to_owned() } else { first.to_string() };
        let message = if negated {
            format!(
                "The log-probability is {first}, above zero, after its sign was changed: the values seem to be log-probabilities already. Leave --negate out."
            )
        } else if self.unit == values {
            "All values lie in (0, 1]: these are probabilities. Take their natural logarithms.".to_owned()
        } else if self.not_negative >= values {
            format!(
                "The log-probability is {first}, above zero, as all are: if they are negative log-likelihoods in nats, summed over tokens, negate them (--negate); \
                 perplexities are not, they are means over tokens."
            )
        } else {
            format!(
                "The log-probability is {first}, above zero, and others are below: these are no log-probabilities of responses (a density, a reward, a margin?)."
            )
        };
        Error::new(Code::PositiveLogProb, message)
    }
}

/// Whether a finite number is whole.
#[inline]
fn is_whole(value: f64) -> bool {
    // From here on all doubles are whole; adding it rounds those below.
    const WHOLE: f64 = (1_u64 << 52) as f64;
    let magnitude = value.abs();
    ((magnitude + WHOLE) - WHOLE == magnitude) | (magnitude >= WHOLE)
}

/// Leaves out columns that are no models, and reports values that are no log-probabilities.
pub(super) fn columns(
    join: &mut ScoreJoin,
    findings: &mut Findings,
    workers: &Workers,
    control: &Control,
) -> Result<()> {
    let shapes = workers.map(join.models.len(), control, |index| join.models[index].shape(control))?;
    let doubtful = |model: &Model| model.origin == Origin::WideColumn && !model.certain;
    let fractional = join.models.iter().zip(&shapes).any(|(_, shape)| shape.fractional);
    let mut kept = Vec::with_capacity(shapes.len());
    for (model, shape) in join.models.iter().zip(&shapes) {
        let mut keep = true;
        if doubtful(model) && shape.counts() {
            keep = false;
            let what = if shape.positive == 0 { "zeros" } else { "whole numbers" };
            let message = format!(
                "Column {} holds {what} only, which are no log-probabilities: it is left out. If it is a model, name all that are (--column models=A,B).",
                shorten(&model.name)
            );
            findings.warn("WARN_COLUMN_LEFT_OUT", message, place(join, model));
        } else if doubtful(model) && fractional && shape.finite >= MANY && !shape.fractional {
            let message = format!(
                "Column {} holds whole numbers only, other columns do not: is it a model? Name those that are (--column models=A,B).",
                shorten(&model.name)
            );
            findings.error(Error::new(Code::AmbiguousColumn, message).at(place(join, model)))?;
        }
        kept.push(keep);
    }
    if !kept.is_empty() && !kept.contains(&true) {
        let names: Vec<String> = join.models.iter().take(6).map(|model| shorten(&model.name)).collect();
        let message = format!(
            "No column holds log-probabilities: {} hold whole numbers only. Name the columns that are models (--column models=A,B).",
            names.join(", ")
        );
        return findings.error(Error::new(Code::MissingColumn, message).at(place(join, &join.models[0])));
    }
    for (index, (model, shape)) in join.models.iter().zip(&shapes).enumerate() {
        if let (true, Some((at, number))) = (kept[index], model.positive) {
            let error = shape.positive_error(model.values[number], join.negated);
            let error = join.placed(error, at, index, number);
            findings.error_times(error, shape.positive as u64)?;
        }
    }
    let mut keep = kept.iter();
    join.models.retain(|_| keep.next().copied().unwrap_or(true));
    Ok(())
}

fn place(join: &ScoreJoin, model: &Model) -> Place {
    Place { file: join.files.get(model.source).cloned(), model_name: Some(model.name.clone()), ..Place::default() }
}

#[cfg(test)]
mod tests {
    use super::super::super::options::JoinMode;
    use super::super::super::table::Texts;
    use super::super::join::{At, Observation};
    use super::*;

    fn of(values: &[f64]) -> Shape {
        Shape::of(values, &Control::new()).unwrap()
    }

    fn says(values: &[f64], negated: bool) -> String {
        let first = values.iter().copied().find(|&value| value > 0.0).unwrap();
        of(values).positive_error(first, negated).into_fault().message
    }

    #[test]
    fn each_kind_of_value_gets_the_advice_that_is_right_for_it() {
        assert!(says(&[0.3, 0.9, 1.0], false).contains("probabilities"));
        assert!(!says(&[0.3, 0.9, 1.0], false).contains("--negate"));
        assert!(says(&[0.3, 12.5], false).contains("--negate"));
        assert!(says(&[f64::INFINITY], false).contains("--negate"));
        assert!(!says(&[-1.0, 2.0], false).contains("--negate"));
        assert!(says(&[3.0], true).contains("Leave --negate out"));
    }

    #[test]
    fn counts_are_whole_and_not_negative() {
        assert!(of(&[0.0, 0.0]).counts() && of(&[1.0, 17.0]).counts());
        assert!(!of(&[-1.0, 0.0]).counts() && !of(&[0.5]).counts());
        assert!(!of(&[f64::NEG_INFINITY]).counts() && !of(&[]).counts());
        assert!(!of(&[-3.0, f64::INFINITY]).counts() && !of(&[0.0, f64::NEG_INFINITY]).counts());
        let values = [0.0, -0.0, 0.5, -1.5, -3.0, 4503599627370495.5, 4503599627370497.0, -1e300, f64::NAN, 1e-300];
        for value in values {
            assert_eq!(of(&[-1.0, value]).fractional, value.is_finite() && value != value.trunc(), "{value}");
        }
    }

    #[test]
    fn values_below_zero_are_counted_as_any_are() {
        let values: Vec<f64> =
            (1..3 * BLOCK).map(|index| -(index as f64) / 4.0 - f64::from(u8::from(index % 7 == 0)) * 0.3).collect();
        let mut expected = Shape::default();
        expected.add_any(&values);
        assert_eq!(of(&values), expected);
        assert!(expected.fractional);
        let whole: Vec<f64> = values.iter().map(|value| value.floor()).collect();
        assert!(!of(&whole).fractional);
        for values in [values, whole] {
            for odd in [0.0, -0.0, 1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e300, -0.5, 0.5] {
                for at in [0, BLOCK - 1, BLOCK, values.len() - 1] {
                    let mut values = values.clone();
                    values[at] = odd;
                    let mut expected = Shape::default();
                    expected.add_any(&values);
                    assert_eq!(of(&values), expected, "{odd} at {at}");
                }
            }
        }
    }

    #[test]
    fn what_was_counted_on_the_way_is_what_is_there() {
        let at = |row: usize| At { source: 0, row: row as u64 };
        let mut findings = Findings::new(false);
        let mut join = ScoreJoin::new(JoinMode::Exact, false, false);
        let model = join.model("m", 0, Origin::WideColumn);
        let batch = |join: &mut ScoreJoin, ids: [&str; 3], values: [f64; 3]| {
            let mut texts = Texts::default();
            ids.iter().for_each(|id| texts.push(id));
            let numbers = join.responses_of(&texts, model);
            join.extend(model, &values, false, at);
            *numbers.last().unwrap()
        };
        let mut one = |join: &mut ScoreJoin, id: &str, value: f64| {
            let number = join.response(id, model, Observation::default(), at(0), &mut findings).unwrap().unwrap();
            join.put(model, number, value, at(number), &mut findings).unwrap();
            number
        };
        let check = |join: &ScoreJoin| {
            let model = &join.models[model];
            assert_eq!(model.shape(&Control::new()).unwrap(), of(&model.values));
            let first = model.values.iter().position(|&value| value > LogProbs::POSITIVE_TOLERANCE);
            assert_eq!(model.positive.map(|(_, number)| number), first);
        };
        let last = batch(&mut join, ["a", "b", "c"], [-1.0, -2.0, -0.5]);
        check(&join);
        // What follows has as many values as were counted, and others.
        assert!(join.forget(last));
        check(&join);
        one(&mut join, "d", -4.0);
        check(&join);
        batch(&mut join, ["e", "f", "g"], [-1.0, 3.0, 0.5]);
        check(&join);
        one(&mut join, "h", f64::NEG_INFINITY);
        check(&join);
    }
}
