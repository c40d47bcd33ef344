//! Photos in the colors of printers; `tests/jpeg/README.md` says how the files were made.

use ndarray::Array3;

/// The formula of `make.py`.
fn picture() -> Array3<u8> {
    Array3::from_shape_fn((48, 64, 3), |(row, column, channel)| {
        [40 + 3 * column, 30 + 4 * row, 230 - 2 * column - row][channel] as u8
    })
}

#[test]
fn inks_become_colors() {
    let files = [
        ("cmyk.jpg", include_bytes!("jpeg/cmyk.jpg").as_slice()),
        ("ycck.jpg", include_bytes!("jpeg/ycck.jpg").as_slice()),
    ];
    for (name, bytes) in files {
        let photo = images::decode(bytes, name).unwrap();
        assert_eq!(photo.dim(), (48, 64, 3), "{name}");
        let largest = photo.iter().zip(&picture()).map(|(found, exact)| found.abs_diff(*exact)).max();
        // What Pillow's decoder loses too.
        assert!(largest <= Some(4), "{name}: {largest:?}");
    }
}
