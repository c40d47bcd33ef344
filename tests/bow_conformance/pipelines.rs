//! Kinds `r1`, `tile_average`, `e2e`: from local features to pixels, and the whole way.

use bow_classifier::{
    Bag, BowModel, EncodedFeatures, Encoder, TaylorThirdLayer, ThirdLayer, Tile, average_tiles,
    pixel_wise_decomposition,
};
use bow_mapping::{
    Codebook, Fisher, Hard, Lasso, LassoOptions, Mapping, Normalization, Pooling, Rank, RankOptions, Ridge,
    RidgeOptions, Soft, SoftOptions,
};
use heatmap::{normalize, normalize_all};
use kernels::ZeroQuotient;
use local_features::{Area, coverage, pixel_relevance as relevance_of_pixels};
use ndarray::{Array1, Array2, Array3, ArrayView1, Axis};
use relevance::{Candidates, Differentiable, RootSearch};

use crate::conformance::{Case, number};
use crate::encodings::mixture;
use crate::expansions::expansion;

fn rectangle(edges: ArrayView1<'_, f64>) -> Area {
    let [top, left, bottom, right] = [0, 1, 2, 3].map(|edge| edges[edge] as i64);
    Area::Rectangle { top, left, bottom, right }
}

fn area(shape: &str, params: ArrayView1<'_, f64>) -> Area {
    match shape {
        "rect" => rectangle(params),
        "circle" => Area::Circle { row: params[0], column: params[1], radius: params[2] },
        "rotsquare" => Area::RotatedSquare { row: params[0], column: params[1], side: params[2], angle: params[3] },
        unknown => panic!("shape '{unknown}' is unknown"),
    }
}

pub fn pixel_relevance(case: &Case) {
    let shape = (case.count("H"), case.count("W"));
    let areas: Vec<Area> =
        case.matrix("shape_params").rows().into_iter().map(|params| area(case.text("shape"), params)).collect();
    let (ends, pixels) = (case.indices("area_ptr"), case.indices("area_idx"));
    for (index, area) in areas.iter().enumerate() {
        let covered: Vec<usize> = area
            .spans(shape.0, shape.1)
            .flat_map(|span| span.columns.map(move |column| span.row * shape.1 + column))
            .collect();
        case.require(&format!("area({index})"), covered == pixels[ends[index]..ends[index + 1]]);
    }
    case.compare("coverage", &coverage(&areas, shape).mapv(|count| count as f64));
    let (relevance, entry) = relevance_of_pixels(case.vector("R2").view(), &areas, shape).unwrap();
    case.require("conservation", entry.relative_error() <= 1e-12);
    case.compare("R1", &relevance);
    case.compare("R1_norm", &normalize(relevance.view()).unwrap());
}

pub fn tile_average(case: &Case) {
    let tiles: Array3<f64> = case.array("tiles").into_dimensionality().unwrap();
    let side = case.count("tile");
    let maps: Vec<_> = case
        .matrix("offsets")
        .rows()
        .into_iter()
        .zip(tiles.outer_iter())
        .map(|(offset, map)| {
            (Tile { top: offset[0] as usize, left: offset[1] as usize, height: side, width: side }, map)
        })
        .collect();
    let (average, entry) = average_tiles(&maps, (case.count("H"), case.count("W"))).unwrap();
    case.require("conservation", entry.relative_error() <= 1e-12);
    case.compare("avg", &average);
    case.compare("avg_norm", &normalize(average.view()).unwrap());

    let views: Vec<_> = tiles.outer_iter().collect();
    let together = normalize_all(&views).unwrap();
    let views: Vec<_> = together.iter().map(|map| map.view()).collect();
    case.compare("tiles_globalnorm", &ndarray::stack(Axis(0), &views).unwrap());
}

fn encoder(case: &Case, channel: usize) -> Encoder {
    let codebook = || Codebook::new(case.matrix(&format!("codebook_{channel}"))).unwrap();
    let mapping: Mapping = match case.text("encoding") {
        "hard" => Hard::new(codebook()).into(),
        "rank" => {
            let options = RankOptions { base: case.number("rank_p"), neighbors: case.count("rank_n") };
            Rank::new(codebook(), options).unwrap().into()
        }
        "soft" => {
            let options = SoftOptions { beta: case.number("soft_beta"), ..SoftOptions::default() };
            Soft::new(codebook(), options).unwrap().into()
        }
        "lasso" => {
            let options = LassoOptions { lambda: case.number("lam"), ..LassoOptions::default() };
            Lasso::new(codebook(), options).unwrap().into()
        }
        "ridge" => Ridge::new(codebook(), RidgeOptions { lambda: case.number("lam") }).unwrap().into(),
        "fisher" => Fisher::new(mixture(case)).into(),
        unknown => panic!("encoding '{unknown}' is unknown"),
    };
    let normalization = match case.text("normalise") {
        "none" => Normalization::None,
        "l1" => Normalization::L1,
        "l2" => Normalization::L2,
        "power0.5+l2" => Normalization::PowerL2 { exponent: 0.5 },
        unknown => panic!("normalization '{unknown}' is unknown"),
    };
    let pooling = Pooling::new(number(&case.params["pool_p"]).unwrap()).unwrap();
    Encoder { mapping, pooling, normalization }
}

pub fn end_to_end(case: &Case) {
    let shape = (case.count("H"), case.count("W"));
    let encoders: Vec<Encoder> = (0..case.count("n_channels")).map(|channel| encoder(case, channel)).collect();
    let channels: Vec<EncodedFeatures> = encoders
        .iter()
        .enumerate()
        .map(|(channel, encoder)| {
            let descriptors = case.matrix(&format!("local_features_{channel}"));
            let rectangles = case.matrix(&format!("rects_{channel}"));
            let areas = rectangles.rows().into_iter().map(rectangle).collect();
            let encoded = encoder.encode(descriptors.view(), areas).unwrap();
            case.compare(&format!("m_{channel}"), &encoded.assignment.to_dense());
            case.compare(&format!("x_{channel}"), &encoded.vector);
            encoded
        })
        .collect();

    let expansion = expansion(case);
    let third_layer = if expansion.is_sum_decomposable() {
        ThirdLayer::SumDecomposition
    } else {
        ThirdLayer::Taylor(TaylorThirdLayer {
            search: RootSearch::default(),
            zero_quotient: ZeroQuotient::RightDerivative,
            candidates: candidates(case),
        })
    };
    let model = BowModel::new(encoders, expansion, third_layer).unwrap();
    let bag = Bag::new(channels, shape);
    let found = pixel_wise_decomposition(&model, &bag).unwrap();

    case.compare_number("f", found.score);
    if case.has("x0") {
        root(case, &model, bag.vector.view());
        case.compare_number("residual", found.score - found.dimensions.sum());
    }
    case.compare("R3", &found.dimensions);
    for (channel, of_features) in found.features.iter().enumerate() {
        case.compare(&format!("R2_{channel}"), of_features);
        let (of_pixels, _) = relevance_of_pixels(of_features.view(), &bag.channels[channel].areas, shape).unwrap();
        case.compare(&format!("R1_{channel}"), &of_pixels);
    }
    case.compare("R1", &found.pixels);
    case.compare("R1_norm", &normalize(found.pixels.view()).unwrap());
    case.require("conservation from score to pixels", found.ledger.check(1e-12).is_ok());
}

/// The training rows, all channels side by side, with their values.
fn candidates(case: &Case) -> Candidates {
    let parts = case.matrices("X_train_");
    let views: Vec<_> = parts.iter().map(Array2::view).collect();
    let points = ndarray::concatenate(Axis(1), &views).unwrap();
    let expansion = expansion(case);
    let function = expansion.differentiable(ZeroQuotient::RightDerivative).unwrap();
    Candidates::new(&function, points).unwrap()
}

/// The root with the smallest residual is the one that the case gives.
fn root(case: &Case, model: &BowModel, x: ArrayView1<'_, f64>) {
    let function = model.expansion().differentiable(ZeroQuotient::RightDerivative).unwrap();
    let roots = RootSearch::default().roots(&function, x, &candidates(case)).unwrap();
    let residual = |root: &relevance::Root| root.decomposition.residual().abs();
    let best = roots.iter().min_by(|left, right| residual(left).total_cmp(&residual(right))).unwrap();
    case.compare("x0", &best.point);
    case.require("root_candidate", best.candidate == case.count("root_candidate"));
    case.require("root_a", (best.position - case.number("root_a")).abs() < 1e-8);
    let scale: Array1<f64> = model.expansion().values(x.insert_axis(Axis(0))).unwrap();
    case.require("f(x0) = 0", function.value(best.point.view()).abs() < 1e-10 * (1.0 + scale[0].abs()));
}
