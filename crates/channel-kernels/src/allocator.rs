//! An allocator whose large arrays begin with a cache line.

use std::alloc::{GlobalAlloc, Layout, System};

/// From so many bytes on, arrays begin with a cache line.
const LARGE: usize = 1 << 14;

/// Bytes of a cache line, and of the longest vectors.
const LINE: usize = 64;

/// The system's allocator, but that arrays of 16 KiB and more begin with a cache line.
///
/// Elsewhere they begin where the system's own notes end, often 16 bytes behind a page: each vector of a whole line then
/// lies in two of them, and layers that wait for memory take up to half as long again. A program that is in a hurry says
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: channel_kernels::CacheLines = channel_kernels::CacheLines;
///
/// let numbers = vec![1.0_f32; 1 << 16];
/// assert!(numbers.as_ptr().addr().is_multiple_of(64));
/// ```
///
/// No result depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct CacheLines;

/// What the system is asked for.
fn lined(layout: Layout) -> Layout {
    match layout.align_to(LINE) {
        Ok(lined) if layout.size() >= LARGE => lined,
        _ => layout,
    }
}

// SAFETY: the system is asked for memory of the size that is wanted, and of that alignment or a larger one; memory goes back
// with the very layout that it came with, since `lined` depends on the given layout alone, and it does not unwind.
unsafe impl GlobalAlloc for CacheLines {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller asks for a size that is not 0, which stays.
        unsafe { System.alloc(lined(layout)) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(lined(layout)) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer comes from here with this layout, so from the system with the other.
        unsafe { System.dealloc(pointer, lined(layout)) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.size() < LARGE && new_size < LARGE {
            // SAFETY: memory of neither size is aligned, so that the system's has this layout.
            return unsafe { System.realloc(pointer, layout, new_size) };
        }
        // SAFETY: the caller says that the new size is one of a layout of the old alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: the new size is not 0, as the caller says; what is copied lies in both, which don't overlap; and the old
        // memory comes from here with its layout.
        unsafe {
            let new = self.alloc(new_layout);
            if !new.is_null() {
                std::ptr::copy_nonoverlapping(pointer, new, layout.size().min(new_size));
                self.dealloc(pointer, layout);
            }
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_arrays_begin_with_a_line_and_keep_their_bytes() {
        let sizes = [1, 100, LARGE - 1, LARGE, LARGE + 1, 5 * LARGE + 3];
        for (from, to) in sizes.iter().flat_map(|&from| sizes.map(|to| (from, to))) {
            let layout = Layout::from_size_align(from, 4).unwrap();
            let is_lined = |pointer: *mut u8, size| size < LARGE || pointer.addr().is_multiple_of(LINE);
            // SAFETY: no size is 0; memory is read and written within its size, and goes back with its own layout.
            unsafe {
                let zeros = CacheLines.alloc_zeroed(layout);
                assert!(is_lined(zeros, from));
                assert!((0..from).all(|place| *zeros.add(place) == 0));
                (0..from).for_each(|place| *zeros.add(place) = (place % 251) as u8);
                let moved = CacheLines.realloc(zeros, layout, to);
                assert!(is_lined(moved, to));
                assert!((0..from.min(to)).all(|place| usize::from(*moved.add(place)) == place % 251), "{from} to {to}");
                CacheLines.dealloc(moved, Layout::from_size_align(to, 4).unwrap());
            }
        }
    }
}
