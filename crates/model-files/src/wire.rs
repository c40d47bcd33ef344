//! Protocol Buffers as they stand in a file: numbered fields, each a number or a run of bytes.
//!
//! Every length is checked against the bytes that are there, nothing is allocated for it, and a run of bytes is not read
//! before somebody asks for it.

use std::borrow::Cow;
use std::io;

use crate::source::Bytes;

/// How many bytes a number takes at most.
const LONGEST_VARINT: usize = 10;

/// The first error in the bytes, and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Damage {
    /// The position in the file.
    pub(crate) offset: u64,
    /// The error.
    pub(crate) reason: Cow<'static, str>,
}

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// An integer of any type, an enumeration or a Boolean.
    Varint(u64),
    /// Eight bytes: a `double`.
    Eight([u8; 8]),
    /// Four bytes: a `float`.
    Four([u8; 4]),
    /// A string, a message, or packed numbers.
    Bytes(Bytes<'a>),
}

/// A field: its number and value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    /// The number that the schema gives it.
    pub(crate) number: u64,
    /// Its value.
    pub(crate) value: Value<'a>,
    /// Its position in the file.
    offset: u64,
}

impl Damage {
    pub(crate) fn new(offset: u64, reason: &'static str) -> Self {
        Self { offset, reason: reason.into() }
    }

    fn unreadable(offset: u64, error: &io::Error) -> Self {
        Self { offset, reason: format!("the file can't be read: {error}").into() }
    }
}

/// The fields of a message, one by one.
#[derive(Clone)]
pub(crate) struct Fields<'a> {
    rest: Bytes<'a>,
    is_damaged: bool,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.length() == 0 || self.is_damaged {
            return None;
        }
        let field = self.read();
        self.is_damaged = field.is_err();
        Some(field)
    }
}

impl<'a> Fields<'a> {
    /// The fields of a message.
    pub(crate) fn of(message: Bytes<'a>) -> Self {
        Self { rest: message, is_damaged: false }
    }

    fn read(&mut self) -> Result<Field<'a>, Damage> {
        let offset = self.rest.offset();
        let key = self.take_varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.take_varint()?),
            1 => Value::Eight(self.take_array()?),
            2 => {
                let length = self.take_varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Four(self.take_array()?),
            _ => return Err(Damage::new(offset, "a field of no known type")),
        };
        Ok(Field { number: key >> 3, value, offset })
    }

    fn take(&mut self, length: u64) -> Result<Bytes<'a>, Damage> {
        let reason = "a field is longer than what is left: the file is cut short or overwritten";
        let (taken, rest) = self.rest.split(length).ok_or_else(|| Damage::new(self.rest.offset(), reason))?;
        self.rest = rest;
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let taken = self.take(N as u64)?;
        let mut array = [0; N];
        taken.first(&mut array).map_err(|error| Damage::unreadable(taken.offset(), &error))?;
        Ok(array)
    }

    fn take_varint(&mut self) -> Result<u64, Damage> {
        let offset = self.rest.offset();
        let mut buffer = [0; LONGEST_VARINT];
        let bytes = self.rest.first(&mut buffer).map_err(|error| Damage::unreadable(offset, &error))?;
        let (value, length) = varint(bytes).ok_or_else(|| Damage::new(offset, ENDLESS))?;
        self.take(length as u64)?;
        Ok(value)
    }
}

const ENDLESS: &str = "a number does not end: the file is cut short or overwritten";

/// The number at the beginning of bytes, and how many of them it takes.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(LONGEST_VARINT).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Some((value, index + 1));
        }
    }
    None
}

/// The bytes of a string or of packed numbers.
fn read(bytes: Bytes<'_>) -> Result<Vec<u8>, Damage> {
    bytes.to_vec().map_err(|error| Damage::unreadable(bytes.offset(), &error))
}

/// Appends packed numbers of one width.
fn append<const WIDTH: usize, T>(
    packed: Bytes<'_>,
    list: &mut Vec<T>,
    number: impl Fn([u8; WIDTH]) -> T,
) -> Result<(), Damage> {
    if !packed.length().is_multiple_of(WIDTH as u64) {
        return Err(Damage::new(packed.offset(), "numbers of which the last is cut short"));
    }
    let append = |piece: &[u8]| list.extend(piece.as_chunks::<WIDTH>().0.iter().map(|&bytes| number(bytes)));
    packed.in_pieces(append).map_err(|error| Damage::unreadable(packed.offset(), &error))
}

impl<'a> Field<'a> {
    fn mismatch(&self) -> Damage {
        Damage::new(self.offset, "a field of another type than ONNX gives it")
    }

    /// An integer, enumeration or Boolean.
    pub(crate) fn integer(&self) -> Result<i64, Damage> {
        match self.value {
            Value::Varint(value) => Ok(value as i64),
            _ => Err(self.mismatch()),
        }
    }

    /// A `float`.
    pub(crate) fn float(&self) -> Result<f32, Damage> {
        match self.value {
            Value::Four(bytes) => Ok(f32::from_le_bytes(bytes)),
            _ => Err(self.mismatch()),
        }
    }

    /// A message or a run of bytes.
    pub(crate) fn bytes(&self) -> Result<Bytes<'a>, Damage> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.mismatch()),
        }
    }

    /// A string.
    pub(crate) fn text(&self) -> Result<String, Damage> {
        let bytes = self.bytes()?;
        String::from_utf8(read(bytes)?).map_err(|_| Damage::new(bytes.offset(), "a name that is no UTF-8 text"))
    }

    /// A string, with a sign in the place of whatever is no UTF-8.
    pub(crate) fn text_or_signs(&self) -> Result<String, Damage> {
        Ok(String::from_utf8_lossy(&read(self.bytes()?)?).into_owned())
    }

    /// Appends one integer, or a packed run of them.
    pub(crate) fn append_integers(&self, list: &mut Vec<i64>) -> Result<(), Damage> {
        match self.value {
            Value::Varint(value) => list.push(value as i64),
            Value::Bytes(packed) => {
                let bytes = read(packed)?;
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let offset = packed.offset() + (bytes.len() - rest.len()) as u64;
                    let (value, length) = varint(rest).ok_or_else(|| Damage::new(offset, ENDLESS))?;
                    list.push(value as i64);
                    rest = &rest[length..];
                }
            }
            _ => return Err(self.mismatch()),
        }
        Ok(())
    }

    /// Appends one `float`, or a packed run of them.
    pub(crate) fn append_floats(&self, list: &mut Vec<f32>) -> Result<(), Damage> {
        match self.value {
            Value::Four(bytes) => list.push(f32::from_le_bytes(bytes)),
            Value::Bytes(packed) => append(packed, list, f32::from_le_bytes)?,
            _ => return Err(self.mismatch()),
        }
        Ok(())
    }

    /// Appends one `double`, or a packed run of them.
    pub(crate) fn append_doubles(&self, list: &mut Vec<f64>) -> Result<(), Damage> {
        match self.value {
            Value::Eight(bytes) => list.push(f64::from_le_bytes(bytes)),
            Value::Bytes(packed) => append(packed, list, f64::from_le_bytes)?,
            _ => return Err(self.mismatch()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    /// What is made of the fields of a message.
    fn fields<T>(bytes: &[u8], of: impl Fn(&[Field<'_>]) -> T) -> Result<T, Damage> {
        let source = Source::of(bytes);
        let fields = Fields::of(source.whole()).collect::<Result<Vec<_>, Damage>>()?;
        Ok(of(&fields))
    }

    #[test]
    fn every_type_of_field_is_read() {
        let mut bytes = vec![0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d];
        bytes.extend(1.5f32.to_le_bytes());
        bytes.push(0x21);
        bytes.extend(2.5f64.to_le_bytes());
        let read = |fields: &[Field<'_>]| {
            assert_eq!(fields[0].integer().unwrap(), 150);
            assert_eq!(fields[1].text().unwrap(), "hi");
            assert_eq!(fields[2].float().unwrap(), 1.5);
            let mut doubles = Vec::new();
            fields[3].append_doubles(&mut doubles).unwrap();
            assert_eq!(doubles, [2.5]);
            fields.iter().map(|field| field.number).collect::<Vec<_>>()
        };
        assert_eq!(fields(&bytes, read).unwrap(), [1, 2, 3, 4]);
    }

    #[test]
    fn packed_numbers_and_single_ones_are_the_same() {
        let (packed, single) = ([0x0a, 0x03, 0x05, 0x96, 0x01], [0x08, 0x05, 0x08, 0x96, 0x01]);
        for bytes in [packed.as_slice(), single.as_slice()] {
            let read = |fields: &[Field<'_>]| {
                let mut list = Vec::new();
                fields.iter().for_each(|field| field.append_integers(&mut list).unwrap());
                list
            };
            assert_eq!(fields(bytes, read).unwrap(), [5, 150]);
        }
    }

    #[test]
    fn absurd_lengths_and_endless_numbers_are_refused() {
        let mut absurd = vec![0x0a];
        absurd.extend([0xff; 9]);
        absurd.push(0x01);
        let damage = |bytes: &[u8]| fields(bytes, |_| ()).unwrap_err();
        assert_eq!(damage(&absurd).offset, absurd.len() as u64);
        assert_eq!(damage(&[0xff; 30]).offset, 0);
        assert_eq!(damage(&[0x08]).offset, 1);
        assert_eq!(damage(&[0x0f]).reason, "a field of no known type");
        assert!(fields(&[0x08, 0x01], |fields| fields[0].text().is_err()).unwrap());
        // Packed numbers are whole.
        assert!(fields(&[0x0a, 0x03, 0, 0, 0], |fields| fields[0].append_floats(&mut Vec::new()).is_err()).unwrap());
        assert!(fields(&[0x0a, 0x01, 0xff], |fields| fields[0].append_integers(&mut Vec::new()).is_err()).unwrap());
    }
}
