//! Any bytes give rows or problems: each reader over random bytes, broken real files and every cut of one.

use crate::house::{fixture, gather, input, signature, with_null};
use crate::parquet_seeds::parquet_seeds;
use landfall_model::{DType, NullRule, RowRule};
use landfall_tables::{Format, ReadOptions, TableInput, fuzz};

/// A small generator with a fixed seed (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Seeds with bytes changed, taken out and doubled, and bits of a format's own alphabet.
fn mutated(seeds: &[Vec<u8>], alphabet: &[u8], rounds: usize, mut body: impl FnMut(&[u8])) {
    let mut random = Random(0x5EED);
    for round in 0..rounds {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=random.below(6) {
            let at = random.below(bytes.len());
            match random.below(5) {
                0 if !bytes.is_empty() => bytes[at] = random.next() as u8,
                1 if !bytes.is_empty() => bytes[at] = alphabet[random.below(alphabet.len())],
                2 => bytes.truncate(at),
                3 => bytes.insert(at, alphabet[random.below(alphabet.len())]),
                _ if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
                _ => {}
            }
        }
        body(&bytes);
    }
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

#[test]
fn text_of_any_kind_gives_rows_or_problems() {
    let seeds = [&b"x[0],x[1],n,s,t\n1,2,3,a,TRUE\n,\"q\"\"\",NA,b,0\n"[..], b"a,b\n1,2\n", b"1,2\n3,4\n"];
    mutated(&seeds.map(<[u8]>::to_vec), b",\"\n\r 0-.eNA[]", 4000, fuzz::csv);
    let seeds = [
        &b"{\"x\":[1,2.5e3],\"n\":3,\"s\":{\"b64\":\"AA==\"},\"t\":true}\n{\"a\":1,\"b\":null}\n"[..],
        b"[1,[2]]\n5\n",
    ];
    mutated(&seeds.map(<[u8]>::to_vec), b"{}[]\":,\\u0nNt-.e\n", 4000, fuzz::json_lines);
    let seeds = [&b"1 0:1 1:2\n0 qid:3 1:nan # c\n"[..]];
    mutated(&seeds.map(<[u8]>::to_vec), b": #-.0q\n", 3000, fuzz::libsvm);
}

#[test]
fn arrays_of_any_kind_give_rows_or_problems() {
    let names = ["version1.npy", "version3.npy", "fortran3.npy", "big_endian_text.npy", "objects.npy"];
    mutated(&names.map(file), b"'<>|fiuSUb0123456789(),: L", 4000, fuzz::npy);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fuzz");
    let seeds =
        ["stored.npz", "packed.npz", "nameless.npz", "sparse_narrow.npz", "sparse_named.npz"].map(file);
    mutated(&seeds, b"PK\x01\x02\x03\x04\xff", 2500, |bytes| fuzz::file(Format::Npz, &path, bytes));
}

#[test]
fn arrow_and_parquet_of_any_kind_give_rows_or_problems() {
    // Panics of the libraries are caught and become problems: their messages would only clutter the log.
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fuzz");
    mutated(&[file("types.arrows")], b"\0\x01\xff", 600, fuzz::arrow_stream);
    mutated(&[file("types.arrow")], b"\0\x01\xff", 600, |bytes| fuzz::file(Format::ArrowFile, &path, bytes));
    let mut seeds: Vec<Vec<u8>> = parquet_seeds().into_iter().map(|(_, bytes)| bytes).collect();
    seeds.push(file("types.parquet"));
    mutated(&seeds, b"\0\x01\xff", 1200, |bytes| fuzz::file(Format::Parquet, &path, bytes));
    std::panic::set_hook(loud);
}

#[test]
fn every_seed_of_parquet_is_a_table_of_good_rows() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in parquet_seeds() {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let file = || vec![TableInput::file(&path).with_format(Format::Parquet)];
        let inputs = ["a", "b"].map(|name| with_null(input(name, DType::F64, &[]), NullRule::Nan)).to_vec();
        let signature = signature(inputs, RowRule::Independent);
        let found = gather(file(), &signature, &ReadOptions::default()).unwrap();
        let rows = if name == "no_rows" { 0 } else { 5 };
        assert_eq!((found.rows.len(), found.bad.len()), (rows, 0), "{name} {:?}", found.bad);
    }
}
