//! Long computations: on threads of their own while the caller's looks after Ctrl-C and progress.

use std::any::Any;
use std::mem;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::errors::Failure;

/// How often a long computation looks for Ctrl-C and tells how far it is.
const GLANCE: Duration = Duration::from_millis(50);

/// The threads that a model computes on. They are started with the first computation, and anew in a process that was
/// forked, which has none of them.
#[derive(Debug, Default)]
pub struct Threads {
    count: Option<usize>,
    pool: Mutex<Option<(u32, Arc<ThreadPool>)>>,
}

/// The threads of all models that ask for no number of them.
static ALL: Threads = Threads { count: None, pool: Mutex::new(None) };

impl Threads {
    /// So many threads; as many as there are processors where no number is given.
    pub fn new(count: Option<usize>) -> Result<Self, Failure> {
        match count {
            Some(0) => {
                Err(Failure::setting("threads is 0; at least one is needed, or None for one for each processor"))
            }
            count => Ok(Self { count, pool: Mutex::default() }),
        }
    }

    /// How many threads there are to be.
    pub fn count(&self) -> Option<usize> {
        self.count
    }

    fn pool(&self) -> Result<Arc<ThreadPool>, Failure> {
        let shared = if self.count.is_none() { &ALL } else { self };
        let mut pool = shared.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((process, pool)) = pool.as_ref()
            && *process == process::id()
        {
            return Ok(Arc::clone(pool));
        }
        let made = ThreadPoolBuilder::new().num_threads(self.count.unwrap_or(0)).build();
        let made = Arc::new(made.map_err(|error| Failure::new("InternalError", format!("no threads: {error}")))?);
        // The threads of the process that this one was forked from are not here: nobody can wait for them.
        mem::forget(pool.replace((process::id(), Arc::clone(&made))));
        Ok(made)
    }
}

/// How far a computation is, and whether it shall go on.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicUsize,
    stopped: AtomicBool,
}

impl Progress {
    /// Tells how many samples are done, and asks whether the others shall be.
    pub fn advance(&self, done: usize) -> ControlFlow<()> {
        self.done.store(done, Ordering::Relaxed);
        if self.stopped.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Whether a person sees how far a long computation is.
pub enum Show {
    /// Nothing is to be seen.
    Nothing,
    /// How many of so many samples are done.
    Samples {
        /// How many there are.
        total: usize,
        /// Whether it shall be seen in any case; where nothing is said, once the call takes long.
        wanted: bool,
        /// What shows it, once it is needed.
        shown: Option<Py<PyAny>>,
    },
}

impl Show {
    /// As a caller wants it: `None` is for long calls only.
    pub fn samples(total: usize, wanted: Option<bool>) -> Self {
        match wanted {
            Some(false) => Self::Nothing,
            wanted => Self::Samples { total, wanted: wanted == Some(true), shown: None },
        }
    }

    fn update(&mut self, py: Python<'_>, done: usize) -> PyResult<()> {
        let Self::Samples { total, wanted, shown } = self else { return Ok(()) };
        let shown = match shown {
            Some(shown) => shown,
            None => {
                let class = py.import("pixelwise._progress")?.getattr("Progress")?;
                shown.insert(class.call1((*total, *wanted))?.unbind())
            }
        };
        shown.call_method1(py, "update", (done,)).map(drop)
    }

    fn close(self, py: Python<'_>) -> PyResult<()> {
        match self {
            Self::Samples { shown: Some(shown), .. } => shown.call_method0(py, "close").map(drop),
            _ => Ok(()),
        }
    }
}

/// Runs a computation with the interpreter released.
///
/// # Errors
/// Its failure; `KeyboardInterrupt` once it has stopped; `InternalError` for a panic.
pub fn compute<T: Send>(
    py: Python<'_>,
    threads: &Threads,
    mut show: Show,
    work: impl FnOnce(&Progress) -> Result<T, Failure> + Send,
) -> PyResult<T> {
    let pool = threads.pool()?;
    let shown = &mut show;
    let (outcome, interruption) = py.detach(|| {
        let progress = Progress::default();
        let (sender, receiver) = sync_channel(1);
        pool.in_place_scope(|scope| {
            let progress = &progress;
            scope.spawn(move |_| {
                let outcome = catch_unwind(AssertUnwindSafe(|| work(progress)));
                // Nobody else holds the receiver, and it outlives this scope.
                let _ = sender.send(outcome);
            });
            let mut interruption = None;
            loop {
                match receiver.recv_timeout(GLANCE) {
                    Ok(outcome) => return (outcome, interruption),
                    Err(RecvTimeoutError::Disconnected) => unreachable!("the computation sends its outcome"),
                    Err(RecvTimeoutError::Timeout) if interruption.is_some() => {}
                    Err(RecvTimeoutError::Timeout) => {
                        interruption = glance(shown, progress.done.load(Ordering::Relaxed)).err();
                        progress.stopped.store(interruption.is_some(), Ordering::Relaxed);
                    }
                }
            }
        })
    });
    show.close(py)?;
    match (interruption, outcome) {
        (Some(interruption), _) => Err(interruption),
        (None, Ok(outcome)) => Ok(outcome?),
        (None, Err(panic)) => Err(Failure::new("InternalError", message(panic.as_ref())).into()),
    }
}

/// Looks for signals, and shows how many samples are done.
fn glance(show: &mut Show, done: usize) -> PyResult<()> {
    Python::attach(|py| {
        py.check_signals()?;
        show.update(py, done)
    })
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    format!("this is a defect of pixelwise, please report it: {}", text.unwrap_or("a panic without a message"))
}
