use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

/// An IDX file of two pictures.
fn two_pictures() -> Vec<u8> {
    let header = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28];
    header.into_iter().chain((0..2 * 28 * 28).map(|index| (index % 251) as u8)).collect()
}

/// An IDX file of three labels.
fn three_labels() -> Vec<u8> {
    vec![0, 0, 8, 1, 0, 0, 0, 3, 9, 0, 4]
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn packed_and_plain_files_are_read_alike() {
    let images = read_images(&two_pictures()).unwrap();
    assert_eq!(images.dim(), (2, 28, 28));
    assert_eq!(images[[1, 2, 3]], ((28 * 28 + 2 * 28 + 3) % 251) as u8);
    assert_eq!(read_images(&packed(&two_pictures())).unwrap(), images);
    assert_eq!(read_labels(&three_labels()).unwrap(), [9, 0, 4]);
    assert_eq!(read_labels(&packed(&three_labels())).unwrap(), [9, 0, 4]);
}

#[test]
fn messages_say_what_is_wrong() {
    let message = |file: &[u8]| read_images(file).unwrap_err().to_string();
    let file = two_pictures();
    assert_eq!(message(b"PK"), "it begins with [50, 4b], where IDX files of pictures begin with [00, 00, 08, 03]");
    assert!(message(&three_labels()).starts_with("it begins with [00, 00, 08, 01]"));
    assert_eq!(message(&file[..9]), "it ends within its sizes");
    assert_eq!(
        message(&file[..file.len() - 1]),
        "it is cut short: its sizes [2, 28, 28] ask for 1568 bytes, 1567 are there"
    );
    assert_eq!(message(&[&file[..], b"!"].concat()), "its sizes [2, 28, 28] ask for 1568 bytes, more follow");
    assert_eq!(message(&[&packed(&file)[..], b"!!"].concat()), "2 bytes follow the end of the packed data");
    assert!(message(&packed(&file)[..40]).starts_with("it can not be unpacked"));

    let mut lying = file.clone();
    lying[8..12].copy_from_slice(&[0, 0, 0, 14]);
    lying[12..16].copy_from_slice(&[0, 0, 0, 56]);
    assert_eq!(message(&lying), "its pictures have 14×56 pixels, those of MNIST have 28×28");
    lying[4..8].copy_from_slice(&[0xff; 4]);
    assert!(message(&lying).starts_with("it is cut short"));

    let labels = [&three_labels()[..10], &[10]].concat();
    assert_eq!(
        read_labels(&labels).unwrap_err().to_string(),
        "the label of entry 2 is 10, which is no digit from 0 to 9"
    );
}

#[test]
fn folders_are_searched_for_both_names() {
    let folder = tempfile::tempdir().unwrap();
    let error = Mnist::load(folder.path(), Split::Train).unwrap_err().to_string();
    assert!(error.starts_with("there is neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz in"), "{error}");
    fs::write(folder.path().join("train-images-idx3-ubyte"), two_pictures()).unwrap();
    fs::write(folder.path().join("train-labels-idx1-ubyte.gz"), packed(&three_labels())).unwrap();
    let error = Mnist::load(folder.path(), Split::Train).unwrap_err().to_string();
    assert!(error.starts_with("2 pictures and 3 labels in"), "{error}");
    fs::write(folder.path().join("train-labels-idx1-ubyte.gz"), packed(&[0, 0, 8, 1, 0, 0, 0, 2, 9, 4])).unwrap();
    let digits = Mnist::load(folder.path(), Split::Train).unwrap();
    assert_eq!((digits.images.dim().0, digits.of_class(4).collect::<Vec<_>>()), (2, vec![1]));
}

#[test]
fn density_ratios_are_those_of_the_formula() {
    let images = Array3::from_shape_fn((7, SIDE, SIDE), |(n, y, x)| ((n * 37 + y * 11 + x * x) % 256) as u8 / 5 * 5);
    let digits = Mnist { images, labels: vec![0, 3, 9, 3, 3, 0, 5] };
    let ratios = digits.density_ratios();
    for ((class, y, x), &ratio) in ratios.indexed_iter() {
        let ink = |of: &dyn Fn(u8) -> bool| -> f64 {
            let chosen = digits.labels.iter().enumerate().filter(|&(_, &label)| of(label));
            chosen.map(|(index, _)| f64::from(digits.images[[index, y, x]])).sum()
        };
        let all = ink(&|_| true);
        let expected = if all == 0.0 { 0.0 } else { ink(&|label| usize::from(label) == class) / all };
        assert_eq!(ratio, expected);
    }
}

proptest! {
    /// Whatever happens to a file: it is read whole or refused.
    #[test]
    fn damaged_files_are_read_whole_or_refused(
        pack: bool,
        cut in 0_usize..2000,
        changes in prop::collection::vec((0_usize..2000, any::<u8>()), 0..4),
    ) {
        let mut file = if pack { packed(&two_pictures()) } else { two_pictures() };
        let whole = file.len();
        for (place, byte) in changes {
            if let Some(there) = file.get_mut(place) {
                *there = byte;
            }
        }
        file.truncate(cut);
        match read_images(&file) {
            Ok(images) => {
                prop_assert_eq!(images.dim(), (2, 28, 28));
                prop_assert_eq!(file.len(), whole);
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn any_bytes_at_all_are_taken_without_a_panic(file in prop::collection::vec(any::<u8>(), 0..200)) {
        for file in [file.clone(), packed(&file), [&[0, 0, 8, 1][..], &file].concat()] {
            if let Ok(labels) = read_labels(&file) {
                prop_assert!(labels.iter().all(|&label| label < 10));
            }
        }
    }
}
