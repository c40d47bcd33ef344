//! Convolutions, forward and transposed, with what comes before and after.
use crate::Instructions;
use crate::arena;
use crate::depthwise::DepthwiseJob;
use crate::few_inputs::{self, FewInputsJob};
use crate::job::{Job, Outcome, SampleSums};
use crate::packed::Packed;
use crate::plan::Plan;
use crate::rows::{Booked, Extent, Quotient, Source};
use crate::run::DirectJob;
use crate::shape::{Shape, ShapeError};
use crate::sums::Amount;
use crate::tile::{Finish, Take};
use crate::weights::{Direction, WeightPart, Weights};
use crate::winograd::{self, F2, F4, WinogradJob};

/// A convolution by kernels of an instruction set. It holds no weights.
#[derive(Clone, Debug)]
pub struct Convolution {
    shape: Shape,
    instructions: Instructions,
    method: Method,
    turned: bool,
    forward: Plan,
    transposed: Plan,
}

/// How products are summed.
///
/// Errors of single values, in units of the output's root mean square, for 512 channels: a direct sum and
/// [`TwoByTwo`](Self::TwoByTwo) are off by some 2·10⁻⁶ at most, [`FourByFour`](Self::FourByFour) by 10⁻⁵, and less
/// where all products are positive. Both of Winograd's ways never give an exact 0 where terms cancel, and what is not
/// finite spreads over whole tiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Term by term.
    #[default]
    Direct,
    /// Winograd's F(2 × 2, 3 × 3): 2.25 times fewer products.
    TwoByTwo,
    /// Winograd's F(4 × 4, 3 × 3): 4 times fewer products.
    FourByFour,
}

/// An array, and the part of the weights that it is multiplied by.
#[derive(Clone, Copy)]
pub struct Stream<'a> {
    /// (samples, height, width, channels)
    pub values: &'a [f32],
    /// What is taken of the array's numbers.
    pub take: Take,
    /// The part of each weight; without one the weights act as they are.
    pub part: Option<&'a WeightPart>,
}

/// A quotient, and the part of the weights that it is multiplied by.
#[derive(Clone, Copy)]
pub struct QuotientStream<'a> {
    /// The quotient.
    pub quotient: Quotient<'a>,
    /// The part of each weight; without one the weights act as they are.
    pub part: Option<&'a WeightPart>,
}

/// What is done to the output of a convolution before it is written: `clip(sum + bias + residual)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// One number for each output channel.
    pub bias: Option<&'a [f32]>,
    /// An array like the output.
    pub residual: Option<&'a [f32]>,
    /// What outputs are kept between: [0, ∞] is a rectifier.
    pub clip: Option<[f32; 2]>,
}

/// What is done to the output of a transposed convolution before it is written: `a ⊙ sum`, or that onto what is there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lower<'a> {
    /// a, like the output, and what is taken of it.
    pub times: Option<(&'a [f32], Take)>,
    /// Whether the numbers are added to those in the output.
    pub onto: bool,
}

/// A product that quotients go back by: `a ⊙ Σ W_qᵀ s_q`.
#[derive(Clone, Copy)]
pub struct LowerProduct<'a> {
    /// The part of each weight for each quotient; without one the weights act as they are.
    pub parts: &'a [Option<&'a WeightPart>],
    /// a, like the output, and what is taken of it.
    pub times: Option<(&'a [f32], Take)>,
}

/// What was summed for a sample of [`ConvolutionOver::quotient_transposed`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepSums {
    /// Of `a ⊙ sum`, of each product, before it was added onto anything.
    pub lower: Amount,
    /// Of the quotient of each stream.
    pub booked: Vec<Booked>,
}

impl Convolution {
    /// A convolution by the [current](Instructions::current) instruction set.
    ///
    /// # Errors
    /// When the shape is none.
    pub fn new(shape: Shape) -> Result<Self, ShapeError> {
        Self::by(shape, Instructions::current())
    }

    /// A convolution by an instruction set.
    ///
    /// # Errors
    /// When the shape is none.
    pub fn by(shape: Shape, instructions: Instructions) -> Result<Self, ShapeError> {
        let shape = shape.checked()?;
        Ok(Self {
            forward: Plan::forward(&shape),
            transposed: Plan::transposed(&shape),
            method: Method::Direct,
            turned: false,
            shape,
            instructions,
        })
    }

    /// The same convolution by a method. One that is not for its shape leaves it direct: Winograd's are for 3 × 3 weights,
    /// one step apart, in one group.
    pub fn with_method(self, method: Method) -> Self {
        let method = if winograd::applies(&self.shape) { method } else { Method::Direct };
        Self { method, ..self }
    }

    /// The convolution from its other end, a layer that ONNX calls ConvTranspose: forward is what was the way back, from
    /// arrays with the shape's output channels to arrays with its input channels, and the way back is what was forward.
    /// `input` stays height and width of the array with the shape's input channels.
    pub fn turned(self) -> Self {
        Self { turned: !self.turned, ..self }
    }

    /// How products are summed.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The geometry.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Packs weights that lie as `[outputs][inputs of the group][height][width]`.
    ///
    /// # Panics
    /// When there are not as many as that.
    pub fn pack(&self, rows: &[f32]) -> Packed {
        let count = self.shape.outputs * self.shape.group_inputs() * self.shape.taps();
        assert_eq!(rows.len(), count, "weights of {:?}", self.shape);
        Packed::new(self.shape, rows)
    }

    /// The convolution with its weights, over a batch of inputs of a height and width; of one that is
    /// [turned](Self::turned), the input is what its outputs become.
    ///
    /// # Panics
    /// When the weights are another shape's, there is no sample, or the kernel doesn't fit the input.
    pub fn over<'a>(&'a self, packed: &'a Packed, batch: usize, input: [usize; 2]) -> ConvolutionOver<'a> {
        assert!(packed.fits(&self.shape), "weights of another convolution than {:?}", self.shape);
        assert!(batch > 0, "at least one sample");
        let Some([height, width]) = self.shape.output_size(input) else {
            panic!("the kernel of {:?} doesn't fit an input of {input:?}", self.shape);
        };
        let lower = Extent { height: input[0], width: input[1], channels: self.shape.inputs };
        let upper = Extent { height, width, channels: self.shape.outputs };
        let [lower, upper] = if self.turned { [upper, lower] } else { [lower, upper] };
        ConvolutionOver { convolution: self, packed, batch, lower, upper }
    }

    /// Which way weights are gone through on a way through the convolution.
    fn direction(&self, way: Direction) -> Direction {
        match (self.turned, way) {
            (false, way) => way,
            (true, Direction::Forward) => Direction::Transposed,
            (true, Direction::Transposed) => Direction::Forward,
        }
    }
}

/// A [`Convolution`] with its weights, over inputs of one shape.
#[derive(Clone, Copy, Debug)]
pub struct ConvolutionOver<'a> {
    convolution: &'a Convolution,
    packed: &'a Packed,
    batch: usize,
    /// The extents of the input and of the output of forward.
    lower: Extent,
    upper: Extent,
}

impl<'a> ConvolutionOver<'a> {
    /// The output, Σ W_p a_p over the streams, finished by `epilogue`.
    ///
    /// # Panics
    /// When there is no stream, or a slice has not as many numbers as its array.
    pub fn forward(&self, streams: &[Stream<'_>], epilogue: Epilogue<'_>, output: &mut [f32]) {
        check("output", output.len(), self.length(self.upper));
        // SAFETY: there is room, as was checked.
        unsafe { self.forward_to(streams, epilogue, output.as_mut_ptr()) };
    }

    /// As [`forward`](Self::forward), to an array of its own, which takes less time than one that was there before.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_new(&self, streams: &[Stream<'_>], epilogue: Epilogue<'_>) -> Vec<f32> {
        // SAFETY: there is room; a kernel writes each number of its output, and reads none of them before.
        unsafe { written(self.length(self.upper), |output| self.forward_to(streams, epilogue, output)) }
    }

    /// As [`forward`](Self::forward), to a place.
    ///
    /// # Safety
    /// There is room for the output, which nobody else uses meanwhile.
    unsafe fn forward_to(&self, streams: &[Stream<'_>], epilogue: Epilogue<'_>, output: *mut f32) {
        let sources = sources(streams, self.length(self.lower));
        if let Some(bias) = epilogue.bias {
            check("bias", bias.len(), self.upper.channels);
        }
        if let Some(residual) = epilogue.residual {
            check("residual", residual.len(), self.length(self.upper));
        }
        let finish = Finish {
            bias: epilogue.bias.map(<[f32]>::as_ptr),
            times: None,
            summed: false,
            onto: epilogue.residual.map(<[f32]>::as_ptr),
            bounds: epilogue.clip,
            out: output,
        };
        let outcome = Outcome { parts: streams.iter().map(|stream| stream.part).collect(), finish };
        self.run(Direction::Forward, sources, vec![outcome]);
    }

    /// The way back, Σ W_pᵀ s_p over the streams at the output, finished by `lower`; gives the sums of each sample
    /// before anything is added onto. `input` is height and width of the convolution's input, which is the output here.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn transposed(&self, streams: &[Stream<'_>], lower: Lower<'_>, output: &mut [f32]) -> Vec<Amount> {
        let sources = sources(streams, self.length(self.upper));
        check("output", output.len(), self.length(self.lower));
        let finish = lower_finish(lower, self.length(self.lower), output.as_mut_ptr());
        let outcome = Outcome { parts: streams.iter().map(|stream| stream.part).collect(), finish };
        let sums = self.run(Direction::Transposed, sources, vec![outcome]);
        sums.into_iter().map(|sums| sums.finished).collect()
    }

    /// As [`transposed`](Self::transposed), of quotients that are made while their arrays are read; gives the sums of
    /// each sample.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn quotient_transposed(
        &self,
        streams: &[QuotientStream<'_>],
        lower: Lower<'_>,
        output: &mut [f32],
    ) -> Vec<StepSums> {
        let quotients: Vec<Quotient<'_>> = streams.iter().map(|stream| stream.quotient).collect();
        let parts: Vec<_> = streams.iter().map(|stream| stream.part).collect();
        let product = LowerProduct { parts: &parts, times: lower.times };
        self.quotients_transposed(&quotients, &[product], lower.onto, output)
    }

    /// As [`quotient_transposed`](Self::quotient_transposed), of several products that are added:
    ///
    /// ```text
    /// R = Σ_p a_p ⊙ Σ_q W_pqᵀ s_q
    /// ```
    /// Each quotient is made once, whatever the number of products. `onto` says whether R is added to what is in the
    /// output.
    ///
    /// # Panics
    /// As [`forward`](Self::forward), and when there is no product, or one that has not as many parts as there are
    /// quotients.
    pub fn quotients_transposed(
        &self,
        quotients: &[Quotient<'_>],
        products: &[LowerProduct<'_>],
        onto: bool,
        output: &mut [f32],
    ) -> Vec<StepSums> {
        check("output", output.len(), self.length(self.lower));
        // SAFETY: there is room, as was checked.
        unsafe { self.quotients_transposed_to(quotients, products, onto, output.as_mut_ptr()) }
    }

    /// As [`quotients_transposed`](Self::quotients_transposed), to an array of its own, which takes less time than one that
    /// was there before.
    ///
    /// # Panics
    /// As [`quotients_transposed`](Self::quotients_transposed).
    pub fn quotients_transposed_new(
        &self,
        quotients: &[Quotient<'_>],
        products: &[LowerProduct<'_>],
    ) -> (Vec<f32>, Vec<StepSums>) {
        let mut sums = Vec::new();
        // SAFETY: there is room; the first product writes each number of its output, and reads none of them before.
        let output = unsafe {
            written(self.length(self.lower), |output| {
                sums = self.quotients_transposed_to(quotients, products, false, output);
            })
        };
        (output, sums)
    }

    /// As [`quotients_transposed`](Self::quotients_transposed), to a place.
    ///
    /// # Safety
    /// There is room for the output, which nobody else uses meanwhile, and it holds numbers if they are added onto.
    unsafe fn quotients_transposed_to(
        &self,
        quotients: &[Quotient<'_>],
        products: &[LowerProduct<'_>],
        onto: bool,
        out: *mut f32,
    ) -> Vec<StepSums> {
        assert!(!quotients.is_empty() && !products.is_empty(), "at least one stream");
        for quotient in quotients {
            check("relevance", quotient.relevance.len(), self.length(self.upper));
            check("denominator", quotient.denominator.len(), self.length(self.upper));
            if let Some(without) = quotient.without {
                check("positive part of the denominator", without.len(), self.length(self.upper));
            }
            if let Some(bias) = quotient.bias {
                check("bias", bias.len(), self.upper.channels);
            }
        }
        let outcomes = products.iter().enumerate().map(|(index, product)| {
            assert_eq!(product.parts.len(), quotients.len(), "parts of the weights for the quotients");
            let lower = Lower { times: product.times, onto: onto || index > 0 };
            Outcome { parts: product.parts.to_vec(), finish: lower_finish(lower, self.length(self.lower), out) }
        });
        let outcomes = outcomes.collect();
        let sources = quotients.iter().map(Source::Quotient).collect();
        let sums = self.run(Direction::Transposed, sources, outcomes);
        sums.into_iter().map(|sums| StepSums { lower: sums.finished, booked: sums.booked }).collect()
    }

    /// Goes through the convolution; gives the sums of each sample.
    fn run(&self, way: Direction, sources: Vec<Source<'a>>, outcomes: Vec<Outcome<'a>>) -> Vec<SampleSums> {
        let Self { convolution, packed, batch, .. } = *self;
        let Convolution { shape, instructions, method, .. } = convolution;
        let [from, to] = match way {
            Direction::Forward => [self.lower, self.upper],
            Direction::Transposed => [self.upper, self.lower],
        };
        let direction = convolution.direction(way);
        let has_bias = outcomes.iter().any(|outcome| outcome.finish.bias.is_some());
        let weights = Weights { packed, direction };
        let job = Job { instructions: *instructions, shape, batch, from, to, weights, sources, outcomes };
        if shape.is_depthwise() {
            return DepthwiseJob { job }.run();
        }
        let is_few_inputs = direction == Direction::Transposed && few_inputs::applies(shape) && !has_bias;
        match method {
            Method::TwoByTwo => WinogradJob { job }.run::<4, 2, F2>(),
            Method::FourByFour => WinogradJob { job }.run::<6, 4, F4>(),
            Method::Direct if is_few_inputs => FewInputsJob { job }.run(),
            Method::Direct => {
                let plan = match direction {
                    Direction::Forward => &convolution.forward,
                    Direction::Transposed => &convolution.transposed,
                };
                DirectJob { job, plan }.run()
            }
        }
    }

    /// Numbers of an array of an extent.
    fn length(&self, extent: Extent) -> usize {
        self.batch * extent.height * extent.width * extent.channels
    }
}

fn check(what: &str, length: usize, wanted: usize) {
    assert_eq!(length, wanted, "numbers of the {what}");
}

/// Arrays of so many numbers.
fn sources<'a>(streams: &[Stream<'a>], length: usize) -> Vec<Source<'a>> {
    assert!(!streams.is_empty(), "at least one stream");
    let source = |stream: &Stream<'a>| {
        check("stream", stream.values.len(), length);
        Source::Array(stream.values, stream.take)
    };
    streams.iter().map(source).collect()
}

/// An array of so many numbers, once they are written.
///
/// # Safety
/// `write` writes all of them to the place that it is given, and reads none before.
unsafe fn written(length: usize, write: impl FnOnce(*mut f32)) -> Vec<f32> {
    let mut output = arena::room(length);
    write(output.as_mut_ptr());
    // SAFETY: there is room for so many, and all of them are written.
    unsafe { output.set_len(length) };
    output
}

/// What becomes of a sum of the way back, in an output of `length` numbers.
fn lower_finish(lower: Lower<'_>, length: usize, out: *mut f32) -> Finish {
    if let Some((times, _)) = lower.times {
        check("factor", times.len(), length);
    }
    Finish {
        bias: None,
        times: lower.times.map(|(times, take)| (times.as_ptr(), take)),
        summed: true,
        onto: lower.onto.then_some(out.cast_const()),
        bounds: None,
        out,
    }
}

#[cfg(test)]
mod tests;
