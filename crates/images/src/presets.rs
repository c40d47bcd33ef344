//! The preprocessing of well-known families of networks.

use crate::settings::{Centering, Channels, Extent, Interpolation, Layout, Scale, Settings, Size};

/// The names that [`Preprocessing::preset`](crate::Preprocessing::preset) knows.
pub const PRESETS: [&str; 5] = ["imagenet-torch", "imagenet-tf", "efficientnet-lite", "caffe", "mnist"];

/// The settings of that name.
pub(crate) fn settings(name: &str) -> Option<Settings> {
    let imagenet = Settings {
        size: Size::ShorterSide(256),
        crop: Some(Extent { height: 224, width: 224 }),
        interpolation: Interpolation::Bilinear,
        centering: Centering::default(),
        fill: Vec::new(),
        channels: Channels::Rgb,
        scale: Scale::Byte,
        mean: Vec::new(),
        std: Vec::new(),
        layout: Layout::Nchw,
    };
    match name {
        // The mean and deviation of ImageNet's pixels, by which torchvision's models are trained.
        "imagenet-torch" => Some(Settings {
            scale: Scale::Unit,
            mean: vec![0.485, 0.456, 0.406],
            std: vec![0.229, 0.224, 0.225],
            ..imagenet
        }),
        // From −1 to 1: Keras' mode "tf".
        "imagenet-tf" => Some(Settings { mean: vec![127.5; 3], std: vec![127.5; 3], ..imagenet }),
        "efficientnet-lite" => Some(Settings {
            interpolation: Interpolation::Bicubic,
            mean: vec![127.0; 3],
            std: vec![128.0; 3],
            ..imagenet
        }),
        // The mean pixel of ImageNet, blue first: CaffeNet, VGG as published, Keras' mode "caffe".
        "caffe" => Some(Settings { channels: Channels::Bgr, mean: vec![103.939, 116.779, 123.68], ..imagenet }),
        "mnist" => Some(Settings {
            size: Size::Exact(Extent { height: 28, width: 28 }),
            crop: None,
            channels: Channels::Gray,
            scale: Scale::Unit,
            ..imagenet
        }),
        _ => None,
    }
}
