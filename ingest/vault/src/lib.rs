//! Who the athletes are, whose account is whose, and the tokens of those accounts, sealed.
//!
//! A crate of its own because it brings SQLite and a cipher, which the connectors do not need. It
//! implements the connectors' ports `Registry`, `Vault`, `Marks` and `Budgets` on one file, `vault.db`, and
//! keeps the API keys there: the port `KeyStore` of `edge`.
//!
//! On a cluster several nodes share it through a journal, see `control`.
//!
//! It is not a part of the log: nothing here is a fact, and nothing in the log is derived from it.
//!
//! Invariants:
//! * a write is durable when it returns, and only then visible to a reader;
//! * what is asked for every item comes from memory and never waits for the disk;
//! * a token leaves this crate only through [`Vault::unseal`], and is on disk only as ciphertext that
//!   is bound to its athlete, provider and account; so is a callback URL, bound to its reference;
//! * a vault does not open with a key that did not seal it.

mod control;
mod fetching;
mod file;
mod key;
mod keys;
mod memory;
mod vault;

#[cfg(test)]
mod tests;

pub use control::{ControlEntry, Journal};
pub use keys::{ApiKeys, KeyEntry, NewKey};
pub use memory::{Athlete, Connection};
pub use vault::{Vault, VaultError};
