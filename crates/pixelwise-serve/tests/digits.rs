//! The API of the digits page.

mod support;

use pixelwise_serve::Failure;
use serde_json::{Value, json};
use support::{base64, digit, get, post, server, unpacked};

fn frame(class: u8, more: Value) -> Value {
    let mut body = json!({"model": "convolutional", "pixels": base64(&digit(class))});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_frame_has_a_map_of_each_class_that_sums_up_to_its_score() {
    let reply = post(&server(), "/api/digits/frame", &frame(7, json!({"by": "lrp-0"}))).await.json();
    assert_eq!((reply["predicted"].as_u64(), reply["by"].as_str()), (Some(7), Some("lrp-0")));
    let (shape, maps) = unpacked(&reply["maps"]);
    assert_eq!(shape, [10, 28, 28]);
    let numbers = |name: &str| -> Vec<f64> { serde_json::from_value(reply[name].clone()).unwrap() };
    for (map, sum) in maps.chunks(784).zip(numbers("sums")) {
        let plain: f64 = map.iter().map(|&value| f64::from(value)).sum();
        assert!((plain - sum).abs() < 1e-4 * sum.abs().max(1.0), "{plain} {sum}");
    }
    let largest = maps.iter().fold(0.0_f32, |largest, value| value.abs().max(largest));
    assert!((f64::from(largest) - reply["largest"].as_f64().unwrap()).abs() < 1e-6 * f64::from(largest));
    let probabilities = numbers("probabilities");
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12 && probabilities[7] > 0.9);
    assert!(reply["difference"].is_null() && reply["milliseconds"]["computed"].as_f64().unwrap() > 0.0);
    // Relevance is where the strokes are, or beside them.
    let inked = digit(7);
    let on_ink: f32 =
        maps[7 * 784..8 * 784].iter().zip(&inked).filter(|(_, ink)| **ink > 0).map(|(r, _)| r.abs()).sum();
    let all: f32 = maps[7 * 784..8 * 784].iter().map(|r| r.abs()).sum();
    assert!(on_ink > 0.5 * all, "{on_ink} of {all}");
}

#[tokio::test]
async fn a_difference_is_the_difference_of_two_maps() {
    let wanted = json!({"difference": {"of": 4, "minus": 9}, "by": "epsilon=0.01"});
    let reply = post(&server(), "/api/digits/frame", &frame(4, wanted)).await.json();
    let ((_, maps), (shape, map)) = (unpacked(&reply["maps"]), unpacked(&reply["difference"]["map"]));
    assert_eq!(shape, [28, 28]);
    let largest = maps.iter().fold(0.0_f32, |largest, value| value.abs().max(largest));
    for pixel in 0..784 {
        let plain = maps[4 * 784 + pixel] - maps[9 * 784 + pixel];
        assert!((map[pixel] - plain).abs() < 1e-4 * largest, "{pixel}");
    }
    let value = reply["scores"][4].as_f64().unwrap() - reply["scores"][9].as_f64().unwrap();
    assert!((reply["difference"]["value"].as_f64().unwrap() - value).abs() < 1e-4 * value.abs());
    let others = frame(4, json!({"difference": {"of": 4, "minus": "others"}}));
    assert_eq!(post(&server(), "/api/digits/frame", &others).await.json()["difference"]["minus"], "others");
}

#[tokio::test]
async fn every_way_that_is_offered_explains() {
    let models = get(&server(), "/api/models").await.json();
    assert_eq!((models[0]["id"].as_str(), models[0]["page"].as_str()), (Some("convolutional"), Some("digits")));
    assert!(models[0].get("layers").is_none());
    let ways = models[0]["ways"].as_array().unwrap();
    assert!(ways.len() > 15);
    for way in ways {
        let name = way["name"].as_str().unwrap();
        let by = match &way["parameter"] {
            Value::Null => name.to_owned(),
            parameter => format!("{name}={}", parameter["from"].as_f64().unwrap()),
        };
        let reply = post(&server(), "/api/digits/frame", &frame(3, json!({"by": by}))).await;
        assert_eq!(reply.status, 200, "{by}: {}", reply.json());
        assert_eq!(reply.json()["by"].as_str().unwrap().split('=').next(), Some(name));
    }
}

#[tokio::test]
async fn the_most_relevant_pixels_are_flipped_first_and_the_score_falls() {
    let wanted = frame(7, json!({"steps": 30, "each": 2, "target": 7}));
    let reply = post(&server(), "/api/digits/flips", &wanted).await.json();
    let order: Vec<usize> = serde_json::from_value(reply["order"].clone()).unwrap();
    let scores: Vec<Vec<f64>> = serde_json::from_value(reply["scores"].clone()).unwrap();
    assert_eq!((order.len(), scores.len(), reply["predicted"].as_array().unwrap().len()), (60, 31, 31));
    assert!(scores[30][7] < scores[0][7]);
    let frame_reply = post(&server(), "/api/digits/frame", &frame(7, json!({}))).await.json();
    let map = &unpacked(&frame_reply["maps"]).1[7 * 784..8 * 784];
    assert!(order.windows(2).all(|pair| map[pair[0]] >= map[pair[1]]));
    // The last score is that of the digit with these pixels flipped.
    let mut flipped = digit(7);
    order.iter().for_each(|&pixel| flipped[pixel] = 255 - flipped[pixel]);
    let body = json!({"model": "convolutional", "pixels": base64(&flipped)});
    let alone = post(&server(), "/api/digits/frame", &body).await.json();
    assert!((alone["scores"][7].as_f64().unwrap() - scores[30][7]).abs() < 1e-4);
}

#[tokio::test]
async fn samples_are_digits() {
    let samples = get(&server(), "/api/digits/samples").await.json();
    assert_eq!(
        (samples[0]["label"].as_u64(), samples[0]["pixels"].as_str()),
        (Some(7), Some(base64(&digit(7)).as_str()))
    );
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let wrong = [
        (json!({}), 400, "bad-request"),
        (json!({"model": "convolutional"}), 400, "bad-request"),
        (json!({"model": "none", "pixels": base64(&[0; 784])}), 404, "not-found"),
        (json!({"model": "convolutional", "pixels": "AAAA"}), 400, "bad-request"),
        (json!({"model": "convolutional", "pixels": "no base64!"}), 400, "bad-request"),
        (frame(1, json!({"by": "nonsense"})), 400, "bad-request"),
        (frame(1, json!({"by": "smooth-grad=1000000"})), 400, "bad-request"),
        (frame(1, json!({"difference": {"of": 10, "minus": 0}})), 400, "bad-request"),
        (frame(1, json!({"more": 1})), 400, "bad-request"),
        (frame(1, json!({"by": "taylor"})), 422, "model"),
    ];
    for (body, status, code) in wrong {
        let reply = post(&server(), "/api/digits/frame", &body).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (status, code), "{body}: {}", reply.json());
    }
    for (name, value) in [("steps", 0), ("steps", 785), ("each", 0)] {
        let reply = post(&server(), "/api/digits/flips", &frame(1, json!({name: value}))).await;
        assert_eq!(reply.status, 400);
    }
    assert_eq!(Failure::Busy.to_string(), "Too many requests are waiting here: try again in a moment.");
}
