//! Features that see the graph.

use std::sync::Arc;

use coverage_principle_core::linear::features::{Block, Context, FeatureMap, Part, Scratch};

use super::hashed::coordinate;
use super::layered_dag::Graph;
use super::options::GraphConjunctions;
use super::task::{PROMPTS, Prompts};

/// What can be said of a candidate node: whether it lies in the next layer, whether it is passable; and where the
/// layer has two passable nodes, whether its parity is the layer's, and whether it does as the choice before did. Where
/// asked for, hashed conjunctions of a passable candidate follow.
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
    conjunctions: Option<GraphConjunctions>,
}

/// Conjunctions of a passable candidate.
const CONJUNCTIONS: usize = 3;

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
        Self { prompts, parity, history, hidden_rule, scale, conjunctions: None }
    }

    /// The same with hashed conjunctions beside.
    pub(super) fn with_conjunctions(self, conjunctions: Option<GraphConjunctions>) -> Self {
        Self { conjunctions, ..self }
    }

    /// How many features see the graph; the conjunctions come after them.
    fn seen(&self) -> u32 {
        self.hidden_rule_coordinate() + u32::from(self.hidden_rule)
    }

    /// The conjunctions of `name` after `last`, as calls of `add`.
    fn conjoin(&self, graph: &Graph, layer: usize, name: u32, last: Option<u32>, add: &mut dyn FnMut(u32, f64)) {
        let Some(GraphConjunctions { bits, scale }) = self.conjunctions else { return };
        let value = scale / (CONJUNCTIONS as f64).sqrt();
        let (name, layer) = (u64::from(name), layer as u64);
        let (last, target) = (last.map_or(u64::MAX, u64::from), u64::from(graph.target()));
        for (kind, third) in [(1, 0), (2, last), (3, target)] {
            add(self.seen() + coordinate(bits, kind, name, layer, third), value);
        }
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
        self.seen() as usize + self.conjunctions.map_or(0, |conjunctions| 1 << conjunctions.bits)
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
        let seen = self.scale * (2.0 + of_parity + f64::from(u8::from(self.hidden_rule))).sqrt();
        // All conjunctions may collide: then their values add.
        seen.hypot(self.conjunctions.map_or(0.0, |conjunctions| conjunctions.scale * (CONJUNCTIONS as f64).sqrt()))
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
                if graph.is_passable(layer, slot) {
                    let last = context.prefix.last().copied();
                    self.conjoin(graph, layer, token, last, &mut |coordinate, value| sparse.add(coordinate, value));
                }
            }
            sparse.end_row();
        }
    }

    fn visit(&self, _: Context<'_>, scratch: &Scratch, visitor: &mut dyn FnMut(Part<'_>)) {
        visitor(Part { offset: 0, block: Block::Sparse(&scratch.sparse) });
    }

    fn granule(&self) -> usize {
        if self.conjunctions.is_some() { 1 } else { self.dim() }
    }
}
