//! Several rows of one response, each of a reasoning of it: which columns of the matrix belong together.

use super::super::findings::Findings;
use super::join::{NONE, ScoreJoin};
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;

/// Of which responses the columns are reasonings.
pub(in super::super) struct Reasonings {
    /// Ids of the responses, in order.
    pub(in super::super) ids: Vec<String>,
    /// Ids of their prompts, if all are known.
    pub(in super::super) prompt_ids: Option<Vec<String>>,
    /// The response of each column.
    pub(in super::super) of_response: Vec<u32>,
}

impl ScoreJoin {
    /// The responses that the columns in `order` are reasonings of, all of them.
    pub(super) fn reasonings(&self, order: &[usize], workers: &Workers, control: &Control) -> Result<Reasonings> {
        let mut prompts = vec![None; self.answers.len()];
        for &column in order {
            let facts = &self.facts[column];
            let known = *prompts[facts.answer as usize].get_or_insert(facts.prompt);
            if known != facts.prompt {
                let message =
                    "Two reasonings of this response name different prompts: give each response an id of its own.";
                let id = self.answers.get(facts.answer as usize);
                return Err(Error::new(Code::MismatchedResponse, message).of_response(id));
            }
        }
        let mut places = vec![NONE; self.answers.len()];
        let (mut ids, mut prompt_ids) = (Vec::new(), Some(Vec::new()));
        // Responses none of whose reasonings is left are none.
        for number in self.answers.sorted(workers, control)? {
            let Some(prompt) = prompts[number] else { continue };
            places[number] = ids.len() as u32;
            ids.push(self.answers.get(number).to_owned());
            if prompt == NONE {
                prompt_ids = None;
            } else if let Some(prompt_ids) = &mut prompt_ids {
                prompt_ids.push(self.prompts.get(prompt as usize).to_owned());
            }
        }
        let of_response = order.iter().map(|&column| places[self.facts[column].answer as usize]).collect();
        Ok(Reasonings { ids, prompt_ids, of_response })
    }

    /// Reports rows that are not of a reasoning where others are.
    pub(super) fn check_reasonings(&self, findings: &mut Findings) -> Result<()> {
        let one = |known: bool| self.facts.iter().position(|facts| (facts.answer != NONE) == known);
        let (Some(_), Some(without)) = (one(true), one(false)) else { return Ok(()) };
        let message = "Some rows name the reasoning that they are of, and this one does not: whether its value is the probability of the answer given a reasoning or altogether is not known. Read files of one kind.";
        findings.error(Error::new(Code::MissingId, message).of_response(self.ids.get(without)))
    }
}
