//! A convolution in pieces: strips of rows that stay in the cache, panels of output channels, blocks of products.
use std::ops::Range;

use rayon::prelude::*;

use crate::job::{Job, Outcome, SampleSums};
use crate::plan::{Phase, Plan, PlanTap};
use crate::rows::{Booked, PaddedRows, Source};
use crate::scratch::Scratch;
use crate::subnormal::FlushSubnormals;
use crate::sums::Amount;
use crate::tasks::pieces;
use crate::tile::{PANEL, Panel, Pixel, Tap};
use crate::weights::Block;

/// Numbers of a strip's input, and of its unfinished sums: they stay in the second-level cache.
const STRIP: usize = 160 * 1024;

/// Products that are added up in one chain. Longer chains are less exact: the chains' sums are added apart.
const CHAIN: usize = 288;

/// Input channels are split at multiples of this: the widest vector.
const CHANNELS: usize = 16;

/// With this many strips, a strip is a task; with fewer, its panels are tasks of their own.
const MANY_STRIPS: usize = 16;

/// A convolution by the sums of its definition.
pub(crate) struct DirectJob<'a> {
    pub(crate) job: Job<'a>,
    pub(crate) plan: &'a Plan,
}

/// Some rows of outputs of each phase, of some samples.
#[derive(Clone, Debug)]
struct Strip {
    samples: Range<usize>,
    rows: Range<usize>,
}

impl Strip {
    /// The input rows that a strip books: each row of the input belongs to one strip, the last has all that are left.
    fn own_rows(&self, step: usize, outputs: usize, height: usize) -> Range<usize> {
        let end = if self.rows.end == outputs { height } else { (self.rows.end * step).min(height) };
        self.rows.start * step..end
    }
}

/// How the input of a strip lies.
struct Window {
    /// Rows and columns before the place of the first output.
    before: [usize; 2],
    /// Rows after the place of the last output.
    below: usize,
    /// Columns of a row.
    width: usize,
    /// Whether the arrays are read where they lie.
    direct: bool,
}

/// What is known of a strip whose input is there.
struct Filled {
    /// What each sample and stream booked.
    booked: Vec<Vec<Booked>>,
    /// The pixels of each phase, sample by sample.
    pixels: Vec<Vec<Pixel>>,
}

/// The results for 0 .. count, in order; on this thread if there is only one.
pub(crate) fn in_order<T: Send>(count: usize, task: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    let task = |index| {
        let _guard = FlushSubnormals::new();
        task(index)
    };
    if count <= 1 || rayon::current_num_threads() == 1 {
        (0..count).map(task).collect()
    } else {
        (0..count).into_par_iter().map(task).collect()
    }
}

/// Does strips in two stages: `fill` makes a strip's input in a buffer of `length` numbers, then `panel` is done for
/// each of some panels. Gives what both gave, strip by strip and panel by panel.
///
/// How the work is shared out depends on the number of threads; what is done doesn't.
pub(crate) fn staged<F: Send + Sync, P: Send>(
    strips: usize,
    length: usize,
    fill: impl Fn(usize, &mut [f32]) -> F + Sync,
    panels: usize,
    panel: impl Fn(usize, &F, &[f32], usize) -> P + Sync,
) -> Vec<(F, Vec<P>)> {
    if strips >= MANY_STRIPS || panels == 1 || rayon::current_num_threads() == 1 {
        return in_order(strips, |strip| {
            let mut buffer = Scratch::take(length);
            let filled = fill(strip, &mut buffer);
            let done = (0..panels).map(|index| panel(strip, &filled, &buffer, index)).collect();
            (filled, done)
        });
    }
    // At least one number each, so that there is a part for each strip.
    let length = length.max(1);
    let mut buffer = Scratch::take(length * strips);
    let filled: Vec<F> = buffer
        .par_chunks_mut(length)
        .enumerate()
        .map(|(strip, buffer)| {
            let _guard = FlushSubnormals::new();
            fill(strip, buffer)
        })
        .collect();
    let mut done = in_order(strips * panels, |task| {
        let strip = task / panels;
        panel(strip, &filled[strip], &buffer[strip * length..(strip + 1) * length], task % panels)
    })
    .into_iter();
    filled.into_iter().map(|filled| (filled, done.by_ref().take(panels).collect())).collect()
}

impl DirectJob<'_> {
    /// Does it; gives the sums of each sample, added strip by strip and panel by panel.
    pub(crate) fn run(&self) -> Vec<SampleSums> {
        let window = self.window();
        let strips = self.strips(&window);
        let blocks = self.job.weights.blocks();
        let length = strips.iter().map(|strip| self.buffer_length(&window, strip)).max().unwrap_or(0);
        let fill = |strip: usize, buffer: &mut [f32]| {
            let strip = &strips[strip];
            let pixels = self.plan.phases.iter().map(|phase| self.pixels(&window, strip, phase)).collect();
            Filled { booked: self.fill(&window, strip, buffer), pixels }
        };
        let panel = |strip: usize, filled: &Filled, buffer: &[f32], block: usize| {
            let streams = self.streams(&window, &strips[strip], buffer);
            self.block(&window, filled, &streams, blocks[block])
        };
        let done = staged(strips.len(), length, fill, blocks.len(), panel);
        self.add_up(&strips, done)
    }

    fn add_up(&self, strips: &[Strip], done: Vec<(Filled, Vec<Vec<Amount>>)>) -> Vec<SampleSums> {
        let mut sums = self.job.no_sums();
        for (strip, (Filled { booked, .. }, finished)) in strips.iter().zip(done) {
            for (place, sample) in strip.samples.clone().enumerate() {
                sums[sample].add(&booked[place], finished.iter().map(|amounts| amounts[place]));
            }
        }
        sums
    }

    /// Rows and columns of outputs of the largest phase.
    fn outputs(&self) -> [usize; 2] {
        [self.job.to.height.div_ceil(self.plan.output_step[0]), self.job.to.width.div_ceil(self.plan.output_step[1])]
    }

    fn window(&self) -> Window {
        let [above, below] = self.plan.reach(0);
        let [left, right] = self.plan.reach(1);
        let [rows, columns] = self.outputs();
        let last_row = ((rows - 1) * self.plan.input_step[0]) as isize + below;
        let last_column = ((columns - 1) * self.plan.input_step[1]) as isize + right;
        let inside = above == 0
            && left == 0
            && last_row < self.job.from.height as isize
            && last_column < self.job.from.width as isize;
        let direct = inside && self.job.sources.iter().all(|source| source.unchanged().is_some());
        let before = [above.unsigned_abs(), left.unsigned_abs()];
        let width =
            if direct { self.job.from.width } else { before[1] + self.job.from.width.max(last_column as usize + 1) };
        Window { before, below: below as usize, width, direct }
    }

    /// Strips of equal size but for one row: several samples where they are small, some rows of one where it is large.
    fn strips(&self, window: &Window) -> Vec<Strip> {
        let [rows, columns] = self.outputs();
        let step = self.plan.input_step[0];
        let streams = if window.direct { 1 } else { self.job.sources.len() };
        let row = (window.width * self.job.from.channels * streams * step).max(columns * PANEL);
        let span = if window.direct { 0 } else { window.before[0] + window.below } / step;
        let most = (STRIP / row.max(1)).saturating_sub(span).max(1);
        if most > rows {
            let samples = (STRIP / (row * (rows + span))).clamp(1, self.job.batch.max(1));
            return pieces(self.job.batch, samples).map(|samples| Strip { samples, rows: 0..rows }).collect();
        }
        (0..self.job.batch)
            .flat_map(|sample| pieces(rows, most).map(move |rows| Strip { samples: sample..sample + 1, rows }))
            .collect()
    }

    /// Input rows of a sample in a strip: the first may lie above the input.
    fn input_rows(&self, window: &Window, strip: &Strip) -> Range<isize> {
        let step = self.plan.input_step[0];
        let first = (strip.rows.start * step) as isize - window.before[0] as isize;
        first..((strip.rows.end - 1) * step + window.below + 1) as isize
    }

    /// Numbers of a stream of a strip.
    fn pitch(&self, window: &Window, strip: &Strip) -> usize {
        strip.samples.len() * self.input_rows(window, strip).len() * window.width * self.job.from.channels
    }

    fn buffer_length(&self, window: &Window, strip: &Strip) -> usize {
        if window.direct { 0 } else { self.pitch(window, strip) * self.job.sources.len() }
    }

    /// Fills a strip's input with rows and the zeros around them. Each row of the input is booked by one strip.
    fn fill(&self, window: &Window, strip: &Strip, buffer: &mut [f32]) -> Vec<Vec<Booked>> {
        let mut booked = vec![vec![Booked::default(); self.job.sources.len()]; strip.samples.len()];
        if window.direct {
            return booked;
        }
        let pitch = self.pitch(window, strip);
        let own = strip.own_rows(self.plan.input_step[0], self.outputs()[0], self.job.from.height);
        for (place, sample) in strip.samples.clone().enumerate() {
            let rows = PaddedRows {
                extent: self.job.from,
                sample,
                rows: self.input_rows(window, strip),
                own: own.clone(),
                left: window.before[1],
                width: window.width,
                chosen: 0..self.job.from.channels,
                plane: self.job.from.channels,
            };
            for (stream, source) in self.job.sources.iter().enumerate() {
                let at = stream * pitch + place * rows.length();
                booked[place][stream] = rows.fill(self.job.instructions, source, &mut buffer[at..at + rows.length()]);
            }
        }
        booked
    }

    /// The first number of each stream of a strip.
    fn streams(&self, window: &Window, strip: &Strip, buffer: &[f32]) -> Vec<*const f32> {
        let pitch = self.pitch(window, strip);
        let stream = |(index, source): (usize, &Source<'_>)| match source.unchanged() {
            Some(values) if window.direct => values.as_ptr(),
            _ => buffer[index * pitch..].as_ptr(),
        };
        self.job.sources.iter().enumerate().map(stream).collect()
    }

    /// The pixels of a phase in a strip, sample by sample.
    fn pixels(&self, window: &Window, strip: &Strip, phase: &Phase) -> Vec<Pixel> {
        let [input_step, output_step] = [self.plan.input_step, self.plan.output_step];
        let rows = self.input_rows(window, strip).len();
        let mut pixels = Vec::with_capacity(strip.samples.len() * strip.rows.len() * self.outputs()[1]);
        for (place, sample) in strip.samples.clone().enumerate() {
            for j in strip.rows.clone() {
                let y = phase.first[0] + j * output_step[0];
                let row = match window.direct {
                    true => sample * self.job.from.height + j * input_step[0],
                    false => place * rows + (j - strip.rows.start) * input_step[0],
                };
                let columns = (phase.first[1]..self.job.to.width).step_by(output_step[1]).enumerate();
                if y < self.job.to.height {
                    pixels.extend(columns.map(|(i, x)| Pixel {
                        from: (row * window.width + i * input_step[1]) * self.job.from.channels,
                        to: ((sample * self.job.to.height + y) * self.job.to.width + x) * self.job.to.channels,
                    }));
                }
            }
        }
        pixels
    }

    /// A panel of output channels of a strip; gives the sums of each sample.
    fn block(&self, window: &Window, filled: &Filled, streams: &[*const f32], block: Block) -> Vec<Amount> {
        let mut sums = vec![Amount::default(); filled.booked.len()];
        for outcome in &self.job.outcomes {
            for (phase, pixels) in self.plan.phases.iter().zip(&filled.pixels) {
                let of_stream = |stream| phase.taps.iter().map(move |&tap| (stream, tap));
                let terms = (0..self.job.sources.len()).flat_map(of_stream).collect();
                let of_sample = pixels.len() / sums.len();
                if of_sample > 0 {
                    self.products(&Terms { window, streams, block, outcome, terms }, pixels, of_sample, &mut sums);
                }
            }
        }
        sums
    }

    /// The outputs of a panel at the pixels of a phase: step by step of their terms, all pixels each.
    fn products(&self, terms: &Terms<'_>, pixels: &[Pixel], of_sample: usize, sums: &mut [Amount]) {
        let block = terms.block;
        let width = self.job.weights.width(block);
        let steps = steps(terms.terms.len(), self.job.weights.summed() * self.plan.columns);
        let mut kept = Scratch::take(if steps.len() > 1 { pixels.len() * PANEL } else { 0 });
        let kept = kept.as_mut_ptr();
        for (index, step) in steps.iter().enumerate() {
            let mut made = Scratch::take(step.terms.len() * step.channels.len() * width);
            let taps = self.taps(terms, step, &mut made);
            if let Some(next) = steps.get(index + 1) {
                for (_, tap) in &terms.terms[next.terms.clone()] {
                    self.job.weights.prefetch(block, tap.weights, &next.channels);
                }
            }
            for (sample, pixels) in pixels.chunks_exact(of_sample).enumerate() {
                let totals = self.job.instructions.run(&Panel {
                    pixels,
                    taps: &taps,
                    run: step.channels.len(),
                    width,
                    lanes: block.lanes,
                    channel: block.group * self.job.weights.made() + block.index * PANEL,
                    kept: kept.wrapping_add(sample * of_sample * PANEL),
                    begins: index == 0,
                    finish: (index + 1 == steps.len()).then_some(terms.outcome.finish),
                });
                sums[sample] += Amount::from(totals);
            }
        }
    }

    /// Where the numbers and the weights of a step lie; weights that have to be made lie in `made`.
    fn taps(&self, terms: &Terms<'_>, step: &Step, made: &mut [f32]) -> Vec<Tap> {
        let Terms { window, streams, block, outcome, .. } = *terms;
        let length = step.channels.len() * self.job.weights.width(block);
        let tap = |(index, &(stream, tap)): (usize, &(usize, PlanTap))| {
            // Not negative: the window reaches as far as any tap.
            let [row, column] = [0, 1].map(|axis| (tap.offset[axis] + window.before[axis] as isize) as usize);
            let channel = block.group * self.job.weights.summed() + step.channels.start;
            let from = (row * window.width + column) * self.job.from.channels + channel;
            let weights = match self.job.weights.lying(block, outcome.parts[stream], tap.weights, &step.channels) {
                Some(rows) => rows.as_ptr(),
                None => {
                    let place = &mut made[index * length..(index + 1) * length];
                    let (instructions, part) = (self.job.instructions, outcome.parts[stream]);
                    self.job.weights.make(instructions, block, part, tap.weights, &step.channels, place);
                    place.as_ptr()
                }
            };
            Tap { from: streams[stream].wrapping_add(from), weights }
        };
        terms.terms[step.terms.clone()].iter().enumerate().map(tap).collect()
    }
}

/// The terms that outputs of a phase are sums of, in a panel of a strip.
struct Terms<'a> {
    window: &'a Window,
    /// The first number of each stream.
    streams: &'a [*const f32],
    block: Block,
    outcome: &'a Outcome<'a>,
    /// Streams and taps.
    terms: Vec<(usize, PlanTap)>,
}

/// Products that are added up in one chain.
struct Step {
    /// Some of the terms, and of the channels of each.
    terms: Range<usize>,
    channels: Range<usize>,
}

/// The products in chains of at most 288: runs of channels as long as may be, then as many terms as have room.
fn steps(terms: usize, run: usize) -> Vec<Step> {
    if terms == 0 {
        return vec![Step { terms: 0..0, channels: 0..0 }];
    }
    let channels = run.div_ceil(run.div_ceil(CHAIN)).next_multiple_of(CHANNELS).min(run);
    let runs = move || (0..run).step_by(channels).map(move |first| first..(first + channels).min(run));
    let terms = pieces(terms, (CHAIN / channels).max(1));
    terms.flat_map(|terms| runs().map(move |channels| Step { terms: terms.clone(), channels })).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn steps_are_all_products_once_in_short_chains(terms in 1usize..60, run in 1usize..1200) {
            let mut met = vec![0; terms * run];
            for step in steps(terms, run) {
                prop_assert!(step.terms.len() * step.channels.len() <= CHAIN);
                prop_assert!(step.channels.start % CHANNELS == 0);
                for (term, channel) in step.terms.flat_map(|term| step.channels.clone().map(move |c| (term, c))) {
                    met[term * run + channel] += 1;
                }
            }
            prop_assert!(met.iter().all(|&times| times == 1));
        }
    }
}
