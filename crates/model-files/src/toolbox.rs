//! The plain text networks of the LRP toolbox (Lapuschkin et al. 2016): a layer is a line with its name and sizes, then
//! its numbers.
//!
//! ```text
//! Linear m n                        m·n weights, row by row (y = x W + b), and n biases
//! Convolution fh fw fd n s0 s1      fh·fw·fd·n weights W[fh, fw, fd, n], and n biases; no padding
//! SumPool h w s0 s1                 sums over windows, times 1/√(h·w)
//! MaxPool h w s0 s1
//! Rect, Tanh, SoftMax, Flatten
//! ```
//!
//! Images are samples × height × width × channels there, and so are the inputs of the network that is read; inside it
//! they are turned to samples × channels × height × width, and back before a Flatten. Layer k of the file is the node
//! `Name_k`, counted from 1.

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::{ArrayD, Ix4, IxDyn};
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use crate::graph::{Graph, Node};
use crate::{Dimension, Error, InputDeclaration};

/// Returns whether bytes could be the beginning of a text network: a line of text.
pub(crate) fn is_likely(bytes: &[u8]) -> bool {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii();
    line.first().is_some_and(u8::is_ascii_alphabetic) && line.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// The graph of a text network.
pub(crate) fn read<F: Real>(bytes: &[u8]) -> Result<Graph<F>, Error> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        Error::Text { line, reason: "it is no text; expected are layers and their numbers".to_owned() }
    })?;
    let layers = parse(text)?;
    let mut drawing = Drawing::new(&layers);
    for (index, layer) in layers.iter().enumerate() {
        drawing.add(index + 1, layer)?;
    }
    Ok(drawing.finish())
}

/// A layer, with the line on which it stands.
struct Layer {
    line: usize,
    name: String,
    kind: Kind,
}

enum Kind {
    Linear {
        inputs: usize,
        outputs: usize,
        numbers: Vec<f64>,
    },
    /// Of `[height, width, channels, outputs]` weights.
    Convolution {
        sizes: [usize; 4],
        strides: [usize; 2],
        numbers: Vec<f64>,
    },
    SumPool {
        window: [usize; 2],
        strides: [usize; 2],
    },
    MaxPool {
        window: [usize; 2],
        strides: [usize; 2],
    },
    Rect,
    Tanh,
    SoftMax,
    Flatten,
}

const LAYERS: &str = "Linear, Convolution, SumPool, MaxPool, Rect, Tanh, SoftMax and Flatten";

fn refuse(line: usize, reason: impl Into<String>) -> Error {
    Error::Text { line, reason: reason.into() }
}

/// The layers up to the first empty line.
fn parse(text: &str) -> Result<Vec<Layer>, Error> {
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())).peekable();
    let mut layers = Vec::new();
    while let Some((line, header)) = lines.next().filter(|(_, header)| !header.is_empty()) {
        let mut words = header.split_whitespace();
        let name = words.next().unwrap_or_default().to_owned();
        let given: Vec<&str> = words.collect();
        let mut numbers = |count: Option<usize>| {
            let count = count.ok_or_else(|| refuse(line, format!("{header:?} has more weights than any memory")))?;
            let mut numbers = Vec::new();
            while numbers.len() < count {
                let (at, text) = lines.next().filter(|(_, text)| !text.is_empty()).ok_or_else(|| {
                    refuse(line, format!("{header:?} needs {count} numbers, and {} follow", numbers.len()))
                })?;
                for word in text.split_whitespace() {
                    let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
                    numbers
                        .push(number.ok_or_else(|| refuse(at, format!("{word:?} should be a number of {header:?}")))?);
                }
            }
            let excess = numbers.len() - count;
            if excess > 0 {
                Err(refuse(line, format!("{header:?} has {excess} numbers too many")))
            } else {
                Ok(numbers)
            }
        };
        let kind = match name.as_str() {
            "Linear" => {
                let [inputs, outputs] = sizes(line, header, &given)?;
                let count = inputs.checked_mul(outputs).and_then(|count| count.checked_add(outputs));
                Kind::Linear { inputs, outputs, numbers: numbers(count)? }
            }
            "Convolution" => {
                let [height, width, channels, outputs, vertical, horizontal] = sizes(line, header, &given)?;
                let weights = [height, width, channels, outputs].into_iter().try_fold(1usize, usize::checked_mul);
                let count = weights.and_then(|count| count.checked_add(outputs));
                let sizes = [height, width, channels, outputs];
                Kind::Convolution { sizes, strides: [vertical, horizontal], numbers: numbers(count)? }
            }
            "SumPool" | "MaxPool" => {
                let [height, width, vertical, horizontal] = sizes(line, header, &given)?;
                let (window, strides) = ([height, width], [vertical, horizontal]);
                if name == "SumPool" { Kind::SumPool { window, strides } } else { Kind::MaxPool { window, strides } }
            }
            "Rect" => Kind::Rect,
            "Tanh" => Kind::Tanh,
            "SoftMax" => Kind::SoftMax,
            "Flatten" => Kind::Flatten,
            _ => return Err(refuse(line, format!("{header:?} is no layer; known are {LAYERS}"))),
        };
        layers.push(Layer { line, name, kind });
    }
    if layers.is_empty() { Err(refuse(1, "there are no layers")) } else { Ok(layers) }
}

/// The sizes in a layer's header line.
fn sizes<const N: usize>(line: usize, header: &str, given: &[&str]) -> Result<[usize; N], Error> {
    let sizes: Vec<usize> =
        given.iter().filter_map(|word| word.parse().ok().filter(|size| (1..=1 << 31).contains(size))).collect();
    let whole: Option<[usize; N]> = sizes.try_into().ok().filter(|_| given.len() == N);
    whole.ok_or_else(|| refuse(line, format!("{header:?} should have {N} sizes, each at least 1")))
}

/// The layout of samples in the tensor at hand.
#[derive(Clone, Copy, PartialEq)]
enum Layout {
    /// Samples × channels × height × width.
    Images,
    /// Samples × numbers.
    Vectors,
}

/// The graph while layers are added to it.
struct Drawing<F> {
    graph: Graph<F>,
    tensor: String,
    layout: Layout,
}

impl<F: Real> Drawing<F> {
    fn new(layers: &[Layer]) -> Self {
        let first = layers.iter().map(|layer| &layer.kind).find(|kind| !matches!(kind, Kind::Rect | Kind::Tanh));
        let open = |name: &str| Dimension::Symbolic(name.to_owned());
        let images = |channels| vec![open("samples"), open("height"), open("width"), channels];
        let first_weights = layers.iter().find_map(|layer| match &layer.kind {
            Kind::Convolution { sizes, .. } => Some(Dimension::Fixed(sizes[2])),
            Kind::Linear { .. } => Some(open("channels")),
            _ => None,
        });
        let (layout, dimensions) = match first {
            Some(Kind::Linear { inputs, .. }) => (Layout::Vectors, vec![open("samples"), Dimension::Fixed(*inputs)]),
            None | Some(Kind::SoftMax) => (Layout::Vectors, vec![open("samples"), open("numbers")]),
            _ => (Layout::Images, images(first_weights.unwrap_or(open("channels")))),
        };
        let element_type = "FLOAT".to_owned();
        let input = InputDeclaration { name: "input".to_owned(), dimensions: Some(dimensions), element_type };
        let graph = Graph { inputs: vec![input], outputs: Vec::new(), nodes: Vec::new(), constants: BTreeMap::new() };
        let mut drawing = Self { graph, tensor: "input".to_owned(), layout };
        if layout == Layout::Images {
            drawing.transpose("input.layout", [0, 3, 1, 2]);
        }
        drawing
    }

    fn add(&mut self, position: usize, layer: &Layer) -> Result<(), Error> {
        let name = format!("{}_{position}", layer.name);
        let needed = match layer.kind {
            Kind::Linear { .. } | Kind::SoftMax => Some(Layout::Vectors),
            Kind::Convolution { .. } | Kind::SumPool { .. } | Kind::MaxPool { .. } => Some(Layout::Images),
            Kind::Rect | Kind::Tanh | Kind::Flatten => None,
        };
        if needed.is_some_and(|needed| needed != self.layout) {
            let found = if self.layout == Layout::Images { "images; a Flatten is missing" } else { "vectors" };
            return Err(refuse(layer.line, format!("{} can't work on {found}", layer.name)));
        }
        match &layer.kind {
            Kind::Linear { inputs, outputs, numbers } => {
                let (weights, bias) = numbers.split_at(inputs * outputs);
                let weights = self.constant(&format!("{name}.weights"), array(weights, &[*inputs, *outputs]));
                let bias = self.constant(&format!("{name}.bias"), array(bias, &[*outputs]));
                self.node(&name, "Gemm", &[&weights, &bias], []);
            }
            Kind::Convolution { sizes, strides, numbers } => {
                let (weights, bias) = numbers.split_at(sizes.iter().product());
                let weights = array::<F>(weights, sizes)
                    .into_dimensionality::<Ix4>()
                    .map(|weights| weights.permuted_axes([3, 2, 0, 1]).as_standard_layout().into_owned().into_dyn());
                let weights = weights.map_err(|error| refuse(layer.line, error.to_string()))?;
                let weights = self.constant(&format!("{name}.weights"), weights);
                let bias = self.constant(&format!("{name}.bias"), array(bias, &[sizes[3]]));
                self.node(&name, "Conv", &[&weights, &bias], [("strides", integers(strides))]);
            }
            Kind::SumPool { window, strides } => {
                let attributes = [("kernel_shape", integers(window)), ("strides", integers(strides))];
                self.node(&name, "SumPool", &[], attributes);
            }
            Kind::MaxPool { window, strides } => {
                let attributes = [("kernel_shape", integers(window)), ("strides", integers(strides))];
                self.node(&name, "MaxPool", &[], attributes);
            }
            Kind::Rect => self.node(&name, "Relu", &[], []),
            Kind::Tanh => self.node(&name, "Tanh", &[], []),
            Kind::SoftMax => self.node(&name, "Softmax", &[], [("axis", Attribute::Integer(-1))]),
            Kind::Flatten => {
                self.turn_back(&format!("{name}.layout"));
                self.node(&name, "Flatten", &[], [("axis", Attribute::Integer(1))]);
                self.layout = Layout::Vectors;
            }
        }
        Ok(())
    }

    /// Images in the toolbox's order again.
    fn turn_back(&mut self, name: &str) {
        if self.layout == Layout::Images {
            self.transpose(name, [0, 2, 3, 1]);
        }
    }

    fn transpose(&mut self, name: &str, order: [i64; 4]) {
        self.node(name, "Transpose", &[], [("perm", Attribute::Integers(order.to_vec()))]);
    }

    fn constant(&mut self, name: &str, value: ArrayD<F>) -> String {
        self.graph.constants.insert(name.to_owned(), Constant::Real(Arc::new(value)));
        name.to_owned()
    }

    fn node<const N: usize>(&mut self, name: &str, kind: &str, constants: &[&str], attributes: [(&str, Attribute); N]) {
        let inputs = [&[self.tensor.as_str()], constants].concat();
        let node = Node::new(name, kind, &inputs, name);
        self.graph.nodes.push(attributes.into_iter().fold(node, |node, (name, value)| node.with(name, value)));
        self.tensor = name.to_owned();
    }

    fn finish(mut self) -> Graph<F> {
        self.turn_back("output.layout");
        self.graph.outputs.push(self.tensor);
        self.graph
    }
}

fn integers(sizes: &[usize]) -> Attribute {
    Attribute::Integers(sizes.iter().map(|&size| size as i64).collect())
}

/// As many numbers as the shape has, which the reader has counted.
fn array<F: Real>(numbers: &[f64], shape: &[usize]) -> ArrayD<F> {
    ArrayD::from_shape_fn(IxDyn(shape), {
        let mut numbers = numbers.iter();
        move |_| F::of(numbers.next().copied().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, array};
    use proptest::prelude::*;

    use crate::{Dimension, InputShapes, Model};

    fn model(text: &str) -> Result<Model<f64>, String> {
        Model::from_bytes(text.as_bytes(), std::path::Path::new(".")).map_err(|error| error.to_string())
    }

    fn output(text: &str, input: ArrayD<f64>) -> ArrayD<f64> {
        let model = model(text).unwrap();
        let network = model.network(&InputShapes::new().with("input", input.shape())).unwrap();
        network.forward(vec![input]).unwrap().output().to_owned()
    }

    #[test]
    fn both_forms_of_linear_layers_are_read() {
        let input = array![[1.0, 2.0], [0.0, -1.0]].into_dyn();
        let expected = array![[9.5, 12.0, 14.5], [-3.5, -5.0, -6.5]].into_dyn();
        let new = "Linear 2 3\n1 2 3 4 5 6\n0.5 0 -0.5\n";
        let old = "Linear 2 3\n1 2 3\n4 5 6\n0.5 0 -0.5\n\nwhat follows is no part of it";
        assert_eq!(output(new, input.clone()), expected);
        assert_eq!(output(old, input.clone()), expected);
        let rectified = output(&new.replace("-0.5\n", "-0.5\nRect\n"), input);
        assert_eq!(rectified, expected.mapv(|value| value.max(0.0)));
    }

    /// The toolbox's formulas, in plain loops over samples × height × width × channels.
    #[test]
    fn images_are_as_the_toolbox_has_them() {
        let numbers = |from: i32| (0..).map(move |index| f64::from((index * 7 + from) % 11 - 5) / 4.0);
        let text = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
        let (weights, bias): (Vec<f64>, Vec<f64>) =
            (numbers(1).take(2 * 3 * 2 * 3).collect(), numbers(5).take(3).collect());
        let file = format!("Convolution 2 3 2 3 1 2\n{}\n{}\nSumPool 2 1 1 1\nFlatten\n", text(&weights), text(&bias));
        let input = ArrayD::from_shape_vec(vec![2, 4, 5, 2], numbers(3).take(80).collect()).unwrap();
        let mut expected = Vec::new();
        for sample in 0..2 {
            let convolved = |row: usize, column: usize, channel: usize| {
                let mut sum = bias[channel];
                for (r, c, d) in (0..2).flat_map(|r| (0..3).flat_map(move |c| (0..2).map(move |d| (r, c, d)))) {
                    sum += input[[sample, row + r, 2 * column + c, d]] * weights[((r * 3 + c) * 2 + d) * 3 + channel];
                }
                sum
            };
            for (row, column, channel) in (0..2).flat_map(|r| (0..2).flat_map(move |c| (0..3).map(move |k| (r, c, k))))
            {
                let sum = convolved(row, column, channel) + convolved(row + 1, column, channel);
                expected.push(sum / 2.0f64.sqrt());
            }
        }
        let output = output(&file, input);
        assert_eq!(output.shape(), [2, 12]);
        for (value, expected) in output.iter().zip(&expected) {
            assert!((value - expected).abs() < 1e-12, "{value} {expected}");
        }
    }

    #[test]
    fn layers_are_named_by_their_place_in_the_file() {
        let model =
            model("Convolution 1 1 1 1 1 1\n2\n0\nTanh\nMaxPool 2 2 2 2\nSumPool 2 2 2 2\nFlatten\nSoftMax\n").unwrap();
        let symbol = |name: &str| Dimension::Symbolic(name.to_owned());
        let dimensions = [symbol("samples"), symbol("height"), symbol("width"), Dimension::Fixed(1)];
        assert_eq!(model.inputs()[0].dimensions.as_deref(), Some(&dimensions[..]));
        let network = model.network(&InputShapes::new().with("input", [1, 4, 4, 1])).unwrap();
        let names: Vec<&str> = network.nodes().iter().map(|node| node.name.as_str()).collect();
        let layers = ["Convolution_1", "Tanh_2", "MaxPool_3", "SumPool_4"];
        assert_eq!(names[1..5], layers);
        assert_eq!(names[6..], ["Flatten_5", "SoftMax_6"]);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, line, part) in [
            ("Linear 2 1\n1 2\n0\nRectify\n", 4, "\"Rectify\" is no layer"),
            ("Linear 2 1\n1 x\n0\n", 2, "\"x\""),
            ("Linear 2 1\n1 nan\n0\n", 2, "\"nan\""),
            ("Linear 2 1\n1 2\n", 1, "needs 3 numbers, and 2 follow"),
            ("Linear 2 1\n1 2 3 4\n", 1, "1 numbers too many"),
            ("Linear 2\n1 2\n0\n", 1, "2 sizes"),
            ("Linear 0 1\n0\n", 1, "at least 1"),
            ("Linear 2147483648 2147483648\n1\n", 1, "follow"),
            ("Convolution 2147483648 2147483648 2147483648 1 1 1\n1\n", 1, "memory"),
            ("Rect\nConvolution 1 1 1 1 1 1\n1\n0\nLinear 1 1\n1\n0\n", 5, "a Flatten is missing"),
            ("Linear 1 1\n1\n0\nSumPool 2 2 2 2\n", 4, "vectors"),
        ] {
            let message = model(text).map(|_| ()).unwrap_err();
            assert!(message.starts_with(&format!("line {line}: ")) && message.contains(part), "{message}");
        }
    }

    proptest! {
        #[test]
        fn damaged_text_is_never_a_panic(
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            length in any::<prop::sample::Index>(),
        ) {
            let mut bytes = b"Convolution 1 1 1 2 1 1\n0.5 -1\n0 0\nRect\nSumPool 2 2 2 2\nFlatten\nLinear 2 1\n1 2\n0\n".to_vec();
            for (position, value) in flips {
                let position = position.index(bytes.len());
                bytes[position] = value;
            }
            bytes.truncate(length.index(bytes.len() + 1));
            if let Ok(model) = Model::<f32>::from_bytes(&bytes, std::path::Path::new(".")) {
                let _ = model.network(&InputShapes::new().with("input", [1, 2, 2, 1]));
            }
        }
    }
}
