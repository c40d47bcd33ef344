//! pixelwise explains image classifiers pixel by pixel.
