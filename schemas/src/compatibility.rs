//! What a schema may change into: FULL_TRANSITIVE, and a little stricter.
//!
//! Every version must read what every other wrote, in both directions, because a log is replayed for
//! ever and readers are upgraded in any order. On top of Avro's rules a field never goes away: a
//! rename with a default passes Avro and loses the value in silence.

use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};

/// Why a schema may not become another.
#[derive(Debug, thiserror::Error)]
pub enum Incompatible {
    #[error("the {reader} schema cannot read what the {writer} schema wrote")]
    CannotRead {
        reader: &'static str,
        writer: &'static str,
        #[source]
        source: Box<apache_avro::error::CompatibilityError>,
    },
    #[error("the {reader} schema reads only a part of what the {writer} schema wrote")]
    ReadsInPart {
        reader: &'static str,
        writer: &'static str,
    },
    #[error("field {path} is gone or renamed")]
    FieldGone { path: String },
    #[error("schema does not parse")]
    Unreadable(#[source] Box<apache_avro::Error>),
}

/// Whether `old` may become `new`. Both are texts of `avsc` files.
pub fn full(old: &str, new: &str) -> Result<(), Incompatible> {
    let parse = |text| Schema::parse_str(text).map_err(|e| Incompatible::Unreadable(Box::new(e)));
    let (old, new) = (parse(old)?, parse(new)?);
    can_read(("new", &new), ("old", &old))?;
    can_read(("old", &old), ("new", &new))?;
    fields_stay("", &old, &new)
}

fn can_read(
    (reader, reader_schema): (&'static str, &Schema),
    (writer, writer_schema): (&'static str, &Schema),
) -> Result<(), Incompatible> {
    match SchemaCompatibility::can_read(writer_schema, reader_schema) {
        Ok(Compatibility::Full) => Ok(()),
        Ok(Compatibility::Partial) => Err(Incompatible::ReadsInPart { reader, writer }),
        Err(source) => Err(Incompatible::CannotRead {
            reader,
            writer,
            source: Box::new(source),
        }),
    }
}

/// Named types are compared where they are defined; a reference has been visited there.
fn fields_stay(path: &str, old: &Schema, new: &Schema) -> Result<(), Incompatible> {
    match (old, new) {
        (Schema::Record(old), Schema::Record(new)) => old.fields.iter().try_for_each(|field| {
            let path = format!("{path}{}", field.name);
            let Some(kept) = new.fields.iter().find(|other| other.name == field.name) else {
                return Err(Incompatible::FieldGone { path });
            };
            fields_stay(&format!("{path}."), &field.schema, &kept.schema)
        }),
        (Schema::Array(old), Schema::Array(new)) => fields_stay(path, &old.items, &new.items),
        (Schema::Map(old), Schema::Map(new)) => fields_stay(path, &old.types, &new.types),
        (Schema::Union(old), Schema::Union(new)) => old
            .variants()
            .iter()
            .zip(new.variants())
            .try_for_each(|(old, new)| fields_stay(path, old, new)),
        _ => Ok(()),
    }
}
