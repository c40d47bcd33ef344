//! Tasks that write to one array, each to places of its own.
use std::ops::Range;

/// 0 .. length in pieces of at most `most` (a multiple of `unit`), of equal size but for one unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pieces {
    length: usize,
    unit: usize,
    count: usize,
}

impl Pieces {
    pub(crate) fn new(length: usize, most: usize, unit: usize) -> Self {
        debug_assert!(most.is_multiple_of(unit));
        Self { length, unit, count: length.div_ceil(most) }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn get(&self, index: usize) -> Range<usize> {
        let units = self.length.div_ceil(self.unit);
        let begin = |index: usize| (units * index / self.count * self.unit).min(self.length);
        begin(index)..begin(index + 1)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Range<usize>> {
        (0..self.count).map(move |index| self.get(index))
    }
}

/// 0 .. length in pieces of at most `most`, of equal size but for one.
pub(crate) fn pieces(length: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    Pieces::new(length, most, 1).iter()
}

/// An array of which each task writes its own places.
#[derive(Clone, Copy)]
pub(crate) struct Output(*mut f32);

// SAFETY: tasks write places that no other task reads or writes; see `Output::at`.
unsafe impl Send for Output {}
// SAFETY: as above.
unsafe impl Sync for Output {}

impl Output {
    /// The array; it must not be used otherwise while tasks write.
    pub(crate) fn new(array: &mut [f32]) -> Self {
        Self(array.as_mut_ptr())
    }

    /// The place `at`.
    ///
    /// # Safety
    /// It lies within the array, or one behind.
    pub(crate) unsafe fn at(self, at: usize) -> *mut f32 {
        // SAFETY: the caller's promise.
        unsafe { self.0.add(at) }
    }

    /// The array from the place `at` on.
    ///
    /// # Safety
    /// As [`at`](Self::at).
    pub(crate) unsafe fn from(self, at: usize) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { self.at(at) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_a_length_once() {
        for length in 0..200 {
            for (most, unit) in [(1, 1), (7, 1), (32, 16), (48, 16)] {
                let pieces = Pieces::new(length, most, unit);
                let mut next = 0;
                for piece in pieces.iter() {
                    assert!(piece.start == next && !piece.is_empty() && piece.len() <= most, "{length} {most} {unit}");
                    assert!(piece.start % unit == 0);
                    next = piece.end;
                }
                assert_eq!((next, pieces.iter().count()), (length, pieces.count()));
            }
        }
    }
}
