//! Keys as LMDB stores them. LMDB refuses the empty key, so every key made only of zero bytes, the empty one
//! included, is stored with one zero byte more. All other keys are stored as they are.
//!
//! What always holds: the mapping is one to one and keeps the order. Among all-zero keys, length decides before and
//! after. Against a key with its first other byte at position p, an all-zero key is the smaller one, whatever its
//! length, before and after.

use std::borrow::Cow;

/// The stored form of a key.
pub(crate) fn stored(key: &[u8]) -> Cow<'_, [u8]> {
    if is_zero(key) {
        Cow::Owned(vec![0; key.len() + 1])
    } else {
        Cow::Borrowed(key)
    }
}

/// The key of a stored form.
pub(crate) fn original(stored: &[u8]) -> &[u8] {
    match stored.split_first() {
        Some((_, rest)) if is_zero(stored) => rest,
        _ => stored,
    }
}

fn is_zero(key: &[u8]) -> bool {
    // Eight at a time: every entry of a scan comes through here.
    let (eights, rest) = key.as_chunks();
    let mut eights = eights.iter().map(|eight| u64::from_le_bytes(*eight));
    eights.all(|eight| eight == 0) && rest.iter().all(|&byte| byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_kept_and_every_key_comes_back() {
        let mut keys: Vec<Vec<u8>> = vec![Vec::new()];
        for length in 1..=4_u32 {
            for number in 0..3_u32.pow(length) {
                let digit = |place: u32| [0, 1, 255][(number / 3_u32.pow(place) % 3) as usize];
                keys.push((0..length).map(digit).collect());
            }
        }
        keys.sort();
        for pair in keys.windows(2) {
            assert!(stored(&pair[0]) < stored(&pair[1]), "{pair:?}");
        }
        for key in &keys {
            assert!(!stored(key).is_empty());
            assert_eq!(original(&stored(key)), key.as_slice());
        }
    }
}
