//! Models that are refused before TensorFlow sees them, and a missing library.

use crate::cases::engine;
use crate::folder::Folder;
use crate::message::{Message, graph, node, of_type, saved_model, with_graph};
use landfall_foreign::Surroundings;
use landfall_model::{Claim, Engine, Kind, Options, Problem};
use landfall_tensorflow::TensorFlow;
use std::path::Path;

const STRING: i64 = 7;

fn written(bytes: &[u8], name: &str, with: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), bytes).unwrap();
    with(folder.path());
}

fn refused(model: &Message, options: &Options) -> Problem {
    // None of these comes as far as the library: one that is nowhere will do.
    let engine = TensorFlow::new(None, Surroundings::default());
    let mut problem = None;
    written(&model.0, "saved_model.pb", |folder| {
        let files = Folder::open(folder);
        assert_eq!(engine.recognise(&files), Claim::Sure);
        problem = engine.load(&files, options).err();
    });
    problem.unwrap()
}

fn writer(name: &str, op: &str) -> Message {
    node(name, op, &["x", "x"], &[])
}

fn placeholder() -> Message {
    node("x", "Placeholder", &[], &[("dtype", of_type(STRING))])
}

fn identity(inputs: &[&str]) -> Message {
    node("y", "Identity", inputs, &[("T", of_type(STRING))])
}

#[test]
fn a_graph_that_writes_files_is_refused_by_name() {
    let direct = graph(&[placeholder(), writer("w", "WriteFile"), identity(&["x", "^w"])]);
    let problem = refused(&saved_model(&direct, "y:0", STRING), &Options::new());
    assert_eq!(problem.kind(), Kind::Unimplemented);
    assert!(problem.to_string().contains("WriteFile (\"w\") writes files"), "{problem}");

    // Within a function that a function calls.
    let call = |function: &str| Message::new().message(10, &Message::new().text(1, function));
    let function = |name: &str, body: &Message| {
        Message::new().message(1, &Message::new().text(1, name)).message(3, body)
    };
    let outer = node("c", "PartitionedCall", &["a"], &[("f", call("inner"))]);
    let library = Message::new()
        .message(1, &function("outer", &outer))
        .message(1, &function("inner", &writer("save", "SaveV2")));
    let y = node("y", "PartitionedCall", &["x"], &[("f", call("outer"))]);
    let hidden = graph(&[placeholder(), y]).message(2, &library);
    let problem = refused(&saved_model(&hidden, "y:0", STRING), &Options::new());
    assert!(problem.to_string().contains("SaveV2 (\"save\")"), "{problem}");
}

#[test]
fn what_saves_the_model_itself_and_is_not_asked_for_is_no_reason_to_refuse() {
    let graph = graph(&[placeholder(), writer("save", "SaveV2"), identity(&["x"])]);
    let problem = refused(&saved_model(&graph, "y:0", STRING), &Options::new());
    assert_eq!(problem.kind(), Kind::FailedPrecondition, "{problem}");
}

#[test]
fn a_library_that_is_not_there_is_said_with_how_to_get_it() {
    let graph = graph(&[placeholder(), identity(&["x"])]);
    let problem = refused(&saved_model(&graph, "y:0", STRING), &Options::new()).to_string();
    for part in ["TensorFlow models need", "tried", "pip install tensorflow-cpu"] {
        assert!(problem.contains(part), "{problem}");
    }
}

#[test]
fn tags_and_options_are_named() {
    let model = saved_model(&graph(&[placeholder(), identity(&["x"])]), "y:0", STRING);
    for (key, value, what) in [
        ("tags", "serve,gpu", "no graph has the tags {serve,gpu}: there are {serve}"),
        ("outputs", "y:0", "option outputs: means nothing for a SavedModel"),
        ("inter_op_parallelism_threads", "many", "inter_op_parallelism_threads"),
    ] {
        let mut options = Options::new();
        options.set(key, value);
        let problem = refused(&model, &options).to_string();
        assert!(problem.contains(what), "{problem}");
    }
}

#[test]
fn a_cut_file_is_refused_with_its_place_and_a_lost_one_by_name() {
    let whole = saved_model(&graph(&[placeholder(), identity(&["x"])]), "y:0", STRING);
    for length in [0, 1, 7, 20, whole.0.len() - 1] {
        let problem = refused(&Message(whole.0[..length].to_vec()), &Options::new()).to_string();
        assert!(problem.contains("saved_model.pb"), "{length}: {problem}");
    }
    let engine = TensorFlow::new(None, Surroundings::default());
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("variables")).unwrap();
    std::fs::write(folder.path().join("variables/variables.index"), "").unwrap();
    let files = Folder::open(folder.path());
    assert_eq!(engine.recognise(&files), Claim::Maybe);
    let problem = engine.load(&files, &Options::new()).err().unwrap().to_string();
    assert!(problem.contains("saved_model.pb is missing"), "{problem}");
}

#[test]
fn a_checkpoint_is_told_from_a_model_with_the_way_out() {
    let engine = TensorFlow::new(None, Surroundings::default());
    let scratch = tempfile::tempdir().unwrap();
    let said = |path: &Path| {
        let files = Folder::open(path);
        assert_eq!(engine.recognise(&files), Claim::Maybe, "{}", path.display());
        engine.load(&files, &Options::new()).err().unwrap().to_string()
    };
    let (kept, part) = (scratch.path().join("training"), scratch.path().join("m/variables"));
    for folder in [&kept, &part] {
        std::fs::create_dir_all(folder).unwrap();
        for name in ["ck-1.index", "ck-1.data-00000-of-00001"] {
            std::fs::write(folder.join(name), "x").unwrap();
        }
    }
    for path in [kept.clone(), kept.join("ck-1.index"), kept.join("ck-1.data-00000-of-00001")] {
        let text = said(&path);
        assert!(text.contains("a checkpoint (weights alone") && text.contains("model.export"), "{text}");
    }
    let text = said(&part);
    assert!(text.contains("name the folder that holds saved_model.pb"), "{text}");
    // A folder that holds it further down is not one itself: a version may lie in between.
    let above = Folder::open(scratch.path());
    assert!(matches!(engine.recognise(&above), Claim::No(_)));
}

#[test]
fn signatures_that_no_call_can_carry_are_left_out_and_named() {
    let Some(engine) = engine() else { return };
    let resource = 20;
    let graph = graph(&[placeholder(), identity(&["x"])]);
    written(&saved_model(&graph, "y:0", resource).0, "saved_model.pb", |folder| {
        let model = engine.load(&Folder::open(folder), &Options::new()).unwrap();
        assert!(model.signatures().is_empty());
        let notes = model.facts().notes.join("\n");
        assert!(
            notes.contains("\"serving_default\" is left out") && notes.contains("DT_RESOURCE"),
            "{notes}"
        );
    });
    written(&saved_model(&graph, "gone:0", STRING).0, "saved_model.pb", |folder| {
        let problem = engine.load(&Folder::open(folder), &Options::new()).err().unwrap().to_string();
        assert!(problem.contains("output \"y\" is tensor \"gone:0\""), "{problem}");
    });
    written(&saved_model(&graph, "y:0", 1).0, "saved_model.pb", |folder| {
        let problem = engine.load(&Folder::open(folder), &Options::new()).err().unwrap().to_string();
        assert!(problem.contains("declared as float32, and DT_STRING in the graph"), "{problem}");
    });
}

#[test]
fn a_lost_asset_is_named_and_the_model_opens_where_nothing_reads_it_at_the_opening() {
    let Some(engine) = engine() else { return };
    let asset = Message::new().message(1, &Message::new().text(1, "x:0")).text(2, "words.txt");
    let meta_graph = with_graph(&graph(&[placeholder(), identity(&["x"])]), "y:0", STRING).message(6, &asset);
    let model = Message::new().number(1, 1).message(2, &meta_graph);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("saved_model.pb"), &model.0).unwrap();
    let notes =
        || engine.load(&Folder::open(folder.path()), &Options::new()).unwrap().facts().notes.join("\n");
    let lost = "assets/words.txt is missing: calls that read it fail";
    assert!(notes().contains(lost), "{}", notes());
    std::fs::create_dir(folder.path().join("assets")).unwrap();
    std::fs::write(folder.path().join("assets/words.txt"), "a\n").unwrap();
    assert!(!notes().contains(lost), "{}", notes());
}
