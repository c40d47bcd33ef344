//! What the server has.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::digits::Digits;
use crate::guard::Access;
use crate::limits::Limits;
use crate::photos::{PhotoModel, Photos};
use crate::shapes::{ShapeModel, Shapes};
use crate::work::Work;

/// What a server is made of.
#[derive(Debug)]
pub struct Settings {
    /// Who may ask.
    pub access: Access,
    /// How much it takes upon itself.
    pub limits: Limits,
    /// The networks of digits.
    pub digits: Digits,
    /// The model of photos, where there is one.
    pub photos: Option<PhotoModel>,
    /// Where the classifier of shapes comes from.
    pub shapes: ShapeModel,
}

/// What the server has.
#[derive(Debug)]
pub struct Server {
    pub(crate) access: Access,
    pub(crate) limits: Limits,
    pub(crate) work: Work,
    /// Kilobytes that bodies may have together.
    pub(crate) bodies: Arc<Semaphore>,
    pub(crate) digits: Digits,
    pub(crate) photos: Option<Arc<Photos>>,
    pub(crate) shapes: Arc<Shapes>,
}

impl Server {
    /// A server of these things.
    pub fn new(settings: Settings) -> Arc<Self> {
        let Settings { access, limits, digits, photos, shapes } = settings;
        // A body that may come has room.
        let bodies = limits.bodies.max(limits.body).div_ceil(1 << 10);
        Arc::new(Self {
            access,
            work: Work::new(&limits),
            bodies: Arc::new(Semaphore::new(bodies)),
            limits,
            digits,
            photos: photos.map(|model| Arc::new(Photos::new(model))),
            shapes: Arc::new(Shapes::new(shapes)),
        })
    }
}
