//! How CatBoost hashes categories: CityHash64 in its first published version (1.0), of which it keeps 32 bits, and the
//! mixing of several into one key.
//!
//! Algorithm: Geoff Pike, Jyrki Alakuijala, "CityHash" 1.0.

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;
const K3: u64 = 0xc949_d7c7_509e_6557;

/// What a category is known by: the low half of its text's hash.
pub(crate) fn category(text: &[u8]) -> u32 {
    city(text) as u32
}

/// Takes a further element into a key.
pub(crate) fn mix(key: u64, element: u64) -> u64 {
    const FACTOR: u64 = 0x4906_ba49_4954_cb65;
    FACTOR.wrapping_mul(key.wrapping_add(FACTOR.wrapping_mul(element)))
}

/// A category as an element of a key: its 32 bits with their sign.
pub(crate) fn element(category: u32) -> u64 {
    i64::from(category.cast_signed()).cast_unsigned()
}

/// CityHash64, version 1.0.
fn city(text: &[u8]) -> u64 {
    match text.len() {
        0 => K2,
        1..=3 => tiny(text),
        4..=8 => pair(text.len() as u64 + (word32(text, 0) << 3), word32(text, text.len() - 4)),
        9..=16 => {
            let (first, last) = (word(text, 0), word(text, text.len() - 8));
            let length = text.len() as u64;
            pair(first, last.wrapping_add(length).rotate_right(length as u32)) ^ last
        }
        17..=32 => short(text),
        33..=64 => middle(text),
        _ => long(text),
    }
}

fn tiny(text: &[u8]) -> u64 {
    let length = text.len();
    let byte = |place: usize| u64::from(text[place]);
    let y = byte(0) + (byte(length >> 1) << 8);
    let z = length as u64 + (byte(length - 1) << 2);
    fold(y.wrapping_mul(K2) ^ z.wrapping_mul(K3)).wrapping_mul(K2)
}

fn short(text: &[u8]) -> u64 {
    let length = text.len();
    let a = word(text, 0).wrapping_mul(K1);
    let b = word(text, 8);
    let c = word(text, length - 8).wrapping_mul(K2);
    let d = word(text, length - 16).wrapping_mul(K0);
    let first = a.wrapping_sub(b).rotate_right(43).wrapping_add(c.rotate_right(30)).wrapping_add(d);
    let second = a.wrapping_add((b ^ K3).rotate_right(20)).wrapping_sub(c).wrapping_add(length as u64);
    pair(first, second)
}

fn middle(text: &[u8]) -> u64 {
    let length = text.len();
    let half = |start: u64, words: [u64; 2], z: u64| {
        let b = start.wrapping_add(z).rotate_right(52);
        let c = start.rotate_right(37);
        let a = start.wrapping_add(words[0]);
        let c = c.wrapping_add(a.rotate_right(7));
        let a = a.wrapping_add(words[1]);
        (a.wrapping_add(z), b.wrapping_add(a.rotate_right(31)).wrapping_add(c))
    };
    let last = word(text, length - 16);
    let start = word(text, 0).wrapping_add((length as u64).wrapping_add(last).wrapping_mul(K0));
    let (vf, vs) = half(start, [word(text, 8), word(text, 16)], word(text, 24));
    let start = word(text, 16).wrapping_add(word(text, length - 32));
    let (wf, ws) = half(start, [word(text, length - 24), last], word(text, length - 8));
    let mixed = vf.wrapping_add(ws).wrapping_mul(K2).wrapping_add(wf.wrapping_add(vs).wrapping_mul(K0));
    fold(fold(mixed).wrapping_mul(K0).wrapping_add(vs)).wrapping_mul(K2)
}

fn long(text: &[u8]) -> u64 {
    let length = text.len();
    let mut x = word(text, 0);
    let mut y = word(text, length - 16) ^ K1;
    let mut z = word(text, length - 56) ^ K0;
    let mut v = weak(&text[length - 64..], length as u64, y);
    let mut w = weak(&text[length - 32..], (length as u64).wrapping_mul(K1), K0);
    z = z.wrapping_add(fold(v.1).wrapping_mul(K1));
    x = z.wrapping_add(x).rotate_right(39).wrapping_mul(K1);
    y = y.rotate_right(33).wrapping_mul(K1);
    let blocks = (length - 1) / 64;
    for block in text.chunks_exact(64).take(blocks) {
        x = x
            .wrapping_add(y)
            .wrapping_add(v.0)
            .wrapping_add(word(block, 16))
            .rotate_right(37)
            .wrapping_mul(K1);
        y = y.wrapping_add(v.1).wrapping_add(word(block, 48)).rotate_right(42).wrapping_mul(K1);
        x ^= w.1;
        y ^= v.0;
        z = (z ^ w.0).rotate_right(33);
        v = weak(block, v.1.wrapping_mul(K1), x.wrapping_add(w.0));
        w = weak(&block[32..], z.wrapping_add(w.1), y);
        std::mem::swap(&mut z, &mut x);
    }
    let first = pair(v.0, w.0).wrapping_add(fold(y).wrapping_mul(K1)).wrapping_add(z);
    pair(first, pair(v.1, w.1).wrapping_add(x))
}

fn weak(bytes: &[u8], a: u64, b: u64) -> (u64, u64) {
    let a = a.wrapping_add(word(bytes, 0));
    let b = b.wrapping_add(a).wrapping_add(word(bytes, 24)).rotate_right(21);
    let sum = a.wrapping_add(word(bytes, 8)).wrapping_add(word(bytes, 16));
    (sum.wrapping_add(word(bytes, 24)), b.wrapping_add(sum.rotate_right(44)).wrapping_add(a))
}

/// Two halves of 128 bits into 64.
fn pair(low: u64, high: u64) -> u64 {
    const FACTOR: u64 = 0x9ddf_ea08_eb38_2d69;
    let first = fold((low ^ high).wrapping_mul(FACTOR));
    fold((high ^ first).wrapping_mul(FACTOR)).wrapping_mul(FACTOR)
}

fn fold(value: u64) -> u64 {
    value ^ (value >> 47)
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut array = [0; 8];
    array.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(array)
}

fn word32(bytes: &[u8], at: usize) -> u64 {
    let mut array = [0; 4];
    array.copy_from_slice(&bytes[at..at + 4]);
    u64::from(u32::from_le_bytes(array))
}

#[cfg(test)]
mod tests {
    use super::category;

    #[test]
    fn categories_of_every_length_have_the_hash_that_the_library_writes_into_its_files() {
        let long = "long ".repeat(30);
        let digits = "0123456789".repeat(5);
        for (text, hash) in [
            ("", 797_982_799),
            ("7", 4_277_023_987),
            ("-3", 1_837_837_212),
            ("é", 468_052_468),
            ("red", 3_052_168_893),
            ("blue", 3_431_880_003),
            ("日本", 2_454_628_577),
            ("xxxxxxxxx", 4_121_982_645),
            ("abababababababababababab", 2_964_573_884),
            (digits.as_str(), 1_074_845_035),
            (long.as_str(), 3_567_939_181),
        ] {
            assert_eq!(category(text.as_bytes()), hash, "{text:?}");
        }
    }
}
