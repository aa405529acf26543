//! One prompt: a layered DAG, and the responses to it.

use coverage_principle_core::linear::ResponseList;
use coverage_principle_core::random::Stream;

/// Nodes of a middle layer.
pub(super) const WIDTH: usize = 4;

/// A layered DAG: source, L middle layers of four nodes, target. In each middle layer the passable nodes, one or two,
/// have edges to all nodes of the next layer; the others have none.
///
/// Layers are numbered from 0, the source, to L + 1, the target; p(i) is the parity of that number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Graph {
    /// Index of the class: 0, 1 or 2.
    pub(super) class: usize,
    /// The source, the middle layers one after the other, the target.
    pub(super) names: Vec<u32>,
    /// A bit for each node of a middle layer.
    pub(super) passable: Vec<u8>,
}

/// How π_D chooses where a layer has two passable nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The node whose parity is p(i), or the other one, in every layer.
    Match(bool),
    /// Each of the two with probability ½, independently.
    Uniform,
}

impl Graph {
    /// Index of the class: 0 for G1 or class 1, 1 for G2 or class 2, 2 for G3 or class 3.
    #[must_use]
    pub fn class(&self) -> usize {
        self.class
    }

    /// L.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.passable.len()
    }

    /// s.
    #[must_use]
    pub fn source(&self) -> u32 {
        self.names[0]
    }

    /// t.
    #[must_use]
    pub fn target(&self) -> u32 {
        self.names[self.names.len() - 1]
    }

    /// The nodes of layer 0 to L + 1.
    #[must_use]
    pub fn layer(&self, layer: usize) -> &[u32] {
        if layer == 0 {
            &self.names[..1]
        } else if layer <= self.layers() {
            &self.names[1 + WIDTH * (layer - 1)..1 + WIDTH * layer]
        } else {
            &self.names[self.names.len() - 1..]
        }
    }

    /// Whether node `slot` of `layer` has edges to the next layer; the target counts as passable.
    #[must_use]
    pub fn is_passable(&self, layer: usize, slot: usize) -> bool {
        layer == 0 || layer > self.layers() || self.passable[layer - 1] >> slot & 1 == 1
    }

    /// Whether `layer` has two passable nodes.
    #[must_use]
    pub fn is_choice(&self, layer: usize) -> bool {
        (1..=self.layers()).contains(&layer) && self.passable[layer - 1].count_ones() == 2
    }

    /// Whether the parity of `node` is p(`layer`).
    #[must_use]
    pub fn matches(layer: usize, node: u32) -> bool {
        node as usize % 2 == layer % 2
    }

    /// The parity of all passable nodes of the middle layers, which the rule of Figure 2's second class turns on.
    #[must_use]
    pub fn passable_parity(&self) -> bool {
        (1..=self.layers())
            .flat_map(|layer| self.passable_nodes(layer))
            .fold(false, |parity, node| parity ^ (node % 2 == 1))
    }

    fn passable_nodes(&self, layer: usize) -> impl Iterator<Item = u32> + '_ {
        let nodes = self.layer(layer);
        (0..nodes.len()).filter(move |&slot| self.is_passable(layer, slot)).map(move |slot| nodes[slot])
    }

    /// All edges, layer by layer.
    #[must_use]
    pub fn edges(&self) -> Vec<(u32, u32)> {
        let mut edges = Vec::new();
        for layer in 0..=self.layers() {
            for from in self.passable_nodes(layer) {
                edges.extend(self.layer(layer + 1).iter().map(|&to| (from, to)));
            }
        }
        edges
    }

    /// Draws a graph in place: where the choices are, which nodes are passable, the names. `acceptable` says of a node
    /// set, given as (count of nodes in the one half mod 2, in the other), whether the class may have it.
    pub(super) fn draw(
        &mut self,
        class: usize,
        choices: usize,
        layers: usize,
        halves: &Halves,
        acceptable: impl Fn(bool, bool) -> bool,
        stream: &mut Stream,
    ) {
        self.class = class;
        self.passable.clear();
        self.passable.resize(layers, 0);
        // Which layers have a choice: all subsets of that size equally likely.
        let mut left = choices;
        for layer in 0..layers {
            let chosen = stream.below((layers - layer) as u64) < left as u64;
            left -= usize::from(chosen);
            let first = stream.below(WIDTH as u64);
            self.passable[layer] = 1 << first;
            if chosen {
                let second = (first + 1 + stream.below(WIDTH as u64 - 1)) % WIDTH as u64;
                self.passable[layer] |= 1 << second;
            }
        }
        while !self.draw_names(halves, &acceptable, stream) {}
    }

    /// Draws names, those of choices first: one of the two is even, the other odd. The target's comes last, and is
    /// drawn among those that make the node set acceptable; false if there is none.
    fn draw_names(&mut self, halves: &Halves, acceptable: &impl Fn(bool, bool) -> bool, stream: &mut Stream) -> bool {
        let mut unused = Unused::new(halves.names);
        self.names.clear();
        self.names.resize(2 + WIDTH * self.passable.len(), u32::MAX);
        for (layer, &passable) in self.passable.iter().enumerate() {
            if passable.count_ones() == 2 {
                let parity = u32::from(stream.sign() > 0.0);
                let first = passable.trailing_zeros() as usize;
                let second = 7 - passable.leading_zeros() as usize;
                self.names[1 + WIDTH * layer + first] = unused.take(stream, |name| name % 2 == parity);
                self.names[1 + WIDTH * layer + second] = unused.take(stream, |name| name % 2 != parity);
            }
        }
        let last = self.names.len() - 1;
        for name in &mut self.names[..last] {
            if *name == u32::MAX {
                *name = unused.take(stream, |_| true);
            }
        }
        let parities = self.names[..last]
            .iter()
            .fold((false, false), |(one, other), &name| (one ^ halves.in_one(name), other ^ halves.in_other(name)));
        let allowed = |name: u32| acceptable(parities.0 ^ halves.in_one(name), parities.1 ^ halves.in_other(name));
        let possible = (0..halves.names).any(|name| !unused.is_used(name) && allowed(name));
        if possible {
            self.names[last] = unused.take(stream, allowed);
        }
        possible
    }

    /// Adds all paths that `choice` gives probability to, those with a long common beginning next to each other.
    pub(super) fn list(&self, choice: Choice, list: &mut ResponseList) {
        let layers = self.layers();
        let mut path = vec![0; layers + 2];
        (path[0], path[layers + 1]) = (self.source(), self.target());
        let mut open = Vec::new();
        for layer in 1..=layers {
            let mut nodes = self.passable_nodes(layer);
            let first = nodes.next().unwrap_or_default();
            path[layer] = match (nodes.next(), choice) {
                (None, _) => first,
                (Some(second), Choice::Match(wanted)) => {
                    if Self::matches(layer, first) == wanted {
                        first
                    } else {
                        second
                    }
                }
                (Some(second), Choice::Uniform) => {
                    open.push((layer, [first, second]));
                    first
                }
            };
        }
        let probability = 0.5f64.powi(i32::try_from(open.len()).unwrap_or(i32::MAX));
        for bits in 0..1usize << open.len() {
            for (index, (layer, nodes)) in open.iter().enumerate() {
                path[*layer] = nodes[bits >> (open.len() - 1 - index) & 1];
            }
            list.add(&path, probability);
        }
    }
}

/// Which names are taken, a bit each.
struct Unused {
    names: u32,
    used: Vec<u64>,
}

impl Unused {
    fn new(names: u32) -> Self {
        Self { names, used: vec![0; names.div_ceil(64) as usize] }
    }

    fn is_used(&self, name: u32) -> bool {
        self.used[name as usize / 64] >> (name % 64) & 1 == 1
    }

    /// Draws among the unused names that are `allowed`, of which there must be one.
    fn take(&mut self, stream: &mut Stream, allowed: impl Fn(u32) -> bool) -> u32 {
        loop {
            #[expect(clippy::cast_possible_truncation, reason = "below the number of names")]
            let name = stream.below(u64::from(self.names)) as u32;
            if !self.is_used(name) && allowed(name) {
                self.used[name as usize / 64] |= 1 << (name % 64);
                return name;
            }
        }
    }
}

/// Two fixed hidden halves of the names; the parity of a graph's nodes in them tells its class.
#[derive(Clone, Debug)]
pub(super) struct Halves {
    /// m.
    pub(super) names: u32,
    one: Vec<bool>,
    other: Vec<bool>,
}

impl Halves {
    pub(super) fn draw(names: u32, stream: &mut Stream) -> Self {
        let mut half = || {
            let mut half: Vec<bool> = (0..names).map(|name| name < names / 2).collect();
            stream.shuffle(&mut half);
            half
        };
        let one = half();
        Self { names, one, other: half() }
    }

    pub(super) fn in_one(&self, name: u32) -> bool {
        self.one[name as usize]
    }

    pub(super) fn in_other(&self, name: u32) -> bool {
        self.other[name as usize]
    }

    /// The parities of a graph's nodes in the two halves.
    #[cfg(test)]
    pub(super) fn parities(&self, graph: &Graph) -> (bool, bool) {
        graph
            .names
            .iter()
            .fold((false, false), |(one, other), &name| (one ^ self.in_one(name), other ^ self.in_other(name)))
    }
}
