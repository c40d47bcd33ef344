//! `pixelwise bow` in a folder of photographs, and what it learns there in a moment.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

/// One channel of few words on a coarse grid.
pub const CONFIGURATION: &str = r#"
sample = 400
iterations = 10
seed = 1
cost = 10.0
class-weight = "none"
kernel-weights = "uniform"
[[channels]]
words = 12
mapping = { rank = { base = 2.4, neighbors = 4 } }
normalization = "l1"
kernel = "histogram-intersection"
extractor = { dense-sift = { scale = 2.0, step = 6, rotation = { fixed = { angle = 0.0 } } } }
"#;

/// A folder in which commands run.
pub struct PhotoFolder(TempDir);

impl PhotoFolder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// `pixelwise`, to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pixelwise"));
        command.args(arguments).current_dir(self.0.path());
        command
    }

    pub fn succeed(&self, arguments: &[&str]) -> Output {
        let run = self.command(arguments).output().unwrap();
        assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
        run
    }

    pub fn refuse(&self, arguments: &[&str]) -> String {
        let run = self.command(arguments).output().unwrap();
        assert!(!run.status.success(), "{arguments:?}");
        String::from_utf8(run.stderr).unwrap()
    }
}
