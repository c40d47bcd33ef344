//! Benches by the processor time of the process: what other programs on the machine take is not in it.

use std::time::Duration;

use cpu_time::ProcessTime;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};

/// Processor time of all threads together.
pub struct ProcessorTime;

/// Criterion, measuring it.
pub type Criterion = criterion::Criterion<ProcessorTime>;

/// What a group of benches begins with.
pub fn criterion() -> Criterion {
    criterion::Criterion::default().with_measurement(ProcessorTime)
}

impl Measurement for ProcessorTime {
    type Intermediate = ProcessTime;
    type Value = Duration;

    fn start(&self) -> ProcessTime {
        ProcessTime::now()
    }

    fn end(&self, start: ProcessTime) -> Duration {
        start.elapsed()
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, time: &Duration) -> f64 {
        time.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}
