//! The API of the shapes page.

mod support;

use datasets::polygons::tile;
use pixelwise_serve::{Settings, ShapeModel};
use support::{app, get, png, post_file, server, settings, shapes, unpacked};

#[tokio::test]
async fn a_canvas_is_explained_and_its_words_are_told() {
    let state = get(&server(), "/api/shapes").await.json();
    assert_eq!(
        (state["state"].as_str(), state["width"].as_u64(), state["words"].as_u64()),
        (Some("ready"), Some(306), Some(16))
    );
    let sample = get(&server(), state["samples"][0].as_str().unwrap()).await;
    assert_eq!(images::decode(&sample.bytes, "sample").unwrap().dim(), (306, 306, 3));

    let canvas = tile(2, 0).image;
    let reply = post_file(&server(), "/api/shapes/frame", png(&canvas)).await.json();
    let plain = shapes().decompose(images::to_unit_range(canvas.view()).view(), 0).unwrap();
    assert!((reply["classes"][0]["score"].as_f64().unwrap() - plain.score).abs() < 1e-9);
    let (shape, values) = unpacked(&reply["map"]);
    assert_eq!(shape, [102, 102]);
    assert!(values.iter().zip(&plain.pixels).all(|(value, plain)| (f64::from(*value) - plain).abs() < 1e-6));

    // At a point where the map is: words that sum to 1, of features that cover it.
    let address = format!("/api/shapes/frames/{}/words?x=50&y=40", reply["id"].as_str().unwrap());
    let words = get(&server(), &address).await.json();
    let fired = words["words"].as_array().unwrap();
    assert!(words["features"].as_u64().unwrap() > 0 && !fired.is_empty());
    let weight = |word: &serde_json::Value| word["weight"].as_f64().unwrap();
    assert!(
        fired.iter().map(weight).sum::<f64>() <= 1.0 + 1e-9
            && fired.windows(2).all(|pair| weight(&pair[0]) >= weight(&pair[1]))
    );
    for word in fired {
        // A single tile: R³ is the classifier's own.
        let dimension = word["word"].as_u64().unwrap() as usize;
        assert!((word["relevance"].as_f64().unwrap() - plain.dimensions[dimension]).abs() < 1e-9);
    }
    for area in words["areas"].as_array().unwrap() {
        let number = |name: &str| area[name].as_f64().unwrap();
        assert!(number("x") <= 50.0 && 50.0 <= number("x") + number("width"), "{area}");
        assert!(number("y") <= 40.0 && 40.0 <= number("y") + number("height"), "{area}");
    }
    // What the features at the point get of the words is their own relevance: Σ_l R²_l over them, in whole.
    let bag = shapes().bag(images::to_unit_range(canvas.view()).view()).unwrap();
    let covering = bag.channels[0].areas.iter().enumerate().filter(|(_, area)| area.covers((40, 50)));
    let of_features: f64 = covering.map(|(feature, _)| plain.features[0][feature]).sum();
    let here: f64 = fired.iter().map(|word| word["here"].as_f64().unwrap()).sum();
    if fired.len() < 12 {
        assert!((here - of_features).abs() < 1e-6 * of_features.abs().max(1.0), "{here} {of_features}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let picture = |side: usize| png(&ndarray::Array3::from_elem((side, side, 3), 128));
    assert_eq!(post_file(&server(), "/api/shapes/frame", picture(700)).await.code(), "too-large");
    assert_eq!(post_file(&server(), "/api/shapes/frame", b"no picture".to_vec()).await.code(), "model");
    assert_eq!(post_file(&server(), "/api/shapes/frame", picture(3)).await.code(), "model");
    for (address, code) in [
        ("/api/shapes/frames/s0/words?x=1&y=1", "gone"),
        ("/api/shapes/samples/6.png", "not-found"),
        ("/api/shapes/samples/..%2F0.png", "not-found"),
    ] {
        assert_eq!(get(&server(), address).await.code(), code);
    }
    let id = post_file(&server(), "/api/shapes/frame", picture(120)).await.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(get(&server(), &format!("/api/shapes/frames/{id}/words?x=120&y=0")).await.code(), "bad-request");
}

#[tokio::test]
async fn the_classifier_is_learned_when_somebody_looks() {
    let app = app(Settings { shapes: ShapeModel::Learned { tiles: 20 }, ..settings() });
    let canvas = png(&tile(2, 0).image);
    let early = post_file(&app, "/api/shapes/frame", canvas.clone()).await;
    assert_eq!((early.status.as_u16(), early.code().as_str(), early.header("retry-after")), (503, "not-ready", "1"));
    let mut last = 0.0;
    let state = loop {
        let state = get(&app, "/api/shapes").await.json();
        let done = state["done"].as_f64().unwrap();
        assert!(done >= last && !state["sentence"].as_str().unwrap().is_empty());
        last = done;
        if state["state"] != "learning" {
            break state;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    };
    assert_eq!((state["state"].as_str(), state["words"].as_u64()), (Some("ready"), Some(256)), "{state}");
    assert_eq!(post_file(&app, "/api/shapes/frame", canvas).await.status, 200);
}
