//! Answers against those that ONNX Runtime gave in Python.

use crate::support::{
    Files, assert_close, engines, fixture, floats, load, onnxruntime, proven, run, shared, table,
};
use landfall_model::{Buffer, DType, Kind, Shape, Strings, Tensor};

#[test]
fn a_network_answers_as_in_python() {
    let (_, rows) = table("mlp.tsv");
    let (x, p) = (floats(&rows, 0..4), floats(&rows, 4..7));
    let labels: Vec<i64> = rows.iter().map(|row| row[7].parse().unwrap()).collect();
    for engine in engines() {
        let model = load(engine, &Files::file(&fixture("mlp.onnx"))).unwrap();
        for signature in [model.signatures()[0].clone(), proven(&*model)] {
            let outputs = run(&*model, &signature, &[("x", &x)], &[]).unwrap();
            assert_close(outputs.get(0).unwrap(), &p, 1e-5);
            assert_eq!(outputs.get(1).unwrap().values::<i64>().unwrap(), labels);
            let outputs = run(&*model, &signature, &[("x", &x)], &["label"]).unwrap();
            assert_eq!((outputs.get(0), outputs.iter().count()), (None, 1), "only what is wanted");
            let none = run(&*model, &signature, &[("x", &x.rows(0..0))], &[]).unwrap();
            assert_eq!(none.get(0).unwrap().shape()[..], [0, 3], "{}: no rows", engine.name());
        }
    }
}

#[test]
fn a_pipeline_of_strings_and_numbers_answers_as_in_python() {
    let Some(engine) = onnxruntime() else { return };
    for name in ["pipeline_strings", "pipeline_integers"] {
        let (header, rows) = table(&format!("{name}.tsv"));
        let model = load(engine, &Files::file(&fixture(&format!("{name}.onnx")))).unwrap();
        let city: Strings = rows.iter().map(|row| &row[0]).collect();
        let city = Tensor::from_strings(Shape::new(&[rows.len(), 1]), city).unwrap();
        let signature = proven(&*model);
        let scores = &signature.outputs()[1];
        assert_eq!((scores.name.as_str(), scores.dtype), ("output_probability", DType::F32));
        assert_eq!(scores.class_names.as_deref(), Some(&header[4..]), "one output under its own name");
        let inputs = [("city", &city), ("number", &floats(&rows, 1..3))];
        let outputs = run(&*model, &signature, &inputs, &[]).unwrap();
        assert_close(outputs.get(1).unwrap(), &floats(&rows, 4..7), 1e-5);
        let label = outputs.get(0).unwrap();
        for (i, row) in rows.iter().enumerate() {
            match label.dtype() {
                DType::String => assert_eq!(label.strings().unwrap().get(i), row[3].as_bytes()),
                _ => assert_eq!(label.values::<i64>().unwrap()[i].to_string(), row[3]),
            }
        }
        let outputs = run(&*model, &signature, &inputs, &["output_probability"]).unwrap();
        assert!(outputs.get(0).is_none() && outputs.get(1).is_some());
    }
}

#[test]
fn the_embedded_engine_says_how_to_get_the_other_one() {
    let problem =
        load(&landfall_onnx::Embedded, &Files::file(&fixture("pipeline_strings.onnx"))).err().unwrap();
    let text = problem.to_string();
    assert_eq!(problem.kind(), Kind::Unimplemented);
    assert!(text.contains("ai.onnx.ml.") && text.contains("pip install onnxruntime"), "{text}");
}

/// 32 rows of the click-through model: header, then `dense` and `ids`, as the binary tensor protocol has them.
fn ctr_rows() -> Option<(std::path::PathBuf, Tensor, Tensor)> {
    let body = std::fs::read(shared("data/bench/ctr32_oip_binary.bin")?).unwrap();
    let dense = body.len() - 32 * (13 * 4 + 26 * 8);
    let ids = dense + 32 * 13 * 4;
    let tensor = |dtype, width, bytes: &[u8]| {
        Tensor::from_buffer(dtype, Shape::new(&[32, width]), Buffer::copy_of(bytes)).unwrap()
    };
    let model = shared("data/bench/ctr.onnx")?;
    Some((model, tensor(DType::F32, 13, &body[dense..ids]), tensor(DType::I64, 26, &body[ids..])))
}

#[test]
fn the_click_through_model_answers_as_in_python_by_both_engines() {
    let Some((file, dense, ids)) = ctr_rows() else { return };
    let expected = floats(&table("ctr32.tsv").1, 0..1);
    for engine in engines() {
        let model = load(engine, &Files::file(&file)).unwrap();
        let signature = proven(&*model);
        let outputs = run(&*model, &signature, &[("dense", &dense), ("ids", &ids)], &[]).unwrap();
        assert_close(outputs.get(0).unwrap(), &expected, 1e-5);
        for row in [0, 31] {
            let (d, i) = (dense.rows(row..row + 1), ids.rows(row..row + 1));
            let outputs = run(&*model, &signature, &[("dense", &d), ("ids", &i)], &[]).unwrap();
            assert_close(outputs.get(0).unwrap(), &expected.rows(row..row + 1), 1e-5);
        }
    }
}

#[test]
fn ids_out_of_range_are_the_callers_mistake() {
    let Some((file, dense, _)) = ctr_rows() else { return };
    for engine in engines() {
        let model = load(engine, &Files::file(&file)).unwrap();
        for id in [20_000i64, i64::from(i32::MAX) + 1, i64::MIN] {
            let ids = Tensor::from_slice(&[1, 26], &[id; 26]).unwrap();
            let inputs = [("dense", &dense.rows(0..1)), ("ids", &ids)];
            let problem = run(&*model, &model.signatures()[0], &inputs, &[]).unwrap_err();
            assert_eq!(problem.kind(), Kind::InvalidArgument, "{}: {problem}", engine.name());
        }
        // The same instance answers the next call.
        let ids = Tensor::from_slice(&[1, 26], &[9999i64; 26]).unwrap();
        let inputs = [("dense", &dense.rows(0..1)), ("ids", &ids)];
        assert!(run(&*model, &model.signatures()[0], &inputs, &[]).is_ok());
    }
}

#[test]
fn many_threads_share_one_model() {
    let Some((file, dense, ids)) = ctr_rows() else { return };
    let expected = floats(&table("ctr32.tsv").1, 0..1);
    for engine in engines() {
        let model = load(engine, &Files::file(&file)).unwrap();
        let signature = proven(&*model);
        std::thread::scope(|scope| {
            for thread in 0..4usize {
                let (model, signature, dense, ids, expected) = (&model, &signature, &dense, &ids, &expected);
                scope.spawn(move || {
                    for round in 0..25 {
                        let row = (thread * 8 + round) % 32;
                        let (d, i) = (dense.rows(row..row + 1), ids.rows(row..row + 1));
                        let outputs = run(&**model, signature, &[("dense", &d), ("ids", &i)], &[]).unwrap();
                        assert_close(outputs.get(0).unwrap(), &expected.rows(row..row + 1), 1e-5);
                    }
                });
            }
        });
    }
}
