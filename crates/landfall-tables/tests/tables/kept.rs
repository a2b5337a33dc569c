//! Columns that are kept beside the answers: from every format that has columns into every format.

use crate::house::*;
use landfall_model::*;
use landfall_tables::*;
use std::sync::Arc;

fn model(rows: RowRule) -> Arc<Signature> {
    signature(vec![input("x", DType::F32, &[])], rows)
}

pub(crate) fn keeping(names: &[&str], chunk_rows: usize) -> ReadOptions {
    let keep = names.iter().map(|name| (*name).to_owned()).collect();
    ReadOptions { chunk_rows, keep, ..ReadOptions::default() }
}

fn text(format: Format, text: &str) -> TableInput {
    TableInput::stream("t", Some(format), std::io::Cursor::new(text.as_bytes().to_vec()))
}

/// Answers each row with its `x`, and writes what is kept beside it; rows whose `x` is negative fail in the model.
fn scored(
    files: Vec<TableInput>,
    options: &ReadOptions,
    rows: RowRule,
    format: Format,
) -> Result<Vec<u8>, Problem> {
    scored_by(&model(rows), files, options, format)
}

pub(crate) fn scored_by(
    signature: &Arc<Signature>,
    files: Vec<TableInput>,
    options: &ReadOptions,
    format: Format,
) -> Result<Vec<u8>, Problem> {
    let wanted = signature.default_outputs().clone();
    let reader = TableReader::open(files, signature.clone(), wanted.clone(), options)?;
    let memory = Memory::default();
    let write = WriteOptions { kept: reader.kept(), ..WriteOptions::default() };
    let mut writer = TableWriter::create(format, Box::new(memory.clone()), signature, &wanted, &write)?;
    while let Some(raw) = reader.next()? {
        for piece in reader.decode(&raw)?.pieces {
            let x = piece.call.input(0).and_then(Input::dense).unwrap().clone();
            let mut outputs = Outputs::new();
            for (row, value) in x.values::<f32>()?.iter().enumerate() {
                if *value < 0.0 {
                    outputs.fail_row(row, Problem::invalid("negative"));
                }
            }
            outputs.set(0, x.reshaped(Shape::new(&[piece.rows.len()]))?);
            writer.append(&writer.encoder().encode(&outputs, &piece.kept)?)?;
        }
    }
    writer.finish()?;
    Ok(memory.bytes())
}

fn csv_of(files: Vec<TableInput>, names: &[&str]) -> Result<String, Problem> {
    let bytes = scored(files, &keeping(names, 2), RowRule::Independent, Format::Csv)?;
    Ok(String::from_utf8(bytes).unwrap())
}

fn refused(files: Vec<TableInput>, names: &[&str]) -> String {
    csv_of(files, names).unwrap_err().to_string()
}

/// As the formats of Arrow and Parquet have it again, in CSV.
pub(crate) fn back(format: Format, bytes: Vec<u8>, names: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    std::fs::write(&path, bytes).unwrap();
    // The answers' column is the next run's input.
    let signature = signature(vec![input("y", DType::F32, &[])], RowRule::Independent);
    let wanted = signature.default_outputs().clone();
    let file = TableInput::file(path).with_format(format);
    let reader =
        TableReader::open(vec![file], signature.clone(), wanted.clone(), &keeping(names, 2)).unwrap();
    let output = OutputSpec::new("again", DType::F32, Some(vec![Dim::Free(None)]));
    let inputs = vec![input("y", DType::F32, &[])];
    let (rows, shapes) = (RowRule::Independent, ShapeRule::Checked);
    let writes = Signature::new("s", Method::Predict, inputs, vec![output], rows, shapes).unwrap();
    let memory = Memory::default();
    let options = WriteOptions { kept: reader.kept(), ..WriteOptions::default() };
    let mut writer = TableWriter::create(
        Format::Csv,
        Box::new(memory.clone()),
        &writes,
        writes.default_outputs(),
        &options,
    )
    .unwrap();
    while let Some(raw) = reader.next().unwrap() {
        for piece in reader.decode(&raw).unwrap().pieces {
            let mut outputs = Outputs::new();
            outputs.set(0, piece.call.input(0).and_then(Input::dense).unwrap().clone());
            writer.append(&writer.encoder().encode(&outputs, &piece.kept).unwrap()).unwrap();
        }
    }
    writer.finish().unwrap();
    String::from_utf8(memory.bytes()).unwrap()
}

const CSV: &str =
    "id,x,note\n007,1,\"a,\"\"b\"\"\"\n9007199254740993,bad,c\n,2.5,\n\"\",3,\" d\n\"\n+1,-1,e\n1e5,4,é\n";

#[test]
fn cells_of_csv_come_out_with_the_text_that_they_had() {
    let written = csv_of(vec![text(Format::Csv, CSV)], &["note", "id"]).unwrap();
    // The row that cannot be read and the row that the model refuses are left out with what was kept of them.
    assert_eq!(written, "note,id,y\n\"a,\"\"b\"\"\",007,1.0\n,,2.5\n\" d\n\",\"\",3.0\né,1e5,4.0\n");
}

#[test]
fn cells_of_csv_are_text_in_formats_with_types() {
    let options = keeping(&["id", "note"], 2);
    let independent = || RowRule::Independent;
    let lines = scored(vec![text(Format::Csv, CSV)], &options, independent(), Format::JsonLines).unwrap();
    assert_eq!(
        String::from_utf8(lines).unwrap(),
        "{\"id\":\"007\",\"note\":\"a,\\\"b\\\"\",\"y\":1.0}\n{\"id\":null,\"note\":null,\"y\":2.5}\n\
         {\"id\":\"\",\"note\":\" d\\n\",\"y\":3.0}\n{\"id\":\"1e5\",\"note\":\"é\",\"y\":4.0}\n"
    );
    let csv = csv_of(vec![text(Format::Csv, CSV)], &["id", "note"]).unwrap().replace(",y\n", ",again\n");
    for format in [Format::Parquet, Format::ArrowFile, Format::ArrowStream] {
        let bytes = scored(vec![text(Format::Csv, CSV)], &options, independent(), format).unwrap();
        assert_eq!(back(format, bytes, &["id", "note"]), csv, "{format:?}");
    }
}

const LINES: &str = "{\"x\":1,\"id\":9007199254740993,\"tags\":[\"a\", {\"b\":null}],\"on\":true,\"name\":\"q\\\"\\u00e9\"}\n\
    {\"id\":1.50,\"x\":2,\"name\":null}\n{\"x\":\"no\",\"id\":1}\n{\"x\":4,\"id\":-0,\"id\":NaN,\"tags\":[],\"on\":false}\n";

#[test]
fn values_of_json_lines_stay_as_they_are_in_json_and_are_text_elsewhere() {
    let names = ["id", "tags", "on", "name"];
    let lines = |format| {
        scored(vec![text(Format::JsonLines, LINES)], &keeping(&names, 2), RowRule::Independent, format)
            .unwrap()
    };
    assert_eq!(
        String::from_utf8(lines(Format::JsonLines)).unwrap(),
        "{\"id\":9007199254740993,\"tags\":[\"a\", {\"b\":null}],\"on\":true,\"name\":\"q\\\"\\u00e9\",\"y\":1.0}\n\
         {\"id\":1.50,\"tags\":null,\"on\":null,\"name\":null,\"y\":2.0}\n\
         {\"id\":NaN,\"tags\":[],\"on\":false,\"name\":null,\"y\":4.0}\n"
    );
    let csv = "id,tags,on,name,y\n9007199254740993,\"[\"\"a\"\", {\"\"b\"\":null}]\",true,\"q\"\"é\",1.0\n1.50,,,,2.0\n\
               NaN,[],false,,4.0\n";
    assert_eq!(String::from_utf8(lines(Format::Csv)).unwrap(), csv);
    for format in [Format::Parquet, Format::ArrowFile, Format::ArrowStream] {
        assert_eq!(back(format, lines(format), &names), csv.replace(",y\n", ",again\n"), "{format:?}");
    }
}

/// A model that takes the column `name`, missing values as 0.
fn taking(name: &str) -> Arc<Signature> {
    signature(vec![with_null(input(name, DType::F32, &[]), NullRule::Zero)], RowRule::Independent)
}

#[test]
fn columns_of_parquet_and_arrow_keep_their_types_and_have_a_text_elsewhere() {
    let names = [
        "int64",
        "uint8",
        "double",
        "halffloat",
        "bool",
        "string",
        "string_view",
        "dictionary",
        "list",
        "fixed",
        "nested",
        "when",
    ];
    let csv = "int64,uint8,double,halffloat,bool,string,string_view,dictionary,list,fixed,nested,when,y\n\
        1,1,1.0,1.0,true,a,a,a,\"[1.0,2.0]\",\"[1,2]\",\"[[1,2],[3,4]]\",1970-01-01T00:00:00,1.0\n\
        ,,,,,,,,\"[3.0,null]\",\"[3,4]\",\"[[1,2],[3,4]]\",1970-01-01T00:00:00.001,0.0\n\
        3,3,3.0,3.0,false,zwölf,zwölf,zwölf,,\"[5,6]\",\"[[1,2],[3,4]]\",1970-01-01T00:00:00.002,3.0\n\
        100,100,100.0,100.0,true,\"\",longer than twelve bytes,a,\"[7.0,8.0]\",\"[7,8]\",\"[[1,2],[3,4]]\",\
        1970-01-01T00:00:00.003,100.0\n";
    for name in ["types.parquet", "types.arrow", "types.arrows"] {
        let scored = |format| {
            scored_by(&taking("int8"), vec![TableInput::file(fixture(name))], &keeping(&names, 2), format)
        };
        assert_eq!(String::from_utf8(scored(Format::Csv).unwrap()).unwrap(), csv, "{name}");
        for format in [Format::Parquet, Format::ArrowFile, Format::ArrowStream] {
            let again = back(format, scored(format).unwrap(), &names);
            assert_eq!(again, csv.replace(",y\n", ",again\n"), "{name} {format:?}");
        }
        let lines = String::from_utf8(scored(Format::JsonLines).unwrap()).unwrap();
        let second = lines.lines().nth(1).unwrap();
        assert!(second.starts_with("{\"int64\":null,\"uint8\":null,\"double\":null"), "{second}");
        assert!(second.contains("\"list\":[3.0,null],\"fixed\":[3,4],\"nested\":[[1,2],[3,4]],"), "{second}");
        assert!(second.ends_with("\"when\":\"1970-01-01T00:00:00.001\",\"y\":0.0}"), "{second}");
    }
}

#[test]
fn decimals_keep_their_digits() {
    let names = ["small", "whole", "long", "wide"];
    for name in ["decimals.arrow", "decimals.parquet"] {
        let scored = |format| {
            scored_by(&taking("small"), vec![TableInput::file(fixture(name))], &keeping(&names, 9), format)
        };
        let csv = String::from_utf8(scored(Format::Csv).unwrap()).unwrap();
        let rows: Vec<&str> = csv.lines().skip(1).collect();
        assert!(
            rows[0].starts_with("1.10,7,0.111111111111111111111111111111,1208925819614629174706176,"),
            "{csv}"
        );
        assert!(rows[1].starts_with(",,,,"), "{csv}");
        let parquet = scored(Format::Parquet).unwrap();
        assert_eq!(back(Format::Parquet, parquet, &names), csv.replace(",y\n", ",again\n"), "{name}");
    }
}

#[test]
fn arrays_hold_floats_that_are_missing_and_no_such_integers() {
    let npz = |name: &str| {
        let file = vec![TableInput::file(fixture("types.parquet"))];
        scored_by(&taking("int8"), file, &keeping(&[name], 2), Format::Npz)
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.npz");
    std::fs::write(&path, npz("double").unwrap()).unwrap();
    let read = read_columns(TableInput::file(&path), vec![input("double", DType::F64, &[])]).unwrap();
    let doubles = read[0].as_ref().unwrap().values::<f64>().unwrap().to_vec();
    assert!(doubles[0] == 1.0 && doubles[1].is_nan() && doubles[3] == 100.0, "{doubles:?}");
    let told = npz("int64").unwrap_err().to_string();
    assert!(
        told.contains("--keep int64: a value is missing, and an array of int64 holds none such"),
        "{told}"
    );
    std::fs::write(&path, npz("nested").unwrap()).unwrap();
    let read = read_columns(TableInput::file(&path), vec![input("nested", DType::I64, &[2, 2])]).unwrap();
    assert_eq!(read[0].as_ref().unwrap().shape()[..], [4, 2, 2]);
}

#[test]
fn a_table_that_goes_as_one_call_keeps_its_columns_too() {
    for (format, table) in [(Format::Csv, CSV), (Format::JsonLines, LINES)] {
        for rows in [RowRule::None, RowRule::Pieces(2)] {
            let whole = scored(vec![text(format, table)], &keeping(&["id"], 2), rows, Format::Csv);
            let each =
                scored(vec![text(format, table)], &keeping(&["id"], 2), RowRule::Independent, Format::Csv);
            assert_eq!(whole.unwrap(), each.unwrap(), "{format:?}");
        }
    }
}

#[test]
fn a_file_with_fewer_rows_than_a_call_keeps_nothing() {
    let mut other = input("z", DType::F32, &[]);
    other.optional = true;
    let signature = signature(vec![input("x", DType::F32, &[]), other], RowRule::None);
    let files = |second: &str| {
        vec![text(Format::Csv, "x\n1\n2\n").for_input("x"), text(Format::Csv, second).for_input("z")]
    };
    for second in ["z,id\n", "z,id\n5,a\n"] {
        let told =
            scored_by(&signature, files(second), &keeping(&["id"], 9), Format::Csv).unwrap_err().to_string();
        assert!(told.contains("a column to keep has"), "{told}");
    }
    let both = scored_by(&signature, files("z,id\n5,a\n6,b\n"), &keeping(&["id"], 9), Format::Csv);
    assert_eq!(both.unwrap(), b"id,y\na,1.0\nb,2.0\n");
}

#[test]
fn arrays_of_kept_columns_go_into_npz() {
    let bytes = scored(vec![text(Format::Csv, CSV)], &keeping(&["id"], 2), RowRule::Independent, Format::Npz)
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.npz");
    std::fs::write(&path, bytes).unwrap();
    let columns = vec![input("id", DType::String, &[]), input("y", DType::F32, &[])];
    let read = read_columns(TableInput::file(path), columns).unwrap();
    let ids: Vec<&[u8]> = read[0].as_ref().unwrap().strings().unwrap().iter().collect();
    assert_eq!(ids, [&b"007"[..], b"", b"", b"1e5"]);
    assert_eq!(read[1].as_ref().unwrap().len(), 4);
    let npy = scored(vec![text(Format::Csv, CSV)], &keeping(&["id"], 2), RowRule::Independent, Format::Npy);
    assert!(npy.unwrap_err().to_string().contains("NPY holds one array"));
}

#[test]
fn names_that_cannot_be_kept_are_refused_with_what_there_is() {
    let csv = || text(Format::Csv, CSV);
    assert_eq!(
        refused(vec![csv()], &["ID"]),
        "--keep: the table has no column \"ID\" (there are id, x, note)"
    );
    assert_eq!(refused(vec![csv()], &["id", "id"]), "--keep: \"id\" is named twice");
    let output = text(Format::Csv, "x,y\n1,2\n");
    assert!(refused(vec![output], &["y"]).starts_with("--keep: \"y\" is an output of the model too"));
    let twice = text(Format::Csv, "x,id,id\n1,2,3\n");
    assert_eq!(refused(vec![twice], &["id"]), "t: --keep: two columns are named \"id\"");
    let headless = text(Format::Csv, "1\n2\n");
    assert!(refused(vec![headless], &["1"]).contains("the table's have no names"));
    let lines = text(Format::JsonLines, LINES);
    assert!(refused(vec![lines], &["where"]).contains("(there are x, id, tags, on, name)"));
    let array = TableInput::file(fixture("version1.npy"));
    let told = refused(vec![array], &["id"]);
    assert!(told.contains("the table's have no names"), "{told}");
    let group = scored(vec![csv()], &keeping(&["id"], 2), RowRule::GroupedBy("id".into()), Format::Csv);
    assert!(group.unwrap_err().to_string().contains("answers once for each group of rows"));
}

#[test]
fn an_input_may_be_kept_and_a_name_may_differ_in_blanks() {
    let table = text(Format::Csv, " id ;x\n1;2\n");
    assert_eq!(csv_of(vec![table], &["x", " id"]).unwrap(), "x,id,y\n2,1,2.0\n");
    assert_eq!(csv_of(vec![text(Format::Csv, "")], &["id"]).unwrap(), "id,y\n");
}

#[test]
fn each_file_of_a_folder_has_the_column_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let part = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    part("a.csv", "id,x\na1,1\na2,2\na3,3\n");
    part("b.csv", "x,id\n4,b1\n");
    part("c.csv", "");
    let table = || vec![TableInput::file(folder.path())];
    assert_eq!(csv_of(table(), &["id"]).unwrap(), "id,y\na1,1.0\na2,2.0\na3,3.0\nb1,4.0\n");
    part("d.csv", "x,no\n5,d1\n");
    let told = refused(table(), &["id"]);
    assert!(told.contains("d.csv: --keep: the table has no column \"id\" (there are x, no)"), "{told}");
}

#[test]
fn what_more_rows_or_fewer_answer_stands_beside_nothing() {
    let signature = model(RowRule::Independent);
    let wanted = signature.default_outputs().clone();
    let reader = TableReader::open(
        vec![text(Format::Csv, "id,x\n1,1\n2,2\n")],
        signature.clone(),
        wanted.clone(),
        &keeping(&["id"], 9),
    )
    .unwrap();
    let write = WriteOptions { kept: reader.kept(), ..WriteOptions::default() };
    let writer =
        TableWriter::create(Format::Csv, Box::new(std::io::sink()), &signature, &wanted, &write).unwrap();
    let raw = reader.next().unwrap().unwrap();
    let mut outputs = Outputs::new();
    outputs.set(0, Tensor::from_slice(&[1], &[1.0f32]).unwrap());
    let chunk = reader.decode(&raw).unwrap();
    let told = writer.encoder().encode(&outputs, &chunk.pieces[0].kept).unwrap_err().to_string();
    assert!(told.contains("the model gives 1 rows for 2 rows of the table"), "{told}");
}
