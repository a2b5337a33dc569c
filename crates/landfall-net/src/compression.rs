//! gzip and zlib ("deflate") bodies, in and out, with output bounded.

use crate::body::BodyError;
use crate::memory::{Full, Hold, Kept};
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use landfall_model::Buffer;
use std::io::{self, Read, Write};

/// How bytes are packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Coding {
    /// RFC 1952; several members are one body.
    Gzip,
    /// RFC 1950: what HTTP calls `deflate`.
    Zlib,
}

impl Coding {
    /// By its name in `Content-Encoding`, `Accept-Encoding` and `grpc-encoding`, in lower case.
    pub(crate) fn named(name: &str) -> Option<Coding> {
        match name {
            "gzip" => Some(Coding::Gzip),
            "deflate" => Some(Coding::Zlib),
            _ => None,
        }
    }

    /// Its name in headers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Zlib => "deflate",
        }
    }
}

/// The names of all codings, for headers that say what is taken.
pub(crate) const TAKEN: &str = "gzip, deflate";

/// What an `Accept-Encoding` header prefers (RFC 9110, section 12.5.3): the highest weight wins, and among equals gzip,
/// then deflate. Names come in any case. `None` for no packing, which is also the answer to a header that makes no sense.
pub(crate) fn preferred(accept: &str) -> Option<Coding> {
    let mut weights = (None, None, None);
    for item in accept.split(',') {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = match parts.next().map(|part| part.strip_prefix("q=").unwrap_or(part).parse::<f32>()) {
            None => 1.0,
            Some(Ok(weight)) if (0.0..=1.0).contains(&weight) => weight,
            Some(_) => continue,
        };
        match &*name {
            "gzip" => weights.0 = Some(weight),
            "deflate" => weights.1 = Some(weight),
            "identity" => weights.2 = Some(weight),
            _ => {}
        }
    }
    let (gzip, zlib) = (weights.0.unwrap_or(0.0), weights.1.unwrap_or(0.0));
    let plain = weights.2.unwrap_or(0.0);
    match gzip.max(zlib) {
        best if best <= 0.0 || best < plain => None,
        best if gzip >= best => Some(Coding::Gzip),
        _ => Some(Coding::Zlib),
    }
}

/// What comes out while bytes are unpacked, held in memory as it comes.
struct Counted<R> {
    unpacked: R,
    hold: Hold,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.unpacked.read(into)?;
        self.hold.grow(read).map_err(io::Error::other)?;
        Ok(read)
    }
}

/// The packed bytes unpacked. Memory follows the bytes that come out, up to `limit`, and counts as `hold`.
///
/// # Errors
/// [`BodyError::Packed`] for bytes that are not of this coding, are cut off or fail their check sum;
/// [`BodyError::TooLarge`] over the limit; [`BodyError::Full`].
pub(crate) fn unpack(coding: Coding, packed: &[u8], limit: usize, hold: Hold) -> Result<Buffer, BodyError> {
    let mut whole = Vec::new();
    // One byte more than allowed tells a body of exactly the limit from a larger one.
    let most = (limit as u64).saturating_add(1);
    let mut rest = packed;
    let (read, hold) = match coding {
        Coding::Gzip => read_whole(MultiGzDecoder::new(&mut rest).take(most), hold, &mut whole),
        Coding::Zlib => read_whole(ZlibDecoder::new(&mut rest).take(most), hold, &mut whole),
    };
    let name = coding.name();
    read.map_err(|error| fault(name, &error))?;
    if whole.len() > limit {
        return Err(BodyError::TooLarge { limit });
    }
    if !rest.is_empty() {
        return Err(BodyError::Packed(format!("{} bytes follow the end of the {name} data", rest.len())));
    }
    Ok(Buffer::from_owner(Kept { bytes: whole, _hold: hold }))
}

/// Why a body does not unpack.
#[cold]
fn fault(name: &str, error: &io::Error) -> BodyError {
    match error.get_ref().and_then(|error| error.downcast_ref::<Full>()) {
        Some(full) => BodyError::Full(*full),
        None if error.kind() == io::ErrorKind::OutOfMemory => BodyError::Full(Full::Now),
        None => BodyError::Packed(format!("the body is no valid {name} data: {error}")),
    }
}

fn read_whole(unpacked: impl Read, hold: Hold, whole: &mut Vec<u8>) -> (io::Result<usize>, Hold) {
    let mut counted = Counted { unpacked, hold };
    (counted.read_to_end(whole), counted.hold)
}

/// The bytes packed.
pub(crate) fn pack(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    let fast = flate2::Compression::fast();
    let room = Vec::with_capacity(bytes.len() / 4 + 64);
    let packed = match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(room, fast);
            encoder.write_all(bytes).and_then(|()| encoder.finish())
        }
        Coding::Zlib => {
            let mut encoder = ZlibEncoder::new(room, fast);
            encoder.write_all(bytes).and_then(|()| encoder.finish())
        }
    };
    packed.expect("writing into a vector does not fail")
}

/// Fuzz body: unpacks foreign bytes, and what was packed must come back.
pub(crate) fn fuzz(bytes: &[u8]) {
    for coding in [Coding::Gzip, Coding::Zlib] {
        if let Ok(whole) = unpack(coding, bytes, 1 << 16, Hold::boundless()) {
            assert!(whole.len() <= 1 << 16);
        }
        let packed = pack(coding, bytes);
        let back = unpack(coding, &packed, bytes.len(), Hold::boundless()).expect("what was packed unpacks");
        assert_eq!(back.bytes(), bytes);
        if let Some(shorter) = bytes.len().checked_sub(1) {
            assert!(unpack(coding, &packed, shorter, Hold::boundless()).is_err(), "over the limit");
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = preferred(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Coding; 2] = [Coding::Gzip, Coding::Zlib];

    #[test]
    fn several_gzip_members_are_one_body() {
        let mut two = pack(Coding::Gzip, b"first, ");
        two.extend(pack(Coding::Gzip, b"second"));
        assert_eq!(unpack(Coding::Gzip, &two, 100, Hold::boundless()).unwrap().bytes(), b"first, second");
    }

    #[test]
    fn a_wrong_check_sum_a_cut_and_plain_text_are_refused() {
        for coding in BOTH {
            let packed = pack(coding, b"some bytes that are worth packing, packing, packing");
            let mut wrong = packed.clone();
            // The check sum of gzip stands before the length, that of zlib last.
            let place = packed.len() - if coding == Coding::Gzip { 5 } else { 1 };
            wrong[place] ^= 1;
            for bad in [&wrong[..], &packed[..packed.len() - 1], &packed[..10], b"plain text", b""] {
                assert_eq!(
                    unpack(coding, bad, 1000, Hold::boundless()).unwrap_err().status(),
                    400,
                    "{coding:?}"
                );
            }
        }
        let mut trailing = pack(Coding::Zlib, b"x");
        trailing.push(0);
        assert!(
            unpack(Coding::Zlib, &trailing, 10, Hold::boundless())
                .unwrap_err()
                .problem()
                .to_string()
                .contains("1 bytes")
        );
    }

    #[test]
    fn a_small_body_that_unpacks_to_a_huge_one_is_refused() {
        let bomb = pack(Coding::Gzip, &vec![0; 4 << 20]);
        assert!(bomb.len() < 64 << 10);
        assert_eq!(unpack(Coding::Gzip, &bomb, 1 << 20, Hold::boundless()).unwrap_err().status(), 413);
        assert_eq!(unpack(Coding::Gzip, &bomb, 4 << 20, Hold::boundless()).unwrap().len(), 4 << 20);
        let memory = crate::memory::Memory::new(2 << 20);
        let full = unpack(Coding::Gzip, &bomb, 4 << 20, memory.share().hold()).unwrap_err();
        assert!(matches!(full, BodyError::Full(_)), "{full:?}");
        assert_eq!(memory.taken(), 0);
    }

    #[test]
    fn memory_that_is_not_to_be_had_is_no_fault_of_the_body() {
        assert_eq!(fault("gzip", &io::ErrorKind::OutOfMemory.into()).status(), 503);
        assert_eq!(fault("gzip", &io::ErrorKind::InvalidData.into()).status(), 400);
    }

    #[test]
    fn the_heaviest_coding_is_preferred() {
        for (header, expected) in [
            ("gzip", Some(Coding::Gzip)),
            ("GZip;q=0.5", Some(Coding::Gzip)),
            ("deflate", Some(Coding::Zlib)),
            ("gzip, deflate", Some(Coding::Gzip)),
            ("deflate, gzip", Some(Coding::Gzip)),
            ("gzip;q=0, deflate;q=0.5", Some(Coding::Zlib)),
            ("gzip;q=0.2, deflate;q=0.5", Some(Coding::Zlib)),
            ("identity;q=0.9, gzip;q=0.5", None),
            ("identity, gzip", Some(Coding::Gzip)),
            ("br", None),
            ("", None),
            ("gzip;q=two", None),
            ("gzip;q=0", None),
        ] {
            assert_eq!(preferred(header), expected, "{header:?}");
        }
    }
}
