//! Checksums that bind a value to its place.
//!
//! Every value of the store ends in four bytes: the low half of XXH3-64 over the value, seeded with a hash of the
//! keyspace's role and the key. A value that was changed, or that stands under another key or in another keyspace,
//! does not pass.

use quadrille_backend::{StorageError, StorageResult};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The bytes that a checksum adds to a value.
pub(crate) const CHECKSUM_BYTES: usize = 4;

fn checksum(role: &str, key: &[u8], payload: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let seed = xxh3_64_with_seed(key, xxh3_64_with_seed(role.as_bytes(), 0));
    let [a, b, c, d, ..] = xxh3_64_with_seed(payload, seed).to_le_bytes();
    [a, b, c, d]
}

/// Appends the checksum to a value that will stand under `key` in the keyspace of this role.
pub(crate) fn seal(role: &str, key: &[u8], value: &mut Vec<u8>) {
    let sum = checksum(role, key, value);
    value.extend_from_slice(&sum);
}

/// The value without its checksum.
///
/// # Errors
/// `Corrupted` when the checksum does not match; it names the key.
pub(crate) fn open<'a>(role: &str, key: &[u8], value: &'a [u8]) -> StorageResult<&'a [u8]> {
    value
        .split_last_chunk::<CHECKSUM_BYTES>()
        .filter(|(payload, sum)| checksum(role, key, payload) == **sum)
        .map(|(payload, _)| payload)
        .ok_or_else(|| {
            StorageError::corrupted(format!("the checksum of a value in {role} does not match"))
                .at_key(key)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_bound_to_its_role_key_and_bytes() {
        let mut value = b"payload".to_vec();
        seal("spoc", b"key", &mut value);
        assert_eq!(
            open("spoc", b"key", &value).expect("the value is intact"),
            b"payload"
        );
        assert!(open("pocs", b"key", &value).is_err());
        assert!(open("spoc", b"kez", &value).is_err());
        for position in 0..value.len() {
            let mut damaged = value.clone();
            damaged[position] ^= 1;
            assert!(
                open("spoc", b"key", &damaged).is_err(),
                "byte {position} flipped"
            );
        }
        assert!(open("spoc", b"key", b"ab").is_err());
    }
}
