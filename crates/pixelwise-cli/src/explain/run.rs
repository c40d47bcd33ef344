//! A run: samples in, files out, with the memory of a few samples at a time.

use std::error::Error;
use std::ops::Range;
use std::path::PathBuf;

use rayon::prelude::*;

use crate::explain::Number;
use crate::explain::arguments::{Arguments, Scale};
use crate::explain::explanation::Done;
use crate::explain::files::CanNotWrite;
use crate::explain::page::Index;
use crate::explain::plan::Plan;
use crate::explain::record::Record;
use crate::explain::samples::{Samples, describe};
use crate::explain::stack::Stack;
use crate::explain::summary::{Head, Summary};
use crate::failure::{Context, Failure, chain};
use crate::given::Given;
use crate::messages::{self, timed};
use crate::progress::Progress;

/// How many groups of samples are under way at once, for each thread.
const AHEAD: usize = 4;

/// A model with all that explains the samples of a run.
pub trait Explaining: Sync {
    /// The numbers of its relevance.
    type Number: Number;

    /// What was asked for.
    fn arguments(&self) -> &Arguments;
    /// What is explained.
    fn samples(&self) -> &Samples;
    /// What the run begins with.
    fn head(&self) -> Head<'_>;
    /// Explains samples that go through the model together, unless an earlier run did.
    fn explain(&self, group: Range<usize>) -> Result<Vec<Done<Self::Number>>, Failure>;
    /// Draws the pictures of samples again, from their files, where the strongest color stands for something else.
    fn redraw(&self, group: Range<usize>, maximum: f64) -> Result<Vec<Record>, Failure>;
}

impl<F: Number> Explaining for Plan<'_, F> {
    type Number = F;

    fn arguments(&self) -> &Arguments {
        self.arguments
    }

    fn samples(&self) -> &Samples {
        &self.samples
    }

    fn head(&self) -> Head<'_> {
        self.head()
    }

    fn explain(&self, group: Range<usize>) -> Result<Vec<Done<F>>, Failure> {
        self.explain(group)
    }

    fn redraw(&self, group: Range<usize>, maximum: f64) -> Result<Vec<Record>, Failure> {
        self.redraw(group, maximum)
    }
}

/// Explains all inputs of a command line by a network.
pub fn run<F: Number>(arguments: &Arguments, given: &Given) -> Result<(), Failure> {
    let mut plan = Plan::<F>::new(arguments, given)?;
    let refused = std::mem::take(&mut plan.samples.refused);
    explain_samples(&plan, refused)
}

/// Explains all samples, and says of which inputs there are none.
pub fn explain_samples<E: Explaining>(plan: &E, refused: Vec<(PathBuf, Failure)>) -> Result<(), Failure> {
    let (head, count) = (plan.head(), plan.samples().all.len());
    let mut run = Run {
        stack: plan.arguments().relevance.as_deref().map(|path| Stack::new(path, count)),
        index: Some(Index::new(&head)),
        summary: Summary::begin(head)?,
        progress: Progress::new(count),
        largest: 0.0,
        broken: 0,
        inputs: count + refused.len(),
        plan,
    };
    let refuse = |(path, failure): (PathBuf, Failure)| run.fail(&path.display().to_string(), failure);
    let refused = refused.into_iter().try_for_each(refuse);
    let stopped = refused.and_then(|()| run.explain_all()).and_then(|()| run.finish_files()).err();
    let (failed, broken, inputs) = (run.summary.failed(), run.broken, run.inputs);
    run.summary.end(stopped.as_deref().map(|failure| chain(failure)))?;
    match (stopped, failed) {
        (Some(failure), _) => Err(failure),
        (None, 0) if broken > 0 => {
            Err(format!("all is explained, but what belongs to {broken} of {inputs} inputs could not be read").into())
        }
        (None, 0) => Ok(()),
        (None, failed) => Err(format!("{failed} of {inputs} inputs could not be explained").into()),
    }
}

/// A run under way.
struct Run<'a, E: Explaining> {
    plan: &'a E,
    summary: Summary,
    stack: Option<Stack>,
    index: Option<Index>,
    progress: Progress,
    /// The largest relevance of a pixel so far.
    largest: f64,
    /// How many samples have something with them that can't be read, as annotations.
    broken: usize,
    /// How many inputs there are, with those that have no samples.
    inputs: usize,
}

impl<E: Explaining> Run<'_, E> {
    fn explain_all(&mut self) -> Result<(), Failure> {
        let plan = self.plan;
        for groups in plan.samples().groups.chunks(AHEAD * rayon::current_num_threads()) {
            let progress = &self.progress;
            let explain = |group: &Range<usize>| {
                let what = format!("explain {}", describe(&plan.samples().all[group.clone()]));
                let explained = timed(what, || plan.explain(group.clone()));
                progress.advance(group.len());
                explained
            };
            let explained: Vec<_> = groups.par_iter().map(explain).collect();
            for (group, explained) in groups.iter().zip(explained) {
                match explained {
                    Ok(done) => done.into_iter().try_for_each(|done| self.keep(done))?,
                    Err(failure) => {
                        let samples = &plan.samples().all[group.clone()];
                        self.fail(&describe(samples), failure)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes note of a sample that is explained, in the order of the command line.
    fn keep(&mut self, done: Done<E::Number>) -> Result<(), Failure> {
        if let (Some(stack), Some(relevance)) = (&mut self.stack, &done.relevance) {
            stack.push(relevance)?;
        }
        self.broken += usize::from(!done.record.warnings.is_empty());
        for target in &done.record.targets {
            self.largest = self.largest.max(target.largest);
        }
        let summary = &mut self.summary;
        self.progress.aside(|| summary.add(&done.record))?;
        match (&mut self.index, self.plan.arguments().scale) {
            (Some(index), Scale::Image) => index.add(&done.record),
            _ => Ok(()),
        }
    }

    /// An input that can't be explained; the rest goes on, unless it would fail alike.
    fn fail(&mut self, input: &str, failure: Failure) -> Result<(), Failure> {
        let message = chain(failure.as_ref());
        let is_named = message.contains(input);
        let told = if is_named { message } else { format!("{input}: {message}") };
        if self.inputs == 1 || concerns_all(failure.as_ref()) {
            return if is_named { Err(failure) } else { Err(failure).context(input) };
        }
        self.progress.aside(|| messages::error(&told));
        self.summary.fail(input, told);
        Ok(())
    }

    fn finish_files(&mut self) -> Result<(), Failure> {
        if self.plan.arguments().scale == Scale::Batch {
            self.draw_all()?;
        }
        if let Some(index) = &mut self.index {
            index.finish()?;
        }
        match self.stack.take() {
            Some(stack) if self.summary.failed() == 0 => stack.finish(),
            // An array with holes would be taken for the whole.
            _ => Ok(()),
        }
    }

    /// Draws all pictures on one scale, now that it is known.
    fn draw_all(&mut self) -> Result<(), Failure> {
        let (plan, largest) = (self.plan, self.largest);
        for groups in plan.samples().groups.chunks(AHEAD * rayon::current_num_threads()) {
            let records: Vec<_> = groups.par_iter().map(|group| plan.redraw(group.clone(), largest)).collect();
            for record in records.into_iter().collect::<Result<Vec<_>, _>>()?.iter().flatten() {
                self.index.as_mut().map_or(Ok(()), |index| index.add(record))?;
            }
        }
        Ok(())
    }
}

/// Whether a failure is one of the settings or of the disk, and not of an input.
pub fn concerns_all(failure: &(dyn Error + 'static)) -> bool {
    fn is_setting(error: &neural_lrp::Error) -> bool {
        match error {
            neural_lrp::Error::Setting { .. } | neural_lrp::Error::Rule { .. } => true,
            neural_lrp::Error::Node { source, .. } => is_setting(source),
            _ => false,
        }
    }
    let is_such = failure.is::<CanNotWrite>() || failure.downcast_ref().is_some_and(is_setting);
    is_such || failure.source().is_some_and(concerns_all)
}
