//! From a Rust type to an Avro body, by position: fields are written in the order they are declared.
//!
//! It knows no schema, so it is right only because a test compares every type with the present
//! schema, and other tests compare the bytes with those of `apache-avro`. Only the kinds of value
//! that occur in records are written; another one is an error, not a guess.

use std::fmt::Display;

use serde::ser::{
    Error as _, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer,
};

/// Why a value has no Avro bytes here: its type is none that a record may have.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unsupported(String);

impl serde::ser::Error for Unsupported {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Appends the body of `record`. After an error there may be a part of it.
pub(super) fn append<T: Serialize>(record: &T, bytes: &mut Vec<u8>) -> Result<(), Unsupported> {
    record.serialize(Body { bytes })
}

/// Appends a zigzag varint: `int`, `long`, every length, count and branch.
fn append_long(value: i64, bytes: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
}

fn append_length(length: usize, bytes: &mut Vec<u8>) -> Result<(), Unsupported> {
    let length = i64::try_from(length).map_err(Unsupported::custom)?;
    append_long(length, bytes);
    Ok(())
}

struct Body<'a> {
    bytes: &'a mut Vec<u8>,
}

impl<'a> Body<'a> {
    /// Begins a collection. All elements go into one block, which has to know their number first.
    fn block(self, length: Option<usize>) -> Result<Elements<'a>, Unsupported> {
        let missing = length.ok_or_else(|| Unsupported::custom("a collection without a length"))?;
        if missing > 0 {
            append_length(missing, self.bytes)?;
        }
        Ok(Elements {
            bytes: self.bytes,
            missing,
        })
    }
}

macro_rules! unsupported {
    ($($method:ident($($kind:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $(_: $kind),*) -> Result<$ok, Unsupported> {
            Err(Unsupported::custom(concat!("records have no ", stringify!($method))))
        }
    )*};
}

impl<'a> Serializer for Body<'a> {
    type Ok = ();
    type Error = Unsupported;
    type SerializeSeq = Elements<'a>;
    type SerializeMap = Elements<'a>;
    type SerializeStruct = Fields<'a>;
    type SerializeTuple = Impossible<(), Unsupported>;
    type SerializeTupleStruct = Impossible<(), Unsupported>;
    type SerializeTupleVariant = Impossible<(), Unsupported>;
    type SerializeStructVariant = Impossible<(), Unsupported>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Result<(), Unsupported> {
        self.bytes.push(u8::from(value));
        Ok(())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Unsupported> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i64(self, value: i64) -> Result<(), Unsupported> {
        append_long(value, self.bytes);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Unsupported> {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Unsupported> {
        self.serialize_bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Unsupported> {
        append_length(value.len(), self.bytes)?;
        self.bytes.extend_from_slice(value);
        Ok(())
    }

    /// `null` is the first branch of every union of the contract.
    fn serialize_none(self) -> Result<(), Unsupported> {
        append_long(0, self.bytes);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unsupported> {
        append_long(1, self.bytes);
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unsupported> {
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Elements<'a>, Unsupported> {
        self.block(length)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Elements<'a>, Unsupported> {
        self.block(length)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'a>, Unsupported> {
        Ok(Fields { bytes: self.bytes })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unsupported> {
        Err(Unsupported::custom("records have no enums"))
    }

    unsupported! {
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_char(char) -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}

/// The fields of a record: one after the other, nothing between them.
pub(super) struct Fields<'a> {
    bytes: &'a mut Vec<u8>,
}

impl SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = Unsupported;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unsupported> {
        value.serialize(Body { bytes: self.bytes })
    }

    /// A field that is left out would shift all that follow.
    fn skip_field(&mut self, field: &'static str) -> Result<(), Unsupported> {
        Err(Unsupported(format!("field {field} is skipped")))
    }

    fn end(self) -> Result<(), Unsupported> {
        Ok(())
    }
}

/// The elements of an array or the entries of a map, then the empty block that ends them.
pub(super) struct Elements<'a> {
    bytes: &'a mut Vec<u8>,
    /// How many were promised and have not come.
    missing: usize,
}

impl Elements<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unsupported> {
        let more = || Unsupported::custom("a collection is longer than it said");
        self.missing = self.missing.checked_sub(1).ok_or_else(more)?;
        value.serialize(Body { bytes: self.bytes })
    }

    fn finish(self) -> Result<(), Unsupported> {
        if self.missing > 0 {
            return Err(Unsupported::custom("a collection is shorter than it said"));
        }
        append_long(0, self.bytes);
        Ok(())
    }
}

impl SerializeSeq for Elements<'_> {
    type Ok = ();
    type Error = Unsupported;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unsupported> {
        self.element(value)
    }

    fn end(self) -> Result<(), Unsupported> {
        self.finish()
    }
}

impl SerializeMap for Elements<'_> {
    type Ok = ();
    type Error = Unsupported;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unsupported> {
        self.element(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unsupported> {
        value.serialize(Body { bytes: self.bytes })
    }

    fn end(self) -> Result<(), Unsupported> {
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        append(value, &mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    #[test]
    fn numbers_are_zigzag_varints() {
        assert_eq!(body(&0_i64).unwrap(), [0]);
        assert_eq!(body(&-1_i32).unwrap(), [1]);
        assert_eq!(body(&64_i64).unwrap(), [0x80, 1]);
        let most = [&[0xff; 9][..], &[1]].concat();
        assert_eq!(body(&i64::MIN).unwrap(), most);
    }

    #[test]
    fn a_collection_is_one_block_and_an_empty_one_only_its_end() {
        assert_eq!(body(&vec![1_i64, 2]).unwrap(), [4, 2, 4, 0]);
        assert_eq!(body(&Vec::<i64>::new()).unwrap(), [0]);
    }

    #[test]
    fn kinds_that_records_have_not_are_refused() {
        assert!(body(&1_u64).is_err());
        assert!(body(&1.0_f32).is_err());
        assert!(body(&'a').is_err());
        assert!(body(&(1_i64, 2_i64)).is_err());
        // Bytes that are not declared as such would be an array.
        assert!(body(&vec![1_u8]).is_err());
        assert!(body(&Err::<i64, i64>(1)).is_err());
    }

    #[test]
    fn a_collection_that_does_not_keep_its_word_is_refused() {
        struct Liar(usize);
        impl Serialize for Liar {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut seq = serializer.serialize_seq(Some(self.0))?;
                seq.serialize_element(&1_i64)?;
                seq.end()
            }
        }
        assert!(body(&Liar(0)).is_err());
        assert!(body(&Liar(1)).is_ok());
        assert!(body(&Liar(2)).is_err());
    }
}
