//! Photos come out as Pillow and torchvision make them; `tests/pillow/README.md` says how the numbers were made.

use images::{Centering, Channels, Extent, Interpolation, Layout, Preprocessing, Scale, Settings, Size};
use ndarray::Array3;
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    normalized: Normalized,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Normalized {
    shape: (usize, usize, usize),
    network: Vec<f32>,
}

#[derive(Deserialize)]
struct Case {
    shape: (usize, usize, usize),
    interpolation: Interpolation,
    resize: Resize,
    crop: Option<[usize; 2]>,
    network: Channels,
    height: usize,
    width: usize,
    shown: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Resize {
    ShorterSide(usize),
    Exact([usize; 2]),
}

fn expected() -> Expected {
    serde_json::from_str(include_str!("pillow/expected.json")).unwrap()
}

/// The formula of `make_expected.py`.
fn picture(shape: (usize, usize, usize)) -> Array3<u8> {
    Array3::from_shape_fn(shape, |(r, c, k)| {
        if (r * r + 3 * c + 5 * k) % 7 < 2 { 255 } else { ((37 * r + 101 * c + 59 * k * r) % 256) as u8 }
    })
}

fn extent([height, width]: [usize; 2]) -> Extent {
    Extent { height, width }
}

#[test]
fn bytes_are_those_of_pillow_and_torchvision() {
    let cases = expected().cases;
    assert_eq!(cases.len(), 26);
    for case in cases {
        let settings = Settings {
            size: match case.resize {
                Resize::ShorterSide(side) => Size::ShorterSide(side),
                Resize::Exact(sides) => Size::Exact(extent(sides)),
            },
            crop: case.crop.map(extent),
            interpolation: case.interpolation,
            centering: Centering::Rounded,
            fill: Vec::new(),
            channels: case.network,
            scale: Scale::Byte,
            mean: Vec::new(),
            std: Vec::new(),
            layout: Layout::Nhwc,
        };
        let preprocessing = Preprocessing::new(settings).unwrap();
        let prepared = preprocessing.apply(picture(case.shape).view()).unwrap();
        let name = format!("{:?}: {preprocessing}", case.shape);
        assert_eq!(prepared.shown.dim(), (case.height, case.width, case.network.count()), "{name}");
        assert_eq!(prepared.shown.as_slice().unwrap(), case.shown, "{name}");
        assert_eq!(prepared.network, prepared.shown.mapv(f32::from), "{name}");
    }
}

#[test]
fn numbers_are_those_of_torchvision() {
    let Normalized { shape, network } = expected().normalized;
    let preprocessing = Preprocessing::preset("imagenet-torch").unwrap().with_input_size(7, 7).unwrap();
    let prepared = preprocessing.apply(picture(shape).view()).unwrap();
    assert_eq!(prepared.network.dim(), (3, 7, 7));
    assert_eq!(prepared.network.as_slice().unwrap(), network);
}
