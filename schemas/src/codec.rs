//! Framing and Avro.
