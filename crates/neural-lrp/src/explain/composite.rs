//! Composites: which rule at which node.
//!
//! A composite is a list of choices, the first that fits a node decides; what no choice fits gets the rule of its
//! [`Family`]. It also says what a backward pass begins with, [`Start`]. Rules and layers know nothing of it.
//!
//! ```
//! use neural_lrp::Composite;
//! let own = Composite::from_toml(r#"
//!     name = "mine"
//!     [[rule]]
//!     where = "first"
//!     rule = "flat"
//!     [[rule]]
//!     where = "op:Conv"
//!     rule = "alpha-beta=2"
//!     [[rule]]
//!     where = "linear"
//!     rule = "epsilon=0.01"
//! "#)?;
//! assert_eq!(own.name(), "mine");
//! assert!(Composite::named("epsilon-plus").is_ok());
//! # Ok::<(), neural_lrp::Error>(())
//! ```

use relevance::Stabilizer;

use crate::explain::Start;
use crate::explain::input_range::range_at;
use crate::network::{Factors, Network, Node, TensorId};
use crate::operation::{Family, Signal};
use crate::rules::{
    self, AlphaBeta, AttentionConstant, Computed, Epsilon, Flat, Gated, InputRange, LrpZero, Norm, Pass, Rearrange,
    Rule, SpreadConstant, Stop, Taylor, TiesShared, ToolboxPool, WSquare, WinnerTakesAll, WithoutBias, ZBox,
};
use crate::{Error, Real};

mod default;
mod file;
mod named;
mod selector;
mod table;

pub use default::DefaultComposite;
pub use named::{COMPOSITES, NamedComposite};
pub use selector::Selector;

/// Which rule at which node: choices, the first that fits a node decides.
///
/// As text it is a table of its choices, and of what all other nodes get.
#[derive(Clone, Debug)]
pub struct Composite {
    name: String,
    start: Start,
    stabilizer: Stabilizer,
    input_range: Option<InputRange>,
    choices: Vec<Choice>,
}

/// One choice of a composite.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The nodes that it is for.
    pub selector: Selector,
    /// Their rule.
    pub rule: Rule,
}

impl Composite {
    /// A composite without choices, which starts at the score: each node gets the rule of its family.
    pub fn new(name: impl Into<String>) -> Self {
        let stabilizer = rules::default_stabilizer();
        Self { name: name.into(), start: Start::Score, stabilizer, input_range: None, choices: Vec::new() }
    }

    /// One rule for all layers with weights, which starts at the score; every other node gets the rule of its family. The
    /// stabilizer of sums and averages follows ε under a rule of Eq. 56 or 58; the z^B-rule is for the first of these
    /// layers, with ε = 1e-6 in all others.
    pub fn uniform(rule: Rule) -> Self {
        let composite = Self::new(rule.to_string());
        if rule.downcast_ref::<ZBox>().is_some() {
            let epsilon = Epsilon { stabilizer: composite.stabilizer };
            return composite.with(Selector::First, rule).with(Selector::Linear, epsilon);
        }
        let stabilizer = rule.terms().and_then(|terms| terms.stabilizer_of_sums()).unwrap_or(composite.stabilizer);
        composite.with_stabilizer(stabilizer).with(Selector::Linear, rule)
    }

    /// Adds a choice, for nodes that no earlier choice fits.
    #[must_use]
    pub fn with(mut self, selector: Selector, rule: impl Into<Rule>) -> Self {
        self.choices.push(Choice { selector, rule: rule.into() });
        self
    }

    /// Puts a choice before all others.
    #[must_use]
    pub fn with_first(mut self, selector: Selector, rule: impl Into<Rule>) -> Self {
        self.choices.insert(0, Choice { selector, rule: rule.into() });
        self
    }

    /// With another ε of averages and sums than 1e-6.
    #[must_use]
    pub fn with_stabilizer(self, stabilizer: Stabilizer) -> Self {
        Self { stabilizer, ..self }
    }

    /// With another start than the score.
    #[must_use]
    pub fn with_start(self, start: Start) -> Self {
        Self { start, ..self }
    }

    /// With the range of the network's input, for z^B-rules that do not bring one. It is carried to the layer that has
    /// the rule, through whatever scales, shifts and rearranges the numbers on the way.
    #[must_use]
    pub fn with_input_range(self, range: &InputRange) -> Self {
        Self { input_range: Some(range.clone()), ..self }
    }

    /// With what the authors' toolbox does beside the formulas: at pools, see [`ToolboxPool`], where equal maxima share as
    /// well; and its flat and w²-rules know neither biases nor an ε.
    ///
    /// The toolbox has one rule for all layers, so this is about the choice for all linear layers.
    #[must_use]
    pub fn compatible_with_toolbox(mut self) -> Self {
        let linear = self.choices.iter_mut().find(|choice| matches!(choice.selector, Selector::Linear));
        let pool = linear.and_then(|choice| {
            let pool = toolbox_pool(&choice.rule);
            choice.rule = toolbox_layer(&choice.rule).unwrap_or_else(|| choice.rule.clone());
            pool
        });
        let of = |kind: &str| Selector::Operation(kind.to_owned()).optional();
        let composite = match pool {
            Some(flat @ ToolboxPool::Flat) => {
                self.with_first(of("GlobalMaxPool"), flat).with_first(of("MaxPool"), flat)
            }
            _ => self.with_first(of("MaxPool"), TiesShared),
        };
        match pool {
            Some(pool) => composite.with_first(of("SumPool"), pool),
            None => composite,
        }
    }

    /// The composite's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a backward pass begins with, where nothing else is said.
    pub fn start(&self) -> Start {
        self.start
    }

    /// The choices, in order.
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// The rule of each node, in the order of [`Network::nodes`].
    ///
    /// # Errors
    /// As [`choose`](Self::choose), and [`Error::Node`] for a rule that is not complete: a z^B-rule without the range of
    /// inputs.
    pub fn assign<F: Real>(&self, network: &Network<F>) -> Result<Vec<Rule>, Error> {
        let rules = self.choose(network)?;
        for (node, rule) in network.nodes().iter().zip(&rules) {
            if let Some(lack) = rule.lacks() {
                let error = Error::Setting { what: "rule", given: rule.to_string(), reason: lack.into() };
                return Err(error.at(&node.name, node.operation.kind()));
            }
        }
        Ok(rules)
    }

    /// The rule of each node, whether it has all that it needs or not: a z^B-rule may still lack the range of inputs.
    ///
    /// # Errors
    /// [`Error::Setting`] for a choice of nodes that are not there, where its [`Selector`] demands them; [`Error::Node`] for
    /// a rule that does not apply to its node.
    pub fn choose<F: Real>(&self, network: &Network<F>) -> Result<Vec<Rule>, Error> {
        let places = selector::Places::of(network);
        let factors = Factors::of(network);
        for choice in &self.choices {
            choice.selector.check(network)?;
        }
        let mut rules = Vec::with_capacity(network.nodes().len());
        for node in network.nodes() {
            let chosen = self.choices.iter().find(|choice| choice.selector.fits(node, &places));
            let rule = chosen.map_or_else(|| self.by_family(&factors, node), |choice| choice.rule.clone());
            let rule = self.with_values(rule, places.values(node));
            let rule = self.with_computed(rule, network, node);
            let rule = self.with_range(rule, network, node)?;
            rule.applies_to(node.operation.as_ref()).map_err(|error| error.at(&node.name, node.operation.kind()))?;
            rules.push(rule);
        }
        Ok(rules)
    }

    /// The rule with the range of what its layer takes, if it is a z^B-rule that needs one and the range of the network's
    /// input is known.
    fn with_range<F: Real>(&self, rule: Rule, network: &Network<F>, node: &Node<F>) -> Result<Rule, Error> {
        match (rule.downcast_ref(), &self.input_range) {
            (Some(ZBox { range: None }), Some(range)) => {
                let range = range_at(network, node.operands[0], range);
                let range = range.map_err(|error| error.at(&node.name, node.operation.kind()))?;
                Ok(ZBox { range: Some(range) }.into())
            }
            _ => Ok(rule),
        }
    }

    /// The rule with the operand that all relevance is for, if it is one of attention at a node that has such an operand.
    fn with_values(&self, rule: Rule, values: Option<Signal>) -> Rule {
        match (rule.downcast_ref::<AttentionConstant>(), values) {
            (Some(constant), Some(values)) => constant.with_values(values, self.stabilizer).into(),
            _ => rule,
        }
    }

    /// The rule with the operand that is no constant, if it is one of sums with constants; the rule of other sums, where none
    /// of two operands is one.
    fn with_computed<F: Real>(&self, rule: Rule, network: &Network<F>, node: &Node<F>) -> Rule {
        let Some(&spread) = rule.downcast_ref::<SpreadConstant>().filter(|spread| spread.computed.is_none()) else {
            return rule;
        };
        let stabilizer = spread.stabilizer.unwrap_or(self.stabilizer);
        let is_constant = |operand: &TensorId| network.tensor(*operand).constant.is_some();
        let computed = match node.operands.iter().map(is_constant).collect::<Vec<_>>()[..] {
            [false, true] => Computed::First,
            [true, false] => Computed::Second,
            _ if node.operation.family() == Family::Sum => return Norm { stabilizer }.into(),
            _ => return rule,
        };
        SpreadConstant { computed: Some(computed), stabilizer: Some(stabilizer) }.into()
    }

    /// The rule of a node that no choice is about.
    fn by_family<F: Real>(&self, factors: &Factors<'_, F>, node: &Node<F>) -> Rule {
        match node.operation.family() {
            Family::Linear => Epsilon { stabilizer: self.stabilizer }.into(),
            Family::Activation | Family::Normalization => Pass.into(),
            Family::Arrangement => Rearrange.into(),
            Family::Sum => Norm { stabilizer: self.stabilizer }.into(),
            Family::Maximum => WinnerTakesAll.into(),
            Family::Product => Gated::new(factors.signal(node)).into(),
            Family::Bilinear => Gated { signal: factors.signal(node), stabilizer: self.stabilizer }.into(),
            Family::Softmax => Taylor { stabilizer: Stabilizer::NONE }.into(),
            Family::Decision => Stop.into(),
        }
    }
}

/// What the toolbox does at pools under a rule for all linear layers; `None` where it does nothing beside the formulas.
fn toolbox_pool(linear: &Rule) -> Option<ToolboxPool> {
    if let Some(rule) = linear.downcast_ref::<AlphaBeta>() {
        return Some(ToolboxPool::AlphaBeta { alpha: rule.alpha() });
    }
    if toolbox_layer(linear).is_some() {
        return Some(ToolboxPool::Flat);
    }
    let epsilon = linear.downcast_ref::<Epsilon>().map(|epsilon| epsilon.stabilizer);
    let stabilizer = epsilon.or(linear.downcast_ref::<LrpZero>().map(|_| Stabilizer::NONE));
    stabilizer.map(ToolboxPool::Epsilon)
}

/// What the toolbox has for a rule that it does not have as it is; `None` for all others.
fn toolbox_layer(linear: &Rule) -> Option<Rule> {
    if linear.downcast_ref::<Flat>().is_some() {
        return Some(Flat { stabilizer: Stabilizer::NONE }.into());
    }
    linear.downcast_ref::<WSquare>()?;
    WithoutBias::new(WSquare { stabilizer: Stabilizer::NONE }.into()).ok().map(Rule::from)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::NetworkBuilder;
    use crate::explain::{COMPOSITES, Explainer, Initial};
    use crate::operation::OperatorSpec;
    use crate::operations;

    /// A perceptron of two layers.
    fn perceptron() -> Network<f64> {
        let dense = || {
            let weights = Arc::new(ndarray::ArrayD::ones(vec![2, 2]));
            operations::read(&OperatorSpec::new("Gemm", 1).with_constant(weights)).unwrap().operation
        };
        let mut network = NetworkBuilder::new();
        network.input("x", [None, Some(2)]).output("y");
        network.node("first", dense(), ["x"], "z");
        network.node("relu", Arc::new(operations::Relu), ["z"], "a");
        network.node("second", dense(), ["a"], "y");
        network.build().unwrap()
    }

    fn composite(selector: &str, rule: &str) -> Composite {
        Composite::new("mine").with(selector.parse().unwrap(), rule.parse::<Rule>().unwrap())
    }

    #[test]
    fn named_composites_fit_a_perceptron() {
        for named in COMPOSITES {
            named.composite().unwrap().assign(&perceptron()).unwrap();
        }
        let toolbox = Composite::uniform("epsilon=0.01".parse().unwrap()).compatible_with_toolbox();
        toolbox.assign(&perceptron()).unwrap();
    }

    #[test]
    fn nodes_that_are_not_there_are_refused() {
        let refused = |selector: &str| composite(selector, "flat").assign(&perceptron()).unwrap_err().to_string();
        let message = refused("op:Conv");
        assert!(
            message.contains("has no Conv; it has Gemm, Relu") && message.contains("optional:op:Conv"),
            "{message}"
        );
        let message = refused("op:Convolution");
        assert!(message.contains("no operation has this name") && message.contains("Gemm, Relu"), "{message}");
        let message = refused("/features/*");
        assert!(message.contains("no node has such a name") && message.contains("first, relu, second"), "{message}");
        for selector in
            ["optional:op:Conv", "optional:/features/*", "first-convolution", "convolution", "sum", "op:Gemm"]
        {
            composite(selector, "flat").assign(&perceptron()).unwrap();
        }
    }

    /// A position code, 3 tokens × 4 numbers.
    fn code() -> ndarray::ArrayD<f64> {
        ndarray::ArrayD::from_shape_fn(vec![3, 4], |place| 1.0 + 0.25 * place[0] as f64 - 0.5 * place[1] as f64)
    }

    /// A transformer of one block, by patches: a dense layer, a position code, layer normalization, attention of one head.
    fn transformer() -> Network<f64> {
        masked_transformer(0.0)
    }

    /// The same with a mask that is added to the scores of the last token.
    fn masked_transformer(mask: f64) -> Network<f64> {
        let ones = |shape: &[usize]| Arc::new(ndarray::ArrayD::ones(shape));
        let mut network = NetworkBuilder::new();
        network.input("x", [Some(1), Some(3), Some(4)]).output("y");
        network.constant("code", code());
        network.constant(
            "mask",
            ndarray::ArrayD::from_shape_fn(vec![3, 3], |place| if place[1] == 2 { mask } else { 0.0 }),
        );
        let mut node = |name: &str, spec: OperatorSpec<f64>, operands: &[&str]| {
            network.node(name, operations::read(&spec).unwrap().operation, operands.to_vec(), name);
        };
        let dense = || OperatorSpec::new("MatMul", 1).with_constant(ones(&[4, 4]));
        let scale = OperatorSpec::new("LayerNormalization", 1).with_constant(ones(&[4]));
        node("embedding", dense(), &["x"]);
        node("position", OperatorSpec::new("Add", 2), &["embedding", "code"]);
        node("norm", scale, &["position"]);
        node("query", dense(), &["norm"]);
        node("turned", OperatorSpec::new("Transpose", 1).with_integers("perm", [0, 2, 1]), &["norm"]);
        node("scores", OperatorSpec::new("MatMul", 2), &["query", "turned"]);
        node("masked", OperatorSpec::new("Add", 2), &["scores", "mask"]);
        node("softmax", OperatorSpec::new("Softmax", 1), &["masked"]);
        node("y", OperatorSpec::new("MatMul", 2), &["softmax", "norm"]);
        network.build().unwrap()
    }

    #[test]
    fn attention_has_its_own_selectors_and_rules() {
        let rules = |composite: &Composite| {
            let (network, rules) = (transformer(), composite.assign(&transformer()).unwrap());
            let named = network.nodes().iter().zip(&rules).map(|(node, rule)| (node.name.clone(), rule.to_string()));
            named.collect::<std::collections::BTreeMap<_, _>>()
        };
        let found = rules(&Composite::named("attention-cp-gamma").unwrap());
        for (node, rule) in
            [("embedding", "gamma=0.05"), ("norm", "detached"), ("y", "signal=second"), ("scores", "signal=both")]
        {
            assert_eq!(found[node], rule, "{node}");
        }
        let found = rules(&Composite::named("attnlrp").unwrap());
        for (node, rule) in [("norm", "pass"), ("softmax", "taylor=0"), ("y", "signal=both"), ("position", "norm")] {
            assert_eq!(found[node], rule, "{node}");
        }
        // Products of two tensors follow the ε of the composite.
        let wide = Composite::uniform("epsilon=0.5".parse().unwrap());
        let wide = wide.with_first("attention-value".parse().unwrap(), AttentionConstant { stabilizer: None });
        let found = rules(&wide);
        assert_eq!((&found["scores"][..], &found["y"][..]), ("signal=both,0.5", "signal=second,0.5"));
        for (selector, node) in [
            ("query-key", "scores"),
            ("attention-score", "softmax"),
            ("attention-value", "y"),
            ("layer-normalization", "norm"),
            ("first-patch-embedding", "embedding"),
        ] {
            let found = rules(&composite(selector, "gradient"));
            let chosen: Vec<&String> =
                found.iter().filter(|(_, rule)| *rule == "gradient").map(|(node, _)| node).collect();
            assert_eq!(chosen, [node], "{selector}");
        }
        // A perceptron takes no patches.
        let perceptron = composite("first-patch-embedding", "flat").assign(&perceptron()).unwrap();
        assert!(perceptron.iter().all(|rule| rule.name() != "flat"));
        let message = composite("scores", "attention-constant").assign(&transformer()).unwrap_err().to_string();
        assert!(message.contains("node \"scores\" (MatMul)") && message.contains("attention-value"), "{message}");
    }

    #[test]
    fn masks_leave_numbers_and_balanced_books() {
        let numbers = ndarray::ArrayD::from_shape_fn(vec![1, 3, 4], |place| {
            0.75 - 0.5 * place[1] as f64 + 0.25 * place[2] as f64
        });
        for mask in [f64::NEG_INFINITY, -100.0] {
            let explainer = Explainer::new(&masked_transformer(mask)).unwrap();
            let forward = explainer.forward(numbers.view()).unwrap();
            let question = Initial::Array(ndarray::ArrayD::ones(forward.scores().raw_dim())).into();
            for name in ["attnlrp", "attention-cp", "attention-cp-gamma", "attention-cp-gamma-identity"] {
                for normalization in ["pass", "detached", "taylor"] {
                    let composite = Composite::named(name).unwrap();
                    let rule = normalization.parse::<Rule>().unwrap();
                    let composite = composite.with_first("layer-normalization".parse().unwrap(), rule);
                    let explained = forward.explain(&composite, &question).unwrap();
                    assert!(explained.relevance[0].iter().all(|r| r.is_finite()), "{name}, {normalization}, {mask}");
                    explained.ledgers[0].check(1e-10).unwrap();
                    // The masked token is value for none, query for its own output: by its values it has nothing.
                    if name != "attnlrp" {
                        let masked = explained.relevance[0]
                            .index_axis(ndarray::Axis(1), 2)
                            .iter()
                            .fold(0.0, |sum, r| sum + f64::abs(*r));
                        assert!(masked < 1e-30, "{name}, {normalization}, {mask}: {masked}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_position_code_hands_its_share_to_its_patch_by_choice() {
        let explainer = Explainer::new(&transformer()).unwrap();
        let numbers = ndarray::ArrayD::from_shape_fn(vec![1, 3, 4], |place| {
            0.5 - 0.25 * place[1] as f64 + 0.125 * place[2] as f64
        });
        let forward = explainer.forward(numbers.view()).unwrap();
        let question = crate::Question {
            at: vec!["embedding".into(), "position".into()],
            ..Initial::Array(ndarray::ArrayD::ones(forward.scores().raw_dim())).into()
        };
        let explained = |rule: &str| {
            let composite = Composite::named("attention-cp-gamma").unwrap();
            let composite = composite.with_first("position".parse().unwrap(), rule.parse::<Rule>().unwrap());
            forward.explain(&composite, &question).unwrap()
        };
        let (sunk, spread) = (explained("norm"), explained("spread-constant"));
        let constants =
            |explained: &crate::Explained<f64>| explained.ledgers[0].total().sink(relevance::Sink::Constant);
        assert!(constants(&sunk).magnitude > 0.1, "{}", sunk.ledgers[0]);
        assert_eq!(constants(&spread).magnitude, 0.0);
        spread.ledgers[0].check(1e-10).unwrap();
        // Plain loops: what the code has at a token goes to the token's numbers, by their magnitudes.
        let (x, upper) =
            (forward.value(explainer.network().find("embedding").unwrap()).unwrap(), &spread.at["position"]);
        for token in 0..3 {
            let stabilized = |d: usize| {
                let z = x[[0, token, d]] + code()[[token, d]];
                z + if z < 0.0 { -1e-6 } else { 1e-6 }
            };
            let code: f64 = (0..4).map(|d| code()[[token, d]] * upper[[0, token, d]] / stabilized(d)).sum();
            let magnitude: f64 = (0..4).map(|d| x[[0, token, d]].abs()).sum();
            for d in 0..4 {
                let x = x[[0, token, d]];
                let expected = x * upper[[0, token, d]] / stabilized(d) + x.abs() / magnitude * code;
                assert!((spread.at["embedding"][[0, token, d]] - expected).abs() < 1e-12);
            }
        }
        let rules = composite("op:Add", "spread-constant").assign(&transformer()).unwrap();
        assert!(rules.iter().any(|rule| rule.to_string() == "spread-constant=first,0.000001"), "{rules:?}");
        let message = composite("embedding", "spread-constant").assign(&transformer()).unwrap_err().to_string();
        assert!(message.contains("sums of a computed tensor and a constant"), "{message}");
    }

    #[test]
    fn sums_without_a_constant_keep_their_rule() {
        let mut network = NetworkBuilder::<f64>::new();
        network.input("x", [None, Some(2)]).output("y");
        let add = operations::read(&OperatorSpec::new("Add", 2)).unwrap().operation;
        network.node("sum", add, ["x", "x"], "y");
        let rules = composite("op:Add", "spread-constant=0.5").assign(&network.build().unwrap()).unwrap();
        assert_eq!(rules[0].to_string(), "norm=0.5");
    }

    /// An operation that this crate does not have.
    #[derive(Debug)]
    struct Own;

    impl crate::Operation<f64> for Own {
        fn to_spec(&self) -> OperatorSpec<f64> {
            OperatorSpec::new("Own", 1)
        }

        fn kind(&self) -> &'static str {
            "Own"
        }

        fn family(&self) -> Family {
            Family::Activation
        }

        fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
            Ok(operands[0].to_vec())
        }

        fn forward(&self, operands: &[ndarray::ArrayViewD<'_, f64>]) -> ndarray::ArrayD<f64> {
            operands[0].to_owned()
        }

        fn gradient(&self, _: &crate::Step<'_, f64>, upper: ndarray::ArrayViewD<'_, f64>) -> Vec<ndarray::ArrayD<f64>> {
            vec![upper.to_owned()]
        }
    }

    #[test]
    fn operations_of_ones_own_are_chosen_by_their_kind() {
        let mut network = NetworkBuilder::new();
        network.input("x", [None, Some(2)]).output("y");
        network.node("own", Arc::new(Own), ["x"], "y");
        let rules = composite("op:Own", "taylor").assign(&network.build().unwrap()).unwrap();
        assert_eq!(rules[0].name(), "taylor");
    }

    #[test]
    fn a_rule_that_is_not_for_its_node_is_refused() {
        for (selector, rule, reason) in [
            ("op:Relu", "flat", "it is for layers with weights"),
            ("relu", "epsilon=0.5", "pass, norm, taylor or gradient"),
            ("relu", "winner", "it is for maxima, of windows (MaxPool)"),
            ("relu", "norm", "pass or taylor"),
            ("relu", "arrange", "only move numbers"),
            ("relu", "signal=first", "it is for products"),
            ("relu", "toolbox-pool=epsilon,1", "own operator, SumPool"),
        ] {
            let message = composite(selector, rule).assign(&perceptron()).unwrap_err().to_string();
            for part in ["node \"relu\" (Relu)", rule, reason] {
                assert!(message.contains(part), "{part}: {message}");
            }
        }
        let message = composite("first", "z-box").assign(&perceptron()).unwrap_err().to_string();
        assert!(message.contains("node \"first\" (Gemm)") && message.contains("z-box=-1,1"), "{message}");
        composite("first", "z-box").choose(&perceptron()).unwrap();
    }

    #[test]
    fn sums_take_over_the_stabilizer_of_the_one_rule() {
        let stabilizer = |rule: &str| Composite::uniform(rule.parse().unwrap()).stabilizer.epsilon();
        for (rule, epsilon) in [
            ("lrp-0", 0.0),
            ("epsilon=0.5", 0.5),
            ("even-bias", 0.0),
            ("even-bias=0.5", 0.5),
            ("z-box", 1e-6),
            ("alpha-beta=2,epsilon=0.5", 1e-6),
            ("z-plus=0.5", 1e-6),
            ("pass", 1e-6),
        ] {
            assert_eq!(stabilizer(rule), epsilon, "{rule}");
        }
    }

    #[test]
    fn the_toolbox_has_a_rule_for_sum_pools() {
        let pool = |rule: &str| {
            let composite = Composite::uniform(rule.parse().unwrap()).compatible_with_toolbox();
            let choices = composite.choices().iter();
            choices.map(|choice| format!("{} {}", choice.selector, choice.rule)).collect::<Vec<_>>()
        };
        assert_eq!(
            pool("epsilon=0.5"),
            ["optional:op:SumPool toolbox-pool=epsilon,0.5", "optional:op:MaxPool ties-shared", "linear epsilon=0.5"]
        );
        assert_eq!(pool("lrp-0")[0], "optional:op:SumPool toolbox-pool=epsilon,0");
        assert_eq!(pool("alpha-beta=2")[0], "optional:op:SumPool toolbox-pool=alpha-beta,2");
        let flat = |linear: &str| {
            let pools =
                ["SumPool", "MaxPool", "GlobalMaxPool"].map(|kind| format!("optional:op:{kind} toolbox-pool=flat"));
            [pools.to_vec(), vec![format!("linear {linear}")]].concat()
        };
        assert_eq!(pool("flat"), flat("flat=0"));
        assert_eq!(pool("w-square"), flat("without-bias=w-square=0"));
        assert_eq!(pool("z-plus")[0], "optional:op:MaxPool ties-shared");
    }
}
