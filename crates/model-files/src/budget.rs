//! How much memory constants may take that are computed of a file.

use std::sync::atomic::{AtomicU64, Ordering};

/// What any file may ask for, in bytes.
const BASE: u64 = 64 << 20;

/// How much more for each byte of a file.
const PER_BYTE: u64 = 64;

/// The bytes beyond which nothing is computed, where they are set; 0 where they follow from the file.
static MOST: AtomicU64 = AtomicU64::new(0);

/// Sets how many bytes the constants may take that are computed of a file, for the whole program. Where nothing is set,
/// it is 64 MiB and 64 times the file's size: a file of a few bytes can else ask for all memory there is.
pub fn set_max_constants(bytes: u64) {
    MOST.store(bytes.max(1), Ordering::Relaxed);
}

/// What is left of the memory that the constants of a file may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    most: u64,
    left: u64,
}

impl Budget {
    /// That of a file, its external data among it, of so many bytes.
    pub(crate) fn of_file(bytes: u64) -> Self {
        let most = match MOST.load(Ordering::Relaxed) {
            0 => bytes.saturating_mul(PER_BYTE).saturating_add(BASE),
            set => set,
        };
        Self { most, left: most }
    }

    /// The whole of it again.
    pub(crate) fn anew(self) -> Self {
        Self { left: self.most, ..self }
    }

    /// Whether there is room for a tensor of this shape, whose numbers take as many bytes as the widest.
    pub(crate) fn check(&self, shape: &[usize]) -> Result<(), String> {
        let numbers = shape.iter().try_fold(1u64, |count, &length| count.checked_mul(length as u64));
        match shape.contains(&0) || numbers.is_some_and(|numbers| numbers <= self.room()) {
            true => Ok(()),
            false => Err(self.refusal(&format!("of shape {shape:?}"))),
        }
    }

    /// How many numbers there is room for.
    pub(crate) fn room(&self) -> u64 {
        self.left / size_of::<f64>() as u64
    }

    /// Takes the bytes of so many numbers.
    pub(crate) fn take(&mut self, numbers: usize) -> Result<(), String> {
        let bytes = (numbers as u64).saturating_mul(size_of::<f64>() as u64);
        self.left = self.left.checked_sub(bytes).ok_or_else(|| self.refusal(&format!("of {numbers} numbers")))?;
        Ok(())
    }

    fn refusal(&self, what: &str) -> String {
        format!(
            "with its result {what} the constants that are computed of this file would take more than {} MiB; if that \
             is right, --max-constants allows more",
            self.most >> 20
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_ask_for_what_its_size_allows() {
        let mut budget = Budget::of_file(1 << 20);
        assert_eq!(budget.room(), (128 << 20) / 8);
        assert!(budget.check(&[16, 1 << 20]).is_ok() && budget.check(&[usize::MAX, usize::MAX, 0]).is_ok());
        budget.take(15 << 20).unwrap();
        assert!(budget.check(&[1 << 20]).is_ok() && budget.anew().check(&[2 << 20]).is_ok());
        for shape in [&[2 << 20][..], &[usize::MAX, usize::MAX]] {
            assert!(budget.check(shape).unwrap_err().contains("more than 128 MiB"));
        }
        assert!(budget.take(2 << 20).unwrap_err().contains("--max-constants"));
    }
}
