//! The API of the photos page.

mod support;

use pixelwise_serve::{Limits, Settings};
use serde_json::{Value, json};
use support::{app, get, photo, post, post_file, server, settings, unpacked, words_settings};

async fn sent(app: &axum::Router, name: &str, bytes: Vec<u8>) -> Value {
    let reply = post_file(app, &format!("/api/photos?name={name}"), bytes).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()
}

async fn map(app: &axum::Router, more: Value) -> Value {
    let id = sent(app, "seven.png", photo(7)).await["id"].clone();
    let mut body = json!({"photo": id});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let reply = post(app, "/api/maps", &body).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()
}

#[tokio::test]
async fn a_photo_is_classified_and_shown() {
    let reply = sent(&server(), "..%2Fa%20seven.png", photo(7)).await;
    assert_eq!((reply["name"].as_str(), reply["order"][0].as_u64()), (Some("a seven.png"), Some(7)));
    assert_eq!((reply["width"].as_u64(), reply["prepared"]["height"].as_u64()), (Some(28), Some(28)));
    assert!(reply["probabilities"][7].as_f64().unwrap() > 0.9);
    let shown = get(&server(), reply["prepared"]["picture"].as_str().unwrap()).await;
    assert_eq!(images::decode(&shown.bytes, "shown").unwrap().dim(), (28, 28, 3));
    assert_eq!((shown.header("content-type"), shown.header("content-disposition")), ("image/png", ""));
    let file = get(&server(), &format!("/api/photos/{}/file", reply["id"].as_str().unwrap())).await;
    assert_eq!((file.bytes, file.headers["content-type"].to_str().unwrap()), (photo(7), "application/octet-stream"));
    assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"a seven.png\""));
}

#[tokio::test]
async fn a_map_adds_up_and_says_where_the_score_went() {
    let reply = map(&server(), json!({"by": "epsilon-plus"})).await;
    assert_eq!((reply["target"]["class"].as_u64(), reply["target"]["label"].as_str()), (Some(7), Some("7")));
    let (shape, values) = unpacked(&reply["map"]);
    let number = |path: &str| reply.pointer(path).unwrap().as_f64().unwrap();
    let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
    assert_eq!(shape, [28, 28]);
    assert!((sum - number("/sum")).abs() < 1e-4 && (number("/positive") + number("/negative") - sum).abs() < 1e-4);
    assert!((number("/ledger/score") - number("/value")).abs() < 1e-4);
    assert!((number("/ledger/pixels") - sum).abs() < 1e-3);
    let steps = reply["ledger"]["steps"].as_array().unwrap();
    for step in steps {
        let sunk: f64 = step["sinks"].as_array().unwrap().iter().map(|sink| sink["relevance"].as_f64().unwrap()).sum();
        let (upper, lower) = (step["upper"].as_f64().unwrap(), step["lower"].as_f64().unwrap());
        assert!((upper - lower - sunk).abs() < 1e-3 * upper.abs().max(1.0), "{step}");
    }
    assert!(steps.iter().any(|step| step["rule"] == "z-plus") && steps.len() > 3);
    assert!(reply["rules"].as_array().unwrap().iter().any(|rule| rule["rule"] == "z-plus"));
    assert!(reply["command"].as_str().unwrap().starts_with("pixelwise explain"));
}

#[tokio::test]
async fn a_contrast_is_the_difference_of_two_scores() {
    let reply = map(&server(), json!({"target": 7, "against": 1})).await;
    let value = reply["target"]["score"].as_f64().unwrap() - reply["against"]["score"].as_f64().unwrap();
    assert!((reply["value"].as_f64().unwrap() - value).abs() < 1e-4);
    let reply = map(&server(), json!({"target": 7, "against": "others"})).await;
    let value = reply["target"]["score"].as_f64().unwrap() - reply["against"]["score"].as_f64().unwrap();
    assert!((reply["value"].as_f64().unwrap() - value).abs() < 1e-4 && reply["against"]["class"] == "others");
}

#[tokio::test]
async fn a_layer_has_channels_and_masks_make_conditional_maps_of_them() {
    let layers = get(&server(), "/api/models/photos").await.json()["layers"].clone();
    let is_plane = |layer: &&Value| layer["shape"].as_array().unwrap().len() == 3 && layer["kind"] == "Conv";
    let layer = layers.as_array().unwrap().iter().rfind(is_plane).unwrap();
    let tensor = layer["tensor"].as_str().unwrap();
    let reply = map(&server(), json!({"at": {"tensor": tensor, "strongest": 32}})).await;
    let at = &reply["at"];
    assert_eq!(at["shape"], layer["shape"]);
    let channels = at["strongest"].as_array().unwrap();
    let sum: f64 = channels.iter().map(|channel| channel["relevance"].as_f64().unwrap()).sum();
    assert_eq!(channels.len(), 32);
    assert!((sum - at["sum"].as_f64().unwrap()).abs() < 1e-4);
    let plane: f32 = unpacked(&channels[0]["map"]).1.iter().sum();
    assert!((f64::from(plane) - channels[0]["relevance"].as_f64().unwrap()).abs() < 1e-4);
    // The conditional map of a channel begins with what the channel has, and its maps add up to the whole.
    let mut whole = vec![0.0; 784];
    for channel in channels {
        let masks = json!([{"tensor": tensor, "channels": [channel["channel"]]}]);
        let conditional = map(&server(), json!({"masks": masks})).await;
        for (sum, value) in whole.iter_mut().zip(unpacked(&conditional["map"]).1) {
            *sum += value;
        }
    }
    let plain = unpacked(&reply["map"]).1;
    let largest = plain.iter().fold(0.0_f32, |largest, value| value.abs().max(largest));
    assert!(whole.iter().zip(&plain).all(|(sum, value)| (sum - value).abs() < 1e-3 * largest));
}

#[tokio::test]
async fn files_are_made_when_they_are_asked_for() {
    let reply = map(&server(), json!({"target": 7})).await;
    let npy = get(&server(), reply["files"]["npy"].as_str().unwrap()).await;
    assert_eq!((npy.status.as_u16(), npy.bytes), (200, b"None".to_vec()));
    assert!(npy.headers["content-disposition"].to_str().unwrap().contains("seven.png.relevance.npy"));
    let heatmap = format!("{}?colormap=turbo", reply["files"]["heatmap"].as_str().unwrap());
    assert_eq!(get(&server(), &heatmap).await.bytes, b"Some(Turbo)");
    let colors = heatmap.replace("turbo", "nonsense");
    assert_eq!(get(&server(), &colors).await.code(), "bad-request");
    let other = heatmap.replace("heatmap.png", "..%2F..%2Fetc%2Fpasswd");
    assert_eq!(get(&server(), &other).await.code(), "not-found");
    // What can't be written says why.
    let nine = map(&server(), json!({"target": 9})).await;
    let refused = get(&server(), nine["files"]["record"].as_str().unwrap()).await;
    assert_eq!(
        (refused.code().as_str(), refused.json()["error"]["sentence"].as_str()),
        ("model", Some("Nines are not written."))
    );
}

#[tokio::test]
async fn a_bag_of_words_classifier_has_its_one_way() {
    let app = app(words_settings());
    let model = get(&app, "/api/models/photos").await.json();
    assert_eq!((model["kind"].as_str(), model["contrast"].as_bool()), (Some("bag-of-words"), Some(false)));
    let picture = support::png(&datasets::polygons::tile(2, 0).image);
    let photo = sent(&app, "tile.png", picture).await;
    let reply = post(&app, "/api/maps", &json!({"photo": photo["id"]})).await.json();
    assert_eq!((reply["by"].as_str(), reply["target"]["label"].as_str()), (Some("Algorithm 1"), Some("polygon")));
    let (shape, values) = unpacked(&reply["map"]);
    let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
    assert!(shape == [102, 102] && (sum - reply["value"].as_f64().unwrap()).abs() < 1e-3);
    assert!(reply["files"].is_null() && reply["command"].is_null());
    let contrast = json!({"photo": photo["id"], "against": "others"});
    assert_eq!(post(&app, "/api/maps", &contrast).await.code(), "model");
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    for (bytes, code) in [(b"Dear diary".to_vec(), "model"), (photo(7)[..40].to_vec(), "model"), (Vec::new(), "model")]
    {
        assert_eq!(post_file(&server(), "/api/photos?name=x.png", bytes).await.code(), code);
    }
    let gone = post(&server(), "/api/maps", &json!({"photo": "p0"})).await;
    assert_eq!((gone.status.as_u16(), gone.code().as_str()), (404, "gone"));
    let id = sent(&server(), "seven.png", photo(7)).await["id"].clone();
    let wrong = [
        (json!({"target": 10}), "bad-request"),
        (json!({"against": 10}), "bad-request"),
        (json!({"against": "nobody"}), "bad-request"),
        (json!({"target": -1}), "bad-request"),
        (json!({"masks": [{"tensor": "no such", "channels": [0]}]}), "model"),
        (json!({"masks": [{"tensor": "no such"}]}), "bad-request"),
        (json!({"at": {"tensor": "no such"}}), "model"),
        (json!({"by": "../rules.toml"}), "bad-request"),
    ];
    for (more, code) in wrong {
        let mut body = json!({"photo": id});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = post(&server(), "/api/maps", &body).await;
        assert_eq!(reply.code(), code, "{body}: {}", reply.json());
    }
    let without = app(Settings { photos: None, ..settings() });
    assert_eq!(post_file(&without, "/api/photos?name=x.png", photo(7)).await.code(), "not-found");
    assert_eq!(get(&without, "/api/server").await.json()["pages"], json!(["digits", "shapes"]));
}

#[tokio::test]
async fn pictures_beyond_the_limits_are_refused_before_they_are_decoded() {
    let app = app(Settings { limits: Limits { pixels: 500, body: 2000, ..Limits::default() }, ..settings() });
    let reply = post_file(&app, "/api/photos?name=x.png", photo(7)).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (413, "too-large"));
    assert!(reply.json()["error"]["sentence"].as_str().unwrap().contains("28×28"));
    assert_eq!(post_file(&app, "/api/photos?name=x.png", vec![0; 2001]).await.status, 413);
    let claims = b"P6 30000 30000 255\n".to_vec();
    assert_eq!(post_file(&app, "/api/photos?name=x.ppm", claims).await.code(), "too-large");
}
