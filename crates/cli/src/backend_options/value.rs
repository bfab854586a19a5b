//! Values of options: text to sizes, numbers, switches and durations.
//!
//! What always holds: whatever is no value is `None`, never another value.

use bytesize::ByteSize;
use std::str::FromStr;
#[cfg(feature = "lmdb")]
use std::time::Duration;

/// What the values of an option are.
pub(super) struct Values {
    /// What stands for them behind the name and `=`.
    pub(super) form: &'static str,
    /// The same in words that follow "is".
    pub(super) words: &'static str,
}

/// What a [`size`] is.
pub(super) const SIZE: Values = Values {
    form: "SIZE",
    words: "a size such as 512MiB or 64GiB",
};
/// What a [`number`] is.
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
pub(super) const NUMBER: Values = Values {
    form: "NUMBER",
    words: "a whole number",
};
/// What a [`switch`] is.
#[cfg(feature = "lmdb")]
pub(super) const SWITCH: Values = Values {
    form: "on|off",
    words: "on or off",
};
/// What a [`duration`] is.
#[cfg(feature = "lmdb")]
pub(super) const DURATION: Values = Values {
    form: "DURATION",
    words: "a duration such as 500ms or 2s",
};

/// A number of bytes; without a unit they are bytes.
pub(crate) fn size<T: TryFrom<u64>>(text: &str) -> Option<T> {
    let size = ByteSize::from_str(text).ok()?;
    // A size that is too large for 64 bits comes back as the largest.
    (size.as_u64() < u64::MAX).then(|| T::try_from(size.as_u64()).ok())?
}

/// A whole number.
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
pub(super) fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// Whether something is to be.
#[cfg(feature = "lmdb")]
pub(super) fn switch(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// A time span.
#[cfg(feature = "lmdb")]
pub(super) fn duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("512KiB", Some(512 << 10)),
            ("64GiB", Some(64 << 30)),
            ("1.5 MiB", Some(3 << 19)),
            ("2TB", Some(2_000_000_000_000)),
            ("", None),
            ("GiB", None),
            ("-1", None),
            ("64 furlongs", None),
            ("99999999999EiB", None),
        ] {
            assert_eq!(size::<u64>(text), bytes, "{text}");
        }
        assert_eq!(size::<u32>("64GiB"), None);
    }

    #[cfg(any(feature = "lmdb", feature = "rocksdb"))]
    #[test]
    fn numbers_fit_their_type() {
        assert_eq!(number::<u32>("1024"), Some(1024));
        for text in ["", "-1", "1.5", "4294967296", "many"] {
            assert_eq!(number::<u32>(text), None, "{text}");
        }
    }

    #[cfg(feature = "lmdb")]
    #[test]
    fn switches_and_durations_have_words() {
        assert_eq!((switch("on"), switch("off")), (Some(true), Some(false)));
        assert_eq!(switch("yes"), None);
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("2"), None);
    }
}
