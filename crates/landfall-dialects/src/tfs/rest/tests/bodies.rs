//! Request bodies of the shared folder, in every form.

use super::model;
use crate::tfs::rest::decode;
use landfall_model::{Buffer, DType, Dim, Input, InputSpec};
use std::path::{Path, PathBuf};

#[test]
fn the_same_rows_come_out_of_every_form() {
    let shared = std::env::var_os("LANDFALL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let bodies = shared.join("data/bench");
    if !bodies.is_dir() {
        println!("left out: the request bodies of {} are not here", bodies.display());
        return;
    }
    let dense = InputSpec::new("dense", DType::F32, Some(vec![Dim::Free(None), Dim::Known(13)]));
    let ids = InputSpec::new("ids", DType::I64, Some(vec![Dim::Free(None), Dim::Known(26)]));
    let signatures = model(vec![dense, ids]);
    for (stem, rows) in [("ctr", 1), ("ctr32", 32)] {
        let body =
            |form: &str| Buffer::from_owner(std::fs::read(bodies.join(format!("{stem}_{form}"))).unwrap());
        let dense = |decoded: &landfall_model::Call| {
            let tensors = decoded.inputs().iter().map(|input| input.as_ref().and_then(Input::dense).cloned());
            tensors.collect::<Option<Vec<_>>>().unwrap()
        };
        let by_rows = dense(&decode(&body("tfs.json"), &signatures).unwrap().call);
        let by_columns = dense(&decode(&body("tfs_columnar.json"), &signatures).unwrap().call);
        let by_grpc = crate::tfs::grpc::decode_predict(&body("grpc_tfs.pb"), &signatures).unwrap();
        assert_eq!(by_rows, by_columns);
        assert_eq!(by_rows, dense(&by_grpc.call));
        assert_eq!((&by_rows[0].shape()[..], &by_rows[1].shape()[..]), (&[rows, 13][..], &[rows, 26][..]));
        // Row 0 has the ids 0, 1 and 9999.
        let ids = &by_rows[1].values::<i64>().unwrap()[..26];
        assert!([0, 1, 9999].iter().all(|id| ids.contains(id)));
    }
}
