//! Random records, drawn from their schema: extreme numbers, odd texts, short and empty collections.

use apache_avro::Schema;
use proptest::prelude::*;
use schemas::AvroRecord;
use serde_json::{Map, Value, json};

use crate::agree::schema_of;

/// Elements of a collection, one less at most.
const ELEMENTS_END: usize = 4;

/// Any value of `T`. Numbers that JSON has not are left out.
pub(crate) fn record<T: AvroRecord + std::fmt::Debug>() -> impl Strategy<Value = T> {
    let schema = schema_of::<T>();
    value(&schema, &mut Vec::new())
        .prop_map(|value| serde_json::from_value(value).expect("a type follows its schema"))
}

fn value(schema: &Schema, named: &mut Vec<(String, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    match schema {
        Schema::Boolean => any::<bool>().prop_map(|v| json!(v)).boxed(),
        Schema::Int => any::<i32>().prop_map(|v| json!(v)).boxed(),
        Schema::Long | Schema::TimestampMicros => long().prop_map(|v| json!(v)).boxed(),
        Schema::Double => any::<f64>()
            .prop_filter("JSON has it", |v| v.is_finite())
            .prop_map(|v| json!(v))
            .boxed(),
        Schema::String => text().prop_map(|v| json!(v)).boxed(),
        Schema::Bytes => prop::collection::vec(any::<u8>(), 0..300)
            .prop_map(|v| json!(v))
            .boxed(),
        Schema::Array(array) => prop::collection::vec(value(&array.items, named), 0..ELEMENTS_END)
            .prop_map(Value::Array)
            .boxed(),
        Schema::Map(map) => {
            prop::collection::btree_map(text(), value(&map.types, named), 0..ELEMENTS_END)
                .prop_map(|entries| Value::Object(entries.into_iter().collect()))
                .boxed()
        }
        Schema::Union(union) => {
            let some = union.variants().last().expect("a union has branches");
            prop_oneof![Just(Value::Null), value(some, named)].boxed()
        }
        Schema::Record(record) => {
            let mut fields = Vec::new();
            for field in &record.fields {
                let name = Just(field.name.clone());
                fields.push((name, value(&field.schema, named)));
            }
            let object = |fields: Vec<(String, Value)>| Value::Object(Map::from_iter(fields));
            let strategy = fields.prop_map(object).boxed();
            named.push((record.name.name().to_owned(), strategy.clone()));
            strategy
        }
        Schema::Ref { name } => {
            let is_it = |known: &&(String, _)| known.0 == name.name();
            let known = named.iter().find(is_it);
            known.expect("a reference follows its definition").1.clone()
        }
        other => panic!("no record uses {other:?}"),
    }
}

/// Numbers of every length, the ends of the range among them.
fn long() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(i64::MIN),
        Just(i64::MAX),
        (any::<i64>(), 0_u32..64).prop_map(|(value, shift)| value >> shift),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{0,12}", "\\PC{0,40}", "[a-f0-9]{64}"]
}
