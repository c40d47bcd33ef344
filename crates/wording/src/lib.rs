//! What messages are made of: near names, short quotes, texts that are safe to print.
//!
//! A message quotes what came from outside: a name that nobody knows, a line of a file. [`did_you_mean`] offers what is
//! called nearly so, [`shortened`] keeps a quote from hiding the sentence around it, and [`printable`] keeps a text from
//! steering the terminal that it is written to. No crate below this one, and every crate may use it.

mod names;
mod place;
mod quotes;

pub use names::{did_you_mean, is_same, nearest};
pub use place::Place;
pub use quotes::{LONGEST_MESSAGE, message, printable, shortened};
