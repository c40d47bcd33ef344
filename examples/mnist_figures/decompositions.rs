//! Figs 12, 13, 15, 16 and 17: digits, decomposed for one class and for another.

use datasets::SplitMix64;
use heatmap::Tile;
use ndarray::{Array2, ArrayView2, Axis, Zip};

use crate::drawing::{digit, map, sheet};
use crate::figure::{Figure, Numbers};
use crate::networks::{Decomposed, DigitNetwork, Kind};
use crate::{Outcome, Study};

/// Fig. 12: digits, and the classes for which they are decomposed.
const FIGURE_12: [(u8, [usize; 4]); 6] =
    [(2, [2, 6, 3, 1]), (3, [3, 8, 5, 9]), (4, [4, 9, 7, 1]), (6, [6, 0, 5, 8]), (7, [7, 9, 2, 1]), (9, [9, 4, 7, 8])];

/// Fig. 13: digits, and the class for which each is decomposed; two of them in a row.
const FIGURE_13: [[(u8, usize); 2]; 4] = [[(0, 0), (4, 4)], [(2, 2), (7, 7)], [(3, 8), (4, 9)], [(5, 3), (7, 9)]];

/// How many digits Figs 15 and 16 show.
const SAMPLES: usize = 4;

/// Where the random numbers of Fig. 17 begin.
const SEED: u64 = 17;

/// LRP by Eq. 56, for several digits and classes.
pub fn figure_12(study: &Study) -> Outcome<Figure> {
    let network = study.network(Kind::Small)?;
    let mut figure = Sheet::new(&network);
    for (class, classes) in FIGURE_12 {
        let index = study.first(class, 1)?[0];
        figure.row(study, index, &classes)?;
    }
    let text = "Each row is a digit of the test set, and its decomposition by Eq. 56 for the class in parentheses, with \
                the linear score of that class below. Red speaks for the class, blue against it.";
    figure.finish(Figure::new(12, "decompositions for several classes").text(text))
}

/// Digit, density ratio (Eq. 65), decomposition, and where the two go together.
pub fn figure_13(study: &Study) -> Outcome<Figure> {
    let network = study.network(Kind::Small)?;
    let mut numbers = Numbers::of_maps("test digit,label,class,score,correlation,map");
    let mut sheet = sheet().columns(["x", "d", "R", "correlation", "x", "d", "R", "correlation"]);
    for pair in FIGURE_13 {
        let mut tiles = Vec::new();
        for (label, class) in pair {
            let index = study.first(label, 1)?[0];
            let (score, relevance) = single(study, &network, index, class)?;
            let density = study.density_ratios.index_axis(Axis(0), class);
            let together = correlation(study.digit(index), density, relevance.view());
            let r = together.sum();
            for (name, map) in
                [("density ratio", density), ("relevance", relevance.view()), ("correlation", together.view())]
            {
                let cells = [
                    &index.to_string(),
                    &label.to_string(),
                    &class.to_string(),
                    &format!("{score}"),
                    &format!("{r}"),
                    name,
                ];
                numbers.map(cells, map);
            }
            tiles.push(Tile::from((digit(study.digit(index)), format!("digit {label}"))));
            tiles.push(Tile::from((map(density)?, format!("of class {class}"))));
            tiles.push(Tile::from((map(relevance.view())?, format!("({class})\n{}", signed(score)))));
            tiles.push(Tile::from((map(together.view())?, format!("r = {}", signed(r)))));
        }
        sheet = sheet.row(tiles);
    }
    let text = "From left to right: a digit x; the density ratio d of a class, the share of that class in each pixel's \
                ink over the 60,000 training digits (Eq. 65); the decomposition R of the class's score by Eq. 56; and \
                what each pixel of the digit adds to the correlation coefficient r of d and R over the digit's pixels. In the two lower rows the class is not \
                the digit's own: its evidence lies where digits of that class often have ink.";
    Figure::new(13, "densities of the classes, and decompositions")
        .text(text)
        .picture("", &sheet.draw()?, "below R the class and its score; each map is scaled by its largest magnitude")
        .map(|figure| figure.numbers("", numbers))
}

/// Evidence for a 4, and for a 9.
pub fn figure_15(study: &Study) -> Outcome<Figure> {
    two_classes(study, 15, [4, 9])
}

/// Evidence for a 3, and for an 8.
pub fn figure_16(study: &Study) -> Outcome<Figure> {
    two_classes(study, 16, [3, 8])
}

/// 16 random digits, for all classes.
pub fn figure_17(study: &Study) -> Outcome<Figure> {
    let network = study.network(Kind::Rect)?;
    let mut random = SplitMix64::new(SEED, 0);
    let mut indices: Vec<usize> = Vec::new();
    while indices.len() < 16 {
        let index = random.integer(0..=study.digits.labels.len() as u64 - 1) as usize;
        if !indices.contains(&index) {
            indices.push(index);
        }
    }
    indices.sort_by_key(|&index| (study.digits.labels[index], index));
    let mut figure = Sheet::new(&network);
    for index in indices {
        figure.row(study, index, &Vec::from_iter(0..10))?;
    }
    let text = "16 digits, drawn at random from the test set and sorted by class, each decomposed by Eq. 56 for all ten \
                classes; below each map the class and its linear score. The network is rect.";
    figure.finish(Figure::new(17, "16 random digits, ten classes").text(text))
}

/// Digits of the first class, for both classes, in three networks.
fn two_classes(study: &Study, number: u8, classes: [usize; 2]) -> Outcome<Figure> {
    let [own, other] = classes;
    let kinds = [Kind::Rect, Kind::Tanh, Kind::RectShort];
    let networks = kinds.iter().map(|&kind| study.network(kind)).collect::<Outcome<Vec<_>>>()?;
    let titles = networks.iter().flat_map(|network| classes.map(|class| format!("{} ({class})", network.kind.name())));
    let mut sheet = sheet().columns([format!("digit {own}")].into_iter().chain(titles));
    let mut numbers = Numbers::of_maps("network,test digit,class,score");
    for index in study.first(own as u8, SAMPLES)? {
        let mut tiles = vec![Tile::from(digit(study.digit(index)))];
        for network in &networks {
            for class in classes {
                let (score, relevance) = single(study, network, index, class)?;
                let cells = [network.kind.name(), &index.to_string(), &class.to_string(), &format!("{score}")];
                numbers.map(cells, relevance.view());
                tiles.push(Tile::from((map(relevance.view())?, signed(score))));
            }
        }
        sheet = sheet.row(tiles);
    }
    let text = format!(
        "The first {SAMPLES} digits {own} of the test set, decomposed by Eq. 56 for the classes {own} and {other}, in the \
         networks with rectifiers, with hyperbolic tangents, and with rectifiers but trained for a short time (rect*). \
         Below each map is the linear score of its class."
    );
    Ok(Figure::new(number, &format!("evidence for {own}, and for {other}"))
        .text(text)
        .picture(
            "",
            &sheet.draw()?,
            format!("{own} as {own}, and {own} as {other}; each map is scaled by its largest magnitude"),
        )?
        .numbers("", numbers))
}

/// Digits with a map for each of a few classes beside them.
struct Sheet<'a> {
    network: &'a DigitNetwork<f64>,
    sheet: heatmap::ContactSheet,
    numbers: Numbers,
}

impl<'a> Sheet<'a> {
    fn new(network: &'a DigitNetwork<f64>) -> Self {
        Self { network, sheet: sheet(), numbers: Numbers::of_maps("test digit,label,class,score") }
    }

    fn row(&mut self, study: &Study, index: usize, classes: &[usize]) -> Outcome<()> {
        let label = study.digits.labels[index];
        let mut tiles = vec![Tile::from((digit(study.digit(index)), format!("digit {label}")))];
        for &class in classes {
            let (score, relevance) = single(study, self.network, index, class)?;
            self.numbers.map([index as f64, label.into(), class as f64, score], relevance.view());
            tiles.push(Tile::from((map(relevance.view())?, format!("({class}) {}", signed(score)))));
        }
        self.sheet = std::mem::take(&mut self.sheet).row(tiles);
        Ok(())
    }

    fn finish(self, figure: Figure) -> Outcome<Figure> {
        let caption =
            "in parentheses the class, beside it its linear score; each map is scaled by its largest magnitude";
        Ok(figure.picture("", &self.sheet.draw()?, caption)?.numbers("", self.numbers))
    }
}

/// One digit for one class: its score, and the relevance of the pixels.
fn single(study: &Study, network: &DigitNetwork<f64>, index: usize, class: usize) -> Outcome<(f64, Array2<f64>)> {
    let Decomposed { scores, relevance } = network.decompose(study.digit(index).insert_axis(Axis(0)), &[class])?;
    Ok((scores[[0, class]], relevance.index_axis_move(Axis(0), 0)))
}

/// What each pixel of a digit adds to Pearson's correlation coefficient of two maps over the digit's pixels: together,
/// the coefficient.
fn correlation(digit: ArrayView2<'_, u8>, one: ArrayView2<'_, f64>, other: ArrayView2<'_, f64>) -> Array2<f64> {
    let pixels = digit.iter().filter(|&&ink| ink > 0).count().max(1) as f64;
    let centered = |map: ArrayView2<'_, f64>| {
        let inked =
            |keep: f64| Zip::from(map).and(digit).map_collect(|&value, &ink| if ink > 0 { value - keep } else { 0.0 });
        inked(inked(0.0).sum() / pixels)
    };
    let (one, other) = (centered(one), centered(other));
    let norm = |map: &Array2<f64>| map.mapv(|value| value * value).sum().sqrt().max(f64::MIN_POSITIVE);
    let scale = norm(&one) * norm(&other);
    one * other / scale
}

/// A number with its sign, as the pixel font has it.
pub fn signed(value: f64) -> String {
    format!("{value:.2}").replace('-', "−")
}
