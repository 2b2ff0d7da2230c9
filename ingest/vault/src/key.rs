//! The key that seals tokens, and sealing itself.
//!
//! AES-256-GCM with a random 96-bit nonce per token. Random nonces are safe for 2^32 seals under one
//! key; a token of 100,000 athletes renewed every six hours gets there after 29 years.
//!
//! The key file holds 64 hexadecimal digits and a newline.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use aes_gcm::aead::{Aead, Generate, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use sha2::{Digest, Sha256};

use crate::vault::VaultError;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// More than a key and any white space around it: a larger file is something else.
const KEY_FILE_BYTES_MAX: u64 = 1024;

/// A key in use. It has no `Debug` that could show it.
pub(crate) struct Key {
    cipher: Aes256Gcm,
    /// Other keys are made of this, so that none of them tells the one that seals.
    root: [u8; 32],
    /// Tells keys apart without telling the key.
    pub(crate) id: String,
}

pub(crate) struct Sealed {
    pub(crate) nonce: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
}

impl Key {
    pub(crate) fn read(path: &Path) -> Result<Self, VaultError> {
        let failed = |source| VaultError::KeyFile {
            path: path.to_owned(),
            source,
        };
        let length = std::fs::metadata(path).map_err(failed)?.len();
        if length > KEY_FILE_BYTES_MAX {
            return Err(VaultError::NotAKey {
                path: path.to_owned(),
            });
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let bytes = from_hex(text.trim()).filter(|bytes| bytes.len() == KEY_BYTES);
        Self::of(&bytes.ok_or_else(|| VaultError::NotAKey {
            path: path.to_owned(),
        })?)
    }

    /// Makes a key that nobody but the owner of the file can read, durable before it is used.
    pub(crate) fn create(path: &Path) -> Result<Self, VaultError> {
        let failed = |source| VaultError::KeyFile {
            path: path.to_owned(),
            source,
        };
        let bytes = <[u8; KEY_BYTES]>::try_generate().map_err(|_| VaultError::NoRandomness)?;
        let mut file = edge::private::new(path).map_err(failed)?;
        writeln!(file, "{}", hex(&bytes))
            .and_then(|()| file.sync_all())
            .map_err(failed)?;
        if let Some(folder) = path.parent() {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(failed)?;
        }
        Self::of(&bytes)
    }

    fn of(bytes: &[u8]) -> Result<Self, VaultError> {
        let cipher = Aes256Gcm::new_from_slice(bytes).map_err(|_| VaultError::Unsealable)?;
        let digest = Sha256::digest(Sha256::digest(bytes));
        let root = Sha256::new_with_prefix(b"sudor derived keys, 1").chain_update(bytes);
        Ok(Self {
            cipher,
            root: root.finalize().into(),
            id: hex(digest.get(..8).unwrap_or_default()),
        })
    }

    pub(crate) fn derived(&self, purpose: &str) -> [u8; 32] {
        let digest = Sha256::new_with_prefix(self.root).chain_update(purpose.as_bytes());
        digest.finalize().into()
    }

    /// `bound_to` is not stored: the same words have to be given to open it again.
    pub(crate) fn seal(&self, plain: &[u8], bound_to: &[&str]) -> Result<Sealed, VaultError> {
        let nonce = <[u8; NONCE_BYTES]>::try_generate().map_err(|_| VaultError::NoRandomness)?;
        let aad = joined(bound_to);
        let ciphertext = self
            .cipher
            .encrypt(
                &Nonce::from(nonce),
                Payload {
                    msg: plain,
                    aad: &aad,
                },
            )
            .map_err(|_| VaultError::Unsealable)?;
        Ok(Sealed {
            nonce: nonce.to_vec(),
            ciphertext,
        })
    }

    pub(crate) fn open(&self, sealed: &Sealed, bound_to: &[&str]) -> Result<Vec<u8>, VaultError> {
        let nonce: [u8; NONCE_BYTES] = sealed
            .nonce
            .as_slice()
            .try_into()
            .map_err(|_| VaultError::Unsealable)?;
        let payload = Payload {
            msg: &sealed.ciphertext,
            aad: &joined(bound_to),
        };
        self.cipher
            .decrypt(&Nonce::from(nonce), payload)
            .map_err(|_| VaultError::Unsealable)
    }
}

/// Each word with its length, so that no two lists of words are one text.
fn joined(words: &[&str]) -> Vec<u8> {
    words
        .iter()
        .flat_map(|word| [&word.len().to_le_bytes(), word.as_bytes()].concat())
        .collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|value| u8::try_from(value).ok())
        })
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(high << 4 | low),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_the_same_words_only() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::create(&folder.path().join("key")).unwrap();
        let sealed = key.seal(b"token", &["a", "bc"]).unwrap();
        assert_eq!(key.open(&sealed, &["a", "bc"]).unwrap(), b"token");
        for other in [&["ab", "c"][..], &["a", "bd"], &["a"]] {
            assert!(key.open(&sealed, other).is_err(), "{other:?}");
        }
    }

    #[test]
    fn two_seals_of_one_token_differ() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::create(&folder.path().join("key")).unwrap();
        let [one, two] = [(); 2].map(|()| key.seal(b"token", &[]).unwrap());
        assert!(one.nonce != two.nonce && one.ciphertext != two.ciphertext);
    }

    #[test]
    fn a_key_is_kept_in_a_file_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let id = Key::create(&path).unwrap().id;
        assert_eq!(Key::read(&path).unwrap().id, id);
        assert!(Key::create(&path).is_err(), "a key is never overwritten");
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &std::fs::metadata(&path).unwrap().permissions(),
            );
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for text in ["", "abc", "zz", &"0".repeat(63), &"0".repeat(2000)] {
            std::fs::write(&path, text).unwrap();
            assert!(
                matches!(Key::read(&path), Err(VaultError::NotAKey { .. })),
                "{text}"
            );
        }
    }
}
