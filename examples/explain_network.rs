//! A network explained in ten lines: read its file, take a batch forward, hand the scores down to the pixels.
//!
//! ```sh
//! cargo run --example explain_network
//! ```

use pixelwise::model_files;
use pixelwise::ndarray::ArrayD;
use pixelwise::neural_lrp::{Composite, Explainer, Initial, Target};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = model_files::read::<f32>("tests/golden/neural/lenet5/model.onnx")?;
    let batch: ArrayD<f32> = ndarray_npy::read_npy("tests/golden/neural/lenet5/input.npy")?; // (2, 1, 32, 32)

    let explainer = Explainer::new(&model.network_with_defaults()?)?;
    let forward = explainer.forward(batch.view())?;
    let composite = Composite::named("epsilon-plus-flat")?;
    let explained = forward.explain(&composite, &Initial::Score(Target::Predicted).into())?;

    println!("scores\n{:.3}", forward.scores());
    println!("relevance: an array of shape {:?}", explained.relevance[0].shape());
    println!("where the score of the first sample went\n{}", explained.ledgers[0]);
    Ok(())
}
