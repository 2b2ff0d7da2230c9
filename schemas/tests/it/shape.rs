//! The shape of a type, once as serde sees the Rust type and once as Avro sees the schema.

use apache_avro::Schema;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor,
    value::{Error, StrDeserializer},
};
use serde::forward_to_deserialize_any;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Shape {
    #[default]
    Unseen,
    Boolean,
    Int,
    Long,
    Double,
    Text,
    Bytes,
    Optional(Box<Shape>),
    List(Box<Shape>),
    Map(Box<Shape>),
    Record(&'static str, Vec<(String, Shape)>),
}

/// What serde asks for when it builds a `T`: names and order of fields as they are declared.
pub(crate) fn of_type<T: DeserializeOwned>() -> Shape {
    let mut shape = Shape::Unseen;
    T::deserialize(Trace(&mut shape)).expect("every type of a record can be traced");
    shape
}

pub(crate) fn of_schema(schema: &Schema) -> Shape {
    resolve(schema, &mut Vec::new())
}

fn resolve(schema: &Schema, named: &mut Vec<Shape>) -> Shape {
    match schema {
        Schema::Boolean => Shape::Boolean,
        Schema::Int => Shape::Int,
        Schema::Long | Schema::TimestampMicros => Shape::Long,
        Schema::Double => Shape::Double,
        Schema::String => Shape::Text,
        Schema::Bytes => Shape::Bytes,
        Schema::Array(array) => Shape::List(Box::new(resolve(&array.items, named))),
        Schema::Map(map) => Shape::Map(Box::new(resolve(&map.types, named))),
        Schema::Union(union) => match union.variants() {
            [Schema::Null, some] => Shape::Optional(Box::new(resolve(some, named))),
            other => panic!("only [null, T] is a union here, not {other:?}"),
        },
        Schema::Record(record) => {
            let name: &'static str = record.name.name().to_owned().leak();
            let fields = record.fields.iter();
            let fields = fields
                .map(|f| (f.name.clone(), resolve(&f.schema, named)))
                .collect();
            named.push(Shape::Record(name, fields));
            named.last().expect("just pushed").clone()
        }
        Schema::Ref { name } => {
            let is_it = |s: &&Shape| matches!(s, Shape::Record(known, _) if *known == name.name());
            named
                .iter()
                .find(is_it)
                .expect("a reference follows its definition")
                .clone()
        }
        other => panic!("no record uses {other:?}"),
    }
}

/// Writes down what it is asked for, and answers with the least value of that kind.
struct Trace<'a>(&'a mut Shape);

macro_rules! scalar {
    ($($method:ident => $shape:ident, $visit:ident($value:expr);)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            *self.0 = Shape::$shape;
            visitor.$visit($value)
        }
    )*};
}

impl<'de> Deserializer<'de> for Trace<'_> {
    type Error = Error;

    scalar! {
        deserialize_bool => Boolean, visit_bool(false);
        deserialize_i32 => Int, visit_i32(0);
        deserialize_i64 => Long, visit_i64(0);
        deserialize_f64 => Double, visit_f64(0.0);
        deserialize_string => Text, visit_string(String::new());
        deserialize_byte_buf => Bytes, visit_byte_buf(Vec::new());
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut inner = Shape::Unseen;
        let value = visitor.visit_some(Trace(&mut inner));
        *self.0 = Shape::Optional(Box::new(inner));
        value
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut inner = Shape::Unseen;
        let value = visitor.visit_seq(Once(&mut inner, 1));
        *self.0 = Shape::List(Box::new(inner));
        value
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut inner = Shape::Unseen;
        let value = visitor.visit_map(Once(&mut inner, 1));
        *self.0 = Shape::Map(Box::new(inner));
        value
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut fields = Vec::new();
        let value = visitor.visit_map(Fields {
            names,
            fields: &mut fields,
        });
        *self.0 = Shape::Record(name, fields);
        value
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom(
            "a record uses a type that has no place in the contract",
        ))
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 char str bytes unit unit_struct newtype_struct tuple
        tuple_struct enum identifier ignored_any
    }
}

/// A collection of one element.
struct Once<'a>(&'a mut Shape, usize);

impl<'de> SeqAccess<'de> for Once<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        if self.1 == 0 {
            return Ok(None);
        }
        self.1 -= 1;
        seed.deserialize(Trace(self.0)).map(Some)
    }
}

impl<'de> MapAccess<'de> for Once<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        if self.1 == 0 {
            return Ok(None);
        }
        self.1 -= 1;
        let mut key = Shape::Unseen;
        let value = seed.deserialize(Trace(&mut key)).map(Some);
        assert_eq!(key, Shape::Text, "the keys of an Avro map are strings");
        value
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(Trace(self.0))
    }
}

struct Fields<'a> {
    names: &'static [&'static str],
    fields: &'a mut Vec<(String, Shape)>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some(name) = self.names.get(self.fields.len()) else {
            return Ok(None);
        };
        self.fields.push(((*name).to_owned(), Shape::Unseen));
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let (_, shape) = self.fields.last_mut().expect("a key came before");
        seed.deserialize(Trace(shape))
    }
}
