//! `pixelwise serve`, and that what it hands out is what `pixelwise explain` writes.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A server, and the folder where it was started.
struct Server {
    child: Child,
    host: String,
    link: String,
    folder: TempDir,
}

fn pixelwise(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pixelwise"));
    command.current_dir(folder);
    command
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let golden = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::copy(golden.join("data/models/mnist-convolutional.onnx"), folder.path().join("digits.onnx")).unwrap();
        let names: String = (0..10).map(|digit| format!("digit {digit}\n")).collect();
        fs::write(folder.path().join("labels.txt"), names).unwrap();
        let mut command = pixelwise(folder.path());
        command.args(["serve", "--port", "0", "--quiet"]).args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut link = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut link).unwrap();
        let host = link.trim().trim_start_matches("http://").split('/').next().unwrap().to_owned();
        Self { child, host, link: link.trim().to_owned(), folder }
    }

    /// The status, the headers and the body of an answer.
    fn ask(&self, method: &str, address: &str, headers: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let head = format!(
            "{method} {address} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
            self.host,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head, answer[end + 4..].to_vec())
    }

    fn get(&self, address: &str) -> Vec<u8> {
        let (status, _, body) = self.ask("GET", address, "", b"");
        assert_eq!(status, 200, "{address}: {}", String::from_utf8_lossy(&body));
        body
    }

    fn post(&self, address: &str, body: &Value) -> Value {
        let (status, _, body) =
            self.ask("POST", address, "Content-Type: application/json\r\n", body.to_string().as_bytes());
        assert_eq!(status, 200, "{address}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A picture of a seven.
fn seven() -> Vec<u8> {
    let mut picture = image::GrayImage::new(28, 28);
    for step in 0..16 {
        for thick in 0..3 {
            picture.put_pixel(6 + step, 6 + thick, image::Luma([255]));
            picture.put_pixel(21 - step / 2 - thick / 2, 6 + step, image::Luma([255]));
            picture.put_pixel(20 - step / 2 - thick / 2, 6 + step, image::Luma([255]));
        }
    }
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn a_map_has_the_files_of_a_command_line_that_it_tells_and_can_be_repeated() {
    let server = Server::start(&["digits.onnx", "--labels", "labels.txt"]);
    let (status, _, body) =
        server.ask("POST", "/api/photos?name=my%20seven.png", "Content-Type: image/png\r\n", &seven());
    let photo: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, photo["order"][0].as_u64()), (200, Some(7)), "{photo}");
    let asked = json!({"photo": photo["id"], "target": 7, "against": 1, "by": "alpha-beta=2"});
    let map = server.post("/api/maps", &asked);

    // The command line, as it is told, in the folder of the server.
    let folder = server.folder.path();
    fs::write(folder.join("my seven.png"), seven()).unwrap();
    let told = map["command"].as_str().unwrap();
    let expected =
        "pixelwise explain digits.onnx 'my seven.png' --labels labels.txt --target 7 --against 1 --rule alpha-beta=2";
    assert_eq!(told, expected);
    let words = ["explain", "digits.onnx", "my seven.png", "--labels", "labels.txt", "--target", "7", "--against", "1"];
    let ran = pixelwise(folder).args(words).args(["--rule", "alpha-beta=2", "--quiet"]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));

    let record: Value = serde_json::from_slice(&server.get(map["files"]["record"].as_str().unwrap())).unwrap();
    let name = record["name"].as_str().unwrap();
    let own: Value =
        serde_json::from_slice(&fs::read(folder.join(format!("explanations/{name}.json"))).unwrap()).unwrap();
    assert_eq!(record, own);
    let kept = tempfile::tempdir().unwrap();
    fs::write(kept.path().join(format!("{name}.json")), server.get(map["files"]["record"].as_str().unwrap())).unwrap();
    for (part, file) in [("npy", "relevance"), ("heatmap", "heatmap"), ("overlay", "overlay")] {
        let path = record["targets"][0]["files"][file].as_str().unwrap();
        let bytes = server.get(map["files"][part].as_str().unwrap());
        assert!(bytes == fs::read(folder.join("explanations").join(path)).unwrap(), "{file}");
        fs::write(kept.path().join(path), bytes).unwrap();
    }
    let repeated = pixelwise(folder).arg("repeat").arg(kept.path().join(format!("{name}.json"))).output().unwrap();
    assert!(repeated.status.success(), "{}", String::from_utf8_lossy(&repeated.stderr));

    // The map that the page draws is the same.
    let npy: ndarray::ArrayD<f32> =
        ndarray_npy::ReadNpyExt::read_npy(server.get(map["files"]["npy"].as_str().unwrap()).as_slice()).unwrap();
    let sum: f64 = npy.iter().map(|&value| f64::from(value)).sum();
    assert!((sum - map["sum"].as_f64().unwrap()).abs() < 1e-6 * sum.abs().max(1.0));
}

#[test]
fn the_program_carries_its_digits_and_ends_when_it_is_told() {
    let mut server = Server::start(&[]);
    let models: Value = serde_json::from_slice(&server.get("/api/models")).unwrap();
    let ids: Vec<&str> = models.as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["mnist-convolutional", "mnist-400-400-tanh", "mnist-vit"]);
    let samples: Value = serde_json::from_slice(&server.get("/api/digits/samples")).unwrap();
    assert_eq!(samples.as_array().unwrap().len(), 20);
    for id in ids {
        for sample in samples.as_array().unwrap().iter().step_by(7) {
            let frame = server.post("/api/digits/frame", &json!({"model": id, "pixels": sample["pixels"]}));
            assert_eq!(frame["predicted"], sample["label"], "{id}");
        }
    }
    assert_eq!(server.ask("GET", "/api/server", "Origin: http://evil.example\r\n", b"").0, 403);
    #[cfg(unix)]
    {
        let interrupted = Command::new("kill").args(["-INT", &server.child.id().to_string()]).status().unwrap();
        assert!(interrupted.success());
        assert_eq!(server.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_server_for_other_machines_has_a_token_in_its_link() {
    let server = Server::start(&["--listen", "127.0.0.1"]);
    let (_, token) = server.link.split_once("/?token=").unwrap();
    assert_eq!(server.ask("GET", "/api/server", "", b"").0, 401);
    assert_eq!(server.ask("GET", "/api/server", &format!("Authorization: Bearer {token}\r\n"), b"").0, 200);
}

#[test]
fn what_can_not_be_served_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str]| {
        let output = pixelwise(folder.path()).arg("serve").args(arguments).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(&["no-such.onnx"]).contains("no-such.onnx"));
    assert!(refused(&["--labels", "labels.txt"]).contains("--labels is for a model"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert!(refused(&["--port", &port]).contains("--port 0"));
}
