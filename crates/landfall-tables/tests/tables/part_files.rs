//! Folders of part files, and files that are packed.

use crate::house::*;
use landfall_model::*;
use landfall_tables::*;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

fn two_inputs() -> Arc<Signature> {
    signature(vec![input("x", DType::F32, &[]), input("n", DType::I64, &[])], RowRule::Independent)
}

fn folder_of(parts: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    parts.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
    folder
}

fn gathered(path: &Path, chunk_rows: usize) -> Result<Gathered, Problem> {
    let options = ReadOptions { chunk_rows, ..ReadOptions::default() };
    gather(vec![TableInput::file(path)], &two_inputs(), &options)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

#[test]
fn the_files_of_a_folder_are_one_table_in_the_order_of_their_names() {
    let folder = folder_of(&[
        ("part-00001.csv", "n,x,other\n3,0.3,q\n4,0.4,q\n5,0.5,q\n"),
        ("part-00000.csv", "x,n\n0.1,1\n0.2,2\n"),
        ("part-00002.csv", ""),
        ("part-00003.csv", "x,n\n0.6,6\n"),
        ("_SUCCESS", ""),
        (".part-00000.csv.crc", "crc"),
    ]);
    for chunk_rows in [1, 2, 1000] {
        let all = gathered(folder.path(), chunk_rows).unwrap();
        assert_eq!(all.rows, [1, 2, 3, 4, 5, 6]);
        assert_eq!(all.tensors[0].as_ref().unwrap().values::<f32>().unwrap(), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
        assert_eq!(all.tensors[1].as_ref().unwrap().values::<i64>().unwrap(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(all.ignored, ["other"]);
    }
}

#[test]
fn a_bad_row_is_named_with_its_file_and_its_row_there() {
    let folder = folder_of(&[
        ("a.jsonl", "{\"x\":1,\"n\":1}\n"),
        ("b.jsonl", "{\"x\":2,\"n\":2}\n{\"x\":3,\"n\":\"?\"}\n"),
    ]);
    let all = gathered(folder.path(), 1000).unwrap();
    assert_eq!(all.rows, [1, 2]);
    let (row, told, raw) = &all.bad[0];
    assert_eq!((*row, raw.as_str()), (3, "{\"x\":3,\"n\":\"?\"}"));
    assert_eq!(told, "row 3: b.jsonl row 2: column \"n\": expected int64, found \"?\"");
}

#[test]
fn parquet_files_of_a_folder_are_read_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["1.parquet", "2.parquet"] {
        fs::copy(fixture("types.parquet"), folder.path().join(name)).unwrap();
    }
    let fixed = signature(vec![input("fixed", DType::I32, &[2])], RowRule::Independent);
    let read = |path: &Path| gather(vec![TableInput::file(path)], &fixed, &ReadOptions::default()).unwrap();
    let (one, two) = (read(&fixture("types.parquet")), read(folder.path()));
    let values = |read: &Gathered| read.tensors[0].as_ref().unwrap().values::<i32>().unwrap().to_vec();
    assert_eq!(values(&two), [values(&one), values(&one)].concat());
}

#[test]
fn a_folder_that_is_no_table_is_refused_with_the_reason() {
    let empty = folder_of(&[("_SUCCESS", "")]);
    let problem = gathered(empty.path(), 10).unwrap_err().to_string();
    assert!(problem.contains("a folder without a table in it"), "{problem}");
    let nested = tempfile::tempdir().unwrap();
    fs::create_dir(nested.path().join("country=DE")).unwrap();
    let problem = gathered(nested.path(), 10).unwrap_err().to_string();
    assert!(
        problem.contains("country=DE: a folder within a folder of part files is not supported"),
        "{problem}"
    );
    let other = folder_of(&[("a.csv", "x,n\n1,2\n"), ("b.csv", "y,z\n1,2\n")]);
    let problem = gathered(other.path(), 10).unwrap_err().to_string();
    assert!(problem.contains("b.csv"), "{problem}");
    let all_rows = signature(vec![input("x", DType::F32, &[])], RowRule::None);
    let problem =
        gather(vec![TableInput::file(other.path())], &all_rows, &ReadOptions::default()).unwrap_err();
    assert!(problem.to_string().contains("all rows in one call"), "{problem}");
}

#[test]
fn a_gzip_file_is_read_as_what_it_unpacks_to() {
    let text = b"x,n\n0.1,1\n0.2,2\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv.gz");
    // Several members stand for their contents one after the other (RFC 1952, section 2.2).
    fs::write(&path, [gzip(&text[..7]), gzip(&text[7..])].concat()).unwrap();
    let all = gathered(&path, 1).unwrap();
    assert_eq!(all.rows, [1, 2]);
    assert_eq!(all.tensors[1].as_ref().unwrap().values::<i64>().unwrap(), [1, 2]);
    let columns = signature(vec![input("fixed", DType::I32, &[2])], RowRule::Independent);
    let parquet = folder.path().join("types.parquet.gz");
    fs::write(&parquet, gzip(&fs::read(fixture("types.parquet")).unwrap())).unwrap();
    let read = |path: &Path| gather(vec![TableInput::file(path)], &columns, &ReadOptions::default()).unwrap();
    assert_eq!(read(&parquet).tensors, read(&fixture("types.parquet")).tensors);
}

#[test]
fn the_format_of_a_file_shows_by_what_it_holds_packed_or_not_and_that_of_a_folder_by_its_first_part() {
    let line = "{\"x\": 0.1, \"n\": 1}\n";
    let folder = folder_of(&[("a", line), ("b.csv", "x,n\n0.1,1\n"), ("c", "neither"), ("_SUCCESS", "")]);
    fs::write(folder.path().join("d.jsonl.gz"), gzip(line.as_bytes())).unwrap();
    fs::copy(fixture("types.parquet"), folder.path().join("e")).unwrap();
    let shown = |name: &str| TableInput::file(folder.path().join(name)).shown_format();
    for (name, format) in [
        ("a", Some(Format::JsonLines)),
        ("b.csv", Some(Format::Csv)),
        ("c", Some(Format::Csv)),
        ("d.jsonl.gz", Some(Format::JsonLines)),
        ("e", Some(Format::Parquet)),
        ("", Some(Format::JsonLines)),
        ("nowhere.csv", Some(Format::Csv)),
        ("nowhere", None),
    ] {
        assert_eq!(shown(name), format, "{name}");
    }
    let told = TableInput::file(folder.path().join("a")).with_format(Format::Csv);
    assert_eq!(told.shown_format(), Some(Format::Csv));
}

#[test]
fn a_gzip_file_that_is_cut_short_or_damaged_is_refused() {
    let packed = gzip(&b"x,n\n0.1,1\n".repeat(10_000));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv.gz");
    let mut damaged = packed.clone();
    let crc = damaged.len() - 6;
    damaged[crc] ^= 1;
    for bytes in [&packed[..packed.len() / 2], &damaged, &packed[..4]] {
        fs::write(&path, bytes).unwrap();
        let problem = gathered(&path, 512).unwrap_err().to_string();
        assert!(problem.contains("rows.csv.gz") && problem.contains("damaged or cut short"), "{problem}");
    }
}
