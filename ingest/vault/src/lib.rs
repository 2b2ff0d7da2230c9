//! Who the athletes are, whose account is whose, and the tokens of those accounts, sealed.
//!
//! A crate of its own because it brings SQLite and a cipher, which the connectors do not need. It
//! implements the connectors' ports `Registry` and `Vault` on one file, `vault.db`.
//!
//! It is not a part of the log: nothing here is a fact, and nothing in the log is derived from it.
//!
//! Invariants:
//! * a write is durable when it returns, and only then visible to a reader;
//! * reads come from memory and never wait for the disk;
//! * a token leaves this crate only through [`Vault::unseal`], and is on disk only as ciphertext that
//!   is bound to its athlete, provider and account;
//! * a vault does not open with a key that did not seal it.

mod file;
mod key;
mod memory;
mod vault;

#[cfg(test)]
mod tests;

pub use memory::{Athlete, Connection};
pub use vault::{Vault, VaultError};
