//! The graph reasoning task: its prompts by index, μ, π_D, validation sets.

use std::any::Any;
use std::collections::HashSet;
use std::sync::Arc;

use coverage_principle_core::error::{Code, Error, Result};
use coverage_principle_core::linear::{
    Constraint, DataDistribution, FeatureMap, Listed, Listing, PromptWeights, ResponseList,
};
use coverage_principle_core::random::{Purpose, Stream};
use coverage_principle_core::tournament::Ratios;

use super::features::StructuralFeatures;
use super::hashed::HashedFeatures;
use super::layered_dag::{Choice, Graph, Halves};
use super::options::{GraphFeatureOptions, GraphFigure, GraphOptions};
use crate::instance::{
    Claim, Condition, Description, Estimate, Instance, LinearClass, ModelClass, Quantity, Relation, named, plain,
};

/// Prompts are numbered below this: first the validation prompts, class by class, then fresh ones without end.
pub(super) const PROMPTS: usize = 1 << 40;

/// Stream numbers of the validation prompts of class c begin at (c + 1)·2^44, beyond all fresh ones.
const OF_CLASS: u64 = 1 << 44;

/// Layered DAGs in which a path is to be found (Appendix C).
///
/// A prompt lists the edges in random order and asks for a path from s to t; the response is the path. In layers with
/// two passable nodes π_D chooses by the class of the prompt. The class is in the prompt, as the parity of how many
/// nodes lie in two fixed hidden halves of the names: too hard to learn, so that to a learner the classes look alike.
///
/// Figure 1: a random pair of layers has a choice. G1 takes the node with p(v) = p(i) in both, G2 the other one, G3
/// each with probability ½. Figure 2: class 1 has no choice, class 2 one in half of the layers, where π_D takes
/// p(v) = p(i) ⊕ (parity of all passable nodes), class 3 has four and π_D is uniform over the 16 paths.
///
/// Prompt `i` is drawn from the stream of its number alone: memory and time do not depend on how many there are. The
/// first [`GraphTask::validation_prompts`] are the validation set, the rest are fresh.
#[derive(Clone, Debug)]
pub struct GraphTask {
    pub(super) prompts: Arc<Prompts>,
    options: GraphOptions,
    data: DataDistribution,
    validation: DataDistribution,
    features: Arc<dyn FeatureMap>,
}

/// Where prompts come from.
#[derive(Debug)]
pub(super) struct Prompts {
    pub(super) figure: GraphFigure,
    pub(super) layers: usize,
    pub(super) weights: [f64; 3],
    pub(super) seed: u64,
    pub(super) halves: Halves,
    /// The validation prompts with their stream numbers, class by class.
    pub(super) validation: Vec<(u64, Graph)>,
}

/// A prompt decoded last, as kept from call to call.
struct Decoded {
    prompt: usize,
    graph: Graph,
}

impl Prompts {
    /// m.
    pub(super) fn names(&self) -> u32 {
        self.halves.names
    }

    /// V: the names, `|`, `/` and `=`.
    pub(super) fn vocabulary(&self) -> usize {
        self.names() as usize + 3
    }

    /// H = L + 2.
    pub(super) fn horizon(&self) -> usize {
        self.layers + 2
    }

    /// Draws a graph of `class`.
    fn draw(&self, class: usize, stream: &mut Stream, graph: &mut Graph) {
        let choices = match (self.figure, class) {
            (GraphFigure::First, _) => 2,
            (GraphFigure::Second, 0) => 0,
            (GraphFigure::Second, 1) => self.layers / 2,
            (GraphFigure::Second, _) => 4,
        };
        let first = self.figure == GraphFigure::First;
        // The one half tells G1 from G2, the other the third class from the rest.
        let acceptable =
            |one: bool, other: bool| other == (class == 2) && (class == 2 || !first || one == (class == 1));
        graph.draw(class, choices, self.layers, &self.halves, acceptable, stream);
    }

    /// The stream number of `prompt`.
    fn number(&self, prompt: usize) -> u64 {
        self.validation.get(prompt).map_or(prompt as u64, |(number, _)| *number)
    }

    /// Draws the graph of stream `number`; the stream goes on to the order of the edges.
    fn draw_number(&self, number: u64, graph: &mut Graph) -> Stream {
        let mut stream = Stream::new(self.seed, Purpose::Problem, number);
        let class = if number >= OF_CLASS {
            usize::try_from(number / OF_CLASS - 1).unwrap_or(2)
        } else {
            let uniform = stream.uniform();
            // Rounding must not choose a class of weight 0.
            let last = self.weights.iter().rposition(|&weight| weight > 0.0).unwrap_or(0);
            let mut rest = uniform;
            (0..last)
                .find(|&class| {
                    rest -= self.weights[class];
                    rest < 0.0
                })
                .unwrap_or(last)
        };
        self.draw(class, &mut stream, graph);
        stream
    }

    /// The graph of `prompt`, from the validation set or from `memory`, into which it is drawn if it is not there.
    pub(super) fn graph<'a>(&'a self, prompt: usize, memory: &'a mut Option<Box<dyn Any + Send>>) -> &'a Graph {
        if let Some((_, graph)) = self.validation.get(prompt) {
            return graph;
        }
        let memory = memory.get_or_insert_with(|| Box::new(Decoded { prompt: usize::MAX, graph: Graph::default() }));
        if !memory.is::<Decoded>() {
            *memory = Box::new(Decoded { prompt: usize::MAX, graph: Graph::default() });
        }
        let Some(decoded) = memory.downcast_mut::<Decoded>() else { unreachable!("it was made a Decoded above") };
        if decoded.prompt != prompt {
            self.draw_number(prompt as u64, &mut decoded.graph);
            decoded.prompt = prompt;
        }
        &decoded.graph
    }

    /// How π_D chooses in `graph`.
    pub(super) fn choice(&self, graph: &Graph) -> Choice {
        match (self.figure, graph.class) {
            (_, 2) => Choice::Uniform,
            (GraphFigure::First, class) => Choice::Match(class == 0),
            (GraphFigure::Second, _) => Choice::Match(!graph.passable_parity()),
        }
    }

    /// The prompt's tokens: `u v | u v | … / s t =`, names as themselves, then `|`, `/`, `=`.
    pub(super) fn tokens(&self, prompt: usize) -> Vec<u32> {
        let [bar, slash, equals] = [0, 1, 2].map(|sign| self.names() + sign);
        let mut graph = Graph::default();
        let mut stream = self.draw_number(self.number(prompt), &mut graph);
        let mut edges = graph.edges();
        stream.shuffle(&mut edges);
        let mut tokens = Vec::with_capacity(3 * edges.len() + 3);
        for (index, (from, to)) in edges.into_iter().enumerate() {
            if index > 0 {
                tokens.push(bar);
            }
            tokens.extend([from, to]);
        }
        tokens.extend([slash, graph.source(), graph.target(), equals]);
        tokens
    }
}

/// The paths of each prompt: π_D as a listing.
#[derive(Clone, Debug)]
struct Paths {
    prompts: Arc<Prompts>,
    /// How many prompts there are.
    count: usize,
}

impl Paths {
    fn with_graph<T>(&self, prompt: usize, f: impl FnOnce(&Graph) -> T) -> T {
        f(self.prompts.graph(prompt, &mut None))
    }
}

impl Listing for Paths {
    fn vocabulary(&self) -> usize {
        self.prompts.vocabulary()
    }

    fn horizon(&self) -> usize {
        self.prompts.horizon()
    }

    fn prompts(&self) -> usize {
        self.count
    }

    fn count(&self, prompt: usize) -> usize {
        self.with_graph(prompt, |graph| match self.prompts.choice(graph) {
            Choice::Match(_) => 1,
            Choice::Uniform => 1 << (1..=graph.layers()).filter(|&layer| graph.is_choice(layer)).count(),
        })
    }

    fn list(&self, prompt: usize, list: &mut ResponseList) {
        self.with_graph(prompt, |graph| graph.list(self.prompts.choice(graph), list));
    }
}

impl GraphTask {
    /// The task.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for values out of their range.
    pub fn new(options: &GraphOptions) -> Result<Self> {
        let (options, names, weights) = options.resolved()?;
        let halves = Halves::draw(names, &mut Stream::new(options.seed, Purpose::Problem, u64::MAX));
        let mut prompts = Prompts {
            figure: options.figure,
            layers: options.layers,
            weights,
            seed: options.seed,
            halves,
            validation: Vec::new(),
        };
        let mut seen = HashSet::new();
        let mut validation = Vec::with_capacity(3 * options.validation);
        for class in 0..3u64 {
            let distinct = (0..OF_CLASS).map(|index| (class + 1) * OF_CLASS + index).filter_map(|number| {
                let mut graph = Graph::default();
                prompts.draw_number(number, &mut graph);
                seen.insert(graph.clone()).then_some((number, graph))
            });
            validation.extend(distinct.take(options.validation));
        }
        prompts.validation = validation;
        let prompts = Arc::new(prompts);
        let count = prompts.validation.len();
        let paths = |count| Arc::new(Listed(Paths { prompts: prompts.clone(), count }));
        let data = DataDistribution::new(PromptWeights::Uniform(PROMPTS), paths(PROMPTS), None)?;
        let of_each: Vec<f64> =
            weights.iter().flat_map(|weight| vec![weight / options.validation as f64; options.validation]).collect();
        let validation = DataDistribution::new(PromptWeights::new(&of_each)?, paths(count), None)?;
        let features: Arc<dyn FeatureMap> = match options.features {
            GraphFeatureOptions::Structural { parity, history, hidden_rule, scale, conjunctions } => {
                let (parity, history) = (parity.unwrap_or(true), history.unwrap_or(false));
                let seen = StructuralFeatures::new(prompts.clone(), parity, history, hidden_rule, scale);
                Arc::new(seen.with_conjunctions(conjunctions))
            }
            GraphFeatureOptions::Hashed { bits, scale } => Arc::new(HashedFeatures::new(prompts.clone(), bits, scale)),
        };
        Ok(Self { prompts, options, data, validation, features })
    }

    /// The options, defaults filled in.
    #[must_use]
    pub fn options(&self) -> &GraphOptions {
        &self.options
    }

    /// Names of the classes.
    #[must_use]
    pub fn classes(&self) -> [&'static str; 3] {
        match self.prompts.figure {
            GraphFigure::First => ["G1", "G2", "G3"],
            GraphFigure::Second => ["1", "2", "3"],
        }
    }

    /// Weights of the classes.
    #[must_use]
    pub fn weights(&self) -> [f64; 3] {
        self.prompts.weights
    }

    /// How many validation prompts there are; they are numbers 0 to this, class by class, equally many of each.
    #[must_use]
    pub fn validation_prompts(&self) -> usize {
        self.prompts.validation.len()
    }

    /// μ over the validation prompts, weighted by class, and π_D: for exact measures and held-out responses. Its
    /// prompts have the same numbers as everywhere.
    #[must_use]
    pub fn validation(&self) -> &DataDistribution {
        &self.validation
    }

    /// φ, over all prompts.
    #[must_use]
    pub fn features(&self) -> &Arc<dyn FeatureMap> {
        &self.features
    }

    /// The graph of `prompt`, a number below 2^40.
    #[must_use]
    pub fn graph(&self, prompt: usize) -> Graph {
        self.prompts.graph(prompt, &mut None).clone()
    }

    /// The tokens of `prompt`: names as themselves, then `|`, `/`, `=` as m, m + 1, m + 2.
    #[must_use]
    pub fn prompt_tokens(&self, prompt: usize) -> Vec<u32> {
        self.prompts.tokens(prompt)
    }

    /// Tokens as text, separated by spaces.
    #[must_use]
    pub fn text(&self, tokens: &[u32]) -> String {
        let words: Vec<String> = tokens
            .iter()
            .map(|&token| match token.checked_sub(self.prompts.names()) {
                None => token.to_string(),
                Some(0) => "|".to_owned(),
                Some(1) => "/".to_owned(),
                Some(_) => "=".to_owned(),
            })
            .collect();
        words.join(" ")
    }

    /// The responses to `prompt` with their probabilities.
    #[must_use]
    pub fn paths(&self, prompt: usize) -> ResponseList {
        let mut list = ResponseList::new(self.prompts.horizon());
        let graph = self.graph(prompt);
        graph.list(self.prompts.choice(&graph), &mut list);
        list
    }

    /// KL and Cov of a learner that cannot tell the classes apart and is calibrated otherwise, which is what training
    /// tends to: Figure 1 matches with probability m = w_1/(w_1 + w_2) where G3 has no weight; Figure 2 takes either
    /// node with probability ½.
    fn limit(&self) -> Option<(f64, Vec<(f64, f64)>)> {
        let [w1, w2, w3] = self.prompts.weights;
        match self.prompts.figure {
            GraphFigure::First if w3 == 0.0 => {
                let term = |w: f64| if w > 0.0 { -w * w.ln() } else { 0.0 };
                Some((term(w1) + term(w2), vec![(1.0 / w1, w1), (1.0 / w2, w2)]))
            }
            GraphFigure::First => None,
            GraphFigure::Second => {
                let choices = (self.prompts.layers / 2) as f64;
                Some((w2 * choices * std::f64::consts::LN_2, vec![(choices.exp2(), w2)]))
            }
        }
    }

    fn claims(&self) -> Vec<Claim> {
        let source = "Appendix C";
        let Some((kl, steps)) = self.limit() else { return vec![self.pre_training_claim()] };
        let mut claims = vec![
            Claim::new(source, Quantity::Kl, Relation::Equal, "KL of the calibrated learner, the limit of training")
                .value(kl),
        ];
        match self.prompts.figure {
            GraphFigure::First => {
                let least = steps.iter().filter(|step| step.1 > 0.0).map(|step| (step.1, step.0));
                if let Some((weight, most)) = least.min_by(|a, b| a.0.total_cmp(&b.0)) {
                    let text =
                        "Cov_N turns up again and tends to the weight of the class given up, for N up to its inverse";
                    claims.push(Claim::new("Figure 1", Quantity::Cov, Relation::Equal, text).at(most).value(weight));
                }
            }
            GraphFigure::Second => {
                let text = "Cov_16 is the weight of the unlearnable class at any H, while KL grows like H";
                claims.push(Claim::new("Figure 2", Quantity::Cov, Relation::Equal, text).at(16.0).value(steps[0].1));
                claims[0].exponents = Claim::new(source, Quantity::Kl, Relation::Scales, "").like("H", 1.0).exponents;
            }
        }
        claims
    }

    fn pre_training_claim(&self) -> Claim {
        let [w1, w2, w3] = self.prompts.weights;
        let text = format!(
            "Pre-training leaves the matching path at {:.4}, the opposite one at {:.4}, and each of the two mixed ones at {:.4}",
            w1 + w3 / 4.0,
            w2 + w3 / 4.0,
            w3 / 4.0
        );
        Claim::new("Appendix C", Quantity::Detail, Relation::Equal, text).value(w1 + w3 / 4.0)
    }
}

impl Instance for GraphTask {
    fn describe(&self) -> Description {
        let [w1, w2, w3] = self.prompts.weights;
        let second = self.prompts.figure == GraphFigure::Second;
        Description {
            name: "graph",
            title: "Graph reasoning",
            source: "Appendix C",
            shows: if second {
                "KL at convergence grows with the number of layers, the coverage profile does not"
            } else {
                "KL falls all the way while Cov_N turns up again, and Pass@N follows Cov_N"
            },
            options: plain(&self.options),
            derived: named(&[
                ("weight1", w1),
                ("weight2", w2),
                ("weight3", w3),
                ("dim", self.features.dim() as f64),
                ("bound", self.features.bound()),
                ("names", f64::from(self.prompts.names())),
                ("validationPrompts", self.validation_prompts() as f64),
            ]),
            prompts: None,
            vocabulary: self.prompts.vocabulary(),
            horizon: self.prompts.horizon(),
            estimators: Vec::new(),
            conditions: if second {
                vec![Condition::new("2^(H/2) ≥ 16, so that class 2 counts at N = 16", self.prompts.layers >= 8)]
            } else {
                Vec::new()
            },
            claims: self.claims(),
        }
    }

    fn data(&self) -> &DataDistribution {
        &self.data
    }

    fn validation(&self) -> &DataDistribution {
        self.validation()
    }

    fn class(&self) -> Result<ModelClass> {
        Ok(ModelClass::Linear(LinearClass {
            features: self.features.clone(),
            constraint: Constraint::Ball { radius: self.options.radius },
            start: vec![0.0; self.features.dim()],
        }))
    }

    fn trial(&self, _: &Ratios, _: &mut Stream) -> Result<Vec<Estimate>> {
        Err(Error::new(
            Code::InvalidOption,
            "The graph task has no estimator in closed form: train a linear model on it instead.",
        )
        .at_field("problems"))
    }
}
