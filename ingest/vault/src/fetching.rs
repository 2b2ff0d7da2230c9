//! The connectors' ports for fetching, on the vault's file.
//!
//! They are asked a few times a second at most, so they read the file and keep nothing in memory.

use edge::UnixMicros;
use ingest_connectors::port::{Budgets, Callback, Marks, RegistryError, Used};
use secrecy::{ExposeSecret, SecretString};

use crate::file::fetching::{self, Fetching};
use crate::vault::{Vault, VaultError, unavailable};

/// What seals a callback URL besides its reference: a token's words have four parts, so that
/// neither opens as the other.
const CALLBACK: &str = "callback";

pub(crate) fn seal_callbacks(
    vault: &Vault,
    callbacks: &[Callback],
    at: UnixMicros,
) -> Result<(), VaultError> {
    if callbacks.is_empty() {
        return Ok(());
    }
    let sealed = callbacks.iter().map(|callback| {
        let plain = callback.url.expose_secret().as_bytes();
        let sealed = vault.key().seal(plain, &[CALLBACK, &callback.reference])?;
        Ok((callback.reference.clone(), sealed))
    });
    vault.write_fetching(Fetching::SealCallbacks {
        callbacks: sealed.collect::<Result<_, VaultError>>()?,
        key_id: vault.key().id.clone(),
        at,
    })
}

pub(crate) fn unseal_callback(
    vault: &Vault,
    reference: &str,
) -> Result<Option<SecretString>, VaultError> {
    let found = vault.read(|connection| fetching::callback(connection, reference))?;
    let Some((key_id, sealed)) = found else {
        return Ok(None);
    };
    if key_id != vault.key().id {
        return Err(VaultError::Unsealable);
    }
    let plain = vault.key().open(&sealed, &[CALLBACK, reference])?;
    let url = String::from_utf8(plain).map_err(|_| VaultError::Unsealable)?;
    Ok(Some(url.into()))
}

pub(crate) fn destroy_callback(vault: &Vault, reference: &str) -> Result<(), VaultError> {
    let reference = reference.to_owned();
    vault.write_fetching(Fetching::DestroyCallback { reference })
}

impl Marks for Vault {
    fn mark(&self, name: &str) -> Result<u64, RegistryError> {
        self.read(|connection| fetching::mark(connection, name))
            .map_err(unavailable)
    }

    fn set_mark(&self, name: &str, position: u64) -> Result<(), RegistryError> {
        let name = name.to_owned();
        self.write_fetching(Fetching::SetMark { name, position })
            .map_err(unavailable)
    }
}

impl Budgets for Vault {
    fn used(&self, prefix: &str) -> Result<Vec<Used>, RegistryError> {
        self.read(|connection| fetching::used(connection, prefix))
            .map_err(unavailable)
    }

    fn set_used(&self, used: &[Used]) -> Result<(), RegistryError> {
        self.write_fetching(Fetching::SetUsed(used.to_vec()))
            .map_err(unavailable)
    }
}
