//! Dense layers and attention beside the products of other crates, by the best instruction set.
use std::hint::black_box;

use channel_kernels::{
    Dense, Instructions, Lower, Matrices, MatricesMut, Onto, Order, Product, Stream, Take, WeightPart,
};

use crate::{peak, time};

/// Seconds that the ways to do something are tried for, all together.
const SECONDS: f64 = 0.5;

/// A way to do a layer.
struct Way<'a> {
    name: &'static str,
    run: Box<dyn FnMut() + 'a>,
}

fn way<'a>(name: &'static str, run: impl FnMut() + 'a) -> Way<'a> {
    Way { name, run: Box::new(run) }
}

/// Prints the time of each way, its share of the peak, and how many weights it reads in a second.
fn print(name: &str, products: usize, weights: usize, mut ways: Vec<Way<'_>>) {
    let mut least = vec![f64::INFINITY; ways.len()];
    let (mut least_peak, mut spent, mut rounds) = (f64::INFINITY, 0.0, 0);
    while rounds < 5 || (spent < SECONDS && rounds < 500) {
        least_peak = least_peak.min(time::of(|| {
            black_box(peak::multiply_adds(Instructions::current()));
        }));
        for (least, way) in least.iter_mut().zip(&mut ways) {
            let seconds = time::of(&mut way.run);
            *least = least.min(seconds);
            spent += seconds;
        }
        rounds += 1;
    }
    let peak = peak::OPERATIONS / least_peak;
    println!("{name:28} peak {:4.0}", peak / 1e9);
    for (way, seconds) in ways.iter().zip(least) {
        let share = 2.0 * products as f64 / seconds / peak;
        let rate =
            if weights > 0 { format!("{:6.1} GB/s", 4.0 * weights as f64 / seconds / 1e9) } else { String::new() };
        println!("  {:28} {:8.3} ms  {share:.2}  {rate}", way.name, seconds * 1e3);
    }
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + 13) % 1009) as f32 / 504.5 - 1.0).collect()
}

/// A matrix of another crate's product: how far rows and columns are apart.
#[derive(Clone, Copy)]
struct View<'a> {
    values: &'a [f32],
    row: usize,
    column: usize,
}

/// C (m × n) = A (m × k) B, rows of C so far apart.
type Multiply = fn([usize; 3], View<'_>, View<'_>, &mut [f32], usize);

/// What ours are measured beside, with its names forward and transposed.
const OTHERS: [([&str; 2], Multiply); 2] =
    [(["matrixmultiply", "matrixmultiply, transposed"], by_matrixmultiply), (["gemm", "gemm, transposed"], by_gemm)];

/// Whether the slices hold their matrices.
fn fit([m, k, n]: [usize; 3], a: View<'_>, b: View<'_>, c: &[f32], c_row: usize) -> bool {
    let holds = |length: usize, [rows, columns]: [usize; 2], [row, column]: [usize; 2]| {
        length > (rows - 1) * row + (columns - 1) * column
    };
    holds(a.values.len(), [m, k], [a.row, a.column])
        && holds(b.values.len(), [k, n], [b.row, b.column])
        && holds(c.len(), [m, n], [c_row, 1])
}

fn by_matrixmultiply(sizes: [usize; 3], a: View<'_>, b: View<'_>, c: &mut [f32], c_row: usize) {
    assert!(fit(sizes, a, b, c, c_row));
    let [m, k, n] = sizes;
    let [[a_row, a_column], [b_row, b_column]] = [a, b].map(|view| [view.row as isize, view.column as isize]);
    let (a, b, c, c_row) = (a.values.as_ptr(), b.values.as_ptr(), c.as_mut_ptr(), c_row as isize);
    // SAFETY: the slices hold the matrices.
    unsafe { matrixmultiply::sgemm(m, k, n, 1.0, a, a_row, a_column, b, b_row, b_column, 0.0, c, c_row, 1) };
}

#[rustfmt::skip]
fn by_gemm(sizes: [usize; 3], a: View<'_>, b: View<'_>, c: &mut [f32], c_row: usize) {
    assert!(fit(sizes, a, b, c, c_row));
    let [m, k, n] = sizes;
    let [[a_row, a_column], [b_row, b_column]] = [a, b].map(|view| [view.row as isize, view.column as isize]);
    let (a, b, c, c_row) = (a.values.as_ptr(), b.values.as_ptr(), c.as_mut_ptr(), c_row as isize);
    let one_thread = gemm::Parallelism::None;
    // SAFETY: the slices hold the matrices.
    unsafe {
        gemm::gemm(
            m, n, k, c, 1, c_row, false, a, a_column, a_row, b, b_column, b_row, 0.0, 1.0, false, false, false,
            one_thread,
        );
    }
}

fn layer(name: &str, inputs: usize, outputs: usize, samples: usize) {
    let (weights, x, s) = (numbers(inputs * outputs), numbers(samples * inputs), numbers(samples * outputs));
    let half: Vec<f32> = s.iter().map(|&s| s.max(0.0)).collect();
    let dense = Dense::new(&weights, outputs, inputs, Order::OutputsFirst);
    let positive: &WeightPart = &|weights, part| part.iter_mut().zip(weights).for_each(|(p, w)| *p = w.max(0.0));
    let forward = |part| {
        let (stream, mut z) = (Stream { values: &x[..], take: Take::All, part }, numbers(samples * outputs));
        move || dense.forward(samples, &[stream], None, black_box(&mut z))
    };
    let transposed = |values, part| {
        let (stream, mut c) = (Stream { values, take: Take::All, part }, numbers(samples * inputs));
        move || drop(dense.transposed(samples, &[stream], Lower::default(), black_box(&mut c)))
    };
    let mut ways = vec![
        way("forward", forward(None)),
        way("forward, W⁺", forward(Some(positive))),
        way("transposed", transposed(&s[..], None)),
        way("transposed, W⁺", transposed(&s, Some(positive))),
        way("transposed, half of s zero", transposed(&half, None)),
    ];
    for (names, multiply) in OTHERS {
        let (a, b) = (View { values: &x, row: inputs, column: 1 }, View { values: &weights, row: 1, column: inputs });
        let mut z = numbers(samples * outputs);
        ways.push(way(names[0], move || multiply([samples, inputs, outputs], a, b, black_box(&mut z), outputs)));
        let (a, b) = (View { values: &s, row: outputs, column: 1 }, View { values: &weights, row: inputs, column: 1 });
        let mut c = numbers(samples * inputs);
        ways.push(way(names[1], move || multiply([samples, outputs, inputs], a, b, black_box(&mut c), inputs)));
    }
    print(name, inputs * outputs * samples, inputs * outputs, ways);
}

/// The products of attention, Q Kᵀ and P V, of heads that lie side by side.
fn attention(name: &str, heads: usize, tokens: usize, channels: usize) {
    let row = heads * channels;
    let [q, k, v] = [(); 3].map(|()| numbers(tokens * row));
    let scores = Product { batch: heads, rows: tokens, depth: channels, columns: tokens };
    let mixed = Product { batch: heads, rows: tokens, depth: tokens, columns: channels };
    let side = |values| Matrices { values, matrix: channels, row, column: 1 };
    let (mut p, mut out) = (numbers(heads * tokens * tokens), numbers(tokens * row));
    let (q_heads, k_heads, v_heads) = (side(&q), side(&k), side(&v));
    let ours = move || {
        let to = MatricesMut::contiguous(&mut p, tokens, tokens);
        scores.compute(q_heads, k_heads.transposed(), Onto::Nothing, to);
        let to = MatricesMut { values: black_box(&mut out), matrix: channels, row };
        mixed.compute(Matrices::contiguous(&p, tokens, tokens), v_heads, Onto::Nothing, to);
    };
    let mut ways = vec![way("ours", ours)];
    for (names, multiply) in OTHERS {
        let (q, k, v) = (&q, &k, &v);
        let (mut p, mut out) = (numbers(heads * tokens * tokens), numbers(tokens * row));
        let theirs = move || {
            for head in 0..heads {
                let side = |values: &'_ [f32]| head * channels..values.len();
                let p = &mut p[head * tokens * tokens..];
                let a = View { values: &q[side(q)], row, column: 1 };
                multiply([tokens, channels, tokens], a, View { values: &k[side(k)], row: 1, column: row }, p, tokens);
                let a = View { values: p, row: tokens, column: 1 };
                let b = View { values: &v[side(v)], row, column: 1 };
                multiply([tokens, tokens, channels], a, b, &mut black_box(&mut out)[head * channels..], row);
            }
        };
        ways.push(way(names[0], theirs));
    }
    print(name, 2 * heads * tokens * tokens * channels, 0, ways);
}

/// Prints the layers of a name, or all.
pub fn print_all(chosen: impl Fn(&str) -> bool) {
    let few = [1, 2, 4, 16].into_iter().flat_map(|samples| [(1296, 1296, samples), (4096, 4096, samples)]);
    let large = [(25088, 4096, 1), (25088, 4096, 16), (784, 1296, 16)];
    let transformer = [(768, 768, 197), (768, 3072, 197), (3072, 768, 197)];
    for (inputs, outputs, samples) in few.chain(large).chain(transformer) {
        let name = format!("dense {inputs}x{outputs} of {samples}");
        if chosen(&name) {
            layer(&name, inputs, outputs, samples);
        }
    }
    let name = "attention 12x197x64";
    if chosen(name) {
        attention(name, 12, 197, 64);
    }
}
