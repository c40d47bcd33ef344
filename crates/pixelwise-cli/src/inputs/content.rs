//! The bytes of an input: of a file, a compressed file, or standard input.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;

use flate2::read::MultiGzDecoder;

use crate::failure::{Context, Failure};

/// The path that stands for standard input, and for standard output.
pub const STANDARD: &str = "-";

/// What every file of gzip begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The largest content of a compressed file: 4 GiB.
const LARGEST: u64 = 1 << 32;

/// Whether a path stands for standard input or output.
pub fn is_standard(path: &Path) -> bool {
    path.as_os_str() == STANDARD
}

/// The content of an input, which is read once from standard input; gzip is taken off.
pub fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = if is_standard(path) {
        standard_input()?.to_vec()
    } else {
        fs::read(path).context(format!("can't read {}", path.display()))?
    };
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    decompressed(&bytes, LARGEST).map_err(|reason| format!("{}: {reason}", path.display()).into())
}

/// The first bytes of an input.
pub fn start(path: &Path, length: usize) -> Result<Vec<u8>, Failure> {
    if is_standard(path) {
        let mut bytes = bytes(path)?;
        bytes.truncate(length);
        return Ok(bytes);
    }
    let reading = || format!("can't read {}", path.display());
    let first = |mut source: Box<dyn Read>| {
        let mut start = Vec::new();
        source.by_ref().take(length as u64).read_to_end(&mut start).map(|_| start)
    };
    let open = || fs::File::open(path).context(reading());
    let start = first(Box::new(open()?)).context(reading())?;
    if start.starts_with(&GZIP) {
        return first(Box::new(MultiGzDecoder::new(open()?))).context(reading());
    }
    Ok(start)
}

fn standard_input() -> Result<&'static [u8], Failure> {
    static CONTENT: OnceLock<Result<Vec<u8>, String>> = OnceLock::new();
    let content = CONTENT.get_or_init(|| {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes);
        read.map(|_| bytes).map_err(|error| format!("can't read standard input: {error}"))
    });
    content.as_deref().map_err(|message| message.clone().into())
}

fn decompressed(bytes: &[u8], largest: u64) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(largest + 1).read_to_end(&mut content);
    read.map_err(|error| format!("it can't be decompressed: {error}"))?;
    if content.len() as u64 > largest {
        return Err(format!("its content is larger than {largest} bytes, which is the most that is read"));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn compressed_content_is_bounded() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&[7; 1000]).unwrap();
        let bytes = encoder.finish().unwrap();
        assert_eq!(decompressed(&bytes, 1000).unwrap(), [7; 1000]);
        assert!(decompressed(&bytes, 999).unwrap_err().contains("999"));
        assert!(decompressed(&bytes[..bytes.len() - 9], 1000).is_err());
    }
}
