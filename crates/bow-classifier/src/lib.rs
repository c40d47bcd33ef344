//! Support vector machines over bags of visual words, trained, saved and explained to the pixel.

pub mod training;
