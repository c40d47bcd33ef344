//! Bag-of-Words classifiers, learned; polygons and circles.

use std::path::PathBuf;

use ndarray::{Array2, Array3};
use pixelwise::bow_classifier::{
    BowClassifier, Cache, ChannelSettings, Configuration, MappingSettings, Sampling, Tiling, Truth, Vocabulary,
};
use pixelwise::bow_mapping::RankOptions;
use pixelwise::datasets::polygons::{self, Label};
use pixelwise::images;
use pixelwise::kernels::KernelKind;
use pixelwise::local_features::DenseSift;
use pyo3::prelude::*;

use crate::arrays::{give, numbers};
use crate::computation::{Show, Threads, compute};
use crate::errors::Failure;

/// Learns a classifier of photographs from files, and writes it.
///
/// Gives the files that could not be read, with the reasons.
#[pyfunction]
#[pyo3(signature = (photos, classes, output, configuration, words, cost, seed, cache, threads))]
#[expect(clippy::too_many_arguments, reason = "they are those of bow.train, in Python")]
pub fn train(
    py: Python<'_>,
    photos: Vec<PathBuf>,
    classes: Vec<(String, Vec<Option<bool>>)>,
    output: PathBuf,
    configuration: &str,
    words: Option<Vec<usize>>,
    cost: Option<f64>,
    seed: Option<u64>,
    cache: Option<PathBuf>,
    threads: Option<usize>,
) -> PyResult<Vec<(PathBuf, String)>> {
    let mut plan = if configuration.ends_with(".toml") {
        let text = std::fs::read_to_string(configuration);
        let text = text.map_err(|error| Failure::new("FileError", format!("can't read {configuration}: {error}")))?;
        Configuration::from_toml(&text).map_err(Failure::from)?
    } else {
        Configuration::named(configuration).map_err(Failure::from)?
    };
    if let Some(words) = words {
        plan = plan.with_words(&words).map_err(Failure::from)?;
    }
    plan.cost = cost.unwrap_or(plan.cost);
    plan.seed = seed.unwrap_or(plan.seed);
    let truth = |shown: &Option<bool>| match shown {
        Some(true) => Truth::Shown,
        Some(false) => Truth::NotShown,
        None => Truth::Difficult,
    };
    let classes: Vec<(String, Vec<Truth>)> =
        classes.into_iter().map(|(name, shown)| (name, shown.iter().map(truth).collect())).collect();
    compute(py, &Threads::new(threads)?, Show::Nothing, |_| {
        let cache = cache.map(Cache::open).transpose()?;
        let (vocabulary, mut problems) = Vocabulary::learn(&plan, &photos[..], cache.as_ref(), &())?;
        let vectors = vocabulary.vectors(&photos[..], cache.as_ref(), &())?;
        let kept: Vec<(String, Vec<Truth>)> =
            classes.iter().map(|(name, truths)| (name.clone(), vectors.of_kept(truths))).collect();
        let classifier = BowClassifier::train(&plan, vocabulary, &vectors.values, &kept, &())?;
        classifier.save(&output)?;
        problems.extend(vectors.problems);
        problems.dedup_by(|one, other| one.image == other.image);
        Ok(problems.into_iter().map(|problem| (problem.image.clone().into(), problem.to_string())).collect())
    })
}

/// Learns a classifier of tiles from arrays, and writes it: dense SIFT, rank mapping (Eq. 64), a kernel that is a sum.
#[pyfunction]
#[pyo3(signature = (images, shown, output, words, kernel, cost, seed, threads))]
#[expect(clippy::too_many_arguments, reason = "they are those of bow.train, in Python")]
pub fn train_tiles(
    py: Python<'_>,
    images: Vec<Bound<'_, PyAny>>,
    shown: Vec<bool>,
    output: PathBuf,
    words: usize,
    kernel: &str,
    cost: f64,
    seed: u64,
    threads: Option<usize>,
) -> PyResult<()> {
    let images = images.iter().map(|image| unit_image(image)).collect::<PyResult<Vec<_>>>()?;
    let known = KernelKind::ALL.iter().copied().find(|kind| kind.name() == kernel);
    let kernel = known.ok_or_else(|| {
        let names: Vec<&str> = KernelKind::ALL.iter().map(|kind| kind.name()).collect();
        Failure::setting(format!("there is no kernel {kernel:?}; there are {}", names.join(", ")))
    })?;
    let channel = ChannelSettings {
        words,
        mapping: MappingSettings::Rank(RankOptions::default()),
        kernel,
        ..ChannelSettings::of(DenseSift::default())
    };
    let configuration =
        Configuration { sample: 20_000, sampling: Sampling::FromAll, seed, cost, ..Configuration::of(vec![channel]) };
    let classes = [("positive".to_owned(), shown.into_iter().map(Truth::from).collect())];
    compute(py, &Threads::new(threads)?, Show::Nothing, |_| {
        let classifier = BowClassifier::learn(&configuration, &images[..], &classes, &())?;
        classifier.with_tiling(Tiling::default()).save(&output)?;
        Ok(())
    })
}

/// An image (H, W, C) in [0, 1]: numbers as they are, bytes scaled.
fn unit_image(image: &Bound<'_, PyAny>) -> PyResult<Array3<f64>> {
    let rank = |shape: &[usize]| {
        Failure::shape(format!("an image has shape {shape:?}; it should be (height, width, channels)"))
    };
    if let Ok(bytes) = numbers::<u8>(image, "image", "images are of") {
        let bytes = bytes.as_array();
        let bytes = bytes.view().into_dimensionality().map_err(|_| rank(bytes.shape()))?;
        return Ok(images::to_unit_range(bytes));
    }
    let image = numbers::<f64>(image, "image", "images in [0, 1] are of float64, others of uint8; this one is not of")?;
    let image = image.as_array();
    Ok(image.view().into_dimensionality().map_err(|_| rank(image.shape()))?.to_owned())
}

/// An image as Bag-of-Words classifiers take it: (H, W, C) of float64 in [0, 1].
#[pyfunction]
pub fn to_unit_range<'py>(py: Python<'py>, image: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    Ok(give(py, unit_image(image)?.into_dyn()))
}

/// Reads a photo: (H, W, C) of uint8, C is 1 or 3.
#[pyfunction]
pub fn read_photo(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyAny>> {
    let photo = compute(py, &Threads::default(), Show::Nothing, |_| Ok(images::read(&path)?))?;
    Ok(give(py, photo.into_dyn()))
}

/// A picture of polygons and circles.
#[pyclass(frozen, module = "pixelwise._native")]
pub struct Scene {
    scene: polygons::Scene,
}

#[pymethods]
impl Scene {
    /// The picture (H, W, 3), uint8.
    #[getter]
    fn image<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        give(py, self.scene.image.clone().into_dyn())
    }

    /// The pixels of polygons (H, W), bool.
    #[getter]
    fn polygon_mask<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        mask(py, &self.scene.polygon_mask)
    }

    /// The pixels of circles (H, W), bool.
    #[getter]
    fn circle_mask<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        mask(py, &self.scene.circle_mask)
    }

    /// Whether there is a polygon.
    #[getter]
    fn has_polygon(&self) -> bool {
        self.scene.label == Label::Positive
    }

    fn __repr__(&self) -> String {
        let (height, width, _) = self.scene.image.dim();
        let polygon = if self.has_polygon() { "with" } else { "without" };
        format!("Scene of {height} × {width} pixels {polygon} a polygon")
    }
}

fn mask<'py>(py: Python<'py>, mask: &Array2<bool>) -> Bound<'py, PyAny> {
    give(py, mask.clone().into_dyn())
}

/// A picture of polygons and circles: a tile, of another size where one is given.
#[pyfunction]
#[pyo3(signature = (seed, index, size=None))]
pub fn polygons_and_circles(seed: u64, index: u64, size: Option<(usize, usize)>) -> PyResult<Scene> {
    let scene = match size {
        None => polygons::tile(seed, index),
        Some((height, width)) => polygons::tile_of(seed, index, height, width).map_err(Failure::from)?,
    };
    Ok(Scene { scene })
}
