//! Checksums that bind a value to its place.
//!
//! Every value of the store ends in four bytes: the low half of XXH3-64 over the value, seeded with a hash of the
//! keyspace's role and the key. A value that was changed, or that stands under another key or in another keyspace,
//! does not pass.

use crate::keyspaces::Place;
use quadrille_backend::{Capabilities, StorageError, StorageResult};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
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

/// Buckets of the table of checked values; a power of two.
const BUCKETS: usize = 1 << 15;

/// The entries of a bucket: they share a cache line.
const BUCKET_ENTRIES: usize = 4;

type Bucket = [AtomicU64; BUCKET_ENTRIES];

/// Which values have been read before and matched their checksum: a value that did is not hashed again, so that a random
/// read touches only the lines it needs. It is a table of fixed size that forgets; what it says of a value is bound to
/// the value's place, key, length and stored checksum, so a value that was written anew is checked anew.
///
/// Values that were never away from memory are not checked at all, except by a check of the whole store.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    volatile: bool,
    buckets: OnceLock<Box<[Bucket]>>,
}

impl Checked {
    /// Knows nothing of a backend's values yet.
    pub(crate) fn of(capabilities: &Capabilities) -> Self {
        Self {
            volatile: !capabilities.persistent,
            buckets: OnceLock::new(),
        }
    }

    /// The same for another generation: its values are new ones, even where their bytes are not.
    pub(crate) fn anew(&self) -> Self {
        Self {
            volatile: self.volatile,
            buckets: OnceLock::new(),
        }
    }

    /// The value without its checksum, which is compared unless it was before.
    ///
    /// # Errors
    /// As [`open`].
    #[inline]
    pub(crate) fn open<'a>(
        &self,
        place: &Place,
        key: &[u8],
        value: &'a [u8],
    ) -> StorageResult<&'a [u8]> {
        let Some((payload, sum)) = value.split_last_chunk::<CHECKSUM_BYTES>() else {
            return open(place.role, key, value);
        };
        if self.volatile {
            return Ok(payload);
        }
        let seed = u64::from(u32::from_le_bytes(*sum)) << 32
            | (place.slot as u64) << 28 ^ payload.len() as u64;
        let mark = xxh3_64_with_seed(key, seed).max(1);
        let bucket = self.bucket(mark);
        if bucket
            .iter()
            .any(|entry| entry.load(Ordering::Relaxed) == mark)
        {
            return Ok(payload);
        }
        open(place.role, key, value)?;
        let free = bucket
            .iter()
            .find(|entry| entry.load(Ordering::Relaxed) == 0);
        let replaced = &bucket[(mark >> 62) as usize % BUCKET_ENTRIES];
        free.unwrap_or(replaced).store(mark, Ordering::Relaxed);
        Ok(payload)
    }

    fn bucket(&self, mark: u64) -> &Bucket {
        let buckets = self
            .buckets
            .get_or_init(|| (0..BUCKETS).map(|_| Bucket::default()).collect());
        &buckets[mark as usize % BUCKETS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspaces::Places;

    #[test]
    fn a_value_is_checked_once_and_anew_when_anything_about_it_changes() {
        let places = Places::new(1).expect("the names are legal");
        let (spoc, terms) = (&places.permutations[0].blocks, &places.terms);
        let checked = Checked::default();
        let mut value = b"payload".to_vec();
        seal(spoc.role, b"key", &mut value);
        let mut damaged = value.clone();
        damaged[0] ^= 1;
        assert!(checked.open(spoc, b"key", &damaged).is_err());
        for _ in 0..2 {
            let payload = checked.open(spoc, b"key", &value).expect("it is intact");
            assert_eq!(payload, b"payload");
        }
        assert!(checked.open(spoc, b"kez", &value).is_err());
        assert!(checked.open(terms, b"key", &value).is_err());
        assert!(checked.open(spoc, b"key", &value[1..]).is_err());
        let mut resealed = damaged;
        resealed.truncate(7);
        seal(spoc.role, b"key", &mut resealed);
        *resealed.last_mut().expect("not empty") ^= 1;
        assert!(checked.open(spoc, b"key", &resealed).is_err());
        assert!(checked.open(spoc, b"key", b"ab").is_err());
        value[0] ^= 1;
        assert!(checked.open(spoc, b"key", &value).is_ok(), "it was checked");
        assert!(checked.anew().open(spoc, b"key", &value).is_err());
    }

    /// More values than the table has room for, and threads that share it.
    #[test]
    fn a_full_table_forgets_and_still_refuses_damage() {
        let places = Places::new(1).expect("the names are legal");
        let place = &places.terms;
        let checked = Checked::default();
        std::thread::scope(|scope| {
            for thread in 0..2_u64 {
                let checked = &checked;
                scope.spawn(move || {
                    for number in 0..(BUCKETS * BUCKET_ENTRIES) as u64 {
                        let key = (number * 2 + thread).to_be_bytes();
                        let mut value = key.to_vec();
                        seal(place.role, &key, &mut value);
                        assert!(checked.open(place, &key, &value).is_ok());
                        value[number as usize % 12] ^= 1;
                        assert!(number % 12 < 8 || checked.open(place, &key, &value).is_err());
                    }
                });
            }
        });
    }

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
