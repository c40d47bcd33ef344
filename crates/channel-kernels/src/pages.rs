//! Large pages for large arrays.

/// The size of a large page of x86-64 and of most others.
#[cfg(target_os = "linux")]
const LARGE_PAGE: usize = 2 << 20;

/// Asks the system to keep an array in large pages.
///
/// For a new array of some megabytes, which is written for the first time afterward, that spares most of the time that
/// a system takes to hand out memory; reading it again is faster, too. It is advice: no value changes, and a system
/// that knows no large pages does nothing.
///
/// ```
/// let mut values = vec![0.0_f64; 1 << 20];
/// channel_kernels::prefer_large_pages(&mut values);
/// assert!(values.iter().all(|&value| value == 0.0));
/// ```
pub fn prefer_large_pages<T>(values: &mut [T]) {
    #[cfg(target_os = "linux")]
    {
        let begin = values.as_mut_ptr().addr();
        let first = begin.next_multiple_of(LARGE_PAGE);
        let end = (begin + size_of_val(values)) / LARGE_PAGE * LARGE_PAGE;
        if first < end {
            let address = values.as_mut_ptr().wrapping_byte_add(first - begin);
            // SAFETY: the pages lie within the array, which is borrowed alone, and this advice changes no contents. An
            // error means that there are no large pages, which is no harm.
            unsafe { libc::madvise(address.cast(), end - first, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = values;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_of_any_size_keep_their_values() {
        for length in [0, 1, 1000, 1 << 18, (1 << 20) + 3] {
            let mut values: Vec<u64> = (0..length).collect();
            prefer_large_pages(&mut values);
            assert!(values.iter().copied().eq(0..length));
        }
    }
}
