//! An arena: memory of arrays that are done with, for those that come next.
//!
//! A system hands out memory page by page, each of them zeroed, and takes it back when an array goes. For layers of a few
//! multiplications to a number that takes longer than the layer. The passes of a network ask for the same sizes again and
//! again, so what they are done with is kept here: arrays that were made here, and no others. Those come from an
//! allocator that wants them back for its own.

use std::sync::{Mutex, PoisonError};

use crate::pages::prefer_large_pages;

/// Below this many numbers, an allocator is as fast.
const SMALLEST: usize = 1 << 14;

/// The capacity of an array of the arena, but for multiples of [`STEP`]: hardly one of another origin has it.
const MARK: usize = 1;
const STEP: usize = 1 << 10;

/// How many spare numbers are kept at most (256 MiB), …
const MOST: usize = 64 << 20;

/// … and how many stay when an array is made for which none of them has room.
const SLACK: usize = 8 << 20;

static ARENA: Mutex<Arena> = Mutex::new(Arena::EMPTY);

/// Zeros, in memory that was given to [`recycle`] where some of that size is there.
///
/// ```
/// let numbers = channel_kernels::zeros(100_000);
/// assert!(numbers.iter().all(|&number| number == 0.0));
/// channel_kernels::recycle(numbers);
/// ```
pub fn zeros(length: usize) -> Vec<f32> {
    let mut numbers = room(length);
    numbers.resize(length, 0.0);
    numbers
}

/// Keeps the memory of an array for the next one of its size, if it comes from [`zeros`] or an operation of this crate.
///
/// What is kept is 256 MiB at most, and the oldest goes when other sizes are asked for.
pub fn recycle(numbers: Vec<f32>) {
    if numbers.capacity() >= SMALLEST && numbers.capacity() % STEP == MARK {
        drop(with_arena(|arena| arena.take_back(numbers)));
    }
}

/// An empty array with room for so many numbers.
pub(crate) fn room(length: usize) -> Vec<f32> {
    reused(length).unwrap_or_else(|| {
        let mut numbers = Vec::with_capacity(capacity(length));
        prefer_large_pages(numbers.spare_capacity_mut());
        numbers
    })
}

/// The room that an array of so many numbers gets.
fn capacity(length: usize) -> usize {
    if length < SMALLEST { length } else { length.next_multiple_of(STEP) + MARK }
}

/// An empty array in spare memory.
fn reused(length: usize) -> Option<Vec<f32>> {
    if length < SMALLEST {
        return None;
    }
    let (reused, too_many) = with_arena(|arena| arena.lend(length));
    drop(too_many);
    reused
}

/// What is given back to the system is dropped outside.
fn with_arena<T>(act: impl FnOnce(&mut Arena) -> T) -> T {
    act(&mut ARENA.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Spare memory.
struct Arena {
    /// Empty arrays, in the order in which they came.
    spare: Vec<Vec<f32>>,
    /// How many numbers they have room for.
    numbers: usize,
}

impl Arena {
    const EMPTY: Self = Self { spare: Vec::new(), numbers: 0 };

    /// The newest spare array with room for so many numbers and little more; and those that go because there is none.
    fn lend(&mut self, length: usize) -> (Option<Vec<f32>>, Vec<Vec<f32>>) {
        let fitting = length..=capacity(length + length / 8);
        match self.spare.iter().rposition(|spare| fitting.contains(&spare.capacity())) {
            Some(place) => {
                let reused = self.spare.remove(place);
                self.numbers -= reused.capacity();
                (Some(reused), Vec::new())
            }
            None => (None, self.shrink(SLACK.max(self.numbers.saturating_sub(length)))),
        }
    }

    /// Keeps an array; and those that go because there are too many.
    fn take_back(&mut self, mut array: Vec<f32>) -> Vec<Vec<f32>> {
        array.clear();
        self.numbers += array.capacity();
        self.spare.push(array);
        self.shrink(MOST)
    }

    /// The oldest arrays, without which there are no more spare numbers than these.
    fn shrink(&mut self, most: usize) -> Vec<Vec<f32>> {
        let mut count = 0;
        while self.numbers > most {
            self.numbers -= self.spare[count].capacity();
            count += 1;
        }
        self.spare.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_array_that_fits_is_lent_again() {
        let mut arena = Arena::EMPTY;
        let sizes = [100_000, 200_000, 100_000];
        let lent: Vec<Vec<f32>> = sizes
            .into_iter()
            .map(|size| {
                assert!(arena.lend(size).0.is_none());
                Vec::with_capacity(size)
            })
            .collect();
        let newest = lent[2].as_ptr();
        lent.into_iter().for_each(|numbers| assert!(arena.take_back(numbers).is_empty()));
        assert!(arena.lend(80_000).0.is_none(), "a quarter of it would be idle");
        assert!(arena.lend(300_000).0.is_none());
        let again = arena.lend(95_000).0.unwrap();
        assert_eq!((again.as_ptr(), again.len()), (newest, 0));
    }

    #[test]
    fn spare_memory_is_bounded() {
        let mut arena = Arena::EMPTY;
        let size = MOST / 4 - 1;
        (0..4).for_each(|_| assert!(arena.take_back(Vec::with_capacity(size)).is_empty()));
        assert_eq!(arena.take_back(Vec::with_capacity(size)).len(), 1);
        assert_eq!(arena.take_back(Vec::with_capacity(MOST + 1)).len(), 5);
        assert_eq!((arena.spare.len(), arena.numbers), (0, 0));
    }

    #[test]
    fn other_sizes_take_the_place_of_the_oldest() {
        let mut arena = Arena::EMPTY;
        let size = SLACK / 2;
        (0..4).for_each(|_| drop(arena.take_back(Vec::with_capacity(size))));
        assert_eq!(arena.lend(size / 4).1.len(), 1);
        assert_eq!(arena.lend(3 * size).1.len(), 1, "the slack stays");
        assert_eq!(arena.lend(3 * size).1.len(), 0);
    }

    #[test]
    fn zeros_are_zero_whatever_was_there() {
        for length in [0, 1, SMALLEST, 3 * SMALLEST + 5] {
            let mut numbers = room(length);
            numbers.resize(length, f32::NAN);
            recycle(numbers);
            let numbers = zeros(length);
            assert!(numbers.len() == length && numbers.iter().all(|&number| number == 0.0));
        }
    }

    #[test]
    fn arrays_of_other_origin_are_known() {
        for length in [SMALLEST, 3 * SMALLEST + 5, 100_000] {
            let is_marked = |numbers: &Vec<f32>| numbers.capacity() % STEP == MARK;
            assert!(is_marked(&room(length)) && is_marked(&zeros(length)));
            assert!(!is_marked(&vec![0.0; length]));
        }
    }
}
