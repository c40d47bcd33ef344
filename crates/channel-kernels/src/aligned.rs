//! Numbers that begin at the boundary of a cache line: no vector of whole lines straddles two of them.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::pages::prefer_large_pages;

/// Numbers of a cache line.
const LINE: usize = 16;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// A slice of numbers in memory of its own.
#[derive(Clone)]
pub(crate) struct Aligned {
    lines: Vec<Line>,
    length: usize,
}

impl Aligned {
    /// So many zeros.
    pub(crate) fn zeros(length: usize) -> Self {
        let count = length.div_ceil(LINE);
        let mut lines = Vec::with_capacity(count);
        prefer_large_pages(lines.spare_capacity_mut());
        lines.resize(count, Line([0.0; LINE]));
        Self { lines, length }
    }

    /// How long it can be made without new memory.
    pub(crate) fn capacity(&self) -> usize {
        self.lines.len() * LINE
    }

    /// The same memory as a slice of another length, within the capacity.
    pub(crate) fn with_length(self, length: usize) -> Self {
        assert!(length <= self.capacity());
        Self { length, ..self }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: a line is sixteen floats without padding, and `length` floats lie within the lines.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.length) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`; the lines are borrowed for writing.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.length) }
    }
}

impl PartialEq for Aligned {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl fmt::Debug for Aligned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(formatter)
    }
}
