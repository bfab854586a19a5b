//! Reading and writing the fields of records: fixed little-endian integers and canonical varints, every length checked.

use quadrille_backend::{StorageError, StorageResult};

/// Appends an unsigned LEB128 varint.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a length and the bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A row of ids as the big-endian key under which it sorts.
#[derive(Clone, Copy)]
pub(crate) struct RowKey {
    bytes: [u8; 32],
    length: usize,
}

impl RowKey {
    /// The key of a row of at most four ids.
    pub(crate) fn new<const N: usize>(row: &[u64; N]) -> Self {
        let mut bytes = [0; 32];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(row) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        Self {
            bytes,
            length: N * 8,
        }
    }
}

impl std::ops::Deref for RowKey {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The row of a key; `None` when the key has another length.
pub(crate) fn row_of<const N: usize>(key: &[u8]) -> Option<[u64; N]> {
    if key.len() != N * 8 {
        return None;
    }
    let mut row = [0; N];
    for (word, bytes) in row.iter_mut().zip(key.chunks_exact(8)) {
        *word = u64::from_be_bytes(bytes.try_into().ok()?);
    }
    Some(row)
}

/// A reader over a record; every method fails with `Corrupted` where the record is too short or not canonical.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// A reader; `what` names the record in errors.
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { bytes, what }
    }

    fn short(&self) -> StorageError {
        StorageError::corrupted(format!("a {} ends too early", self.what))
    }

    pub(crate) fn take(&mut self, length: usize) -> StorageResult<&'a [u8]> {
        let (head, tail) = self
            .bytes
            .split_at_checked(length)
            .ok_or_else(|| self.short())?;
        self.bytes = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> StorageResult<[u8; N]> {
        let (head, tail) = self
            .bytes
            .split_first_chunk::<N>()
            .ok_or_else(|| self.short())?;
        self.bytes = tail;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> StorageResult<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> StorageResult<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> StorageResult<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> StorageResult<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn varint(&mut self) -> StorageResult<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            let canonical = (shift < 63 || bits <= 1) && (byte != 0 || shift == 0);
            if !canonical {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(StorageError::corrupted(format!(
            "a {} holds a number that is not canonical",
            self.what
        )))
    }

    pub(crate) fn bytes(&mut self) -> StorageResult<&'a [u8]> {
        let length = usize::try_from(self.varint()?).map_err(|_| self.short())?;
        self.take(length)
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.bytes
    }

    /// Fails when something is left.
    pub(crate) fn end(&self) -> StorageResult<()> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(StorageError::corrupted(format!(
                "a {} is longer than it says",
                self.what
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_round_trip_and_are_canonical() {
        for value in [
            0,
            1,
            127,
            128,
            300,
            u64::from(u32::MAX),
            u64::MAX - 1,
            u64::MAX,
        ] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let mut reader = Reader::new(&out, "test");
            assert_eq!(reader.varint().expect("what was written reads"), value);
            reader.end().expect("nothing is left");
        }
        for bad in [&[0x80, 0][..], &[0x80], &[0xff; 10], &[0xff; 11], &[]] {
            assert!(Reader::new(bad, "test").varint().is_err(), "{bad:?}");
        }
    }
}
