//! The format of a store's record in a file: one header line, then the unchanged record. For the file store, and for
//! a host that manages files itself.
//!
//! `rekindle-store 1 <counter> <length> <sha256>
//! <record>`: the checksum covers counter and record, so that any changed bit is detected.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::store::Version;

const MAGIC: &str = "rekindle-store";
const FORMAT: u32 = 1;
/// Longer than any header that this version writes.
const HEADER_MAX: usize = 160;

/// Identifies one saved state of a file. The counter never decreases, so equal bytes that are saved again have
/// another stamp.
///
/// ```
/// use rekindle_proto::record_file::{Decoded, Stamp, decode, encode};
///
/// let stamp = Stamp::of(7, b"{}");
/// let file = encode(b"{}", &stamp);
/// let Decoded::Record(record, read) = decode(&file) else { panic!("it is a record") };
/// assert_eq!((record.as_slice(), read), (&b"{}"[..], stamp));
/// assert!(matches!(decode(&file[..file.len() - 1]), Decoded::Damaged("it is cut short", Some(_))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Increases by one with each save.
    pub counter: u64,
    sum: String,
}

/// What the bytes of a record file contain.
pub enum Decoded {
    /// A record, and its stamp.
    Record(Zeroizing<Vec<u8>>, Stamp),
    /// Written by a later version of rekindle: this version cannot judge it.
    Newer(u32),
    /// Damaged; with the stamp, if the header is still readable.
    Damaged(&'static str, Option<Stamp>),
}

impl Stamp {
    /// The stamp of a record that is about to be saved.
    ///
    /// ```
    /// use rekindle_proto::record_file::Stamp;
    /// assert_ne!(Stamp::of(1, b"{}"), Stamp::of(2, b"{}"));
    /// ```
    #[must_use]
    pub fn of(counter: u64, record: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(counter.to_be_bytes());
        hash.update(record);
        Self { counter, sum: hex(&hash.finalize()) }
    }

    /// The stamp as a store's version.
    ///
    /// ```
    /// use rekindle_proto::{record_file::Stamp, store::Version};
    /// let stamp = Stamp::of(1, b"{}");
    /// assert_eq!(stamp.version(), Version::new(stamp.text()));
    /// ```
    #[must_use]
    pub fn version(&self) -> Version {
        Version::new(self.text())
    }

    /// The stamp as text, for the note beside the file.
    ///
    /// ```
    /// use rekindle_proto::record_file::Stamp;
    /// assert!(Stamp::of(7, b"{}").text().starts_with("7-"));
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}-{}", self.counter, self.sum)
    }

    /// Parses the text of [`Stamp::text`].
    ///
    /// ```
    /// use rekindle_proto::record_file::Stamp;
    /// let stamp = Stamp::of(7, b"{}");
    /// assert_eq!(Stamp::parse(&stamp.text()), Some(stamp));
    /// assert_eq!(Stamp::parse("7-x"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (counter, sum) = text.split_once('-')?;
        Self::from_parts(counter, sum)
    }

    fn from_parts(counter: &str, sum: &str) -> Option<Self> {
        let is_sum = sum.len() == 64 && sum.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        is_sum.then_some(Self { counter: counter.parse().ok()?, sum: sum.to_owned() })
    }
}

/// Whether these bytes begin like a record file, however truncated.
///
/// ```
/// use rekindle_proto::record_file::begins_as_record;
/// assert!(begins_as_record(b"rekindle-st") && !begins_as_record(b"ssh-ed25519 AAAA"));
/// ```
#[must_use]
pub fn begins_as_record(bytes: &[u8]) -> bool {
    let shown = bytes.len().min(MAGIC.len());
    shown > 0 && bytes[..shown] == MAGIC.as_bytes()[..shown]
}

/// The bytes of a file with this record.
///
/// ```
/// use rekindle_proto::record_file::{Stamp, encode};
/// assert!(encode(b"{}", &Stamp::of(7, b"{}")).starts_with(b"rekindle-store 1 7 2 "));
/// ```
#[must_use]
pub fn encode(record: &[u8], stamp: &Stamp) -> Zeroizing<Vec<u8>> {
    let header = format!("{MAGIC} {FORMAT} {} {} {}\n", stamp.counter, record.len(), stamp.sum);
    let mut bytes = Zeroizing::new(Vec::with_capacity(header.len() + record.len()));
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(record);
    bytes
}

/// Parses the bytes of [`encode`], or says what else they are.
///
/// ```
/// use rekindle_proto::record_file::{Decoded, decode};
/// assert!(matches!(decode(b"{}"), Decoded::Damaged("it has no header", None)));
/// ```
#[must_use]
pub fn decode(bytes: &[u8]) -> Decoded {
    let Some((header, record)) = split_header(bytes) else {
        return Decoded::Damaged("it has no header", None);
    };
    let (length, stamp) = match header {
        Header::Newer(format) => return Decoded::Newer(format),
        Header::Ours { length, stamp } => (length, stamp),
    };
    if record.len() < length {
        return Decoded::Damaged("it is cut short", Some(stamp));
    }
    if record.len() > length {
        return Decoded::Damaged("it has more bytes than were written", Some(stamp));
    }
    if Stamp::of(stamp.counter, record) != stamp {
        return Decoded::Damaged("its checksum is wrong", Some(stamp));
    }
    Decoded::Record(Zeroizing::new(record.to_vec()), stamp)
}

enum Header {
    Ours { length: usize, stamp: Stamp },
    Newer(u32),
}

fn split_header(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let end = bytes.iter().take(HEADER_MAX).position(|b| *b == b'\n')?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    Some((parse_header(line)?, &bytes[end + 1..]))
}

fn parse_header(line: &str) -> Option<Header> {
    let mut words = line.split(' ');
    if words.next()? != MAGIC {
        return None;
    }
    match words.next()?.parse::<u32>().ok()? {
        FORMAT => {}
        newer if newer > FORMAT => return Some(Header::Newer(newer)),
        _ => return None,
    }
    let (counter, length, sum) = (words.next()?, words.next()?, words.next()?);
    let stamp = Stamp::from_parts(counter, sum)?;
    words.next().is_none().then_some(Header::Ours { length: length.parse().ok()?, stamp })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    fn file(record: &[u8]) -> (Vec<u8>, Stamp) {
        let stamp = Stamp::of(7, record);
        (encode(record, &stamp).to_vec(), stamp)
    }

    fn damage(bytes: &[u8]) -> Option<Option<Stamp>> {
        match decode(bytes) {
            Decoded::Damaged(_, stamp) => Some(stamp),
            _ => None,
        }
    }

    #[test]
    fn what_was_encoded_is_read_back() {
        for record in [&b""[..], b"x", b"line\nline\n", &[0, 255, 10]] {
            let (bytes, stamp) = file(record);
            let Decoded::Record(read, read_stamp) = decode(&bytes) else { panic!("not a record") };
            assert_eq!((read.as_slice(), read_stamp), (record, stamp));
        }
    }

    #[test]
    fn every_truncation_is_damage() {
        let (bytes, _) = file(b"record");
        for end in 0..bytes.len() {
            assert!(damage(&bytes[..end]).is_some(), "cut at {end}");
        }
    }

    #[test]
    fn every_flipped_bit_is_damage_or_names_a_newer_format() {
        let (bytes, _) = file(b"record");
        for position in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[position / 8] ^= 1 << (position % 8);
            assert!(!matches!(decode(&bytes), Decoded::Record(..)), "bit {position}");
        }
    }

    #[test]
    fn a_cut_or_lengthened_file_still_names_its_newest_version() {
        let (mut bytes, stamp) = file(b"record");
        assert_eq!(damage(&bytes[..bytes.len() - 1]), Some(Some(stamp.clone())));
        bytes.push(b'!');
        assert_eq!(damage(&bytes), Some(Some(stamp)));
    }

    #[test]
    fn a_newer_format_is_not_damage() {
        assert!(matches!(decode(b"rekindle-store 2 whatever it says\n..."), Decoded::Newer(2)));
        assert_eq!(damage(b"rekindle-store 0 1 1 x\n"), Some(None));
        assert_eq!(damage(b"{\"access_token\":1}\n"), Some(None));
    }

    #[test]
    fn a_stamp_survives_its_text() {
        let stamp = Stamp::of(3, b"x");
        assert_eq!(Stamp::parse(&stamp.text()), Some(stamp.clone()));
        assert_eq!(Stamp::parse(&stamp.text()[1..]), None);
        assert_eq!(Stamp::parse(""), None);
    }
}
