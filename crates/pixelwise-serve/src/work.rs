//! The pool: so much is computed at once, so much waits, and a newer frame takes the place of an older one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;
use tokio::sync::{Semaphore, oneshot};

use crate::failure::Failure;
use crate::limits::Limits;

/// What computes, and how much of it there may be.
#[derive(Debug)]
pub struct Work {
    most_waiting: usize,
    permits: Arc<Semaphore>,
    present: AtomicUsize,
    running: Arc<AtomicUsize>,
    frames: Mutex<HashMap<String, Current>>,
    serials: AtomicU64,
}

/// The request that a frame waits for.
#[derive(Debug)]
struct Current {
    serial: u64,
    /// Dropped when a newer request comes.
    _alive: oneshot::Sender<()>,
}

/// Tells a computation that nobody waits for it any more.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Fails where nobody waits any more.
    pub fn check(&self) -> Result<(), Failure> {
        if self.0.load(Ordering::Relaxed) { Err(Failure::Superseded) } else { Ok(()) }
    }
}

/// How long a request took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Milliseconds {
    /// Until it was its turn.
    pub waited: f64,
    /// While it was computed.
    pub computed: f64,
}

/// How much is going on.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Load {
    /// Requests that are computed.
    pub running: usize,
    /// Requests that wait for their turn.
    pub waiting: usize,
    /// Threads that compute.
    pub threads: usize,
}

impl Work {
    /// An idle pool.
    pub fn new(limits: &Limits) -> Self {
        Self {
            most_waiting: limits.waiting,
            permits: Arc::new(Semaphore::new(limits.running)),
            present: AtomicUsize::new(0),
            running: Arc::default(),
            frames: Mutex::default(),
            serials: AtomicU64::new(0),
        }
    }

    /// How much is going on.
    pub fn load(&self) -> Load {
        let running = self.running.load(Ordering::Relaxed);
        let waiting = self.present.load(Ordering::Relaxed).saturating_sub(running);
        Load { running, waiting, threads: rayon::current_num_threads() }
    }

    /// Lets nothing more begin.
    pub fn close(&self) {
        self.permits.close();
    }

    /// Computes something when its turn comes.
    ///
    /// What is given up, by a newer frame, by a client that goes or by the clock, keeps its place in the pool until it has
    /// stopped: there is never more under way than there may be.
    pub async fn run<T: Send + 'static>(
        &self,
        frame: Option<String>,
        task: impl FnOnce(&Stop) -> Result<T, Failure> + Send + 'static,
    ) -> Result<(T, Milliseconds), Failure> {
        let _present = self.enter()?;
        let mut newer = self.begin(frame);
        let stop = StopWhenDropped(Stop::default());
        tokio::select! {
            biased;
            () = newer.comes() => Err(Failure::Superseded),
            done = self.compute(stop.0.clone(), task) => done,
        }
    }

    async fn compute<T: Send + 'static>(
        &self,
        stop: Stop,
        task: impl FnOnce(&Stop) -> Result<T, Failure> + Send + 'static,
    ) -> Result<(T, Milliseconds), Failure> {
        let came = Instant::now();
        let ending = |_| Failure::NotReady("The server is ending.".to_owned());
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(ending)?;
        let (waited, begun) = (came.elapsed(), Instant::now());
        let running = Counted::new(&self.running);
        let task = move || {
            let _place = (permit, running);
            stop.check()?;
            task(&stop)
        };
        let done = tokio::task::spawn_blocking(task).await.map_err(|_| Failure::Internal)??;
        let milliseconds = |duration: std::time::Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
        Ok((done, Milliseconds { waited: milliseconds(waited), computed: milliseconds(begun.elapsed()) }))
    }

    /// Takes a place among those who wait.
    fn enter(&self) -> Result<Place<'_>, Failure> {
        let place = Place::new(&self.present);
        if place.before >= self.most_waiting { Err(Failure::Busy) } else { Ok(place) }
    }

    /// Takes the place of the older request of a frame.
    fn begin(&self, frame: Option<String>) -> Newer<'_> {
        let Some(name) = frame else { return Newer { work: self, of: None } };
        let (alive, replaced) = oneshot::channel();
        let serial = self.serials.fetch_add(1, Ordering::Relaxed);
        self.frames().insert(name.clone(), Current { serial, _alive: alive });
        Newer { work: self, of: Some((name, serial, replaced)) }
    }

    fn frames(&self) -> std::sync::MutexGuard<'_, HashMap<String, Current>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's claim to be the newest of its frame.
struct Newer<'a> {
    work: &'a Work,
    of: Option<(String, u64, oneshot::Receiver<()>)>,
}

impl Newer<'_> {
    /// Waits for a newer one.
    async fn comes(&mut self) {
        match &mut self.of {
            Some((_, _, replaced)) => drop(replaced.await),
            None => std::future::pending().await,
        }
    }
}

impl Drop for Newer<'_> {
    fn drop(&mut self) {
        let Some((name, serial, _)) = &self.of else { return };
        let mut frames = self.work.frames();
        if frames.get(name).is_some_and(|current| current.serial == *serial) {
            frames.remove(name);
        }
    }
}

/// A place among those who wait.
struct Place<'a> {
    present: &'a AtomicUsize,
    before: usize,
}

impl<'a> Place<'a> {
    fn new(present: &'a AtomicUsize) -> Self {
        Self { present, before: present.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.present.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One of those that run.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(running: &Arc<AtomicUsize>) -> Self {
        running.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(running))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct StopWhenDropped(Stop);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn work(running: usize, waiting: usize) -> Arc<Work> {
        Arc::new(Work::new(&Limits { running, waiting, ..Limits::default() }))
    }

    /// A task that goes on until it is told to stop, and says so.
    fn endless(told: &Arc<AtomicUsize>) -> impl FnOnce(&Stop) -> Result<(), Failure> + Send + use<> {
        let told = Arc::clone(told);
        move |stop| {
            told.fetch_add(1, Ordering::SeqCst);
            while stop.check().is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
            told.fetch_add(100, Ordering::SeqCst);
            stop.check()
        }
    }

    async fn until(condition: impl Fn() -> bool) {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn a_newer_frame_ends_the_older_one_and_no_other() {
        let (work, told) = (work(2, 9), Arc::new(AtomicUsize::new(0)));
        let spawn = |frame: &str| {
            let (work, task, frame) = (Arc::clone(&work), endless(&told), frame.to_owned());
            tokio::spawn(async move { work.run(Some(frame), task).await })
        };
        let (older, other) = (spawn("a"), spawn("b"));
        until(|| told.load(Ordering::SeqCst) == 2).await;
        let newer = work.run(Some("a".to_owned()), |_| Ok(7)).await.unwrap();
        assert_eq!(newer.0, 7);
        assert!(matches!(older.await.unwrap(), Err(Failure::Superseded)));
        until(|| told.load(Ordering::SeqCst) == 102).await;
        assert!(!other.is_finished() && work.load().running == 1);
        other.abort();
        until(|| work.load().running == 0 && told.load(Ordering::SeqCst) == 202).await;
        assert!(work.frames().is_empty());
    }

    #[tokio::test]
    async fn what_waits_is_superseded_without_a_turn() {
        let (work, told) = (work(1, 9), Arc::new(AtomicUsize::new(0)));
        let spawn = |frame: &str| {
            let (work, task, frame) = (Arc::clone(&work), endless(&told), frame.to_owned());
            tokio::spawn(async move { work.run(Some(frame), task).await })
        };
        let running = spawn("a");
        until(|| told.load(Ordering::SeqCst) == 1).await;
        let waiting = spawn("b");
        until(|| work.load().waiting == 1).await;
        let newest = spawn("b");
        assert!(matches!(waiting.await.unwrap(), Err(Failure::Superseded)));
        assert_eq!(told.load(Ordering::SeqCst), 1);
        running.abort();
        newest.abort();
    }

    #[tokio::test]
    async fn more_than_may_wait_are_refused_and_the_end_lets_nothing_begin() {
        let (work, told) = (work(1, 1), Arc::new(AtomicUsize::new(0)));
        let first = {
            let (work, task) = (Arc::clone(&work), endless(&told));
            tokio::spawn(async move { work.run(None, task).await })
        };
        until(|| told.load(Ordering::SeqCst) == 1).await;
        assert!(matches!(work.run(None, |_| Ok(())).await, Err(Failure::Busy)));
        first.abort();
        until(|| work.load().running == 0).await;
        assert!(work.run(None, |_| Ok(())).await.is_ok());
        work.close();
        assert!(matches!(work.run(None, |_| Ok(())).await, Err(Failure::NotReady(_))));
    }
}
