//! Comparing what a stranger sent with what only we should know.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Whether `given` is the secret, in a time that tells neither the place of the first difference
/// nor the secret's length: digests are compared, and they are all equally long.
pub fn is_secret(given: &str, expected: &SecretString) -> bool {
    let given = Sha256::digest(given.as_bytes());
    let expected = Sha256::digest(expected.expose_secret().as_bytes());
    given.as_slice().ct_eq(expected.as_slice()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_itself_is_the_secret() {
        let expected = SecretString::from("s3cret");
        for (given, is) in [
            ("s3cret", true),
            ("s3cre", false),
            ("s3crets", false),
            ("", false),
        ] {
            assert_eq!(is_secret(given, &expected), is, "{given}");
        }
    }
}
