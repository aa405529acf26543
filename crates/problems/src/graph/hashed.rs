//! Hashed conjunctions: features that know tokens and positions, and nothing of graphs.

use std::sync::Arc;

use coverage_principle_core::linear::features::{Block, Context, FeatureMap, Part, Scratch};

use super::layered_dag::Graph;
use super::task::{PROMPTS, Prompts};

/// How a token occurs in the prompt: counts of what stands around its occurrences in `u v | u v | … / s t =`.
///
/// These are the conjunctions of a token's occurrences with the tokens next to them, summed over positions; which of
/// them makes a path is left to the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Occurrence {
    /// How often it follows the last token of the response within an edge.
    after_last: u64,
    /// How often it follows another name within an edge.
    after_other: u64,
    /// How often it opens an edge.
    opens: u64,
    /// 1 if it follows `/`, 2 if it precedes `=`.
    asked: u64,
}

impl Occurrence {
    /// A number for each.
    fn code(self) -> u64 {
        self.after_last | self.after_other << 8 | self.opens << 16 | self.asked << 24
    }
}

/// The coordinate, below 2^bits, of conjunction `kind` of `a`, `b` and `c`: Steele and Vigna's finaliser over a linear
/// mix.
pub(super) fn coordinate(bits: u32, kind: u64, a: u64, b: u64, c: u64) -> u32 {
    let mut z = kind
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(a.wrapping_mul(0xd1b5_4a32_d192_ed03))
        .wrapping_add(b.wrapping_mul(0xaef1_7502_108e_f2d9))
        .wrapping_add(c.wrapping_mul(0x94d0_49bb_1331_11eb));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    #[expect(clippy::cast_possible_truncation, reason = "at most 26 bits are left")]
    let coordinate = ((z ^ (z >> 31)) >> (64 - bits)) as u32;
    coordinate
}

/// Six conjunctions a token: token; token and position; token and last token; occurrence; occurrence and position;
/// occurrence, token and position. Each is hashed to one of 2^bits coordinates.
#[derive(Clone, Debug)]
pub(super) struct HashedFeatures {
    prompts: Arc<Prompts>,
    bits: u32,
    scale: f64,
}

/// Conjunctions a token.
const CONJUNCTIONS: usize = 6;

impl HashedFeatures {
    pub(super) fn new(prompts: Arc<Prompts>, bits: u32, scale: f64) -> Self {
        Self { prompts, bits, scale }
    }
}

/// Writes how every name occurs, from the edges of `graph` and its question, into `occurrences` by token.
fn write_occurrences(graph: &Graph, last: Option<u32>, occurrences: &mut [Occurrence]) {
    for layer in 0..=graph.layers() + 1 {
        let before = layer.checked_sub(1).map(|before| {
            let nodes = graph.layer(before);
            let passable = (0..nodes.len()).filter(|&slot| graph.is_passable(before, slot));
            passable.fold((0, 0), |(after_last, after_other), slot| {
                if Some(nodes[slot]) == last { (after_last + 1, after_other) } else { (after_last, after_other + 1) }
            })
        });
        let (after_last, after_other) = before.unwrap_or((0, 0));
        for (slot, &node) in graph.layer(layer).iter().enumerate() {
            let opens = if layer <= graph.layers() && graph.is_passable(layer, slot) {
                graph.layer(layer + 1).len() as u64
            } else {
                0
            };
            let asked = if layer == 0 { 1 } else { 2 * u64::from(layer == graph.layers() + 1) };
            occurrences[node as usize] = Occurrence { after_last, after_other, opens, asked };
        }
    }
}

impl FeatureMap for HashedFeatures {
    fn dim(&self) -> usize {
        1 << self.bits
    }

    fn vocabulary(&self) -> usize {
        self.prompts.vocabulary()
    }

    fn prompts(&self) -> Option<usize> {
        Some(PROMPTS)
    }

    fn horizon(&self) -> Option<usize> {
        Some(self.prompts.horizon())
    }

    fn bound(&self) -> f64 {
        // All six may collide: then their values add.
        self.scale * (CONJUNCTIONS as f64).sqrt()
    }

    fn prepare(&self, context: Context<'_>, scratch: &mut Scratch) {
        let Scratch { memory, sparse, .. } = scratch;
        let graph = self.prompts.graph(context.prompt, memory);
        let last = context.prefix.last().copied();
        let position = context.position() as u64;
        let last_code = last.map_or(u64::MAX, u64::from);
        let mut occurrences = vec![Occurrence::default(); self.vocabulary()];
        write_occurrences(graph, last, &mut occurrences);
        let value = self.scale / (CONJUNCTIONS as f64).sqrt();
        sparse.clear();
        for (token, occurrence) in occurrences.iter().enumerate() {
            let (token, code) = (token as u64, occurrence.code());
            for (kind, a, b, c) in [
                (1, token, 0, 0),
                (2, token, position, 0),
                (3, token, last_code, 0),
                (4, code, 0, 0),
                (5, code, position, 0),
                (6, code, token, position),
            ] {
                sparse.add(coordinate(self.bits, kind, a, b, c), value);
            }
            sparse.end_row();
        }
    }

    fn visit(&self, _: Context<'_>, scratch: &Scratch, visitor: &mut dyn FnMut(Part<'_>)) {
        visitor(Part { offset: 0, block: Block::Sparse(&scratch.sparse) });
    }

    fn granule(&self) -> usize {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{GraphOptions, GraphTask};

    /// Occurrences counted in the prompt's tokens, not in the graph.
    #[test]
    fn occurrences_are_those_of_the_token_sequence() {
        let task = GraphTask::new(&GraphOptions { validation: 4, ..GraphOptions::default() }).unwrap();
        for prompt in 0..12 {
            let graph = task.graph(prompt);
            let tokens = task.prompt_tokens(prompt);
            let [bar, slash, equals] = [64, 65, 66];
            for last in [None, Some(graph.source()), Some(graph.layer(3)[0]), Some(graph.layer(8)[2])] {
                let mut found = vec![Occurrence::default(); 67];
                write_occurrences(&graph, last, &mut found);
                let mut expected = vec![Occurrence::default(); 67];
                for (index, &token) in tokens.iter().enumerate().filter(|&(_, &token)| token < 64) {
                    let before = index.checked_sub(1).map_or(bar, |before| tokens[before]);
                    let after = tokens[index + 1];
                    let entry = &mut expected[token as usize];
                    if before == slash {
                        entry.asked = 1;
                    } else if after == equals {
                        entry.asked = 2;
                    } else if before == bar {
                        entry.opens += 1;
                    } else if Some(before) == last {
                        entry.after_last += 1;
                    } else {
                        entry.after_other += 1;
                    }
                }
                assert_eq!(found, expected, "prompt {prompt}, last {last:?}");
            }
        }
    }
}
