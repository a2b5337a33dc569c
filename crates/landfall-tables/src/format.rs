//! The formats of tables, and how they are told apart: by content, then by ending.

use landfall_model::Problem;

/// How many bytes of a file are looked at.
pub(crate) const PEEKED_BYTES: usize = 4096;

/// Where a tar archive says what it is (POSIX, pax: `magic` in the header block).
const TAR_MAGIC_AT: usize = 257;

/// A format of tables.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Format {
    /// Comma-separated values, with a header or without.
    Csv,
    /// One JSON object on each line.
    JsonLines,
    /// Parquet.
    Parquet,
    /// One NumPy array.
    Npy,
    /// NumPy arrays by name.
    Npz,
    /// Arrow IPC, file form (Feather 2).
    ArrowFile,
    /// Arrow IPC, stream form.
    ArrowStream,
    /// Sparse rows as text: `label index:value …`, indices from 0.
    Libsvm,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 8] = [
        Format::Csv,
        Format::JsonLines,
        Format::Parquet,
        Format::Npy,
        Format::Npz,
        Format::ArrowFile,
        Format::ArrowStream,
        Format::Libsvm,
    ];

    /// The name by which `--format` knows it.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::JsonLines => "jsonl",
            Format::Parquet => "parquet",
            Format::Npy => "npy",
            Format::Npz => "npz",
            Format::ArrowFile => "arrow",
            Format::ArrowStream => "arrow-stream",
            Format::Libsvm => "libsvm",
        }
    }

    /// The format of this name.
    ///
    /// # Errors
    /// Invalid argument, naming those there are.
    pub fn of_name(name: &str) -> Result<Self, Problem> {
        Format::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            let known: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
            Problem::invalid(format!("unknown format {name:?}; known: {}", known.join(", ")))
        })
    }

    /// The format that a file's ending says.
    pub fn of_ending(path: &str) -> Option<Self> {
        let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let ending = file.rsplit_once('.')?.1.to_ascii_lowercase();
        Some(match ending.as_str() {
            "csv" => Format::Csv,
            "jsonl" | "ndjson" | "jsonlines" | "json" => Format::JsonLines,
            "parquet" | "pq" => Format::Parquet,
            "npy" => Format::Npy,
            "npz" => Format::Npz,
            "arrow" | "feather" | "ipc" => Format::ArrowFile,
            "arrows" => Format::ArrowStream,
            "libsvm" | "svm" | "svmlight" => Format::Libsvm,
            _ => return None,
        })
    }

    /// The format of a file to read: what its first bytes say, else its ending, else what text looks like.
    ///
    /// # Errors
    /// Invalid argument, when the ending says a binary format and the bytes are none, or a format that is not read.
    pub(crate) fn detect(path: &str, first: &[u8]) -> Result<Self, Problem> {
        if let Some(what) = workbook(first) {
            return Err(Problem::unsupported(format!("{path}: {what}"), "save it as CSV"));
        }
        if first.get(TAR_MAGIC_AT..).is_some_and(|rest| rest.starts_with(b"ustar")) {
            return Err(Problem::unsupported(format!("{path}: a tar archive"), "unpack it first"));
        }
        if let Some(format) = Format::of_magic(first) {
            return Ok(format);
        }
        let unread = [
            (&b"\x28\xb5\x2f\xfd"[..], "a zstd file", "unpack it first, or into standard input"),
            (b"BZh91AY&SY", "a bzip2 file", "unpack it first, or into standard input"),
            (b"\xfd7zXZ\0", "an xz file", "unpack it first, or into standard input"),
            (b"\x04\x22\x4d\x18", "an lz4 file", "unpack it first, or into standard input"),
            (b"\x89HDF", "an HDF5 file", "save it as Parquet or CSV"),
            (b"ORC\x0a", "an ORC file", "save it as Parquet or CSV"),
            (b"Obj\x01", "an Avro file", "save it as Parquet or CSV"),
            (b"\xff\xfe", "text in UTF-16", "save it as UTF-8"),
            (b"\xfe\xff", "text in UTF-16", "save it as UTF-8"),
            (b"FEA1", "a Feather 1 file", "write it as Feather 2 (Arrow IPC)"),
            (b"\xd0\xcf\x11\xe0", "an Excel file", "save it as CSV"),
            // PROTO is a pickle's first operation from protocol 2 on (pickletools.py).
            (b"\x80\x02", "a pickle", "save it as Parquet or CSV"),
            (b"\x80\x03", "a pickle", "save it as Parquet or CSV"),
            (b"\x80\x04", "a pickle", "save it as Parquet or CSV"),
            (b"\x80\x05", "a pickle", "save it as Parquet or CSV"),
            // R writes these into gzip (R Internals, section 1.8).
            (b"RDX2\n", "an R data file", "save it as CSV"),
            (b"RDX3\n", "an R data file", "save it as CSV"),
            (b"X\n\0\0\0", "an R data file", "save it as CSV"),
            (b"SQLite format 3\0", "an SQLite database", "save it as Parquet or CSV"),
            (b"<stata_dta>", "a Stata file", "save it as CSV"),
            (b"$FL2@(#)", "an SPSS file", "save it as CSV"),
            // The first half of the number that all files of SAS 7 and later begin with (Library of Congress, fdd000507).
            (b"\0\0\0\0\0\0\0\0\0\0\0\0\xc2\xea\x81\x60", "a SAS data set", "save it as CSV"),
        ];
        if is_wide_text(first) {
            return Err(Problem::unsupported(format!("{path}: text in UTF-16"), "save it as UTF-8"));
        }
        if let Some((_, what, instead)) = unread.iter().find(|(magic, ..)| first.starts_with(magic)) {
            return Err(Problem::unsupported(format!("{path}: {what}"), *instead));
        }
        match Format::of_ending(path) {
            Some(format) if format.is_text() || first.is_empty() => Ok(format),
            Some(format) => Err(Problem::malformed(
                path,
                Some(0),
                format!(
                    "the ending says {}, but the first bytes are not those of that format",
                    format.name()
                ),
            )),
            None => Ok(Format::of_text(first)),
        }
    }

    /// Whether it is lines of text.
    pub(crate) const fn is_text(self) -> bool {
        matches!(self, Format::Csv | Format::JsonLines | Format::Libsvm)
    }

    fn of_magic(first: &[u8]) -> Option<Self> {
        let magics = [
            (&b"PAR1"[..], Format::Parquet),
            (b"\x93NUMPY", Format::Npy),
            (b"PK\x03\x04", Format::Npz),
            (b"PK\x05\x06", Format::Npz),
            (b"ARROW1", Format::ArrowFile),
            (b"\xff\xff\xff\xff", Format::ArrowStream),
        ];
        magics.into_iter().find(|(magic, _)| first.starts_with(magic)).map(|(_, format)| format)
    }

    fn of_text(first: &[u8]) -> Self {
        let text = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(first).trim_ascii_start();
        match text.first() {
            Some(b'{' | b'[') | None => Format::JsonLines,
            _ if looks_like_libsvm(text) => Format::Libsvm,
            _ => Format::Csv,
        }
    }
}

/// The workbook whose first part (Open Packaging Conventions, OpenDocument) an archive begins with, as NPZ is one too.
/// The first member's name stands after 30 bytes of its head.
fn workbook(first: &[u8]) -> Option<&'static str> {
    let parts = [
        ("[Content_Types].xml", "an Excel file"),
        ("_rels/", "an Excel file"),
        ("docProps/", "an Excel file"),
        ("xl/", "an Excel file"),
        ("mimetypeapplication/vnd.oasis", "an OpenDocument file"),
    ];
    let name = first.strip_prefix(b"PK\x03\x04").and_then(|head| head.get(26..))?;
    parts.into_iter().find(|(part, _)| name.starts_with(part.as_bytes())).map(|(_, what)| what)
}

/// Whether it begins as ASCII in UTF-16 without a byte order mark does: each second byte is zero.
fn is_wide_text(first: &[u8]) -> bool {
    let pairs: Vec<&[u8]> = first.chunks_exact(2).take(8).collect();
    let wide =
        |zero: usize| pairs.iter().all(|pair| pair[zero] == 0 && matches!(pair[1 - zero], b'\t'..=b'~'));
    pairs.len() >= 3 && (wide(0) || wide(1))
}

/// `label index:value …`: numbers and pairs of numbers between blanks, with one pair at least.
fn looks_like_libsvm(text: &[u8]) -> bool {
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or(text);
    let number = |text: &[u8]| fast_float2::parse::<f64, _>(text).is_ok();
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    if !fields.next().is_some_and(number) {
        return false;
    }
    let mut pairs = 0;
    for field in fields {
        match field.iter().position(|&byte| byte == b':') {
            // The line may be cut at the end of what was looked at.
            Some(colon) if field[..colon].iter().all(u8::is_ascii_digit) || &field[..colon] == b"qid" => {
                pairs += 1
            }
            _ => return false,
        }
    }
    pairs > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_comes_before_the_ending_and_the_ending_before_a_guess() {
        let cases: [(&str, &[u8], Format); 10] = [
            ("a.csv", b"PAR1....", Format::Parquet),
            ("a", b"\x93NUMPY\x01\x00", Format::Npy),
            ("a.csv", b"x,y\n1,2\n", Format::Csv),
            ("a.json", b"{\"x\":1}\n", Format::JsonLines),
            ("-", b"{\"x\":1}\n", Format::JsonLines),
            ("-", b"1 0:3.5 2:1\n", Format::Libsvm),
            ("-", b"x,y\n", Format::Csv),
            ("rows.tbl", b"1.5,2\n", Format::Csv),
            ("a.arrows", b"\xff\xff\xff\xff\x10\0\0\0", Format::ArrowStream),
            ("/dev/null", b"", Format::JsonLines),
        ];
        for (path, first, expected) in cases {
            assert_eq!(Format::detect(path, first).unwrap(), expected, "{path} {first:?}");
        }
    }

    #[test]
    fn what_is_not_read_is_refused_by_name() {
        for (first, what) in [
            (&b"BZh91AY&SY"[..], "a bzip2 file"),
            (b"\xfd7zXZ\0\0\x04", "an xz file"),
            (b"\x04\x22\x4d\x18d@", "an lz4 file"),
            (b"\x89HDF\r\n", "an HDF5 file"),
            (b"ORC\x0a\x06", "an ORC file"),
            (b"Obj\x01\x04", "an Avro file"),
            (b"\x80\x04\x95", "a pickle"),
            (b"RDX3\nX\n", "an R data file"),
            (b"X\n\0\0\0\x03", "an R data file"),
            (b"SQLite format 3\0", "an SQLite database"),
            (b"a\0,\0b\0\n\0", "text in UTF-16"),
            (b"\0a\0,\0b\0\n", "text in UTF-16"),
        ] {
            let problem = Format::detect("a.csv", first).unwrap_err().to_string();
            assert!(problem.contains(&format!("{what} is not supported")), "{problem}");
        }
        let wide = Format::detect("a.csv", b"\xff\xfea\0").unwrap_err();
        assert!(wide.to_string().contains("UTF-16 is not supported: save it as UTF-8"), "{wide}");
        for name in ["[Content_Types].xml", "docProps/app.xml"] {
            let book = [b"PK\x03\x04", &[0; 26][..], name.as_bytes(), b"<x/>"].concat();
            let problem = Format::detect("a.xlsx", &book).unwrap_err();
            assert!(
                problem.to_string().contains("an Excel file is not supported: save it as CSV"),
                "{problem}"
            );
        }
        let sheet = [b"PK\x03\x04", &[0; 26][..], b"mimetypeapplication/vnd.oasis.opendocument"].concat();
        let problem = Format::detect("a.ods", &sheet).unwrap_err().to_string();
        assert!(problem.contains("an OpenDocument file is not supported"), "{problem}");
        let packed = [b"rows.csv", &[0; 249][..], b"ustar\x0000"].concat();
        let problem = Format::detect("a.csv.tar", &packed).unwrap_err().to_string();
        assert!(problem.contains("a tar archive is not supported: unpack it first"), "{problem}");
        assert!(Format::detect("a.parquet", b"x,y\n").is_err());
        assert!(Format::of_name("xml").unwrap_err().to_string().contains("csv, jsonl, parquet"));
    }
}
