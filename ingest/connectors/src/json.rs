//! Reading just enough of a JSON text to route it, and keeping the rest as it was sent.
//!
//! Nothing here builds a tree of values: numbers keep their digits and members their order, because
//! the bytes are what is stored and hashed.
//!
//! It is tolerant where a parser for a type would refuse: of a member that stands twice, the last
//! counts, and members that nobody asked for are skipped.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object in their order, or `None` for anything that is no object.
pub(crate) fn members(text: &RawValue) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    serde_json::from_str::<Members<'_>>(text.get())
        .ok()
        .map(|members| members.0)
}

/// The asked members of an object, or `None` for anything that is no object.
pub(crate) fn pick<'a, const N: usize>(
    text: &'a RawValue,
    names: [&str; N],
) -> Option<[Option<&'a RawValue>; N]> {
    let mut deserializer = serde_json::Deserializer::from_str(text.get());
    deserializer
        .deserialize_map(Picker {
            names,
            text: PhantomData,
        })
        .ok()
}

/// The elements of an array up to `limit`, or why there are none.
pub(crate) fn elements(text: &RawValue, limit: usize) -> Result<Vec<&RawValue>, NotElements> {
    if !text.get().starts_with('[') {
        return Err(NotElements::NoArray);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text.get());
    let elements = deserializer
        .deserialize_seq(Elements {
            limit,
            text: PhantomData,
        })
        .map_err(|_| NotElements::NoArray)?;
    elements.ok_or(NotElements::TooMany)
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotElements {
    NoArray,
    TooMany,
}

/// A string's content, or a number's digits: ids come as either.
pub(crate) fn id_text(value: &RawValue) -> Option<String> {
    let text = value.get();
    match text.bytes().next()? {
        b'"' => string(value),
        b'-' | b'0'..=b'9' => Some(text.to_owned()),
        _ => None,
    }
}

/// A string's content.
pub(crate) fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

pub(crate) fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// A member's name, borrowed unless it was written with escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

struct Picker<'n, 'a, const N: usize> {
    names: [&'n str; N],
    text: PhantomData<&'a RawValue>,
}

impl<'de: 'a, 'a, const N: usize> Visitor<'de> for Picker<'_, 'a, N> {
    type Value = [Option<&'a RawValue>; N];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut picked = [None; N];
        while let Some(Name(name)) = map.next_key()? {
            let slot = self
                .names
                .iter()
                .zip(&mut picked)
                .find(|(wanted, _)| **wanted == name);
            match slot {
                Some((_, slot)) => *slot = Some(map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(picked)
    }
}

struct Elements<'a> {
    limit: usize,
    text: PhantomData<&'a RawValue>,
}

impl<'de: 'a, 'a> Visitor<'de> for Elements<'a> {
    /// `None` when there are more than the limit.
    type Value = Option<Vec<&'a RawValue>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element()? {
            if elements.len() < self.limit {
                elements.push(element);
                continue;
            }
            while sequence.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(None);
        }
        Ok(Some(elements))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn members_keep_order_text_and_repetitions() {
        let text = raw(r#"{"b": 1.50, "a\u0062": [1 ,2], "b": 2}"#);
        let members = members(&text).unwrap();
        let shown: Vec<_> = members
            .iter()
            .map(|(name, value)| (&**name, value.get()))
            .collect();
        assert_eq!(shown, [("b", "1.50"), ("ab", "[1 ,2]"), ("b", "2")]);
    }

    #[test]
    fn picking_takes_the_last_of_a_repeated_member_and_skips_the_rest() {
        let text = raw(r#"{"id": 1, "deep": {"id": 9}, "id": "x"}"#);
        let [id, absent] = pick(&text, ["id", "absent"]).unwrap();
        assert_eq!(
            (id.map(RawValue::get), absent.is_none()),
            (Some(r#""x""#), true)
        );
    }

    #[test]
    fn what_is_no_object_or_array_is_told_apart() {
        for text in ["1", "\"{}\"", "null", "[]"] {
            assert!(
                members(&raw(text)).is_none() && pick(&raw(text), ["id"]).is_none(),
                "{text}"
            );
        }
        assert_eq!(elements(&raw("{}"), 9).unwrap_err(), NotElements::NoArray);
        assert_eq!(
            elements(&raw("[1,2,3]"), 2).unwrap_err(),
            NotElements::TooMany
        );
        assert_eq!(elements(&raw("[1,[2]]"), 2).unwrap().len(), 2);
    }

    #[test]
    fn ids_are_strings_or_the_digits_of_numbers() {
        for (text, id) in [
            (r#""a\u0062""#, Some("ab")),
            ("12345678901234567890123", Some("12345678901234567890123")),
            ("null", None),
            ("true", None),
            ("{}", None),
        ] {
            assert_eq!(id_text(&raw(text)).as_deref(), id, "{text}");
        }
    }
}
