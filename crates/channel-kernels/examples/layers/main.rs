//! Prints how near layers of real networks come to the peak of the machine, for each instruction set.
//!
//! One thread, the least of several interleaved runs in time of the process, as share of the peak of a loop of
//! multiply-adds that is timed between them. `cargo run --release -p channel-kernels --example layers [NAME]`; the
//! environment variable `ONLY` names the instruction set, if not all are wanted.
mod functions;
mod layer;
mod peak;
#[allow(unsafe_code, reason = "products of other crates take pointers")]
mod products;
mod time;

use channel_kernels::{Convolution, Instructions, Method};
use layer::{LAYERS, Layer, Pass};

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let names: Vec<String> = std::env::args().skip(1).collect();
    let chosen = |layer: &str| names.is_empty() || names.iter().any(|name| layer.contains(name.as_str()));
    match pool {
        Ok(pool) => pool.install(|| {
            LAYERS.iter().filter(|layer| chosen(layer.name)).for_each(print);
            functions::print_all(chosen);
            products::print_all(chosen);
        }),
        Err(error) => eprintln!("no thread: {error}"),
    }
}

/// Whether an instruction set is measured: the one that `ONLY` names, or each.
fn is_chosen(set: &str) -> bool {
    std::env::var("ONLY").is_ok_and(|only| only == set) || std::env::var_os("ONLY").is_none()
}

/// Prints the shares of a layer.
fn print(layer: &Layer) {
    println!("{:28} {:6.0} Mflop", layer.name, layer.flops() / 1e6);
    for instructions in Instructions::available().into_iter().filter(|set| is_chosen(set.name())) {
        for method in [Method::Direct, Method::TwoByTwo, Method::FourByFour] {
            let convolution = Convolution::by(layer.shape, instructions).map(|made| made.with_method(method));
            match convolution {
                Ok(convolution) if convolution.method() == method => print_shares(layer, &convolution, instructions),
                Ok(_) => {}
                Err(error) => println!("  {instructions}: {error}"),
            }
        }
    }
}

/// Prints the shares of a layer by an instruction set and a method.
fn print_shares(layer: &Layer, convolution: &Convolution, instructions: Instructions) {
    let shares = layer::shares(layer, convolution, instructions);
    print!("  {:6} {:10} peak {:4.0}", instructions.name(), format!("{:?}", convolution.method()), shares.peak / 1e9);
    for (pass, rate) in Pass::ALL.iter().zip(shares.rates) {
        print!("  {} {:.3} ms {:.2}", pass.name(), layer.flops() / rate * 1e3, rate / shares.peak);
    }
    println!();
}
