//! Functions of single numbers, by the best instruction set.
use std::hint::black_box;

use crate::time;

/// A function of each number.
type Function = fn(&[f32], &mut [f32]);

const FUNCTIONS: [(&str, Function); 4] = [
    ("copy", |values, output| output.copy_from_slice(values)),
    ("gelu", channel_kernels::gelu),
    ("logistic", channel_kernels::logistic),
    ("silu", |values, output| channel_kernels::silu(1.0, values, output)),
];

/// How many numbers there are: some that stay in the second-level cache, and an activation of EfficientNet.
const COUNTS: [usize; 2] = [64 * 1024, 96 * 112 * 112];

/// Prints the time that functions of a name take, or all.
pub fn print_all(chosen: impl Fn(&str) -> bool) {
    for (name, function) in FUNCTIONS {
        if !chosen(name) {
            continue;
        }
        for count in COUNTS {
            let values: Vec<f32> = (0..count).map(|i| ((i * 7919 + 13) % 1009) as f32 / 100.0 - 5.0).collect();
            let mut output = vec![0.0; count];
            let least =
                (0..40).map(|_| time::of(|| function(&values, black_box(&mut output)))).fold(f64::INFINITY, f64::min);
            println!("{name:10} of {count:8} {:7.3} ms  {:.3} ns each", least * 1e3, least * 1e9 / count as f64);
        }
    }
}
