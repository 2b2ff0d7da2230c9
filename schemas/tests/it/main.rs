//! The contract's own tests: types against schemas, bytes against golden files, versions against
//! each other, topics against records.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail like the tests themselves"
)]

mod agree;
mod catalogue;
mod evolution;
mod golden;
mod hostile;
mod oracle;
mod random;
mod shape;
