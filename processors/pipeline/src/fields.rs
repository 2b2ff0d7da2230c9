//! A JSON object that is read field by field.
//!
//! Where a derived shape fails as a whole, this one says which field is wrong and what was found in
//! its place, and never looks at a field that nobody asked for: a vendor may change the type of what
//! we do not use, and may send numbers that fit in no integer. Null is absent.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::normalize::Rejected;

pub(crate) struct Fields<'a> {
    /// In front of a field's name when it is spoken of: empty at the top, `updates.` below.
    path: String,
    members: BTreeMap<String, &'a RawValue>,
}

impl<'a> Fields<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Rejected> {
        let members = serde_json::from_slice(body).map_err(|error| {
            Rejected::new(
                "malformed",
                format!("the item is not a JSON object: {error}"),
            )
        })?;
        Ok(Self {
            path: String::new(),
            members,
        })
    }

    /// The JSON text of a field that is there.
    fn told(&self, name: &str) -> Option<&'a str> {
        let text = self.members.get(name)?.get();
        (text != "null").then_some(text)
    }

    fn wrong(&self, name: &str, found: &str, expected: &str) -> Rejected {
        Rejected::new(
            "bad_value",
            format!("{}{name} is {}, not {expected}", self.path, kind_of(found)),
        )
    }

    /// A field that is there, parsed.
    fn read<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&'a str) -> serde_json::Result<T>,
    ) -> Result<Option<T>, Rejected> {
        self.told(name)
            .map(|text| parse(text).map_err(|_| self.wrong(name, text, expected)))
            .transpose()
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, Rejected> {
        self.read(name, "a number", serde_json::from_str)
    }

    /// A number, or nothing where there is anything else.
    pub(crate) fn number_if_any(&self, name: &str) -> Option<f64> {
        self.number(name).ok().flatten()
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Rejected> {
        self.read(name, "a whole number", serde_json::from_str)
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Rejected> {
        self.read(name, "text", serde_json::from_str)
    }

    /// Text that says something.
    pub(crate) fn word(&self, name: &str) -> Result<Option<String>, Rejected> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    /// True or false, which some vendors write as text.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Rejected> {
        let Some(found) = self.told(name) else {
            return Ok(None);
        };
        match found.trim_matches('"').to_ascii_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(self.wrong(name, found, "true or false")),
        }
    }

    /// An id as text. A number keeps all of its digits, however many there are.
    pub(crate) fn id(&self, name: &str) -> Result<Option<String>, Rejected> {
        match self.told(name) {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok(Some(digits.to_owned()))
            }
            Some(text) if text.starts_with('"') => self.word(name),
            Some(found) => Err(self.wrong(name, found, "an id")),
            None => Ok(None),
        }
    }

    pub(crate) fn numbers(&self, name: &str) -> Result<Option<Vec<Option<f64>>>, Rejected> {
        self.read(name, "a list of numbers", serde_json::from_str)
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<Self>, Rejected> {
        let path = format!("{}{name}.", self.path);
        let members = self.read(name, "an object", serde_json::from_str)?;
        Ok(members.map(|members| Self { path, members }))
    }

    pub(crate) fn objects(&self, name: &str) -> Result<Option<Vec<Self>>, Rejected> {
        let path = format!("{}{name}.", self.path);
        let list: Option<Vec<BTreeMap<String, &RawValue>>> =
            self.read(name, "a list of objects", serde_json::from_str)?;
        let list = list.map(|list| {
            let fields = list.into_iter().map(|members| Self {
                path: path.clone(),
                members,
            });
            fields.collect()
        });
        Ok(list)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.told(name).is_some()
    }

    /// What a field holds, in words: for fields that may be of more than one kind.
    pub(crate) fn is_object(&self, name: &str) -> bool {
        self.told(name).is_some_and(|text| text.starts_with('{'))
    }

    pub(crate) fn is_number(&self, name: &str) -> bool {
        self.told(name)
            .is_some_and(|text| kind_of(text) == "a number")
    }

    /// A field's name as it is spoken of.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }
}

fn kind_of(json: &str) -> &'static str {
    match json.bytes().next() {
        Some(b'"') => "text",
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "true or false",
        Some(b'-' | b'0'..=b'9') => "a number",
        _ => "null",
    }
}
