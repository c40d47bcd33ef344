//! Arrays: loops over planes and rows, broadcasting, axes, orders of memory, searches, products. Nothing here knows of networks or relevance.

pub(crate) mod axes;
pub(crate) mod batches;
pub(crate) mod broadcast;
pub(crate) mod contiguous;
pub(crate) mod groups;
pub(crate) mod map;
pub(crate) mod memory;
pub(crate) mod order;
pub(crate) mod planes;
pub(crate) mod products;
pub(crate) mod search;
