//! The contract's own tests: types against schemas, bytes against golden files, versions against
//! each other, topics against records.

mod agree;
mod catalogue;
mod evolution;
mod golden;
mod hostile;
mod shape;
