//! Protocol Buffers as they stand in a file: numbered fields, each a number or a run of bytes.
//!
//! Every length is checked against the bytes that are there, nothing is allocated for it, and what is read borrows from
//! the file.

/// The first error in the bytes, and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Damage {
    /// The position in the file.
    pub(crate) offset: usize,
    /// The error.
    pub(crate) reason: &'static str,
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
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

/// A part of the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bytes<'a> {
    /// Its bytes.
    pub(crate) bytes: &'a [u8],
    /// Its position in the file.
    pub(crate) offset: usize,
}

/// A field: its number and value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Field<'a> {
    /// The number that the schema gives it.
    pub(crate) number: u64,
    /// Its value.
    pub(crate) value: Value<'a>,
    /// Its position in the file.
    offset: usize,
}

impl<'a> Bytes<'a> {
    /// A whole file.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Its fields, if it is a message.
    pub(crate) fn fields(self) -> Fields<'a> {
        Fields { rest: self }
    }

    fn damage(self, reason: &'static str) -> Damage {
        Damage { offset: self.offset, reason }
    }

    fn take(&mut self, length: usize) -> Result<Bytes<'a>, Damage> {
        let (bytes, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or_else(|| self.damage("a field is longer than what is left: the file is cut short or overwritten"))?;
        let taken = Bytes { bytes, offset: self.offset };
        *self = Bytes { bytes: rest, offset: self.offset + length };
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let taken = self.take(N)?;
        taken.bytes.try_into().map_err(|_| taken.damage("a number is cut short"))
    }

    fn take_varint(&mut self) -> Result<u64, Damage> {
        let mut value = 0;
        for (index, &byte) in self.bytes.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.take(index + 1)?;
                return Ok(value);
            }
        }
        Err(self.damage("a number does not end: the file is cut short or overwritten"))
    }
}

/// The fields of a message, one by one.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    rest: Bytes<'a>,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.bytes.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.rest.bytes = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self) -> Result<Field<'a>, Damage> {
        let start = self.rest;
        let key = self.rest.take_varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.rest.take_varint()?),
            1 => Value::Eight(self.rest.take_array()?),
            2 => {
                let length = self.rest.take_varint()?;
                Value::Bytes(self.rest.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            5 => Value::Four(self.rest.take_array()?),
            _ => return Err(start.damage("a field of no known type")),
        };
        Ok(Field { number: key >> 3, value, offset: start.offset })
    }
}

impl<'a> Field<'a> {
    fn mismatch(&self) -> Damage {
        Damage { offset: self.offset, reason: "a field of another type than ONNX gives it" }
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
    pub(crate) fn text(&self) -> Result<&'a str, Damage> {
        let bytes = self.bytes()?;
        str::from_utf8(bytes.bytes).map_err(|_| bytes.damage("a name that is no UTF-8 text"))
    }

    /// Appends one integer, or a packed run of them.
    pub(crate) fn append_integers(&self, list: &mut Vec<i64>) -> Result<(), Damage> {
        match self.value {
            Value::Varint(value) => list.push(value as i64),
            Value::Bytes(mut packed) => {
                while !packed.bytes.is_empty() {
                    list.push(packed.take_varint()? as i64);
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
            Value::Bytes(mut packed) => {
                while !packed.bytes.is_empty() {
                    list.push(f32::from_le_bytes(packed.take_array()?));
                }
            }
            _ => return Err(self.mismatch()),
        }
        Ok(())
    }

    /// Appends one `double`, or a packed run of them.
    pub(crate) fn append_doubles(&self, list: &mut Vec<f64>) -> Result<(), Damage> {
        match self.value {
            Value::Eight(bytes) => list.push(f64::from_le_bytes(bytes)),
            Value::Bytes(mut packed) => {
                while !packed.bytes.is_empty() {
                    list.push(f64::from_le_bytes(packed.take_array()?));
                }
            }
            _ => return Err(self.mismatch()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<Field<'_>>, Damage> {
        Bytes::new(bytes).fields().collect()
    }

    #[test]
    fn every_type_of_field_is_read() {
        let mut bytes = vec![0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d];
        bytes.extend(1.5f32.to_le_bytes());
        bytes.push(0x21);
        bytes.extend(2.5f64.to_le_bytes());
        let fields = fields(&bytes).unwrap();
        assert_eq!(fields[0].integer().unwrap(), 150);
        assert_eq!(fields[1].text().unwrap(), "hi");
        assert_eq!(fields[2].float().unwrap(), 1.5);
        let mut doubles = Vec::new();
        fields[3].append_doubles(&mut doubles).unwrap();
        assert_eq!(doubles, [2.5]);
        assert_eq!(fields.iter().map(|field| field.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[test]
    fn packed_numbers_and_single_ones_are_the_same() {
        let (packed, single) = ([0x0a, 0x03, 0x05, 0x96, 0x01], [0x08, 0x05, 0x08, 0x96, 0x01]);
        for bytes in [packed.as_slice(), single.as_slice()] {
            let mut list = Vec::new();
            for field in fields(bytes).unwrap() {
                field.append_integers(&mut list).unwrap();
            }
            assert_eq!(list, [5, 150]);
        }
    }

    #[test]
    fn absurd_lengths_and_endless_numbers_are_refused() {
        let mut absurd = vec![0x0a];
        absurd.extend([0xff; 9]);
        absurd.push(0x01);
        assert_eq!(fields(&absurd).unwrap_err().offset, absurd.len());
        assert_eq!(fields(&[0xff; 30]).unwrap_err().offset, 0);
        assert_eq!(fields(&[0x08]).unwrap_err().offset, 1);
        assert_eq!(fields(&[0x0f]).unwrap_err().reason, "a field of no known type");
        assert!(fields(&[0x08, 0x01]).unwrap()[0].text().is_err());
    }
}
