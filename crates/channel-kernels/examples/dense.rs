//! Dense layers and attention beside other crates' products: minima of interleaved runs, CPU time of one thread.
//!
//! `cargo run --release -p channel-kernels --example dense [part of a name]`
use std::hint::black_box;

use channel_kernels::{
    Dense, DenseLower, DenseStream, Instructions, Matrices, MatricesMut, Onto, Order, Product, multiply_add,
};

/// A way to do a layer.
struct Way<'a> {
    name: &'static str,
    run: Box<dyn FnMut() + 'a>,
}

fn way<'a>(name: &'static str, run: impl FnMut() + 'a) -> Way<'a> {
    Way { name, run: Box::new(run) }
}

/// CPU time of this thread in seconds.
#[cfg(target_os = "linux")]
fn now() -> f64 {
    #[repr(C)]
    struct Time {
        seconds: i64,
        nanoseconds: i64,
    }
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut Time) -> i32;
    }
    let mut time = Time { seconds: 0, nanoseconds: 0 };
    // SAFETY: the call fills the time that it is pointed to; 3 is the clock of a thread's CPU time.
    unsafe { clock_gettime(3, &raw mut time) };
    time.seconds as f64 + time.nanoseconds as f64 * 1e-9
}

#[cfg(not(target_os = "linux"))]
fn now() -> f64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0.0, |time| time.as_secs_f64())
}

fn time(run: impl FnOnce()) -> f64 {
    let begin = now();
    run();
    now() - begin
}

/// Prints milliseconds of each way, the share of the peak in the same rounds, and GB/s of `weights` numbers.
fn measure(name: &str, products: usize, weights: usize, mut ways: Vec<Way<'_>>) {
    if std::env::args().nth(1).is_some_and(|part| !name.contains(&part)) {
        return;
    }
    let instructions = Instructions::current();
    let mut best = vec![f64::MAX; ways.len()];
    let (mut peak, mut spent, mut rounds) = (0.0_f64, 0.0, 0);
    while rounds < 5 || (spent < 0.4 && rounds < 500) {
        let mut operations = 0.0;
        let seconds = time(|| operations = multiply_add(instructions, 20_000));
        peak = peak.max(operations / seconds / 1e9);
        for (best, way) in best.iter_mut().zip(&mut ways) {
            let seconds = time(&mut way.run);
            *best = best.min(seconds);
            spent += seconds;
        }
        rounds += 1;
    }
    println!("{name}  (peak {peak:.0} GFLOP/s)");
    for (way, seconds) in ways.iter().zip(best) {
        let rate = 2.0 * products as f64 / seconds / 1e9;
        let bytes = 4.0 * weights as f64 / seconds / 1e9;
        println!("    {:<28} {:9.3} ms  {:5.2} of peak  {bytes:6.1} GB/s", way.name, seconds * 1e3, rate / peak);
    }
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + 13) % 1009) as f32 / 504.5 - 1.0).collect()
}

/// C (m × n) = A (m × k) times B, whose rows and columns are `b_row` and `b_column` apart.
#[derive(Clone, Copy)]
struct Sizes {
    m: usize,
    k: usize,
    n: usize,
    b_row: usize,
    b_column: usize,
}

fn matrixmultiply(sizes: Sizes, a: &[f32], b: &[f32], c: &mut [f32]) {
    let Sizes { m, k, n, b_row, b_column } = sizes;
    // SAFETY: the slices hold m × k, k × n and m × n numbers.
    unsafe {
        let (b_row, b_column) = (b_row as isize, b_column as isize);
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a.as_ptr(),
            k as isize,
            1,
            b.as_ptr(),
            b_row,
            b_column,
            0.0,
            c.as_mut_ptr(),
            n as isize,
            1,
        );
    }
}

fn gemm(sizes: Sizes, a: &[f32], b: &[f32], c: &mut [f32]) {
    let Sizes { m, k, n, b_row, b_column } = sizes;
    // SAFETY: the slices hold m × k, k × n and m × n numbers.
    unsafe {
        let (b_row, b_column) = (b_row as isize, b_column as isize);
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.as_ptr(),
            1,
            k as isize,
            b.as_ptr(),
            b_column,
            b_row,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

fn layer(inputs: usize, outputs: usize, samples: usize) {
    let (weights, x, s) = (numbers(inputs * outputs), numbers(samples * inputs), numbers(samples * outputs));
    let half: Vec<f32> = s.iter().map(|&s| s.max(0.0)).collect();
    let dense = Dense::new(&weights, outputs, inputs, Order::OutputsFirst);
    let positive = |weights: &[f32], part: &mut [f32]| part.iter_mut().zip(weights).for_each(|(p, w)| *p = w.max(0.0));
    let (mut up, mut down) = (numbers(samples * outputs), numbers(samples * inputs));
    let (mut up2, mut down2) = (up.clone(), down.clone());
    let (mut up3, mut down3) = (up.clone(), down.clone());
    let (mut up4, mut down4, mut down5) = (up.clone(), down.clone(), down.clone());
    let forward = Sizes { m: samples, k: inputs, n: outputs, b_row: 1, b_column: inputs };
    let back = Sizes { m: samples, k: outputs, n: inputs, b_row: inputs, b_column: 1 };
    let ways = vec![
        way("forward", || dense.forward(samples, &[DenseStream::whole(&x)], None, black_box(&mut up))),
        way("forward W+", || {
            dense.forward(samples, &[DenseStream { values: &x, part: Some(&positive) }], None, black_box(&mut up4))
        }),
        way("forward matrixmultiply", || matrixmultiply(forward, &x, &weights, black_box(&mut up2))),
        way("forward gemm", || gemm(forward, &x, &weights, black_box(&mut up3))),
        way("transposed", || {
            dense.transposed(samples, &[DenseStream::whole(&s)], DenseLower::default(), black_box(&mut down))
        }),
        way("transposed W+", || {
            dense.transposed(
                samples,
                &[DenseStream { values: &s, part: Some(&positive) }],
                DenseLower::default(),
                black_box(&mut down4),
            )
        }),
        way("transposed, half zero", || {
            dense.transposed(samples, &[DenseStream::whole(&half)], DenseLower::default(), black_box(&mut down5))
        }),
        way("transposed matrixmultiply", || matrixmultiply(back, &s, &weights, black_box(&mut down2))),
        way("transposed gemm", || gemm(back, &s, &weights, black_box(&mut down3))),
    ];
    measure(&format!("dense {inputs}x{outputs} B={samples}"), inputs * outputs * samples, inputs * outputs, ways);
}

fn attention(heads: usize, tokens: usize, channels: usize) {
    let (q, k, v) =
        (numbers(tokens * heads * channels), numbers(tokens * heads * channels), numbers(tokens * heads * channels));
    let (mut scores, mut out) = (numbers(heads * tokens * tokens), numbers(tokens * heads * channels));
    let (mut scores2, mut out2) = (scores.clone(), out.clone());
    let (mut scores3, mut out3) = (scores.clone(), out.clone());
    let (p, mut back) = (numbers(heads * tokens * tokens), out.clone());
    let step = heads * channels;
    let side = |values| Matrices { values, matrix: channels, row: step, column: 1 };
    let (q_heads, k_heads, v_heads) = (side(&q), side(&k), side(&v));
    let square = Product { batch: heads, rows: tokens, depth: channels, columns: tokens };
    let flat = Product { batch: heads, rows: tokens, depth: tokens, columns: channels };
    let ways = vec![
        way("Q Kt, P V", || {
            square.compute(
                q_heads,
                k_heads.transposed(),
                Onto::Nothing,
                MatricesMut::contiguous(&mut scores, tokens, tokens),
            );
            let p = Matrices::contiguous(&scores, tokens, tokens);
            flat.compute(
                p,
                v_heads,
                Onto::Nothing,
                MatricesMut { values: black_box(&mut out), matrix: channels, row: step },
            );
        }),
        way("Pt dO alone (half the work)", || {
            let p = Matrices::contiguous(&p, tokens, tokens).transposed();
            flat.compute(
                p,
                v_heads,
                Onto::Nothing,
                MatricesMut { values: black_box(&mut back), matrix: channels, row: step },
            );
        }),
        way("matrixmultiply", || {
            for h in 0..heads {
                // SAFETY: head h lies within the arrays.
                unsafe {
                    let (q, k, v) =
                        (q.as_ptr().add(h * channels), k.as_ptr().add(h * channels), v.as_ptr().add(h * channels));
                    let (step, t) = (step as isize, tokens as isize);
                    let s = scores2.as_mut_ptr().add(h * tokens * tokens);
                    matrixmultiply::sgemm(tokens, channels, tokens, 1.0, q, step, 1, k, 1, step, 0.0, s, t, 1);
                    matrixmultiply::sgemm(
                        tokens,
                        tokens,
                        channels,
                        1.0,
                        s,
                        t,
                        1,
                        v,
                        step,
                        1,
                        0.0,
                        out2.as_mut_ptr().add(h * channels),
                        step,
                        1,
                    );
                }
            }
            black_box(&mut out2);
        }),
        way("gemm", || {
            for h in 0..heads {
                // SAFETY: head h lies within the arrays.
                unsafe {
                    let (q, k, v) =
                        (q.as_ptr().add(h * channels), k.as_ptr().add(h * channels), v.as_ptr().add(h * channels));
                    let (step, t) = (step as isize, tokens as isize);
                    let s = scores3.as_mut_ptr().add(h * tokens * tokens);
                    let none = gemm::Parallelism::None;
                    gemm::gemm(
                        tokens, tokens, channels, s, 1, t, false, q, 1, step, k, step, 1, 0.0, 1.0, false, false,
                        false, none,
                    );
                    gemm::gemm(
                        tokens,
                        channels,
                        tokens,
                        out3.as_mut_ptr().add(h * channels),
                        1,
                        step,
                        false,
                        s,
                        1,
                        t,
                        v,
                        1,
                        step,
                        0.0,
                        1.0,
                        false,
                        false,
                        false,
                        none,
                    );
                }
            }
            black_box(&mut out3);
        }),
    ];
    measure(&format!("attention {heads}x{tokens}x{channels}"), 2 * heads * tokens * tokens * channels, 0, ways);
}

fn main() -> Result<(), rayon::ThreadPoolBuildError> {
    // On one thread: CPU time of this thread is all there is.
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global()?;
    for samples in [1, 16] {
        layer(1296, 1296, samples);
        layer(4096, 4096, samples);
        if samples == 1 || samples == 16 {
            layer(25088, 4096, samples);
        }
    }
    layer(784, 1296, 16);
    for (inputs, outputs) in [(768, 768), (768, 3072), (3072, 768)] {
        layer(inputs, outputs, 197);
    }
    attention(12, 197, 64);
    Ok(())
}
