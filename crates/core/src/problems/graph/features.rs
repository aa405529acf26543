//! Features that see the graph.

use std::sync::Arc;

use super::layered_dag::Graph;
use super::task::{PROMPTS, Prompts};
use crate::linear::features::{Block, Context, FeatureMap, Part, Scratch};

/// What can be said of a candidate node: whether it lies in the next layer, whether it is passable; and where the
/// layer has two passable nodes, whether its parity is the layer's, and whether it does as the choice before did.
///
/// Nodes of other layers, and tokens that are no node of the graph, have no features. A wrong token therefore keeps a
/// little probability, the less the longer θ.
#[derive(Clone, Debug)]
pub(super) struct StructuralFeatures {
    prompts: Arc<Prompts>,
    parity: bool,
    history: bool,
    hidden_rule: bool,
    scale: f64,
}

/// Coordinates of the features that always are.
const NEXT: u32 = 0;
const PASSABLE: u32 = 1;
/// Parity matches, at the first choice (with history) or at any (without).
const MATCH: u32 = 2;
/// With history: parity matches, at later choices.
const LATER_MATCH: u32 = 3;
/// With history: does as the choice before.
const REPEAT: u32 = 4;

/// ±1.
fn sign(holds: bool) -> f64 {
    if holds { 1.0 } else { -1.0 }
}

impl StructuralFeatures {
    pub(super) fn new(prompts: Arc<Prompts>, parity: bool, history: bool, hidden_rule: bool, scale: f64) -> Self {
        Self { prompts, parity, history, hidden_rule, scale }
    }

    /// The coordinate of the hidden rule: the first after the others.
    fn hidden_rule_coordinate(&self) -> u32 {
        match (self.parity, self.history) {
            (false, _) => MATCH,
            (true, false) => MATCH + 1,
            (true, true) => REPEAT + 1,
        }
    }

    /// Whether the last choice in `prefix` matched; `None` if there was none, or it was no name.
    fn last_match(&self, graph: &Graph, prefix: &[u32]) -> Option<bool> {
        let (layer, &token) = prefix.iter().enumerate().rfind(|&(layer, _)| graph.is_choice(layer))?;
        (token < self.prompts.names()).then(|| Graph::matches(layer, token))
    }

    /// The features of node `slot` of the next layer, as calls of `add`.
    fn of_candidate(
        &self,
        graph: &Graph,
        layer: usize,
        slot: usize,
        last_match: Option<bool>,
        add: &mut dyn FnMut(u32, f64),
    ) {
        add(NEXT, 1.0);
        if !graph.is_passable(layer, slot) {
            return;
        }
        add(PASSABLE, 1.0);
        if !graph.is_choice(layer) {
            return;
        }
        let matches = Graph::matches(layer, graph.layer(layer)[slot]);
        if self.parity {
            match last_match.filter(|_| self.history) {
                None => add(MATCH, sign(matches)),
                Some(before) => {
                    add(LATER_MATCH, sign(matches));
                    add(REPEAT, sign(matches == before));
                }
            }
        }
        if self.hidden_rule {
            add(self.hidden_rule_coordinate(), sign(matches != graph.passable_parity()));
        }
    }
}

impl FeatureMap for StructuralFeatures {
    fn dim(&self) -> usize {
        self.hidden_rule_coordinate() as usize + usize::from(self.hidden_rule)
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
        let of_parity = if self.history { 2.0 } else { f64::from(u8::from(self.parity)) };
        self.scale * (2.0 + of_parity + f64::from(u8::from(self.hidden_rule))).sqrt()
    }

    fn prepare(&self, context: Context<'_>, scratch: &mut Scratch) {
        let Scratch { memory, sparse, .. } = scratch;
        let graph = self.prompts.graph(context.prompt, memory);
        let layer = context.position();
        let nodes = graph.layer(layer);
        let last_match = self.last_match(graph, context.prefix);
        sparse.clear();
        for token in 0..self.vocabulary() as u32 {
            if let Some(slot) = nodes.iter().position(|&node| node == token) {
                self.of_candidate(graph, layer, slot, last_match, &mut |coordinate, value| {
                    sparse.add(coordinate, self.scale * value);
                });
            }
            sparse.end_row();
        }
    }

    fn visit(&self, _: Context<'_>, scratch: &Scratch, visitor: &mut dyn FnMut(Part<'_>)) {
        visitor(Part { offset: 0, block: Block::Sparse(&scratch.sparse) });
    }
}
