//! A row of the store, read by the names that the API serves.

use schemas::record::Micros;
use serde_json::Value;

#[derive(Clone, Debug, Default)]
pub(super) struct Row(Value);

impl Row {
    /// A body is written by the store and always an object; anything else has no fields.
    pub(super) fn parse(body: &str) -> Self {
        Self(serde_json::from_str(body).unwrap_or_default())
    }

    /// `Null` where the field is absent.
    pub(super) fn value(&self, name: &str) -> Value {
        self.0.get(name).cloned().unwrap_or_default()
    }

    /// Empty where the field is absent.
    pub(super) fn text(&self, name: &str) -> String {
        self.text_or_none(name).unwrap_or_default()
    }

    pub(super) fn text_or_none(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().map(str::to_owned)
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn rows(&self, name: &str) -> Vec<Self> {
        let items = self.0.get(name).and_then(Value::as_array);
        items.into_iter().flatten().cloned().map(Self).collect()
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.0.get(name).and_then(Value::as_array);
        let texts = items.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    pub(super) fn instant(&self, name: &str) -> Option<Micros> {
        let at: jiff::Timestamp = self.0.get(name)?.as_str()?.parse().ok()?;
        Some(Micros(at.as_microsecond()))
    }
}
