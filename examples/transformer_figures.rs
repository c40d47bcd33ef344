//! A small vision transformer and a convolutional network, explained beside each other on the same digits.
//!
//! Two sheets of maps and the table of [the guide](../docs/guide/transformers.md): how the default, ε, attention rollout and
//! gradient × input look at the same decisions, and where the score of the transformer goes by each recipe.
//!
//! ```sh
//! cargo run --release --example transformer_figures -- [--output FOLDER] [--samples N]
//! ```

use std::error::Error;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::Parser;
use datasets::mnist::{Mnist, Split};
use heatmap::{ColorBar, ColorMap, ContactSheet, RgbImage, Tile, normalize, render, write_png};
use ndarray::{ArrayD, ArrayView2, Axis, Ix4, Slice, s};
use neural_lrp::rules::Rule;
use neural_lrp::{Attribution, Composite, Explainer, Forward, Target};
use relevance::{Amount, Ledger, Sink};

/// Digits of the test set, by their place: one of each kind that the pictures show.
const SHOWN: [usize; 7] = [0, 1, 3, 4, 18, 11, 61];

/// How much of the largest magnitudes of a map is beyond the end of the colors: single pixels would pale all others.
const BEYOND: f64 = 0.005;

/// A small vision transformer and a convolutional network, explained beside each other on the same digits
#[derive(Parser)]
struct Arguments {
    /// Where the pictures go
    #[arg(long, value_name = "FOLDER", default_value = "target/transformer_figures")]
    output: PathBuf,

    /// How many digits the table is about
    #[arg(long, value_name = "N", default_value_t = 100)]
    samples: usize,
}

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A column of a sheet.
struct Column {
    title: &'static str,
    explainer: Explainer<f64>,
    way: Attribution,
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    fs::create_dir_all(&arguments.output)?;
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let digits = Mnist::load(data.join("mnist"), Split::Test)?;
    let pixels = digits.images.mapv(|byte| f64::from(byte) / 255.0).insert_axis(Axis(1)).into_dyn();
    let [vit, convolutional] = ["vit", "convolutional"].map(|name| -> Outcome<Explainer<f64>> {
        let model = model_files::read(data.join("models").join(format!("mnist-{name}.onnx")))?;
        Ok(Explainer::new(&model.network_with_defaults()?)?)
    });
    let (vit, convolutional) = (vit?, convolutional?);
    let default = Composite::default_for(convolutional.network()).composite()?;

    let column =
        |title, explainer: &Explainer<f64>, way: Attribution| Column { title, explainer: explainer.clone(), way };
    let composite = |name: &str| -> Outcome<Attribution> { Ok(Composite::named(name)?.into()) };
    let method = |name: &str| -> Outcome<Attribution> { Ok(name.parse::<neural_lrp::methods::Method>()?.into()) };
    let compared = [
        column("convolutional network", &convolutional, default.into()),
        column("attention-cp-gamma", &vit, composite("attention-cp-gamma")?),
        column("attnlrp", &vit, composite("attnlrp")?),
        column("attention-cp", &vit, composite("attention-cp")?),
        column("gradient x input", &vit, method("input-x-gradient")?),
        column("attention rollout", &vit, method("attention-rollout")?),
    ];
    draw(&compared, &pixels, &arguments.output.join("transformers.png"))?;
    let readings = [
        column("detached", &vit, composite("attention-cp-gamma")?),
        column("pass", &vit, normalizations("pass")?),
        column("taylor", &vit, normalizations("taylor")?),
        column("position spread", &vit, spread_positions()?),
    ];
    draw(&readings, &pixels, &arguments.output.join("layer-normalization.png"))?;

    let batch = pixels.slice_axis(Axis(0), Slice::from(..arguments.samples.min(digits.labels.len())));
    let forward = vit.forward(batch)?;
    println!("Medians over {} digits, as shares of the score", forward.scores().len_of(Axis(0)));
    println!("| recipe | pixels | constants | bias | largest sum of magnitudes |\n| --- | --- | --- | --- | --- |");
    for name in ["attnlrp", "attention-cp", "attention-cp-gamma", "attention-cp-gamma-identity"] {
        println!("{}", line(&forward, name, &composite(name)?)?);
    }
    println!("{}", line(&forward, "attention-cp-gamma, normalizations pass", &normalizations("pass")?)?);
    println!("{}", line(&forward, "attention-cp-gamma, normalizations taylor", &normalizations("taylor")?)?);
    println!("{}", line(&forward, "attention-cp-gamma, positions spread", &spread_positions()?)?);
    println!("pictures are in {}", arguments.output.display());
    Ok(())
}

/// The default of transformers with another rule at its layer normalizations.
fn normalizations(rule: &str) -> Outcome<Attribution> {
    let composite = Composite::named("attention-cp-gamma")?;
    Ok(composite.with_first("layer-normalization".parse()?, rule.parse::<Rule>()?).into())
}

/// The default of transformers, with what position codes get spread over their tokens.
fn spread_positions() -> Outcome<Attribution> {
    let composite = Composite::named("attention-cp-gamma")?;
    Ok(composite.with_first("op:Add".parse()?, "spread-constant".parse::<Rule>()?).into())
}

/// Draws a row for each digit: the digit, and its map in each column.
fn draw(columns: &[Column], pixels: &ArrayD<f64>, path: &Path) -> Outcome<()> {
    let bar = ColorBar { length: 260, ..ColorBar::of(ColorMap::Seismic) }.captions("against the class", "for it");
    let titles = ["digit"].into_iter().chain(columns.iter().map(|column| column.title));
    let magnification = NonZeroU32::new(4).unwrap_or(NonZeroU32::MIN);
    let mut sheet = ContactSheet::new().columns(titles).color_bar(bar).magnification(magnification);
    let shown = pixels.select(Axis(0), &SHOWN);
    let mut rows: Vec<Vec<Tile>> = Vec::new();
    for digit in shown.view().into_dimensionality::<Ix4>()?.outer_iter() {
        rows.push(vec![Tile::from((ink(digit.index_axis(Axis(0), 0)), String::new()))]);
    }
    for column in columns {
        let forward = column.explainer.forward(shown.view())?;
        let explained = column.way.explain(&forward, &column.way.initial(Target::Predicted).into())?;
        let maps = explained.relevance[0].view().into_dimensionality::<Ix4>()?;
        let classes = forward.classes(&Target::Predicted)?;
        for ((row, map), class) in rows.iter_mut().zip(maps.outer_iter()).zip(classes) {
            row.push(Tile::from((picture(map.slice(s![0, .., ..]))?, class.to_string())));
        }
    }
    for row in rows {
        sheet = sheet.row(row);
    }
    write_png(path, &sheet.draw()?)?;
    Ok(())
}

/// A digit in black on white.
fn ink(digit: ArrayView2<'_, f64>) -> RgbImage {
    RgbImage::from_fn(digit.ncols() as u32, digit.nrows() as u32, |x, y| {
        image::Rgb([(255.0 * (1.0 - digit[[y as usize, x as usize]])).round() as u8; 3])
    })
}

/// A map, scaled by nearly its largest magnitude (Eq. 35).
fn picture(map: ArrayView2<'_, f64>) -> Outcome<RgbImage> {
    let mut magnitudes: Vec<f64> = map.iter().map(|value| value.abs()).collect();
    magnitudes.sort_by(f64::total_cmp);
    let largest = magnitudes[((1.0 - BEYOND) * (magnitudes.len() - 1) as f64) as usize];
    let clamped = map.mapv(|value| value.clamp(-largest, largest));
    Ok(render(normalize(clamped.view())?.view(), ColorMap::Seismic)?)
}

/// A line of the table.
fn line(forward: &Forward<'_, f64>, name: &str, way: &Attribution) -> Outcome<String> {
    let explained = way.explain(forward, &way.initial(Target::Predicted).into())?;
    let share = |amount: fn(&Ledger) -> Amount| {
        let shares = explained.ledgers.iter().map(|ledger| amount(ledger).total / ledger.total().upper.total);
        percent(median(shares.collect()))
    };
    let growth = explained.ledgers.iter().map(|ledger| {
        let magnitudes = ledger.entries.iter().map(|entry| entry.lower.magnitude);
        magnitudes.fold(0.0, f64::max) / ledger.total().upper.magnitude
    });
    Ok(format!(
        "| {name} | {} | {} | {} | {:.1} times |",
        share(|ledger| ledger.total().lower),
        share(|ledger| ledger.total().sink(Sink::Constant)),
        share(|ledger| ledger.total().sink(Sink::Bias)),
        median(growth.collect())
    ))
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
