//! The time that this thread has had a processor for.
use std::time::Instant;

/// Seconds that the work took of the processor; of the clock where the system doesn't say.
pub fn of(work: impl FnOnce()) -> f64 {
    let (clock, before) = (Instant::now(), processor());
    work();
    match (before, processor()) {
        (Some(before), Some(after)) => after - before,
        _ => clock.elapsed().as_secs_f64(),
    }
}

/// Seconds of this thread on the processor so far.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[allow(unsafe_code, reason = "the standard library has no such clock")]
fn processor() -> Option<f64> {
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
    }
    const THREAD: i32 = 3;
    let mut time = [0; 2];
    // SAFETY: the function writes seconds and nanoseconds, 64 bits each on such systems.
    let answer = unsafe { clock_gettime(THREAD, &raw mut time) };
    (answer == 0).then(|| time[0] as f64 + time[1] as f64 / 1e9)
}

/// Seconds of this thread on the processor so far.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn processor() -> Option<f64> {
    None
}
