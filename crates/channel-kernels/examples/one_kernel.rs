//! Runs one kernel on one small case, for programs that count instructions.
//!
//! ```text
//! PIXELWISE_INSTRUCTIONS=avx2 cargo run -p channel-kernels --example one_kernel -- CASE
//! ```
//!
//! Without a case it names them all, one on each line. The case `nothing` is what a process does beside its kernel.

use channel_kernels::{
    Convolution, Dense, Epilogue, Lower, LowerProduct, Maxima, Method, Order, Quotient, Shape, Stream, Take, Zero,
};

/// A kernel on one case.
type Case = fn();

const CASES: [(&str, Case); 9] = [
    ("nothing", || {}),
    ("3x3", || forward(three_by_three(), Method::Direct)),
    ("3x3-winograd-2", || forward(three_by_three(), Method::TwoByTwo)),
    ("3x3-winograd-4", || forward(three_by_three(), Method::FourByFour)),
    ("3x3-back", || back(three_by_three())),
    ("1x1-back", || back(Shape::plain(64, 96, [1, 1]))),
    ("depthwise-back", || {
        back(Shape { padding: [[1; 2]; 2], stride: [2; 2], groups: 96, ..Shape::plain(96, 96, [3, 3]) });
    }),
    ("dense", dense),
    ("maxima", maxima),
];

fn main() {
    let Some(name) = std::env::args().nth(1) else {
        CASES.iter().for_each(|(name, _)| println!("{name}"));
        return;
    };
    match CASES.iter().find(|(known, _)| *known == name) {
        Some((_, case)) => case(),
        None => {
            eprintln!("{name} is no case; without an argument all are named");
            std::process::exit(2);
        }
    }
}

const SAMPLES: usize = 1;
const SIZE: [usize; 2] = [14, 14];

fn three_by_three() -> Shape {
    Shape { padding: [[1; 2]; 2], ..Shape::plain(64, 64, [3, 3]) }
}

/// Numbers between −1 and 1.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|place| (place * 37 % 101) as f32 / 50.0 - 1.0).collect()
}

fn weights(shape: &Shape) -> Vec<f32> {
    numbers(shape.outputs * shape.inputs / shape.groups * shape.kernel[0] * shape.kernel[1])
}

fn forward(shape: Shape, method: Method) {
    let Ok(convolution) = Convolution::new(shape) else { return };
    let convolution = convolution.with_method(method);
    let packed = convolution.pack(&weights(&shape));
    let input = numbers(SAMPLES * SIZE[0] * SIZE[1] * shape.inputs);
    let stream = Stream { values: &input, take: Take::All, part: None };
    let output = convolution.over(&packed, SAMPLES, SIZE).forward_new(&[stream], Epilogue::default());
    std::hint::black_box(output);
}

fn back(shape: Shape) {
    let Ok(convolution) = Convolution::new(shape) else { return };
    let Some([height, width]) = shape.output_size(SIZE) else { return };
    let packed = convolution.pack(&weights(&shape));
    let input = numbers(SAMPLES * SIZE[0] * SIZE[1] * shape.inputs);
    let relevance = numbers(SAMPLES * height * width * shape.outputs);
    let quotient = Quotient {
        relevance: &relevance,
        denominator: &relevance,
        without: None,
        bias: None,
        factor: 1.0,
        epsilon: 1e-6,
        zero: Zero::Stabilized,
    };
    let product = LowerProduct { parts: &[None], times: Some((&input, Take::All)) };
    let lower = convolution.over(&packed, SAMPLES, SIZE).quotients_transposed_new(&[quotient], &[product]);
    std::hint::black_box(lower);
}

fn dense() {
    let (outputs, inputs) = (128, 512);
    let (weights, input) = (numbers(outputs * inputs), numbers(inputs));
    let layer = Dense::new(&weights, outputs, inputs, Order::OutputsFirst);
    let (mut output, mut lower) = (vec![0.0; outputs], vec![0.0; inputs]);
    layer.forward(1, &[Stream { values: &input, take: Take::All, part: None }], None, &mut output);
    layer.transposed(1, &[Stream { values: &output, take: Take::All, part: None }], Lower::default(), &mut lower);
    std::hint::black_box(lower);
}

fn maxima() {
    let shape = Shape { padding: [[1; 2]; 2], stride: [2; 2], groups: 96, ..Shape::plain(96, 96, [3, 3]) };
    let Ok(maxima) = Maxima::new(shape) else { return };
    let input = numbers(SAMPLES * SIZE[0] * SIZE[1] * shape.inputs);
    let length = shape.output_size(SIZE).map_or(0, |[height, width]| SAMPLES * height * width * shape.outputs);
    let (mut output, mut winners) = (vec![0.0; length], vec![0; length]);
    maxima.forward(SAMPLES, SIZE, &input, &mut output, &mut winners);
    std::hint::black_box(output);
}
