//! `FUZZED=onnx cargo fuzz run reader`: one of the readers, by its name.
#![no_main]

use std::sync::OnceLock;

use pixelwise_fuzz::{BODIES, Body};

fn body() -> Body {
    static BODY: OnceLock<Body> = OnceLock::new();
    *BODY.get_or_init(|| {
        let name = std::env::var("FUZZED").unwrap_or_else(|_| "onnx".to_owned());
        let found = BODIES.iter().find(|(known, _)| *known == name);
        found.unwrap_or_else(|| panic!("FUZZED is none of the bodies of this crate")).1
    })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body()(bytes));
