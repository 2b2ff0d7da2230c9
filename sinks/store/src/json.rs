//! Writes the JSON object that a row is served as, field by field and in one pass.
//!
//! Not serde, because an instant travels as a number and is shown as text, and the record cannot
//! know who reads it. Parts without an instant are written by their own `Serialize`.

use schemas::record::Micros;
use serde::Serialize;

use crate::instant::push_rfc3339;

const BODY_BYTES_TYPICAL: usize = 1_024;

/// An object under construction. Names are ours and need no escaping.
pub(crate) struct Json(String);

impl Json {
    pub(crate) fn new() -> Self {
        Self::with_room(BODY_BYTES_TYPICAL)
    }

    pub(crate) fn with_room(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push('{');
        Self(text)
    }

    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    /// `value` is JSON already.
    pub(crate) fn raw(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        self.0.push_str(value);
        self
    }

    pub(crate) fn null(&mut self, name: &str) -> &mut Self {
        self.raw(name, "null")
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        push_text(&mut self.0, value);
        self
    }

    pub(crate) fn text_or_null(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(name, value),
            None => self.null(name),
        }
    }

    pub(crate) fn instant(&mut self, name: &str, value: Micros) -> &mut Self {
        self.name(name);
        self.0.push('"');
        push_rfc3339(&mut self.0, value);
        self.0.push('"');
        self
    }

    pub(crate) fn instant_or_null(&mut self, name: &str, value: Option<Micros>) -> &mut Self {
        match value {
            Some(value) => self.instant(name, value),
            None => self.null(name),
        }
    }

    /// Numbers, flags, their options, and nested parts that hold no instant. A value that JSON cannot
    /// say is null: unknown is better than a broken document.
    pub(crate) fn value<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> &mut Self {
        match serde_json::to_string(value) {
            Ok(json) => self.raw(name, &json),
            Err(_) => self.null(name),
        }
    }

    /// Whole numbers have a way of their own, because rows are full of them.
    pub(crate) fn int(&mut self, name: &str, value: impl Into<i64>) -> &mut Self {
        self.name(name);
        self.0.push_str(&value.into().to_string());
        self
    }

    /// As `int`, under a name that is not ours and may need escaping.
    pub(crate) fn quoted_int(&mut self, name: &str, value: i64) -> &mut Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_text(&mut self.0, name);
        self.0.push(':');
        self.0.push_str(&value.to_string());
        self
    }

    pub(crate) fn int_or_null(&mut self, name: &str, value: Option<impl Into<i64>>) -> &mut Self {
        match value {
            Some(value) => self.int(name, value),
            None => self.null(name),
        }
    }

    pub(crate) fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    pub(crate) fn array<T>(
        &mut self,
        name: &str,
        items: &[T],
        mut each: impl FnMut(&mut Self, &T),
    ) -> &mut Self {
        self.name(name);
        self.0.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            let mut object = Self::with_room(64);
            each(&mut object, item);
            self.0.push_str(&object.finish());
        }
        self.0.push(']');
        self
    }
}

/// A JSON string with its quotes.
pub(crate) fn push_text(into: &mut String, value: &str) {
    let plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\';
    if value.bytes().all(plain) {
        into.push('"');
        into.push_str(value);
        into.push('"');
    } else {
        into.push_str(&serde_json::Value::from(value).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_reads_back_as_what_was_written() {
        let mut json = Json::new();
        json.text("title", "a \"b\" \\ \n ü")
            .text_or_null("zone", None)
            .instant("start", Micros(0))
            .value("rate", &1.5_f64)
            .value("absurd", &f64::NAN)
            .int_or_null("count", Some(3_i32))
            .flag("indoor", true)
            .array("legs", &["x", "y"], |leg, id| {
                leg.text("id", id);
            });
        let read: serde_json::Value = serde_json::from_str(&json.finish()).unwrap();
        assert_eq!(
            read,
            serde_json::json!({
                "title": "a \"b\" \\ \n ü", "zone": null, "start": "1970-01-01T00:00:00Z",
                "rate": 1.5, "absurd": null, "count": 3, "indoor": true,
                "legs": [{"id": "x"}, {"id": "y"}]
            })
        );
    }
}
