//! `pixelwise serve`: see it think, in the browser.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use datasets::Labels;
use pixelwise::{Kind, Networks};
use pixelwise_serve::{Access, Limits, PhotoModel, Seer, Settings, ShapeModel, Subject, Token};

use crate::bow;
use crate::computation::ThreadOptions;
use crate::explain::served::Writer;
use crate::failure::{Context, Failure};
use crate::given::Given;
use crate::labels::ClassOptions;
use crate::messages;
use crate::model::NetworkModel;
use crate::output::print;
use crate::preprocess::{PreprocessOptions, input_range};

mod digits;

const EXAMPLES: &str = "\
Examples:
  pixelwise serve
      Draw a digit and see which strokes speak for and against each class; put shapes on a canvas, and watch a Bag-of-Words
      classifier look for polygons. Open the link that is printed; Ctrl-C ends it
  pixelwise serve model.onnx --labels labels.txt --preprocess efficientnet-lite
      The same, and photos for a network of one's own: drop one into the page, and ask why this class and not that one
  pixelwise serve bird.model
      Photos for a Bag-of-Words classifier
  pixelwise serve model.onnx --listen 192.168.1.7
      For other machines, too: whoever has the link that is printed, with its token, may ask. The connection is not
      encrypted; over networks that are not your own, `ssh -L 8686:localhost:8686` leads to a server that listens here alone

Nothing leaves this machine: pages, models and pictures are in the program or come from you. What the pages ask is an API for
scripts, too: docs/guide/serve-api.md.";

/// Open pages on this machine: draw digits, drop photos, place shapes, and see which pixels the model goes by
///
/// The pages show heatmaps while one draws, contrasts of two classes, relevance layer by layer, and where the score went. A map
/// can be taken home as picture, array and record, with the command line that makes the same.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A model of photos: a network (an ONNX file, or a text network of the LRP toolbox), or a Bag-of-Words classifier. Without it there are digits and shapes
    model: Option<PathBuf>,

    #[command(flatten)]
    classes: ClassOptions,

    #[command(flatten)]
    preprocess: PreprocessOptions,

    /// The port; 0 is any that is free
    #[arg(long, value_name = "PORT", default_value_t = 8686)]
    port: u16,

    /// Listen at this address of the machine instead of 127.0.0.1, for other machines (0.0.0.0: at all of them); the link then has a token
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<IpAddr>,

    #[command(flatten)]
    threads: ThreadOptions,
}

/// Options that a Bag-of-Words classifier has as well.
const FOR_BAG_OF_WORDS: [&str; 5] = ["port", "listen", "threads", "quiet", "verbose"];

/// Serves until Ctrl-C.
pub fn serve(arguments: &Arguments, given: &Given) -> Result<(), Failure> {
    arguments.threads.start()?;
    let photos = arguments.model.as_deref().map(|path| photos(path, arguments, given)).transpose()?;
    if let (None, Some(option)) = (&photos, given.beyond(&FOR_BAG_OF_WORDS)) {
        return Err(format!("--{option} is for a model, and none is given: pixelwise serve MODEL --{option} …").into());
    }
    let settings = Settings {
        access: match arguments.listen {
            Some(_) => Access::Token(Token::random()),
            None => Access::ThisMachine,
        },
        limits: Limits::default(),
        digits: digits::digits()?,
        photos,
        shapes: ShapeModel::default(),
    };
    let address = SocketAddr::new(arguments.listen.unwrap_or(Ipv4Addr::LOCALHOST.into()), arguments.port);
    let announce = |link: &str| {
        // Who has closed standard output doesn't want to know.
        let _ = print(&format!("{link}\n"));
        messages::note("open this link in a browser; Ctrl-C ends the server");
    };
    let hint = "another program may have the port: choose another by --port, or any by --port 0";
    pixelwise_serve::run(address, settings, announce).context(format!("can't listen at {address}; {hint}"))
}

/// The model of photos.
fn photos(path: &Path, arguments: &Arguments, given: &Given) -> Result<PhotoModel, Failure> {
    let kind = Kind::of(path)?;
    let seer = match kind {
        Kind::BagOfWords => {
            given.refuse_beyond(&FOR_BAG_OF_WORDS, path, kind)?;
            Seer::BagOfWords(Box::new(bow::load(path)?))
        }
        Kind::Network => network(path, arguments)?,
    };
    let title = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(PhotoModel { title, seer, files: Some(Box::new(Writer::of(path, given))) })
}

fn network(path: &Path, arguments: &Arguments) -> Result<Seer, Failure> {
    let model = NetworkModel::<f32>::read(path)?;
    let chosen = arguments.preprocess.for_input(model.only_input()?, model.metadata())?;
    if let Some(reason) = &chosen.reason {
        messages::note(format!("photos are prepared so: {}; {reason}", chosen.preprocessing));
    }
    drop(model);
    let labels: Labels = arguments.classes.labels()?;
    let networks = Networks::open(path)?.with_class_axis(arguments.classes.axis(&labels));
    // A photo of any kind has the shape of all.
    let black = ndarray::Array3::<u8>::zeros((64, 64, 3));
    let shape = chosen.preprocessing.apply(black.view())?.network.shape().to_vec();
    let shape = match chosen.preprocessing.settings().layout {
        images::Layout::Row => shape.iter().skip(1).copied().collect(),
        images::Layout::Nchw | images::Layout::Nhwc => shape,
    };
    let range = input_range(&chosen.preprocessing)?;
    let subject = Subject::new(networks, &shape, range, labels).context(path.display())?;
    arguments.classes.check_count(&subject.labels, subject.classes()?, false)?;
    Ok(Seer::Network(Box::new(subject), chosen.preprocessing))
}
