//! Memory that a thread keeps for its next task.
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use crate::aligned::Aligned;

thread_local! {
    /// What this thread's tasks gave back.
    static KEPT: RefCell<Vec<Aligned>> = const { RefCell::new(Vec::new()) };
}

/// A slice of numbers for one task, given back to the thread when it is dropped.
///
/// It holds what an earlier task left there. No page of it is touched for the first time twice.
pub(crate) struct Scratch {
    numbers: Aligned,
}

impl Scratch {
    /// Scratch of `length` numbers of any value: the smallest that this thread has kept and that is large enough.
    pub(crate) fn take(length: usize) -> Self {
        let kept = KEPT.with_borrow_mut(|kept| {
            let fits = kept.iter().enumerate().filter(|(_, numbers)| numbers.capacity() >= length);
            let best = fits.min_by_key(|(_, numbers)| numbers.capacity()).map(|(at, _)| at);
            // Where none fits, one is replaced, so that a thread keeps no more than its tasks use at once.
            best.map(|at| kept.swap_remove(at)).or_else(|| {
                kept.pop();
                None
            })
        });
        let numbers = kept.map_or_else(|| Aligned::zeros(length), |numbers| numbers.with_length(length));
        Self { numbers }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let numbers = std::mem::replace(&mut self.numbers, Aligned::zeros(0));
        // A thread that ends has no use for it.
        let _ = KEPT.try_with(|kept| kept.borrow_mut().push(numbers));
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers
    }
}

#[cfg(test)]
mod tests {
    use super::Scratch;

    #[test]
    fn scratch_is_aligned_apart_and_kept() {
        let mut first = Scratch::take(100);
        let second = Scratch::take(1000);
        assert_eq!((first.len(), second.len()), (100, 1000));
        first.fill(1.0);
        assert!(
            first.as_ptr().cast::<u8>().align_offset(64) == 0 && second.as_ptr().cast::<u8>().align_offset(64) == 0
        );
        assert!(first.as_ptr_range().end <= second.as_ptr() || second.as_ptr_range().end <= first.as_ptr());
        let (small, large) = (first.as_ptr(), second.as_ptr());
        drop((first, second));
        assert_eq!(Scratch::take(90).as_ptr(), small);
        assert_eq!(Scratch::take(900).as_ptr(), large);
    }
}
