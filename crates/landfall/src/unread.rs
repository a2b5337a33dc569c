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
    (b"<!DOCTYPE html", "a web page", "download the model's file itself"),
    (b"<html", "a web page", "download the model's file itself"),
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
        // The name of the first member stands in its head.
        let torch = holds(b"data.pkl") || holds(b".format_version");
        return Some(if torch { ("a PyTorch file", TORCH) } else { ("a zip file", "unpack it first") });
    }
    if holds(b"class catboost_model(object)") || holds(b"struct CatboostModel") {
        return Some(("CatBoost's model as a program", "save it with save_model as .cbm"));
    }
    // Eight bytes say how long the JSON is that follows; numbers alone make no model (safetensors' README, Format).
    if head.get(3..10) == Some(b"\0\0\0\0\0{\"") {
        return Some(("a safetensors file", "it holds weights alone: export the model as ONNX"));
    }
    let text = head.trim_ascii_start();
    let dump = text.starts_with(b"[") && holds(b"\"nodeid\"");
    dump.then_some(("a dump of XGBoost's trees as JSON", "save the model with save_model"))
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
