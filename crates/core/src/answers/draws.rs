use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;

/// Log-probabilities of answers, for each response and model as they are or given reasonings that were drawn.
#[derive(Clone, Debug)]
pub struct AnswerDraws {
    /// Models × columns, a column a response or a reasoning of one.
    log_probs: LogProbs,
    kind: Kind,
    /// The columns of all responses, response by response.
    columns: Vec<u32>,
    /// Those of response i are `columns[starts[i]..starts[i + 1]]`.
    starts: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Kind {
    Exact,
    Own,
    /// log q(r | x) of each column.
    Proposal(Vec<f64>),
}

impl AnswerDraws {
    /// log π(a | x) itself, a column a response; column k is of response `of_response[k]`, in order where it is `None`.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] and [`Code::MissingResponse`] unless each response has its column; [`Code::TooLarge`].
    pub fn exact(log_probs: &LogProbs, of_response: Option<&[u32]>) -> Result<Self> {
        let responses = log_probs.responses();
        let (columns, starts) = match of_response {
            Some(of_response) => grouped(of_response, responses, responses)?,
            None => (numbered(responses)?, (0..=responses).collect()),
        };
        Ok(Self { log_probs: log_probs.clone(), kind: Kind::Exact, columns, starts })
    }

    /// log π(a | x, r) where column k is a reasoning, drawn from that model itself, of response `of_response[k]`. With
    /// `proposal`, one row of log q(r | x), the reasonings were drawn from q for all models, and `log_probs` are those of
    /// reasoning and answer together, log π(r, a | x).
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] unless there is a response for every column and `proposal` is one row of as many;
    /// [`Code::MissingResponse`] naming a response without a reasoning; [`Code::InvalidOption`] for a proposal that rules
    /// out what was drawn from it; [`Code::TooLarge`].
    pub fn sampled(
        log_probs: &LogProbs,
        of_response: &[u32],
        responses: usize,
        proposal: Option<&LogProbs>,
    ) -> Result<Self> {
        let all = log_probs.responses();
        let (columns, starts) = grouped(of_response, all, responses)?;
        let kind = match proposal {
            None => Kind::Own,
            Some(proposal) if proposal.models() != 1 || proposal.responses() != all => {
                let message = format!(
                    "The proposal must be one model scored on all {all} reasonings, not {} on {}.",
                    proposal.models(),
                    proposal.responses()
                );
                return Err(Error::new(Code::ShapeMismatch, message));
            }
            Some(proposal) => Kind::Proposal(proposal.row_f64(0)),
        };
        if let Kind::Proposal(log_q) = &kind
            && let Some(column) = log_q.iter().position(|&value| value == f64::NEG_INFINITY)
        {
            let message = "The proposal rules out a reasoning that was drawn from it: give log q(r | x) of the distribution that the reasonings come from.";
            return Err(Error::option("proposal", message).at_response(of_response[column] as usize));
        }
        Ok(Self { log_probs: log_probs.clone(), kind, columns, starts })
    }

    /// M, the number of models.
    #[must_use]
    pub fn models(&self) -> usize {
        self.log_probs.models()
    }

    /// n, the number of responses.
    #[must_use]
    pub fn responses(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether log π(a | x) is given as it is.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        matches!(self.kind, Kind::Exact)
    }

    /// Whether reasonings come from a distribution of their own, so that weights may be above 1.
    #[must_use]
    pub fn has_proposal(&self) -> bool {
        matches!(self.kind, Kind::Proposal(_))
    }

    /// The least and the greatest number of reasonings of a response; 0 where the values are exact.
    #[must_use]
    pub fn reasonings(&self) -> (usize, usize) {
        if self.is_exact() {
            return (0, 0);
        }
        let counts = self.starts.windows(2).map(|ends| ends[1] - ends[0]);
        counts.fold((usize::MAX, 0), |(least, most), count| (least.min(count), most.max(count)))
    }

    /// log of each reasoning's weight, whose mean is unbiased for π(a | x), into `weights`.
    pub(super) fn log_weights(&self, model: usize, response: usize, weights: &mut Vec<f64>) {
        weights.clear();
        weights.extend(self.columns[self.starts[response]..self.starts[response + 1]].iter().map(|&column| {
            let value = self.log_probs.get(model, column as usize);
            match &self.kind {
                Kind::Exact | Kind::Own => value,
                Kind::Proposal(log_q) => value - log_q[column as usize],
            }
        }));
    }
}

/// The columns response by response, and where those of each begin.
fn grouped(of_response: &[u32], columns: usize, responses: usize) -> Result<(Vec<u32>, Vec<usize>)> {
    let misfit = |message: String| Err(Error::new(Code::ShapeMismatch, message));
    if of_response.len() != columns {
        return misfit(format!("{} numbers of responses are given for {columns} columns.", of_response.len()));
    }
    if let Some(response) = of_response.iter().find(|&&response| response as usize >= responses) {
        return misfit(format!("A column is of response {response}, but there are only {responses}."));
    }
    let columns = numbered(columns)?;
    let mut starts = vec![0; responses + 1];
    for &response in of_response {
        starts[response as usize + 1] += 1;
    }
    if let Some(response) = starts[1..].iter().position(|&count| count == 0) {
        let message =
            "The answer of this response has no log-probability: score it for every model, or leave the response out.";
        return Err(Error::new(Code::MissingResponse, message).at_response(response));
    }
    for response in 0..responses {
        starts[response + 1] += starts[response];
    }
    // The reasonings of a response keep their order.
    let (mut order, mut next) = (vec![0; columns.len()], starts.clone());
    for (column, &response) in columns.into_iter().zip(of_response) {
        let place = &mut next[response as usize];
        order[*place] = column;
        *place += 1;
    }
    Ok((order, starts))
}

fn numbered(count: usize) -> Result<Vec<u32>> {
    let count = u32::try_from(count).map_err(|_| {
        Error::new(
            Code::TooLarge,
            format!("{count} log-probabilities a model are more than the 4,294,967,295 that fit."),
        )
    })?;
    Ok((0..count).collect())
}
