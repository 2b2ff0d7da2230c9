//! What is kept sealed: tokens, and addresses that carry one.

use edge::UnixMicros;
use secrecy::SecretString;

use super::{AthleteRef, RegistryError};

/// The tokens of a connection. They are shown to nobody: `Debug` hides them.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    pub access_token: Option<SecretString>,
    pub refresh_token: Option<SecretString>,
    pub expires_at_unix_s: Option<i64>,
    pub scopes: Vec<String>,
}

/// A callback URL of a ping, with the token that is part of it.
#[derive(Clone, Debug)]
pub struct Callback {
    /// What the log has instead of the URL.
    pub reference: String,
    pub url: SecretString,
}

/// Keeps tokens and callback URLs, sealed. Everything may block.
pub trait Vault: Send + Sync {
    /// Replaces what was sealed for this connection. Durable when it returns; may block.
    fn seal(
        &self,
        athlete: &AthleteRef,
        provider: &str,
        account_id: &str,
        tokens: &Tokens,
    ) -> Result<(), RegistryError>;

    /// What was last sealed for this connection.
    fn unseal(
        &self,
        athlete: &AthleteRef,
        provider: &str,
        account_id: &str,
    ) -> Result<Option<Tokens>, RegistryError>;

    /// Keeps callback URLs until they are destroyed; one that is known already stays. Durable when
    /// it returns.
    fn seal_callbacks(&self, callbacks: &[Callback], at: UnixMicros) -> Result<(), RegistryError>;

    /// `None` when it was destroyed, or never sealed.
    fn unseal_callback(&self, reference: &str) -> Result<Option<SecretString>, RegistryError>;

    /// Durable when it returns.
    fn destroy_callback(&self, reference: &str) -> Result<(), RegistryError>;
}
