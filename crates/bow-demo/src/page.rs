//! The report: what was asked, what was found, and where every part of each score went.

use bow_classifier::describe;
use heatmap::{ColorBar, encode_png};
use report::{Picture, Report, Section, Table};
use serde::Serialize;
use serde_json::Value;

use crate::measures::Metrics;
use crate::pictures::{Triplet, color_bar};
use crate::subjects::{Explained, total_ledger};
use crate::{Failure, Run};

/// The page of a run.
pub fn report(run: &Run) -> Result<Report, Failure> {
    let mut report = Report::new("Polygons versus circles, explained to the pixel").subtitle(
        "Bag-of-Words classifier, layer-wise relevance propagation: the experiment of Fig. 6, Bach et al. 2015",
    );
    for (name, value, remark) in highlights(&run.metrics) {
        report = report.figure(name, value, remark);
    }
    report = report.section(introduction(run)?);
    for explained in &run.explained {
        report = report.section(of_subject(explained, run)?);
    }
    if !run.explained.is_empty() {
        report = report.section(
            Section::new("Where the scores went")
                .paragraph(
                    "Each backward step hands its relevance to the layer below or books it into a named sink, which is \
                     computed from a formula of its own; the last column says by how much the two sides of the book \
                     differ. All explanations of this page added up, score to pixels:",
                )
                .ledger("from the scores of all tiles down to the pixels", &total_ledger(&run.explained)),
        );
    }
    let mut all = Table::new(["figure", "value"]);
    for (name, value) in figures(&run.metrics) {
        all = all.row([name, value]);
    }
    report = report.section(Section::new("All figures").table(all));
    for (name, value) in settings(run) {
        report = report.setting(name, value);
    }
    for (stage, time) in &run.times {
        report = report.timing(*stage, time.as_secs_f64());
    }
    Ok(report.note(
        "Relevance is normalized for each picture (Eq. 35): colors compare pixels of one picture, not of two. The raw \
         values are in the .relevance.npy files.",
    ))
}

fn introduction(run: &Run) -> Result<Section, Failure> {
    let learned = match &run.options.model {
        None => {
            let support = run.classifier.model(0)?.expansion().supporting().count();
            format!(
                "It was learned from {} tiles of 102×102 pixels that are labelled as wholes; {support} of them became \
                 support vectors. Nobody told it where the polygons are.",
                run.options.train
            )
        }
        Some(_) => "It was loaded from a file.".to_owned(),
    };
    let bar = ColorBar { length: 420, ..color_bar(run.options.explanation.color_map) };
    let bar = encode_png(&bar.draw()?)?;
    Ok(Section::new("What this shows")
        .paragraph(format!("The classifier answers one question: does a picture show a polygon? {learned}"))
        .paragraph(format!(
            "The pictures below were cut into tiles of {0}×{0} pixels at a step of {1}; each tile's score was handed \
             down to its pixels (Algorithm 1), and overlapping maps were averaged. Pixels at the warm end of the color \
             bar speak for a polygon, pixels at the cold end against one; the middle is no relevance.",
            run.options.explanation.tile, run.options.explanation.step
        ))
        .pictures([Picture::new(bar, "relevance, divided by its largest absolute value in each picture (Eq. 35)")]))
}

fn of_subject(explained: &Explained, run: &Run) -> Result<Section, Failure> {
    let triplet = Triplet::of(explained, &run.options.explanation)?;
    let pictures = triplet.png()?.map(|(caption, png)| Picture::new(png, caption));
    let scores = explained.decomposition.scores.iter().map(|(_, score)| *score);
    let positive = scores.clone().filter(|score| *score > 0.0).count();
    let (lowest, highest) = scores
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(lowest, highest), score| (lowest.min(score), highest.max(score)));
    let mut section = Section::new(capitalized(&explained.title))
        .paragraph(format!(
            "{positive} of {} tiles are classified as showing a polygon; scores from {lowest:.2} to {highest:.2}.",
            explained.decomposition.scores.len()
        ))
        .pictures(pictures);
    if let Some(found) = &explained.localization {
        section = section.table(
            Table::new([
                "AUC polygon vs. circle",
                "positive near polygons",
                "positive near circles",
                "mean at circles",
                "strongest pixel",
            ])
            .row([
                figure(found.separation),
                figure(found.near_polygons),
                figure(found.near_circles),
                figure(found.mean_at_circles),
                if found.strongest_at_polygon { "at a polygon" } else { "elsewhere" }.to_owned(),
            ]),
        );
    }
    Ok(section.ledger("its ledger", &explained.decomposition.ledger))
}

/// The figures on top of the page: name, value, remark.
fn highlights(metrics: &Metrics) -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("test accuracy", figure(metrics.test.test_accuracy), "share of unseen tiles on the right side"),
        (
            "polygon vs. circle",
            figure(metrics.localization.polygon_vs_circle_auc),
            "AUC of pixel relevance at polygons against circles",
        ),
        ("score lost", figure(metrics.flipping.flip_top_20), "when the most relevant 20 % of blocks are painted over"),
        ("conservation", format!("{:.0e}", metrics.max_conservation_error), "largest relative error of any ledger"),
    ]
}

/// All figures by what they say.
pub fn figures(metrics: &Metrics) -> Vec<(String, String)> {
    let (test, place, flip) = (&metrics.test, &metrics.localization, &metrics.flipping);
    let rows = [
        ("test accuracy", figure(test.test_accuracy)),
        ("test AUC", test.test_auc.map_or_else(missing, |value| format!("{value:.4}"))),
        ("polygon against circle, AUC of relevance", figure(place.polygon_vs_circle_auc)),
        ("positive relevance near polygons", figure(place.positive_relevance_near_polygons)),
        ("positive relevance near circles", figure(place.positive_relevance_near_circles)),
        ("mean normalized relevance at circles", figure(place.mean_relevance_at_circles)),
        ("strongest pixel at a polygon", figure(place.strongest_pixel_at_polygon)),
        ("drop of f, top 20 % of blocks flipped", figure(flip.flip_top_20)),
        ("drop of f, random 20 % flipped", figure(flip.flip_random_20)),
        ("drop of f, lowest 20 % flipped", figure(flip.flip_lowest_20)),
        ("Taylor residual, median of |f − ΣR³| / |f|", figure(test.taylor_residual_median)),
        (
            "largest |f − ΣR¹|, |f − ΣR³|, exact kernels",
            metrics.f_minus_sum_max.map_or_else(missing, |value| format!("{value:.1e}")),
        ),
        ("largest error of conservation", format!("{:.1e}", metrics.max_conservation_error)),
    ];
    rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Every setting of the run by its option's name, and what the classifier is made of. (Results don't depend on the
/// number of threads, nor on the folder.)
fn settings(run: &Run) -> Vec<(String, String)> {
    let options = &run.options;
    let mut settings = Vec::new();
    match &options.model {
        Some(model) => settings.push(("model".to_owned(), model.display().to_string())),
        None => {
            settings.push(("train".to_owned(), options.train.to_string()));
            settings.extend(by_name(&options.settings));
        }
    }
    settings.push(("seed".to_owned(), options.seed.to_string()));
    settings.push(("test".to_owned(), options.test.to_string()));
    if options.image.is_empty() {
        settings.push(("composites".to_owned(), options.composites.to_string()));
    }
    settings.extend(options.image.iter().map(|image| ("image".to_owned(), image.display().to_string())));
    settings.extend(by_name(&options.explanation));
    settings.extend(describe(&run.classifier));
    settings.push(("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    settings
}

/// The options of a group by their names.
fn by_name(group: &impl Serialize) -> Vec<(String, String)> {
    match serde_json::to_value(group) {
        Ok(Value::Object(values)) => {
            values.iter().map(|(name, value)| (name.replace('_', "-"), plain(value))).collect()
        }
        _ => Vec::new(),
    }
}

/// A setting's value as one writes it on the command line.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        Value::Object(values) => values.values().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(missing, |value| format!("{value:.3}"))
}

fn missing() -> String {
    "–".to_owned()
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
