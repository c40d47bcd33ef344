//! Golden cases: a folder each, with `manifest.json` and one `.npy` file for each array.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2, ArrayD, ArrayViewD, Dimension, IntoDimension, Ix1, Ix2};
use ndarray_npy::ReadNpyExt;
use serde_json::Value;

/// The folder of golden cases of one half: `$PIXELWISE_GOLDEN/half`, or the one in this repository.
pub fn golden_folder(half: &str) -> PathBuf {
    let root = std::env::var_os("PIXELWISE_GOLDEN")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"), PathBuf::from);
    root.join(half)
}

/// All cases below a folder, by name.
pub fn cases(folder: &Path) -> Vec<Case> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.join("manifest.json").is_file()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "no golden cases in {}", folder.display());
    folders.into_iter().map(Case::read).collect()
}

/// One golden case, and what of it was compared.
pub struct Case {
    pub name: String,
    pub kind: String,
    pub params: Value,
    folder: PathBuf,
    arrays: BTreeMap<String, Description>,
    compared: RefCell<BTreeSet<String>>,
    left_out: RefCell<BTreeSet<String>>,
    failures: RefCell<Vec<String>>,
}

struct Description {
    file: String,
    output: bool,
    relative: f64,
    absolute: f64,
}

impl Case {
    fn read(folder: PathBuf) -> Self {
        let text = fs::read_to_string(folder.join("manifest.json")).unwrap();
        let manifest: Value = serde_json::from_str(&text).unwrap();
        let arrays = manifest["arrays"].as_object().unwrap().iter().map(|(name, array)| {
            let description = Description {
                file: array["file"].as_str().map_or_else(|| format!("{name}.npy"), str::to_owned),
                output: array["role"] == "output",
                relative: array["rtol"].as_f64().unwrap_or(0.0),
                absolute: array["atol"].as_f64().unwrap_or(0.0),
            };
            (name.clone(), description)
        });
        Self {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            kind: manifest["kind"].as_str().unwrap().to_owned(),
            params: manifest["params"].clone(),
            arrays: arrays.collect(),
            folder,
            compared: RefCell::default(),
            left_out: RefCell::default(),
            failures: RefCell::default(),
        }
    }

    /// A number among the case's parameters; infinity where it says "inf".
    pub fn number(&self, name: &str) -> f64 {
        number(&self.params[name]).unwrap_or_else(|| panic!("{}: no parameter {name}", self.name))
    }

    /// A whole number among the case's parameters.
    pub fn count(&self, name: &str) -> usize {
        self.params[name].as_u64().unwrap_or_else(|| panic!("{}: no parameter {name}", self.name)) as usize
    }

    pub fn text(&self, name: &str) -> &str {
        self.params[name].as_str().unwrap_or_else(|| panic!("{}: no parameter {name}", self.name))
    }

    pub fn has(&self, name: &str) -> bool {
        self.arrays.contains_key(name)
    }

    pub fn array(&self, name: &str) -> ArrayD<f64> {
        let description = self.arrays.get(name).unwrap_or_else(|| panic!("{}: no array {name}", self.name));
        let file = fs::File::open(self.folder.join(&description.file)).unwrap();
        ArrayD::<f64>::read_npy(file).unwrap_or_else(|error| panic!("{}: {name}: {error}", self.name))
    }

    pub fn vector(&self, name: &str) -> Array1<f64> {
        self.array(name).into_dimensionality::<Ix1>().unwrap()
    }

    pub fn matrix(&self, name: &str) -> Array2<f64> {
        self.array(name).into_dimensionality::<Ix2>().unwrap()
    }

    /// A vector of whole numbers.
    pub fn indices(&self, name: &str) -> Vec<usize> {
        self.vector(name).iter().map(|&value| value as usize).collect()
    }

    /// The arrays whose names are `prefix0`, `prefix1`, …
    pub fn matrices(&self, prefix: &str) -> Vec<Array2<f64>> {
        (0..)
            .map(|channel| format!("{prefix}{channel}"))
            .take_while(|name| self.has(name))
            .map(|name| self.matrix(&name))
            .collect()
    }

    /// Holds `found` to the tolerance of the output array `name`.
    pub fn compare<D: Dimension>(&self, name: &str, found: &ndarray::Array<f64, D>) {
        self.compare_with(name, found.view().into_dyn(), None);
    }

    /// Like [`compare`](Self::compare), with an absolute tolerance that the README names for this use of the array.
    pub fn compare_within(&self, name: &str, found: &Array1<f64>, absolute: f64) {
        self.compare_with(name, found.view().into_dyn(), Some(absolute));
    }

    pub fn compare_number(&self, name: &str, found: f64) {
        self.compare(name, &Array1::from_elem(1, found));
    }

    /// An output that has no single right value, and whose case says so: it is held to something else, and counted
    /// apart.
    pub fn leave_out(&self, name: &str) {
        self.left_out.borrow_mut().insert(name.to_owned());
    }

    /// How many outputs were left out.
    pub fn left_out(&self) -> usize {
        self.left_out.borrow().len()
    }

    /// An identity or a selection that stands in the parameters rather than in an array.
    pub fn require(&self, what: &str, holds: bool) {
        if !holds {
            self.failures.borrow_mut().push(format!("{what} does not hold"));
        }
    }

    fn compare_with(&self, name: &str, found: ArrayViewD<'_, f64>, absolute: Option<f64>) {
        self.compared.borrow_mut().insert(name.to_owned());
        let wanted = self.array(name);
        if wanted.shape() != found.shape() {
            let message = format!("{name}: shape {:?} instead of {:?}", found.shape(), wanted.shape());
            self.failures.borrow_mut().push(message);
            return;
        }
        let description = &self.arrays[name];
        let (relative, absolute) = match absolute {
            Some(absolute) => (0.0, absolute),
            None => (description.relative, description.absolute),
        };
        let worst = found
            .indexed_iter()
            .zip(&wanted)
            .map(|((place, &found), &wanted)| {
                let excess = (found - wanted).abs() - (absolute + relative * wanted.abs());
                (if excess.is_nan() { f64::INFINITY } else { excess }, place.into_dimension(), found, wanted)
            })
            .max_by(|left, right| left.0.total_cmp(&right.0));
        if let Some((excess, place, found, wanted)) = worst
            && excess > 0.0
        {
            let message = format!("{name}{:?}: {found:e} instead of {wanted:e}", place.slice());
            self.failures.borrow_mut().push(message);
        }
    }

    /// How many arrays were compared, and everything that was wrong; an output that was not compared is wrong too.
    pub fn verdict(&self) -> (usize, Vec<String>) {
        let compared = self.compared.borrow();
        let mut failures = self.failures.borrow().clone();
        for (name, description) in &self.arrays {
            if description.output && !compared.contains(name) && !self.left_out.borrow().contains(name) {
                failures.push(format!("{name}: this output was not compared"));
            }
        }
        (compared.len(), failures)
    }
}

/// A JSON number; infinity where it is the text "inf".
pub fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| (value.as_str() == Some("inf")).then_some(f64::INFINITY))
}
