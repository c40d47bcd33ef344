//! The maps that are judged, of the first samples: for the page, and to tell what an explanation costs.

use std::time::{Duration, Instant};

use heatmap::{ColorSuperposition, encode_png, photo_picture, render};
use ndarray::{Array2, Array3, ArrayD, Ix2};
use relevance::{ExplainableClassifier, Explanation};
use report::{Picture, Section};

use super::subject::{Explained, Subject};
use crate::failure::{Context, Failure};
use crate::pictures::{Layout, SIGN_COLORS, scaled};

/// So many samples are on the page.
const MOST: usize = 6;

/// What is judged of the first samples, in each way.
pub struct Maps {
    samples: Vec<Shown>,
    /// How long each way took for the first sample.
    pub durations: Vec<Duration>,
    /// The checksum of the first sample's relevance, in each way.
    pub checksums: Vec<u32>,
}

/// A sample on the page.
struct Shown {
    name: String,
    photo: Array3<u8>,
    class: usize,
    maps: Vec<Map>,
}

struct Map {
    way: String,
    score: f64,
    pixels: Array2<f64>,
}

impl Maps {
    /// Explains the first samples.
    pub fn of(subject: &Subject) -> Result<Self, Failure> {
        let Subject { explained, samples, .. } = subject;
        let mut maps = Self { samples: Vec::new(), durations: Vec::new(), checksums: Vec::new() };
        for number in 0..samples.count().min(MOST) {
            let Some(first) = explained.first() else { break };
            let sample = samples.sample(number, first.classifier.as_ref())?;
            let mut shown = Shown {
                name: samples.names()[number].clone(),
                photo: samples.shown(number, &sample.input)?,
                class: sample.target,
                maps: Vec::new(),
            };
            for Explained { way, classifier } in explained {
                let start = Instant::now();
                let Explanation { relevance, score, .. } =
                    classifier.explain(sample.input.view(), sample.target).context(way)?;
                if number == 0 {
                    maps.durations.push(start.elapsed());
                    let bytes: Vec<u8> = relevance.iter().flat_map(|value| value.to_le_bytes()).collect();
                    maps.checksums.push(crc32fast::hash(&bytes));
                }
                let pixels = pixels(&relevance, classifier.as_ref());
                shown.maps.push(Map { way: way.clone(), score, pixels });
            }
            maps.samples.push(shown);
        }
        Ok(maps)
    }

    /// A section for each sample: the photo, and its maps as they are judged.
    pub fn section(&self, level: f64) -> Result<Section, Failure> {
        let mut section = Section::new("The maps that are judged").paragraph(
            "Each sample as the model sees it, and what each way says of it: the map over the photo. Red speaks for the \
             class, blue against it.",
        );
        for shown in &self.samples {
            let class = format!("{}: class {}", shown.name, shown.class);
            let photo = Picture::new(encode_png(&photo_picture(shown.photo.view())?)?, class);
            let mut pictures = vec![photo];
            for map in &shown.maps {
                let normalized = scaled(&map.pixels, level);
                let size = (shown.photo.dim().0, shown.photo.dim().1);
                let picture = match map.pixels.dim() == size {
                    true => ColorSuperposition { color_map: SIGN_COLORS, ..ColorSuperposition::default() }
                        .draw(shown.photo.view(), normalized.view())?,
                    false => render(normalized.view(), SIGN_COLORS)?,
                };
                let caption = format!("{}, score {:.4}", map.way, map.score);
                pictures.push(Picture::new(encode_png(&picture)?, caption));
            }
            section = section.pictures(pictures);
        }
        Ok(section)
    }
}

/// The relevance of each pixel.
fn pixels(relevance: &ArrayD<f64>, classifier: &dyn ExplainableClassifier) -> Array2<f64> {
    match relevance.view().into_dimensionality::<Ix2>() {
        Ok(pixels) if classifier.channel_axis().is_some() => pixels.to_owned(),
        _ => Layout::of(relevance.shape()).map(relevance.view()),
    }
}
