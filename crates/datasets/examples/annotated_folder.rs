//! Writes polygons versus circles as a folder in the layout of PASCAL VOC, every shape with its bounding box: photographs
//! whose truth is known, to try a classifier on. `cargo run -p datasets --example annotated_folder FOLDER`.

use std::error::Error;

use datasets::polygons::AnnotatedFolder;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("which folder? annotated_folder FOLDER")?;
    let made = AnnotatedFolder { train: 200, val: 80, ..AnnotatedFolder::default() };
    let voc = made.write(path)?;
    println!("{}: {} pictures in the list train, {} in val", voc.path().display(), made.train, made.val);
    Ok(())
}
