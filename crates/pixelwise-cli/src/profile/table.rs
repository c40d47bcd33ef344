//! What a profile says, for a person and for a program.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use neural_lrp::{NodeTime, Real};
use serde_json::{Value, json};

use super::measurement::{Measurement, Times};
use super::multiply_adds::multiply_adds;
use crate::failure::Failure;
use crate::output::{Table, percent, shape};

/// Where the time of an explanation goes.
pub struct Profile {
    model: PathBuf,
    composite: String,
    /// Names and shapes.
    inputs: Vec<(String, Vec<usize>)>,
    dtype: &'static str,
    repeats: NonZeroUsize,
    nodes: Vec<Row>,
    whole: NodeTime,
}

struct Row {
    name: String,
    operation: &'static str,
    shape: Vec<usize>,
    multiply_adds: Option<usize>,
    time: NodeTime,
}

impl Profile {
    /// Measures a network so many times, after one that does not count.
    pub fn of<F: Real>(measurement: Measurement<F>, repeats: NonZeroUsize) -> Result<Self, Failure> {
        let (network, shapes) = (measurement.network(), measurement.shapes()?);
        measurement.run()?;
        let first = measurement.run()?;
        let times =
            (1..repeats.get()).try_fold(first, |best: Times, _| Ok::<_, Failure>(best.min(&measurement.run()?)))?;
        let nodes = network.nodes().iter().zip(times.nodes).map(|(node, time)| Row {
            name: node.name.clone(),
            operation: node.operation.kind(),
            shape: shapes[node.output.index()].clone(),
            multiply_adds: multiply_adds(node, &shapes),
            time,
        });
        let inputs = network.inputs().iter().map(|input| {
            let shape = shapes[input.tensor.index()].clone();
            (network.tensor(input.tensor).name.clone(), shape)
        });
        Ok(Self {
            composite: measurement.composite.name().to_owned(),
            inputs: inputs.collect(),
            dtype: F::NAME,
            repeats,
            nodes: nodes.collect(),
            whole: times.whole,
            model: measurement.model.clone(),
        })
    }

    /// Puts the node that takes longest at the top.
    pub fn sort_by_time(&mut self) {
        self.nodes.sort_by_key(|node| std::cmp::Reverse(sum(node.time)));
    }

    /// The times of all nodes together.
    fn all_nodes(&self) -> NodeTime {
        let times = self.nodes.iter().map(|node| node.time);
        times.fold(NodeTime::default(), |all, time| NodeTime {
            forward: all.forward + time.forward,
            back: all.back + time.back,
        })
    }

    fn multiply_adds(&self) -> usize {
        self.nodes.iter().filter_map(|node| node.multiply_adds).sum()
    }

    /// For a person.
    pub fn text(&self) -> String {
        let mut text = format!("model      {}\n", self.model.display());
        for (name, lengths) in &self.inputs {
            text += &format!("input      {name}  {}\n", shape(lengths));
        }
        let (repeats, threads) = (self.repeats, rayon::current_num_threads());
        text += &format!("rules      {}\n", self.composite);
        text += &format!("measured   {}, threads: {threads}, the fastest of {repeats}\n", self.dtype);
        let titles = ["node", "operation", "output", "multiply-adds", "ms forward", "ms back", "share", "GFLOP/s"];
        let (mut table, all) = (Table::new(titles), self.all_nodes());
        for node in &self.nodes {
            table.row([
                node.name.clone(),
                node.operation.to_owned(),
                shape(&node.shape),
                node.multiply_adds.map_or_else(String::new, |count| count.to_string()),
                decimal(milliseconds(node.time.forward)),
                decimal(milliseconds(node.time.back)),
                percent(share(node.time, all)),
                gflops(node.multiply_adds, node.time.forward).map_or_else(String::new, |rate| format!("{rate:.1}")),
            ]);
        }
        let count = self.multiply_adds();
        let total = |name: &str, time: NodeTime| {
            let rate =
                gflops(Some(count), time.forward).map_or_else(String::new, |rate| format!(", {rate:.1} GFLOP/s"));
            let (forward, back) = (decimal(milliseconds(time.forward)), decimal(milliseconds(time.back)));
            format!("{name}  {forward} ms forward{rate}, {back} ms back\n")
        };
        text += &table.text();
        text += &format!("\n{} nodes, {count} multiply-adds\n", self.nodes.len());
        text += &total("all nodes   ", all);
        text += &total("whole passes", self.whole);
        text
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let all = self.all_nodes();
        let inputs = self.inputs.iter().map(|(name, shape)| json!({ "name": name, "shape": shape }));
        let nodes = self.nodes.iter().map(|node| {
            json!({
                "name": node.name,
                "operation": node.operation,
                "shape": node.shape,
                "multiply_adds": node.multiply_adds,
                "forward_ms": milliseconds(node.time.forward),
                "back_ms": milliseconds(node.time.back),
                "share": share(node.time, all),
                "gflops_forward": gflops(node.multiply_adds, node.time.forward),
            })
        });
        let total =
            |time: NodeTime| json!({ "forward_ms": milliseconds(time.forward), "back_ms": milliseconds(time.back) });
        json!({
            "model": self.model,
            "inputs": inputs.collect::<Vec<_>>(),
            "composite": self.composite,
            "dtype": self.dtype,
            "threads": rayon::current_num_threads(),
            "repeats": self.repeats,
            "multiply_adds": self.multiply_adds(),
            "nodes": nodes.collect::<Vec<_>>(),
            "all_nodes": total(all),
            "whole_passes": total(self.whole),
        })
    }
}

fn sum(time: NodeTime) -> Duration {
    time.forward + time.back
}

/// The share of a node in the time of all, 0 where none took any.
fn share(time: NodeTime, all: NodeTime) -> f64 {
    let all = sum(all).as_secs_f64();
    if all == 0.0 { 0.0 } else { sum(time).as_secs_f64() / all }
}

/// Billions of multiplications and additions a second; none where there are none, or the clock saw no time pass.
fn gflops(multiply_adds: Option<usize>, time: Duration) -> Option<f64> {
    let (count, seconds) = (multiply_adds.filter(|&count| count > 0)?, time.as_secs_f64());
    (seconds > 0.0).then(|| 2e-9 * count as f64 / seconds)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn decimal(milliseconds: f64) -> String {
    format!("{milliseconds:.3}")
}
