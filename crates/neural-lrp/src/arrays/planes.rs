//! Work on one plane at a time: all positions of one channel of one sample.

use ndarray::{ArrayD, ArrayViewD};
use rayon::prelude::*;

use crate::Real;
use crate::arrays::contiguous::{elements, elements_mut};
use crate::arrays::memory::zeros;
use crate::arrays::order::Order;

/// An array of `shape` (samples, channels, …), each plane of which is made from the same planes of `sources`.
///
/// `fill` is given the plane's number, the planes of the sources, and the plane to fill, zeros at first.
pub(crate) fn fill_planes<F: Real, const N: usize>(
    shape: &[usize],
    sources: [ArrayViewD<'_, F>; N],
    fill: impl Fn(usize, [&[F]; N], &mut [F]) + Sync,
) -> ArrayD<F> {
    fill_blocks(shape, 2, sources, fill)
}

/// An array of `shape` in an order of memory, from sources in the same order: plane by plane, or, where channels come
/// last, sample by sample.
pub(crate) fn fill_in_order<F: Real, const N: usize>(
    order: Order,
    shape: &[usize],
    sources: [ArrayViewD<'_, F>; N],
    fill: impl Fn(usize, [&[F]; N], &mut [F]) + Sync,
) -> ArrayD<F> {
    let leading = match order {
        Order::Standard => 2,
        Order::ChannelsLast => 1,
    };
    let blocks: usize = shape.iter().take(leading).product();
    let mut target = F::zeros(shape.iter().product());
    let length = target.len() / blocks.max(1);
    let sources = sources.each_ref().map(|source| order.numbers(source));
    target.par_chunks_mut(length.max(1)).enumerate().for_each(|(block, target)| {
        let sources = sources.each_ref().map(|source| {
            let length = source.len() / blocks;
            &source[block * length..(block + 1) * length]
        });
        fill(block, sources, target);
    });
    order.array(shape, target)
}

/// An array of `shape`, made block by block as [`fill_planes`] has it; a block is one position of the first `leading`
/// axes.
pub(crate) fn fill_blocks<F: Real, const N: usize>(
    shape: &[usize],
    leading: usize,
    sources: [ArrayViewD<'_, F>; N],
    fill: impl Fn(usize, [&[F]; N], &mut [F]) + Sync,
) -> ArrayD<F> {
    let blocks: usize = shape.iter().take(leading).product();
    let mut target = zeros(shape);
    let length = target.len() / blocks.max(1);
    let sources = sources.each_ref().map(elements);
    let chunks = elements_mut(&mut target).par_chunks_mut(length.max(1));
    chunks.enumerate().for_each(|(block, target)| {
        let sources = sources.each_ref().map(|source| {
            let length = source.len() / blocks;
            &source[block * length..(block + 1) * length]
        });
        fill(block, sources, target);
    });
    target
}
