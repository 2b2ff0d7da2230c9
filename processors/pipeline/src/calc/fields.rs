//! An input object, read field by field, with a reason that names the field where it cannot be.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::Refused;

/// More names would hide what is wrong.
const LISTED_MAX: usize = 30;

pub(super) struct Fields<'v> {
    /// Where this object stands in the input, with a dot behind; empty for the input itself.
    path: String,
    map: &'v Map<String, Value>,
}

impl<'v> Fields<'v> {
    /// Refuses what is no object and any field that is not among `names`.
    pub(super) fn of(value: &'v Value, names: &[&str]) -> Result<Self, Refused> {
        Self::within(value, String::new(), names)
    }

    fn within(value: &'v Value, path: String, names: &[&str]) -> Result<Self, Refused> {
        let Value::Object(map) = value else {
            return Err(match path.strip_suffix('.') {
                Some(name) => Refused::field(name, "has to be an object"),
                None => Refused::whole("the input has to be an object or an array of objects"),
            });
        };
        if let Some(unknown) = map.keys().find(|name| !names.contains(&name.as_str())) {
            let why = if names.len() <= LISTED_MAX {
                format!("is no input of this formula; it knows {}", names.join(", "))
            } else {
                "is not known here".to_owned()
            };
            return Err(Refused::field(format!("{path}{unknown}"), why));
        }
        Ok(Self { path, map })
    }

    /// `null` counts as absent: it is how JSON says unknown.
    fn get(&self, name: &str) -> Option<&'v Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn refuse(&self, name: &str, why: impl Into<String>) -> Refused {
        Refused::field(format!("{}{name}", self.path), why)
    }

    /// What a formula cannot do without.
    pub(super) fn needed<T>(&self, name: &str, value: Option<T>) -> Result<T, Refused> {
        value.ok_or_else(|| self.refuse(name, "is missing"))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Refused> {
        let number = |value: &Value| {
            let told = value.as_f64().filter(|number| number.is_finite());
            told.ok_or_else(|| self.refuse(name, format!("has to be a number, not {value}")))
        };
        self.get(name).map(number).transpose()
    }

    /// A number that a quantity takes; `limits` are words for where it lies.
    pub(super) fn quantity<Q>(
        &self,
        name: &str,
        of: impl Fn(f64) -> Option<Q>,
        limits: &str,
    ) -> Result<Option<Q>, Refused> {
        let Some(number) = self.number(name)? else {
            return Ok(None);
        };
        let told = of(number);
        let why = || self.refuse(name, format!("has to be {limits}, not {number}"));
        told.map(Some).ok_or_else(why)
    }

    /// A whole number within `limits`.
    pub(super) fn whole(
        &self,
        name: &str,
        limits: RangeInclusive<i64>,
    ) -> Result<Option<i64>, Refused> {
        let whole = |value: &Value| {
            let told = value.as_i64().filter(|number| limits.contains(number));
            told.ok_or_else(|| {
                let (from, to) = (limits.start(), limits.end());
                let why = format!("has to be a whole number from {from} to {to}, not {value}");
                self.refuse(name, why)
            })
        };
        self.get(name).map(whole).transpose()
    }

    /// An array of words.
    pub(super) fn words(&self, name: &str) -> Result<Option<Vec<&'v str>>, Refused> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let words = value
            .as_array()
            .and_then(|items| items.iter().map(Value::as_str).collect());
        let why = || self.refuse(name, "has to be an array of words");
        words.map(Some).ok_or_else(why)
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refused> {
        let flag = |value: &Value| {
            let told = value.as_bool();
            told.ok_or_else(|| self.refuse(name, format!("has to be true or false, not {value}")))
        };
        self.get(name).map(flag).transpose()
    }

    /// A word of a vocabulary, read by `parse`.
    pub(super) fn word<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        words: &str,
    ) -> Result<Option<T>, Refused> {
        let word = |value: &Value| {
            let told = value.as_str().and_then(&parse);
            told.ok_or_else(|| self.refuse(name, format!("has to be one of {words}, not {value}")))
        };
        self.get(name).map(word).transpose()
    }

    pub(super) fn object(&self, name: &str, names: &[&str]) -> Result<Option<Self>, Refused> {
        let within = |value| Self::within(value, format!("{}{name}.", self.path), names);
        self.get(name).map(within).transpose()
    }

    /// The objects of an array; empty where it is absent.
    pub(super) fn objects(&self, name: &str, names: &[&str]) -> Result<Vec<Self>, Refused> {
        let items = match self.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(other) => {
                return Err(self.refuse(name, format!("has to be an array, not {other}")));
            }
        };
        let path = |index: usize| format!("{}{name}[{index}].", self.path);
        let items = items.iter().enumerate();
        items
            .map(|(index, item)| Self::within(item, path(index), names))
            .collect()
    }
}
