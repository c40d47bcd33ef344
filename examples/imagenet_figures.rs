//! The rows of the paper's Figs 25 to 27 for any network and any photos.
//!
//! Each photo has a row: the photo with its class and score, the relevance of its pixels by Eq. 58 with ε = 0.01 and
//! with ε = 100, by Eq. 60 with α = 2 and β = −1, and beside them the norms of the gradient, of which Fig 27 says that
//! they show something else. The paper took CaffeNet; with another network the settings are the same, and the maps are
//! not: ε = 100 is little or much only in comparison with the numbers that go through a network.
//!
//! ```sh
//! cargo run --release --example imagenet_figures -- MODEL.onnx PHOTO... [--output FILE.png]
//! ```

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use heatmap::{ColorBar, ColorMap, ContactSheet, RgbImage, Tile, normalize, photo_picture, render, write_png};
use images::{Layout, Prepared, Preprocessing};
use model_files::{Dimension, InputShapes, Model};
use ndarray::{Array2, ArrayD, ArrayView3, Axis, Ix3};
use neural_lrp::methods::gradient;
use neural_lrp::{Composite, Explainer, Initial, Target};
use relevance::{Ledger, Sink};

/// Title and composite of the columns with relevance.
const COLUMNS: [(&str, &str); 3] = [
    ("eps = 0.01", "figure-25-epsilon-0.01"),
    ("eps = 100", "figure-25-epsilon-100"),
    ("alpha = 2, beta = -1", "figure-25-alpha2-beta1"),
];

/// Green at zero, as in the paper.
const COLORS: ColorMap = ColorMap::Jet;

/// The rows of the paper's Figs 25 to 27 for any network and any photos
#[derive(Parser)]
struct Arguments {
    /// The network, an ONNX file
    model: PathBuf,

    /// Photos (PNG, JPEG, WebP, TIFF, GIF, BMP, PNM)
    #[arg(required = true)]
    photo: Vec<PathBuf>,

    /// Where the sheet goes
    #[arg(long, value_name = "FILE.png", default_value = "target/imagenet_figures.png")]
    output: PathBuf,

    /// How photos are prepared: imagenet-torch, imagenet-tf, efficientnet-lite, caffe, or FILE.toml
    #[arg(long, value_name = "NAME|FILE.toml", default_value = "imagenet-torch")]
    preprocess: String,

    /// Names of the classes, class k on line k + 1
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let model = model_files::read::<f64>(&arguments.model)?;
    let preprocessing = preprocessing(&arguments.preprocess, &model)?;
    let names = arguments.labels.as_ref().map(fs::read_to_string).transpose()?.unwrap_or_default();
    let names: Vec<&str> = names.lines().collect();
    println!("photos: {preprocessing}");

    let titles = ["photo"].into_iter().chain(COLUMNS.map(|(title, _)| title)).chain(["norm of the gradient"]);
    let bar = ColorBar { length: 360, ..ColorBar::of(COLORS) }.captions("against the class", "for it");
    let mut sheet = ContactSheet::new().columns(titles).color_bar(bar);
    for path in &arguments.photo {
        let photo = preprocessing.apply(images::read(path)?.view())?;
        sheet = sheet.row(row(&model, path, &photo, preprocessing.settings().layout, &names)?);
    }
    write_png(&arguments.output, &sheet.draw()?)?;
    println!("written to {}", arguments.output.display());
    Ok(())
}

/// The preprocessing of that name, for the size and the order of axes that the network's file declares.
fn preprocessing(choice: &str, model: &Model<f64>) -> Result<Preprocessing, Box<dyn Error>> {
    use Dimension::Fixed;
    let chosen = match choice.ends_with(".toml") {
        true => Preprocessing::from_toml(&fs::read_to_string(choice)?)?,
        false => Preprocessing::preset(choice)?,
    };
    Ok(match model.inputs().first().and_then(|input| input.dimensions.as_deref()) {
        Some([_, Fixed(height), Fixed(width), Fixed(3)]) => {
            chosen.with_layout(Layout::Nhwc).with_input_size(*height, *width)?
        }
        Some([_, _, Fixed(height), Fixed(width)]) => chosen.with_input_size(*height, *width)?,
        _ => chosen,
    })
}

/// One photo, and what the network makes of it.
fn row(
    model: &Model<f64>,
    path: &Path,
    photo: &Prepared,
    layout: Layout,
    names: &[&str],
) -> Result<Vec<Tile>, Box<dyn Error>> {
    // In f64, since ε = 100 can leave less of the score than f32 holds.
    let batch = photo.network.mapv(f64::from).insert_axis(Axis(0)).into_dyn();
    let name = model.inputs().first().map(|input| input.name.as_str()).unwrap_or_default();
    let network = model.network(&InputShapes::new().with(name, batch.shape()))?;
    let explainer = Explainer::new(&network)?;
    let forward = explainer.forward(batch.view())?;

    let class = forward.classes(&Target::Predicted)?[0];
    let score = forward.scores().iter().copied().nth(class).unwrap_or_default();
    let class_name = names.get(class).map_or_else(|| format!("class {class}"), |name| (*name).to_owned());
    println!("{}: {class_name}, score {score:.2}", path.display());

    let channels = match layout {
        Layout::Nchw | Layout::Row => Axis(0),
        Layout::Nhwc => Axis(2),
    };
    let shown = photo_picture(photo.shown.view())?;
    let mut tiles = vec![Tile::from((shown, format!("{class_name}\nscore {score:.2}")))];
    for (_, composite) in COLUMNS {
        let explained = forward.explain(&Composite::named(composite)?, &Initial::Score(Target::Class(class)).into())?;
        let relevance = sample(&explained.relevance[0])?.sum_axis(channels);
        tiles.push(Tile::from((picture(&relevance)?, where_it_went(&explained.ledgers[0]))));
    }
    let slopes = gradient(&forward, &Initial::One(Target::Class(class)).into())?;
    let norms = sample(&slopes.relevance[0])?.mapv(|slope| slope * slope).sum_axis(channels).mapv(f64::sqrt);
    tiles.push(Tile::from((picture(&norms)?, "no relevance")));
    Ok(tiles)
}

/// The only sample of a batch.
fn sample(batch: &ArrayD<f64>) -> Result<ArrayView3<'_, f64>, ndarray::ShapeError> {
    batch.index_axis(Axis(0), 0).into_dimensionality::<Ix3>()
}

/// A map, scaled by its largest magnitude (Eq. 35).
fn picture(map: &Array2<f64>) -> Result<RgbImage, heatmap::Error> {
    render(normalize(map.view())?.view(), COLORS)
}

/// How much of the score the pixels have, and which sink has most of the rest.
fn where_it_went(ledger: &Ledger) -> String {
    let total = ledger.total();
    let percent = |amount: f64| match 100.0 * amount / total.upper.total {
        share if share.abs() >= 0.01 => format!("{share:.2} %"),
        share => format!("{share:.0e} %"),
    };
    let largest = total.sinks.iter().max_by(|(_, one), (_, other)| one.total.abs().total_cmp(&other.total.abs()));
    let sink = largest.map(|(sink, amount): &(Sink, _)| format!("\n{sink} {}", percent(amount.total)));
    format!("pixels {}{}", percent(total.lower.total), sink.unwrap_or_default())
}
