//! Stochastic gradient descent.

use serde::{Deserialize, Serialize};

use crate::loss::softmax_cross_entropy;
use crate::{Error, Perceptron, Pictures, random};
use neural_lrp::Real;

/// How fast a network learns: the learning rate goes from `start` to `end` in a straight line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// The learning rate of the first iteration.
    pub start: f64,
    /// What it comes to at the end.
    pub end: f64,
    /// Which share of the last step is made again, from 0 up to but not including 1.
    pub momentum: f64,
}

impl Pace {
    /// The learning rate of an iteration, of so many.
    pub fn rate(&self, iteration: u64, iterations: u64) -> f64 {
        self.start + (self.end - self.start) * iteration as f64 / iterations.max(1) as f64
    }
}

/// How a network is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// How many pictures each iteration learns.
    pub batch: usize,
    /// How many iterations there are.
    pub iterations: u64,
    /// How fast.
    pub pace: Pace,
    /// All random numbers come from it, but for the initial weights.
    pub seed: u64,
}

impl Settings {
    fn check(&self) -> Result<(), Error> {
        let refuse =
            |setting, value: f64, expected| Err(Error::Setting { setting, value: value.to_string(), expected });
        if self.batch == 0 {
            return refuse("batch", 0.0, "at least 1");
        }
        for (setting, rate) in [("start", self.pace.start), ("end", self.pace.end)] {
            if !(rate.is_finite() && rate >= 0.0) {
                return refuse(setting, rate, "a finite learning rate, 0 or above");
            }
        }
        match (0.0..1.0).contains(&self.pace.momentum) {
            true => Ok(()),
            false => refuse("momentum", self.pace.momentum, "from 0 up to but not including 1"),
        }
    }
}

/// A network on its way; serialized at any moment, it goes on from there to the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(serialize = "F: Serialize", deserialize = "F: Deserialize<'de>"))]
pub struct Trainer<F> {
    settings: Settings,
    perceptron: Perceptron<F>,
    iteration: u64,
    /// The order of an epoch's pictures, which takes longer to draw than a batch to learn.
    #[serde(skip)]
    order: Option<(u64, Vec<u32>)>,
}

impl<F: Real> Trainer<F> {
    /// Begins.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn new(perceptron: Perceptron<F>, settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        Ok(Self { settings, perceptron, iteration: 0, order: None })
    }

    /// The network as it is now.
    pub fn perceptron(&self) -> &Perceptron<F> {
        &self.perceptron
    }

    /// How it is trained.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many iterations were made.
    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// Whether all iterations were made.
    pub fn is_finished(&self) -> bool {
        self.iteration >= self.settings.iterations
    }

    /// Learns one batch, and tells the loss before that.
    ///
    /// # Errors
    /// [`Error::Pictures`] for pictures of other sizes or classes than the network's, [`Error::Diverged`] for a loss that
    /// is not finite; the network stays as it was then.
    pub fn step(&mut self, pictures: &Pictures<'_>) -> Result<f64, Error> {
        if pictures.pixels() != self.perceptron.inputs() || pictures.largest_class() >= self.perceptron.classes() {
            let (pixels, class) = (pictures.pixels(), pictures.largest_class());
            let (inputs, classes) = (self.perceptron.inputs(), self.perceptron.classes());
            let reason = format!(
                "{pixels} pixels and classes up to {class}; the network takes {inputs} and knows {classes} classes"
            );
            return Err(Error::Pictures(reason));
        }
        let seed = self.settings.seed;
        let (chosen, first) = self.choose(pictures);
        let (inputs, classes) = pictures.batch::<F>(&chosen, seed, first);
        let activations = self.perceptron.activations(inputs, &mut random(seed, 3, self.iteration));
        let (loss, gradient) = softmax_cross_entropy(activations[activations.len() - 1].view(), &classes);
        if !loss.is_finite() {
            return Err(Error::Diverged { iteration: self.iteration, loss });
        }
        let rate = self.settings.pace.rate(self.iteration, self.settings.iterations);
        self.perceptron.learn(&activations, gradient, F::of(rate), F::of(self.settings.pace.momentum));
        self.iteration += 1;
        Ok(loss)
    }

    /// The pictures of this iteration, and how many were learned before: epoch for epoch each picture comes once.
    fn choose(&mut self, pictures: &Pictures<'_>) -> (Vec<u32>, u64) {
        let count = pictures.count() as u64;
        let first = self.iteration * self.settings.batch as u64;
        let positions = first..first + self.settings.batch as u64;
        let chosen =
            positions.map(|position| self.order(pictures, position / count)[(position % count) as usize]).collect();
        (chosen, first)
    }

    fn order(&mut self, pictures: &Pictures<'_>, epoch: u64) -> &[u32] {
        if self.order.as_ref().is_none_or(|(known, order)| *known != epoch || order.len() != pictures.count()) {
            self.order = None;
        }
        &self.order.get_or_insert_with(|| (epoch, pictures.order(self.settings.seed, epoch))).1
    }
}

#[cfg(test)]
mod tests;
