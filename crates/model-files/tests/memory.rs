//! The memory that reading takes: the numbers of a network once, wherever they stand. It is a test alone in its process,
//! whose memory it measures.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use model_files::{Place, WriteOptions};
use ndarray::{Array2, ArrayD};
use neural_lrp::NetworkBuilder;
use neural_lrp::operations::{Conv, Dense, Window};

/// The bytes of a layer's weights.
const LAYER: usize = 16 << 20;

/// A line of `/proc/self/status`, in bytes.
fn status(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// Writes a network of four layers, two of them convolutions.
fn write(path: &Path, place: Place) {
    let mut network = NetworkBuilder::<f32>::new();
    network.input("x", [None, Some(2048), Some(1), Some(1)]);
    let weights = |layer: usize| (0..LAYER / 4).map(move |at| (at % 1021 + layer) as f32 - 500.0);
    let filters = |layer| ArrayD::from_shape_vec(vec![2048, 2048, 1, 1], weights(layer).collect()).unwrap();
    let rows = |layer| Array2::from_shape_vec((2048, 2048), weights(layer).collect()).unwrap();
    let conv = |layer| Arc::new(Conv::new(filters(layer), None, Window::default(), 1).unwrap());
    let dense = |layer| Arc::new(Dense::new(rows(layer), None).unwrap());
    network.node("first", conv(0), ["x"], "a").node("second", conv(1), ["a"], "b");
    let flatten = neural_lrp::operations::read(&neural_lrp::operation::OperatorSpec::new("Flatten", 1)).unwrap();
    network.node("flat", flatten.operation, ["b"], "c");
    network.node("third", dense(2), ["c"], "d").node("fourth", dense(3), ["d"], "e");
    network.output("e");
    let options = WriteOptions { place, ..WriteOptions::default() };
    model_files::write_with(&network.build().unwrap(), path, options).unwrap();
}

#[test]
fn a_network_is_read_without_its_file_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, place) in [("inside.onnx", Place::Inside), ("beside.onnx", Place::Beside { largest_file: 1 << 30 })] {
        let path = folder.path().join(name);
        write(&path, place);
        // The highest mark of memory begins anew.
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = status("VmRSS");
        let network = model_files::read::<f32>(&path).unwrap().network_with_defaults().unwrap();
        let taken = status("VmHWM") - before;
        assert_eq!(network.nodes().len(), 5);
        // The weights, and one layer in the order of the file while it is brought into that of its kernels.
        let most = 4 * LAYER + LAYER + (4 << 20);
        assert!(taken < most, "{name}: {taken} bytes for {} of weights", 4 * LAYER);
    }
}
