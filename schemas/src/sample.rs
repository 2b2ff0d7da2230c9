//! Values of every record for tests: `full` has every field set, `min` only those that must be.
//!
//! They are drawn from the schema, so a new field or a new record needs nothing here. Every value
//! differs from its neighbours, so that two swapped fields are seen; instants rise in the order of
//! the fields, so that ends follow starts. Not meant to make sense to a rule.

use apache_avro::Schema;
use serde_json::{Map, Value, json};

use crate::codec::registry;
use crate::record::Micros;
use crate::table::AvroRecord;

/// 2026-03-01T06:00:00Z, where the samples' clock begins.
pub const EPOCH: Micros = Micros(1_772_344_800_000_000);

/// Every field set, two elements in every collection.
pub fn full<T: AvroRecord>() -> T {
    drawn(true)
}

/// Optional fields unknown, collections empty, numbers zero, strings short.
pub fn min<T: AvroRecord>() -> T {
    drawn(false)
}

#[expect(
    clippy::expect_used,
    reason = "for tests: a type that does not follow its schema has to fail loudly"
)]
fn drawn<T: AvroRecord>(full: bool) -> T {
    let schema = registry::present::<T>().schema;
    let mut draw = Draw {
        full,
        count: 0,
        named: Vec::new(),
    };
    serde_json::from_value(draw.value("", schema)).expect("a record's type follows its schema")
}

struct Draw<'s> {
    full: bool,
    /// Values drawn so far.
    count: i64,
    /// Records that were defined earlier in the schema, for later references.
    named: Vec<&'s Schema>,
}

impl<'s> Draw<'s> {
    fn value(&mut self, field: &str, schema: &'s Schema) -> Value {
        match schema {
            Schema::Record(record) => {
                self.named.push(schema);
                let mut object = Map::new();
                for inner in &record.fields {
                    object.insert(inner.name.clone(), self.value(&inner.name, &inner.schema));
                }
                Value::Object(object)
            }
            Schema::Ref { name } => {
                let known = self
                    .named
                    .iter()
                    .copied()
                    .find(|known| known.name() == Some(name));
                known.map_or(Value::Null, |known| self.value(field, known))
            }
            Schema::Union(union) => match union.variants() {
                [Schema::Null, some] if self.full => self.value(field, some),
                _ => Value::Null,
            },
            Schema::Array(array) => (0..self.elements())
                .map(|_| self.value(field, &array.items))
                .collect(),
            Schema::Map(map) => (0..self.elements())
                .map(|place| (format!("{field}-{place}"), self.value(field, &map.types)))
                .collect(),
            scalar => self.scalar(field, scalar),
        }
    }

    fn scalar(&mut self, field: &str, schema: &Schema) -> Value {
        self.count += 1;
        let number = if self.full { self.count } else { 0 };
        match schema {
            Schema::Boolean => json!(self.full),
            Schema::Int | Schema::Long => json!(number),
            // Quarters are exact in binary and in decimal text.
            Schema::Double => json!(number as f64 + 0.25),
            // A minute per value, so that ends follow starts.
            Schema::TimestampMicros => json!(EPOCH.0 + self.count * 60_000_000),
            Schema::Bytes => json!(if self.full { vec![0, 7, 255] } else { vec![] }),
            _ => json!(self.text(field)),
        }
    }

    fn text(&self, field: &str) -> String {
        match field {
            "tenant_id" => "default".to_owned(),
            "local_date" | "calendar_date" => "2026-03-01".to_owned(),
            "time_zone" => "Europe/Berlin".to_owned(),
            "source" | "provider" => "garmin".to_owned(),
            "sport" => "run".to_owned(),
            "family" => "RUN".to_owned(),
            _ if self.full => format!("{field}-{}-é", self.count),
            _ => field.to_owned(),
        }
    }

    fn elements(&self) -> usize {
        if self.full { 2 } else { 0 }
    }
}
