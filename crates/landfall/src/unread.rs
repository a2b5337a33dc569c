//! Files that people take for models and that no engine reads: known by their first bytes, with the way out.

use landfall_model::{ModelFiles, Problem};

/// How much of a file is looked at.
const HEAD_BYTES: usize = 512;

const SAVE: &str =
    "save the model in its library's own format (save_model) or as ONNX (scikit-learn: skl2onnx)";
const UNPACK: &str =
    "unpack it first (a pickle in it is not read either: save the model in its library's own format)";
const R: &str =
    "export the model as PMML (R's pmml package), or by its library's own function (xgb.save, lgb.save)";
const GRAPH: &str = "it is made for one device alone: give the ONNX file that it was made from";
const TORCH: &str = "export the model as ONNX (torch.onnx.export)";

/// First bytes, what they are of, and what to do instead.
const HEADS: [(&[u8], &str, &str); 25] = [
    // The first pickle of a file in PyTorch's older format is this number (torch/serialization.py, MAGIC_NUMBER).
    (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "a PyTorch file", TORCH),
    // PROTO is a pickle's first operation from protocol 2 on (pickletools.py).
    (b"\x80\x02", "a pickle", SAVE),
    (b"\x80\x03", "a pickle", SAVE),
    (b"\x80\x04", "a pickle", SAVE),
    (b"\x80\x05", "a pickle", SAVE),
    // joblib's packed files are a pickle within zlib's format, whatever the level.
    (b"\x78\x01", "a packed pickle", SAVE),
    (b"\x78\x5e", "a packed pickle", SAVE),
    (b"\x78\x9c", "a packed pickle", SAVE),
    (b"\x78\xda", "a packed pickle", SAVE),
    // Protocol 0 is text: GLOBAL and what it names, which an object's pickle begins with (copyreg, pickletools.py).
    (b"ccopy_reg\n", "a pickle", SAVE),
    (b"ccopyreg\n", "a pickle", SAVE),
    // What joblib packs a pickle with besides (joblib/compressor.py).
    (b"\xfd7zXZ\0", "an xz file", UNPACK),
    (b"BZh", "a bzip2 file", UNPACK),
    (b"\x5d\0\0\x80\0", "an lzma file", UNPACK),
    (b"\x04\x22\x4d\x18", "an lz4 file", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd file", UNPACK),
    // R Internals, section 1.8.
    (b"RDX2\n", "an R data file", R),
    (b"RDX3\n", "an R data file", R),
    (b"X\n\0\0\0", "an R data file", R),
    (b"booster[", "a dump of XGBoost's trees as text", "save the model with save_model"),
    (b"\x1f\x8b", "a gzip file", UNPACK),
    (b"GGUF", "a GGUF file", "language models are not served"),
    // docs/spec.md of Git LFS: `version` is a pointer's first line.
    (b"version https://git-lfs.", "a pointer of Git LFS", "fetch the file itself (git lfs pull)"),
    // The tag of an engine that TensorRT serialized, by age.
    (b"ftrt", "an engine of TensorRT", GRAPH),
    (b"ptrt", "an engine of TensorRT", GRAPH),
];

/// What the model's one file is, and what to do instead; nothing where it is not known.
pub(crate) fn known(files: &dyn ModelFiles) -> Option<Problem> {
    let looked: Vec<_> = files.entries().iter().filter(|entry| !entry.name.contains('/')).take(16).collect();
    let one = looked.len() == 1;
    looked.into_iter().find_map(|entry| {
        let head = files.head(&entry.name, HEAD_BYTES).ok()?;
        let (what, instead) =
            what_it_is(&entry.name, &head).filter(|_| one || entry.name.contains("model"))?;
        let place = files.place(entry);
        Some(Problem::unsupported(format!("{}: {what}", place.display()), instead))
    })
}

fn what_it_is(name: &str, head: &[u8]) -> Option<(&'static str, &'static str)> {
    // R packs its own files with gzip, whatever is in them.
    let of_r = [".rds", ".rda", ".rdata"].iter().any(|end| name.to_ascii_lowercase().ends_with(end));
    if of_r && head.starts_with(b"\x1f\x8b") {
        return Some(("an R data file", R));
    }
    if let Some((_, what, instead)) = HEADS.iter().find(|(first, ..)| head.starts_with(first)) {
        return Some((what, instead));
    }
    let holds = |text: &[u8]| head.windows(text.len()).any(|window| window == text);
    if head.starts_with(b"PK\x03\x04") {
        return Some(packed(holds));
    }
    let lower = name.to_ascii_lowercase();
    // Core ML's package is a folder whose manifest names the owner of each item; its specification alone is a protobuf.
    if lower.ends_with(".mlmodel") || holds(b"com.apple.CoreML") {
        return Some((
            "a Core ML model",
            "export the model as ONNX from the library that it was trained with",
        ));
    }
    // docs.openvino.ai, Operation Specifications, "IR": the topology's root element.
    if lower.ends_with(".xml") && holds(b"<net ") {
        return Some((
            "an OpenVINO model",
            "give the ONNX file that it was made from, or export the model as ONNX",
        ));
    }
    if holds(b"class catboost_model(object)") || holds(b"struct CatboostModel") {
        return Some(("CatBoost's model as a program", "save it with save_model as .cbm"));
    }
    // Eight bytes say how long the JSON is that follows; numbers alone make no model (safetensors' README, Format).
    if head.get(3..10) == Some(b"\0\0\0\0\0{\"") {
        return Some(("a safetensors file", "it holds weights alone: export the model as ONNX"));
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let begins = |with: &[u8]| text.get(..with.len()).is_some_and(|first| first.eq_ignore_ascii_case(with));
    if begins(b"<!doctype html") || begins(b"<html") {
        return Some(("a web page", "download the model's file itself"));
    }
    let dump = text.starts_with(b"[") && holds(b"\"nodeid\"");
    dump.then_some(("a dump of XGBoost's trees as JSON", "save the model with save_model"))
}

/// What a zip file is: the name of its first member stands in its head.
fn packed(holds: impl Fn(&[u8]) -> bool) -> (&'static str, &'static str) {
    if holds(b"data.pkl") || holds(b".format_version") {
        return ("a PyTorch file", TORCH);
    }
    // What H2O's writer of MOJO begins with, by the kind of model.
    if holds(b"model.ini") || holds(b"trees/t00_") {
        return ("an H2O MOJO", "export the model as PMML (jpmml-h2o)");
    }
    match holds(b".npy") {
        true => ("a file of arrays", "a model's own file is needed (golden rows are named by --golden)"),
        false => ("a zip file", "unpack it first"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_serving::FolderFiles;

    #[test]
    fn pickles_and_dumps_are_named_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let said = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            known(&FolderFiles::open(&path).unwrap()).map(|problem| problem.to_string())
        };
        for (bytes, what, instead) in [
            (&b"\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94."[..], ": a pickle is not supported", "skl2onnx"),
            (b"\x78\x5e\x6b\x60", ": a packed pickle is", "save_model"),
            (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02", ": a PyTorch file is", "torch.onnx"),
            (b"PK\x03\x04\0\0\0\0net/data.pkl", ": a PyTorch file is", "torch.onnx"),
            (b"PK\x03\x04\0\0\0\0rows.csv", ": a zip file is", "unpack"),
            (b"ccopy_reg\n_reconstructor\np0\n(cxgboost.sklearn\n", ": a pickle is", "save_model"),
            (b"\xfd7zXZ\0\0\x04", ": an xz file is", "a pickle in it is not read"),
            (b"BZh91AY&SY", ": a bzip2 file is", "unpack"),
            (b"\x5d\0\0\x80\0\xff", ": an lzma file is", "unpack"),
            (b"RDX3\nX\n", ": an R data file is", "PMML"),
            (b"###  Model data\nclass catboost_model(object):", ": CatBoost's model as a program", ".cbm"),
            (b"/* Model data */\nstatic const struct CatboostModel {", ": CatBoost's model as", ".cbm"),
            (b"version https://git-lfs.github.com/spec/v1\n", ": a pointer of Git LFS is", "git lfs pull"),
            (b"<!DOCTYPE html><html>", ": a web page is", "download"),
            (b"\n  <!doctype HTML>\n", ": a web page is", "download"),
            (b"\xef\xbb\xbf<HTML>", ": a web page is", "download"),
            (b"PK\x03\x04\0\0\0\0x.npy\x93NUMPY", ": a file of arrays is", "--golden"),
            (b"PK\x03\x04\0\0\0\0model.ini[info]", ": an H2O MOJO is", "PMML"),
            (b"ftrt\0\0\0\0", ": an engine of TensorRT is", "ONNX"),
            (b"\x40\0\0\0\0\0\0\0{\"w\":{\"dtype\":\"F32\"", ": a safetensors file is", "ONNX"),
            (b"booster[0]:\n0:[f1<2]", ": a dump of XGBoost's trees as text", "save_model"),
            (b"[\n  { \"nodeid\": 0, \"leaf\": 1}]", ": a dump of XGBoost's trees as JSON", "save_model"),
        ] {
            let text = said("m", bytes).unwrap();
            assert!(text.contains(what) && text.contains(instead), "{text}");
        }
        assert!(said("model.RDS", b"\x1f\x8b\x08\0").unwrap().contains("an R data file is not supported"));
        assert!(
            said("model.json.gz", b"\x1f\x8b\x08\0")
                .unwrap()
                .contains("a gzip file is not supported: unpack")
        );
        let net = b"<?xml version=\"1.0\"?>\n<net name=\"m\" version=\"11\">";
        assert!(said("m.xml", net).unwrap().contains("an OpenVINO model is not supported"));
        assert!(said("m.mlmodel", b"\x08\x04").unwrap().contains("a Core ML model is not supported"));
        assert_eq!(said("m", b"hello"), None);
        assert_eq!(said("m", b""), None);
        assert_eq!(said("m", b"[1, 2]"), None);
    }

    #[test]
    fn a_folder_is_told_by_its_one_file_or_by_the_file_that_is_called_a_model() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model.pkl"), b"\x80\x04}\x94.").unwrap();
        let said = || known(&FolderFiles::open(folder.path()).unwrap()).map(|problem| problem.to_string());
        assert!(said().unwrap().contains("model.pkl: a pickle is not supported"));
        std::fs::write(folder.path().join("MLmodel"), b"flavors:\n").unwrap();
        assert!(said().unwrap().contains("model.pkl: a pickle is not supported"));
        std::fs::rename(folder.path().join("model.pkl"), folder.path().join("scaler.pkl")).unwrap();
        assert_eq!(said(), None);
    }
}
