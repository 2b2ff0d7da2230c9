//! Where keys are kept: the port, and several places as one.

use std::sync::Arc;

use super::Grant;

/// A stored key: everything but the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    pub grant: Grant,
    pub digest: [u8; 32],
}

/// The keys that are valid now.
pub trait KeyStore: Send + Sync {
    /// A failure of the store is `Err`, and nobody gets in.
    fn find(&self, key_id: &str) -> Result<Option<StoredKey>, KeyStoreError>;
    fn count(&self) -> Result<usize, KeyStoreError>;
}

/// Several stores as one. Of two keys with one id the first store's counts.
pub struct KeyStores(pub Vec<Arc<dyn KeyStore>>);

impl KeyStore for KeyStores {
    fn find(&self, key_id: &str) -> Result<Option<StoredKey>, KeyStoreError> {
        for store in &self.0 {
            if let Some(key) = store.find(key_id)? {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    fn count(&self) -> Result<usize, KeyStoreError> {
        self.0.iter().map(|store| store.count()).sum()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the API keys cannot be read")]
pub struct KeyStoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
