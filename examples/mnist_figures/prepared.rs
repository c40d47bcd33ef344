//! What the figures need of the training digits: made once, shipped beside the test digits.

use std::fs;
use std::path::Path;

use datasets::mnist::{Mnist, SIDE, Split};
use heatmap::write_whole;
use ndarray::{Array2, Array3, ArrayView2, Axis};

use crate::Outcome;

const DENSITY_RATIOS: &str = "density-ratios.csv";
const NEAREST_SIXES: &str = "nearest-sixes.csv";

/// For how many twos of the test set the nearest sixes are kept, and how many of them.
const TWOS: usize = 6;
const SIXES: usize = 5;

/// A six of the training set that looks like a two of the test set.
pub struct NearSix {
    /// Which two, of the test set.
    pub two: usize,
    /// Which six, of the training set.
    pub six: usize,
    /// Their Euclidean distance, ink from 0 to 1.
    pub distance: f64,
    pub digit: Array2<u8>,
}

/// Makes the two files.
pub fn prepare(training: &Path, data: &Path) -> Outcome<()> {
    let train = Mnist::load(training, Split::Train)?;
    let test = Mnist::load(data, Split::Test)?;
    write_whole(data.join(DENSITY_RATIOS), density_ratios_file(&train.density_ratios()).as_bytes())?;
    let sixes: Vec<NearSix> = test.of_class(2).take(TWOS).flat_map(|two| nearest_sixes(&test, two, &train)).collect();
    write_whole(data.join(NEAREST_SIXES), nearest_sixes_file(&sixes).as_bytes())?;
    println!("{DENSITY_RATIOS} and {NEAREST_SIXES} are in {}", data.display());
    Ok(())
}

/// Reads the density ratios of the ten classes (Eq. 65), (10, 28, 28).
pub fn density_ratios(data: &Path) -> Outcome<Array3<f64>> {
    let mut ratios = Array3::zeros((10, SIDE, SIDE));
    for cells in rows(data, DENSITY_RATIOS, 12)? {
        let (row, column) = (cells[0] as usize, cells[1] as usize);
        for (class, &ratio) in cells[2..].iter().enumerate() {
            *ratios.get_mut((class, row, column)).ok_or("a pixel that no digit has")? = ratio;
        }
    }
    Ok(ratios)
}

/// Reads the sixes that are nearest to the first twos, the nearest of each first.
pub fn near_sixes(data: &Path) -> Outcome<Vec<NearSix>> {
    let rows = rows(data, NEAREST_SIXES, 3 + SIDE * SIDE)?;
    let six = |cells: Vec<f64>| {
        Ok(NearSix {
            two: cells[0] as usize,
            six: cells[1] as usize,
            distance: cells[2],
            digit: Array2::from_shape_vec((SIDE, SIDE), cells[3..].iter().map(|&ink| ink as u8).collect())?,
        })
    };
    rows.into_iter().map(six).collect()
}

/// Sixes in the order of their distance; ties go to the earlier one.
fn nearest_sixes(test: &Mnist, two: usize, train: &Mnist) -> Vec<NearSix> {
    let image = test.images.index_axis(Axis(0), two);
    let candidate = |six: usize| {
        let digit = train.images.index_axis(Axis(0), six);
        NearSix { two, six, distance: distance(image, digit), digit: digit.to_owned() }
    };
    let mut sixes: Vec<NearSix> = train.of_class(6).map(candidate).collect();
    sixes.sort_by(|one, other| one.distance.total_cmp(&other.distance));
    sixes.truncate(SIXES);
    sixes
}

fn distance(one: ArrayView2<'_, u8>, other: ArrayView2<'_, u8>) -> f64 {
    let squares = one.iter().zip(other).map(|(&one, &other)| (f64::from(one) - f64::from(other)).powi(2));
    squares.sum::<f64>().sqrt() / 255.0
}

fn density_ratios_file(ratios: &Array3<f64>) -> String {
    let classes = (0..10).map(|class| format!(",{class}")).collect::<String>();
    let mut text = format!("row,column{classes}\n");
    for row in 0..SIDE {
        for column in 0..SIDE {
            let ratios = (0..10).map(|class| format!(",{:.6}", ratios[[class, row, column]])).collect::<String>();
            text.push_str(&format!("{row},{column}{ratios}\n"));
        }
    }
    text
}

fn nearest_sixes_file(sixes: &[NearSix]) -> String {
    let pixels = (0..SIDE * SIDE).map(|pixel| format!(",{}.{}", pixel / SIDE, pixel % SIDE)).collect::<String>();
    let mut text = format!("test two,training six,distance{pixels}\n");
    for near in sixes {
        let ink = near.digit.iter().map(|ink| format!(",{ink}")).collect::<String>();
        text.push_str(&format!("{},{},{:.6}{ink}\n", near.two, near.six, near.distance));
    }
    text
}

/// The rows of a table of numbers with so many columns.
fn rows(data: &Path, file: &str, columns: usize) -> Outcome<Vec<Vec<f64>>> {
    let path = data.join(file);
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error}; --prepare makes it of the training digits", path.display()))?;
    let row = |(line, text): (usize, &str)| {
        let cells = text.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>();
        cells
            .ok()
            .filter(|cells| cells.len() == columns)
            .ok_or_else(|| format!("{}, line {}: {columns} numbers are needed", path.display(), line + 1).into())
    };
    text.lines().enumerate().skip(1).map(row).collect()
}
