//! Polygons versus circles, explained.
fn main() {}
