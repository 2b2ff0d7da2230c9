//! From an Avro body to a Rust type, by position: fields are read in the order they are declared.
//!
//! The other half of `ser.rs`, right for the same reason and only for bodies that were written with
//! the present schema. It reads what other Avro libraries write, too: several blocks, and blocks
//! that tell their size.
//!
//! Invariants: no input makes it panic; nothing is reserved for elements that the rest of the input
//! cannot hold; how deep it goes is bounded by the type, as no record holds itself.

use std::borrow::Cow;
use std::fmt::Display;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::MAX_ALLOCATION_BYTES;

/// A zigzag varint of 64 bits has at most ten bytes of seven bits each.
const MAX_SHIFT: u32 = 63;

/// Why bytes are not a body of the wanted type.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the body ends before its record does")]
    Truncated,
    #[error("{0}")]
    Malformed(Cow<'static, str>),
}

impl Fault {
    const fn malformed(what: &'static str) -> Self {
        Self::Malformed(Cow::Borrowed(what))
    }
}

impl serde::de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::Malformed(Cow::Owned(message.to_string()))
    }
}

/// Reads one record, and gives what follows it.
pub(super) fn take<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), Fault> {
    let mut body = Body { rest: bytes };
    let record = T::deserialize(&mut body)?;
    Ok((record, body.rest))
}

struct Body<'de> {
    rest: &'de [u8],
}

impl<'de> Body<'de> {
    fn byte(&mut self) -> Result<u8, Fault> {
        let (first, rest) = self.rest.split_first().ok_or(Fault::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    /// A zigzag varint: `int`, `long`, every length, count and branch.
    fn long(&mut self) -> Result<i64, Fault> {
        let mut bits = 0_u64;
        let mut shift = 0;
        loop {
            let byte = self.byte()?;
            let seven = u64::from(byte & 0x7f);
            // Of the tenth byte only one bit has a place.
            if shift == MAX_SHIFT && byte > 1 {
                return Err(Fault::malformed("a number has more than 64 bits"));
            }
            bits |= seven << shift;
            if byte < 0x80 {
                return Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed());
            }
            shift += 7;
        }
    }

    /// The bytes of a `string` or of `bytes`.
    fn chunk(&mut self) -> Result<&'de [u8], Fault> {
        let length = self.long()?;
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= MAX_ALLOCATION_BYTES)
            .ok_or(Fault::malformed("a length is below zero or too large"))?;
        let (chunk, rest) = self.rest.split_at_checked(length).ok_or(Fault::Truncated)?;
        self.rest = rest;
        Ok(chunk)
    }

    fn text(&mut self) -> Result<&'de str, Fault> {
        std::str::from_utf8(self.chunk()?).map_err(|_| Fault::malformed("a string is not UTF-8"))
    }

    /// The head of a block: how many elements it has, 0 for the end of the collection.
    fn block(&mut self) -> Result<usize, Fault> {
        let count = self.long()?;
        if count < 0 {
            // The size in bytes follows, for readers that skip; the elements say it themselves.
            self.long()?;
        }
        // No element of a record is empty, so each needs a byte at least.
        usize::try_from(count.unsigned_abs())
            .ok()
            .filter(|count| *count <= self.rest.len())
            .ok_or(Fault::Truncated)
    }

    fn elements(&mut self) -> Result<Elements<'_, 'de>, Fault> {
        let left = self.block()?;
        Ok(Elements { body: self, left })
    }
}

impl<'de> Deserializer<'de> for &mut Body<'de> {
    type Error = Fault;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fault> {
        Err(Fault::custom("a kind of value that records have not"))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            _ => Err(Fault::malformed("a boolean is neither 0 nor 1")),
        }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let int = i32::try_from(self.long()?);
        visitor.visit_i32(int.map_err(|_| Fault::malformed("an int has more than 32 bits"))?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_i64(self.long()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let (bits, rest) = self.rest.split_first_chunk().ok_or(Fault::Truncated)?;
        self.rest = rest;
        visitor.visit_f64(f64::from_le_bytes(*bits))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_bytes(self.chunk()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.long()? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(self),
            _ => Err(Fault::malformed("a union has no such branch")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(self.elements()?)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(self.elements()?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_seq(Fields {
            body: self,
            left: fields.len(),
        })
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 char unit unit_struct tuple tuple_struct enum identifier
        ignored_any
    }
}

/// The fields of a record: as many as its type declares.
struct Fields<'a, 'de> {
    body: &'a mut Body<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Fields<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        seed.deserialize(&mut *self.body).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The elements of an array or the entries of a map, block after block.
struct Elements<'a, 'de> {
    body: &'a mut Body<'de>,
    /// In this block, not begun yet; 0 is the end.
    left: usize,
}

impl<'de> Elements<'_, 'de> {
    /// Counts an element that was read whole; a block that is done leads to the next.
    fn done<T>(&mut self, value: T) -> Result<T, Fault> {
        self.left = match self.left.checked_sub(1) {
            None | Some(0) => self.body.block()?,
            Some(left) => left,
        };
        Ok(value)
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        if self.left == 0 {
            return Ok(None);
        }
        let value = seed.deserialize(&mut *self.body)?;
        self.done(value).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        if self.left == 0 {
            return Ok(None);
        }
        seed.deserialize(&mut *self.body).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let value = seed.deserialize(&mut *self.body)?;
        self.done(value)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::codec::ser;

    fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
        match take::<T>(bytes) {
            Ok((value, [])) => Ok(value),
            Ok((_, rest)) => Err(format!("{} left", rest.len())),
            Err(fault) => Err(fault.to_string()),
        }
    }

    const TRUNCATED: &str = "the body ends before its record does";

    #[test]
    fn numbers_of_every_length_come_back() {
        for shift in 0..64 {
            for number in [i64::MIN >> shift, i64::MAX >> shift, 1 << shift] {
                let mut bytes = Vec::new();
                ser::append(&number, &mut bytes).unwrap();
                assert_eq!(read::<i64>(&bytes), Ok(number));
                let int = i32::try_from(number);
                let wide = |_| "an int has more than 32 bits".to_owned();
                assert_eq!(read::<i32>(&bytes), int.map_err(wide));
            }
        }
    }

    #[test]
    fn a_number_without_end_or_with_too_many_bits_is_refused() {
        assert_eq!(read::<i64>(&[0x80; 9]), Err(TRUNCATED.to_owned()));
        let many = Err("a number has more than 64 bits".to_owned());
        assert_eq!(read::<i64>(&[0x80; 10]), many);
        assert_eq!(read::<i64>(&[0xff; 11]), many);
        assert_eq!(read::<i64>(&[&[0xff; 9][..], &[2]].concat()), many);
    }

    #[test]
    fn booleans_and_branches_have_two_values() {
        assert_eq!(read::<bool>(&[1]), Ok(true));
        assert!(read::<bool>(&[2]).is_err());
        assert_eq!(read::<Option<bool>>(&[0]), Ok(None));
        assert_eq!(read::<Option<bool>>(&[2, 0]), Ok(Some(false)));
        for branch in [1, 3, 4] {
            assert!(read::<Option<bool>>(&[branch, 0]).is_err(), "{branch}");
        }
    }

    #[test]
    fn collections_may_come_in_blocks_that_tell_their_size() {
        // Two and one in plain blocks; then one of a told size of two bytes, and one plain.
        assert_eq!(read::<Vec<i64>>(&[4, 2, 4, 2, 6, 0]), Ok(vec![1, 2, 3]));
        assert_eq!(read::<Vec<i64>>(&[3, 4, 2, 4, 2, 6, 0]), Ok(vec![1, 2, 3]));
        let map = [1, 8, 2, b'a', 2, b'b', 2, 2, b'c', 0, 0];
        let expected = BTreeMap::from([("a", "b"), ("c", "")]);
        let expected = expected
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(
            read::<BTreeMap<String, String>>(&map),
            Ok(expected.collect())
        );
    }

    #[test]
    fn a_count_that_the_rest_cannot_hold_is_refused_before_anything_is_reserved() {
        for head in [i64::MAX, i64::MIN, 1 << 40, -(1 << 40), 4, -4] {
            let mut bytes = Vec::new();
            ser::append(&head, &mut bytes).unwrap();
            bytes.extend([0; 3]);
            assert_eq!(
                read::<Vec<i64>>(&bytes),
                Err(TRUNCATED.to_owned()),
                "{head}"
            );
        }
    }

    #[test]
    fn a_length_below_zero_or_beyond_the_limit_is_malformed() {
        let limit = i64::try_from(MAX_ALLOCATION_BYTES).unwrap();
        for length in [-1, i64::MIN, i64::MAX, limit + 1] {
            let mut bytes = Vec::new();
            ser::append(&length, &mut bytes).unwrap();
            let refused = read::<String>(&bytes).unwrap_err();
            assert!(refused.contains("length"), "{length}: {refused}");
        }
    }

    #[test]
    fn kinds_that_records_have_not_are_refused() {
        assert!(read::<u8>(&[0]).is_err());
        assert!(read::<char>(&[2, b'a']).is_err());
        assert!(read::<(i64, i64)>(&[0, 0]).is_err());
        assert!(read::<f32>(&[0; 4]).is_err());
    }
}
