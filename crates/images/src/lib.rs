//! Photos in: decoding image files into arrays.
