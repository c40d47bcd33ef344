//! Text in any encoding that files come in.

use std::path::Path;
use std::{fs, io};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The text of a file, in whatever encoding it is: one of the Unicode forms, with and without a mark, or Latin-1.
///
/// # Errors
/// A file that can't be read.
pub fn read_text(path: &Path) -> io::Result<String> {
    fs::read(path).map(|bytes| decode(&bytes))
}

/// The text of a file that does not say its encoding: by its byte-order mark, which is no part of it; else UTF-8 if it
/// is that; else UTF-16 if every second byte is zero, as in Latin text; else Latin-1 (in the form of Windows-1252).
pub(crate) fn decode(bytes: &[u8]) -> String {
    let encoding = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None => without_mark(bytes),
    };
    encoding.decode(bytes).0.into_owned()
}

fn without_mark(bytes: &[u8]) -> &'static Encoding {
    let zeros = |parity: usize| bytes.iter().skip(parity).step_by(2).filter(|&&byte| byte == 0).count();
    match (zeros(0), zeros(1)) {
        (0, 0) if std::str::from_utf8(bytes).is_ok() => UTF_8,
        (0, 0) => WINDOWS_1252,
        (even, odd) if even > odd => UTF_16BE,
        _ => UTF_16LE,
    }
}

/// The text of an XML file: by its byte-order mark, else by the encoding that its declaration names, else UTF-8.
///
/// # Errors
/// What it says and is not.
pub(crate) fn decode_xml(bytes: &[u8]) -> Result<String, String> {
    const DECLARATION: usize = 200;
    if Encoding::for_bom(bytes).is_some() {
        return Ok(decode(bytes));
    }
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(DECLARATION)]);
    let name = start.split_once("?>").and_then(|(declaration, _)| declared_encoding(declaration)).unwrap_or("UTF-8");
    let encoding = Encoding::for_label(name.as_bytes()).ok_or_else(|| format!("there is no encoding {name:?}"))?;
    match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => Ok(text.into_owned()),
        None => Err(format!("it is not in the encoding {name}, as it should be by its first line")),
    }
}

/// The name in `encoding="…"`.
fn declared_encoding(declaration: &str) -> Option<&str> {
    let (_, rest) = declaration.strip_prefix("<?xml")?.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
    rest[1..].split_once(quote).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_in_any_encoding() {
        let text = "müßig\nhen";
        let utf16 = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let (little, big) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
        let latin: Vec<u8> = text.chars().map(|character| character as u8).collect();
        let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        for bytes in [
            text.as_bytes().to_vec(),
            marked(b"\xef\xbb\xbf", text.as_bytes()),
            marked(b"\xff\xfe", &little),
            marked(b"\xfe\xff", &big),
            little,
            big,
            latin,
        ] {
            assert_eq!(decode(&bytes), text, "{bytes:?}");
        }
        assert_eq!(decode(b""), "");
    }

    #[test]
    fn xml_is_read_in_the_encoding_that_it_declares() {
        let latin = b"<?xml version=\"1.0\" encoding='ISO-8859-1'?><a>m\xfc</a>";
        assert!(decode_xml(latin).unwrap().ends_with("<a>mü</a>"));
        let chinese = b"<?xml version=\"1.0\" encoding=\"GBK\"?><a>\xd3\xe3</a>";
        assert!(decode_xml(chinese).unwrap().ends_with("<a>鱼</a>"));
        assert_eq!(decode_xml(b"\xff\xfe<\0a\0/\0>\0").unwrap(), "<a/>");
        assert_eq!(decode_xml("<a>ü</a>".as_bytes()).unwrap(), "<a>ü</a>");
        assert!(decode_xml(b"<a>\xfc</a>").unwrap_err().contains("UTF-8"));
        assert!(decode_xml(b"<?xml encoding=\"klingon\"?><a/>").unwrap_err().contains("klingon"));
    }
}
