//! What the server keeps for its pages: the last things, up to a size.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The last things that were used, each with a name that can't be guessed.
#[derive(Debug)]
pub struct Kept<T> {
    /// The one used last at the end.
    things: Mutex<VecDeque<Thing<T>>>,
    letter: char,
    most: usize,
    most_bytes: usize,
}

#[derive(Debug)]
struct Thing<T> {
    name: String,
    value: Arc<T>,
    bytes: usize,
}

impl<T> Kept<T> {
    /// Keeps so many things, and so many bytes, whatever is less.
    ///
    /// * `letter` — the first of their names
    pub fn new(letter: char, most: usize, most_bytes: usize) -> Self {
        Self { things: Mutex::default(), letter, most, most_bytes }
    }

    /// Keeps a thing of so many bytes, for as long as there is room, and gives it a name.
    pub fn keep(&self, value: T, bytes: usize) -> (String, Arc<T>) {
        let name = format!("{}{:032x}", self.letter, rand::random::<u128>());
        let value = Arc::new(value);
        let mut things = self.things();
        things.push_back(Thing { name: name.clone(), value: Arc::clone(&value), bytes });
        // The newest stays, whatever its size.
        while things.len() > 1 && (things.len() > self.most || total(&things) > self.most_bytes) {
            things.pop_front();
        }
        (name, value)
    }

    /// The thing of a name.
    pub fn get(&self, name: &str) -> Option<Arc<T>> {
        let mut things = self.things();
        let place = things.iter().position(|thing| thing.name == name)?;
        let thing = things.remove(place)?;
        let value = Arc::clone(&thing.value);
        things.push_back(thing);
        Some(value)
    }

    fn things(&self) -> MutexGuard<'_, VecDeque<Thing<T>>> {
        self.things.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn total<T>(things: &VecDeque<Thing<T>>) -> usize {
    things.iter().map(|thing| thing.bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let kept = Kept::new('p', 3, 100);
        let names: Vec<String> = (0..3).map(|value| kept.keep(value, 10).0).collect();
        assert_eq!(kept.get(&names[0]).as_deref(), Some(&0));
        let (fourth, _) = kept.keep(3, 10);
        let found = |name: &str| kept.get(name).is_some();
        assert_eq!([&names[0], &names[1], &names[2], &fourth].map(|name| found(name)), [true, false, true, true]);
        let (large, _) = kept.keep(4, 1000);
        assert!(found(&large) && !found(&fourth));
        assert!(large.starts_with('p') && large.len() == 33 && !found("p0"));
    }
}
