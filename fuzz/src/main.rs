//! `runner NAME SEEDS… [--inputs N] [--seconds S] [--from K]`: changes seeds at random, and gives them to a reader.
//!
//! Input k depends on k and the seeds alone: a run goes on where another stopped by `--from`, and one that crashes has said
//! its number before.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pixelwise_fuzz::BODIES;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The largest seed that is changed, in bytes: larger ones make few inputs a second.
const LARGEST_SEED: usize = 1 << 16;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let Some((_, body)) = BODIES.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = BODIES.iter().map(|(name, _)| *name).collect();
        eprintln!("error: the first argument is one of {}", names.join(", "));
        std::process::exit(2);
    };
    let (mut seeds, mut inputs, mut seconds, mut first) = (vec![Vec::new()], u64::MAX, 10, 0);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse().ok()).unwrap_or(0);
        match argument.as_str() {
            "--inputs" => inputs = number(),
            "--seconds" => seconds = number(),
            "--from" => first = number(),
            path => gather(Path::new(path), &mut seeds),
        }
    }
    seeds.retain(|seed| seed.len() <= LARGEST_SEED);
    let (start, mut slowest) = (Instant::now(), (Duration::ZERO, 0));
    let mut done = 0;
    while done < inputs && start.elapsed() < Duration::from_secs(seconds) {
        let number = first + done;
        let input = changed(&seeds, number);
        let before = Instant::now();
        if let Err(cause) = std::panic::catch_unwind(|| body(&input)) {
            std::fs::write(format!("crash-{name}-{number}"), &input).ok();
            eprintln!("{name}: input {number} panics; it is kept as crash-{name}-{number}");
            std::panic::resume_unwind(cause);
        }
        slowest = slowest.max((before.elapsed(), number));
        done += 1;
    }
    let (time, number) = slowest;
    println!("{name}: {done} inputs from {first} on, none panics; the slowest, {number}, took {:.3} s", time.as_secs_f64());
}

/// Adds the files of a folder and of those in it.
fn gather(path: &Path, seeds: &mut Vec<Vec<u8>>) {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().for_each(|path| gather(path, seeds));
    } else if let Ok(bytes) = std::fs::read(path) {
        seeds.push(bytes);
    }
}

/// A seed with some bytes flipped, put in, taken out, doubled, cut off, or replaced by those of another seed.
fn changed(seeds: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(number);
    let mut bytes = seeds[random.gen_range(0..seeds.len())].clone();
    for _ in 0..random.gen_range(1..=8) {
        let at = random.gen_range(0..=bytes.len());
        let end = (at + random.gen_range(0..=16)).min(bytes.len());
        match random.gen_range(0..8) {
            0 => bytes.insert(at, random.r#gen()),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            3 if random.gen_bool(0.1) => bytes.truncate(at),
            4 => {
                let other = &seeds[random.gen_range(0..seeds.len())];
                let from = random.gen_range(0..=other.len());
                drop(bytes.splice(at..end, other[from..(from + end - at).min(other.len())].to_vec()));
            }
            5 => bytes[at..end].fill([0, 1, 0x7f, 0x80, 0xff][random.gen_range(0..5)]),
            _ if at < bytes.len() => bytes[at] ^= 1 << random.gen_range(0..8),
            _ => bytes.push(random.r#gen()),
        }
    }
    bytes
}
