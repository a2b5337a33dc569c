//! Files that are broken: each is refused with a place, none panics.

use crate::files::load;
use crate::written;
use landfall_model::{Call, Claim, FilesInMemory, Input, Kind, Problem, Tensor};
use serde_json::{Value, json};

fn refusal(bytes: &[u8]) -> Problem {
    match load("m", bytes, &[]) {
        Ok(_) => {
            panic!("a broken file was read: {}", String::from_utf8_lossy(&bytes[..bytes.len().min(300)]))
        }
        Err(problem) => problem,
    }
}

/// A model of XGBoost's with one value replaced, in JSON and in Universal Binary JSON.
fn changed(pointer: &str, value: Value) -> String {
    let mut model = written::xgboost();
    *model.pointer_mut(pointer).unwrap() = value;
    let problem = refusal(model.to_string().as_bytes()).to_string();
    let binary = refusal(&written::ubjson(&model)).to_string();
    assert_eq!(problem, binary);
    problem
}

const TREE: &str = "/learner/gradient_booster/model/trees/0";

#[test]
fn a_tree_that_is_none_is_named_with_its_node() {
    let tree = |field: &str, value: Value| changed(&format!("{TREE}/{field}"), value);
    let expect = |found: String, words: &str| assert!(found.contains(words), "{found} lacks {words}");
    expect(tree("left_children", json!([1, -1, 0, -1, -1])), "tree 0: node 2: child 0 is led to twice");
    expect(
        tree("left_children", json!([7, -1, 3, -1, -1])),
        "tree 0: node 0: child 7 of a tree with 5 nodes",
    );
    expect(tree("left_children", json!([-5, -1, 3, -1, -1])), "tree 0: node 0: child");
    expect(tree("left_children", json!([1, -1, 3, -1])), "tree 0: 4 nodes, but 5");
    expect(
        tree("left_children", json!([1.5, -1, 3, -1, -1])),
        "left_children: place 0: expected a whole number",
    );
    expect(tree("split_indices", json!([0, 0, 2, 0, 0])), "tree 0: node 2: feature 2 of 2");
    expect(tree("split_indices", json!([-1, 0, 1, 0, 0])), "tree 0: node 0: feature");
    expect(tree("sum_hessian", json!([1.0])), "tree 0: 5 nodes, but 1 values of sum_hessian");
    expect(
        tree("split_conditions", json!("x")),
        "split_conditions: expected a list of numbers, found a string",
    );
    expect(tree("categories_nodes", json!([0])), "differ in length");
    expect(tree("tree_param/size_leaf_vector", json!("3")), "base_weights is missing");
    expect(tree("tree_param/size_leaf_vector", json!("-1")), "expected a count");
}

#[test]
fn declared_numbers_that_nothing_stands_behind_are_refused() {
    let with = |parameter: &str, value: &str| {
        let mut model = written::xgboost();
        model["learner"]["feature_names"] = json!([]);
        model["learner"]["learner_model_param"][parameter] = json!(value);
        load("m.json", model.to_string().as_bytes(), &[]).map(|_| ()).map_err(|problem| problem.to_string())
    };
    assert!(with("num_feature", "65536").is_ok());
    let refused = with("num_feature", "65537").unwrap_err();
    assert!(refused.contains("65537 features without names: of a file of this size"), "{refused}");
    assert!(with("num_class", "65536").is_ok());
    let refused = with("num_class", "65537").unwrap_err();
    assert!(refused.contains("65537 groups"), "{refused}");
    // A model of sparse rows has as many features, and nodes that ask for them.
    let mut model = written::xgboost();
    model["learner"]["feature_names"] = json!([]);
    model["learner"]["learner_model_param"]["num_feature"] = json!("65537");
    let inner = &mut model["learner"]["gradient_booster"]["model"];
    let leaf = inner["trees"][1].clone();
    inner["trees"].as_array_mut().unwrap().extend(vec![leaf; 60]);
    (inner["tree_info"], inner["iteration_indptr"]) =
        (json!(vec![0; 62]), json!((0..=62).collect::<Vec<_>>()));
    inner["gbtree_model_param"]["num_trees"] = json!("62");
    assert!(load("m.json", model.to_string().as_bytes(), &[]).is_ok());
}

#[test]
fn categories_out_of_place_are_refused() {
    let mut model = written::xgboost_with_names();
    let tree = model.pointer_mut(TREE).unwrap();
    for (field, value, words) in [
        ("categories_sizes", json!([2]), "categories 0, 2 of them, of 1"),
        ("categories_segments", json!([-1]), "categories -1"),
        ("categories", json!([-1]), "category -1"),
        ("categories", json!([16_777_216]), "category 16777216"),
        ("split_type", json!([2, 0, 0, 0, 0]), "split type 2"),
    ] {
        let kept = std::mem::replace(&mut tree[field], value);
        let mut broken = written::xgboost_with_names();
        *broken.pointer_mut(TREE).unwrap() = tree.clone();
        let problem = refusal(broken.to_string().as_bytes()).to_string();
        assert!(problem.contains(words), "{problem} lacks {words}");
        tree[field] = kept;
    }
    let mut shared = written::xgboost_with_names();
    let tree = shared.pointer_mut(TREE).unwrap();
    tree["categories_nodes"] = json!([0, 2]);
    tree["categories_segments"] = json!([0, 0]);
    tree["categories_sizes"] = json!([1, 1]);
    assert!(refusal(shared.to_string().as_bytes()).to_string().contains("another node's"));
}

#[test]
fn a_model_that_does_not_fit_itself_is_refused() {
    let expect = |found: String, words: &str| assert!(found.contains(words), "{found} lacks {words}");
    let model = "/learner/gradient_booster/model";
    expect(changed(&format!("{model}/tree_info"), json!([0])), "2 trees, tree_info has 1");
    expect(changed(&format!("{model}/tree_info"), json!([0, -1])), "tree_info");
    expect(changed(&format!("{model}/tree_info"), json!([0, 2_000_000_000])), "groups");
    expect(changed(&format!("{model}/iteration_indptr"), json!([0, 5])), "iteration_indptr");
    expect(changed("/learner/objective/name", json!("reg:moon")), "objective \"reg:moon\" is not supported");
    expect(changed("/learner/gradient_booster/name", json!("gbmoon")), "booster \"gbmoon\" is not supported");
    expect(changed("/learner/learner_model_param/base_score", json!("half")), "is no score");
    expect(changed("/learner/learner_model_param/num_feature", json!("3")), "2 feature names for 3 features");
    expect(changed("/learner/feature_names", json!(["a"])), "1 feature names for 2 features");
    let mut bases = written::xgboost();
    bases["learner"]["learner_model_param"]["base_score"] = json!("[1,2]");
    bases["learner"]["learner_model_param"]["num_class"] = json!("3");
    expect(refusal(bases.to_string().as_bytes()).to_string(), "2 base scores for 3 groups");
    let mut unnamed = written::xgboost();
    unnamed["learner"]["feature_names"] = json!([]);
    unnamed["learner"]["learner_model_param"]["num_feature"] = json!("2000000000");
    assert_eq!(refusal(unnamed.to_string().as_bytes()).kind(), Kind::ResourceExhausted);
}

#[test]
fn leaves_that_share_a_vector_are_refused() {
    let mut model = written::xgboost();
    let inner = &mut model["learner"]["gradient_booster"]["model"];
    inner["trees"].as_array_mut().unwrap().truncate(1);
    inner["tree_info"] = json!([0]);
    inner["iteration_indptr"] = json!([0, 1]);
    let tree = &mut inner["trees"][0];
    tree["tree_param"]["size_leaf_vector"] = json!("2");
    tree["leaf_weights"] = json!([1.0, 2.0]);
    tree["right_children"] = json!([2, 0, 4, 0, 0]);
    model["learner"]["learner_model_param"]["num_target"] = json!("2");
    assert!(refusal(model.to_string().as_bytes()).to_string().contains("one leaf more than the tree's 1"));
}

#[test]
fn text_of_lightgbm_that_is_broken_is_refused() {
    for (from, to, words) in [
        ("left_child=-1 -2", "left_child=-1 1", "tree 0: node 1: child 1 is led to twice"),
        ("left_child=-1 -2", "left_child=-1 -9", "tree 0: node 1: child"),
        ("left_child=-1 -2", "left_child=-1", "2 splits, but 1 in another list"),
        ("threshold=0.5 0", "threshold=nan 0", "tree 0: node 0: the threshold is not a number"),
        ("threshold=0.5 0", "threshold=0.5 7", "set of categories 7 is not there"),
        ("threshold=0.5 0", "threshold=x 0", "threshold: \"x\""),
        ("decision_type=8 9", "decision_type=9 9", "split 0: set of categories 0.5"),
        ("decision_type=8 9", "decision_type=12 9", "missing type 3"),
        ("cat_boundaries=0 2", "cat_boundaries=0 3", "cat_boundaries"),
        ("split_feature=0 1", "split_feature=0 2", "feature 2 of 2"),
        ("num_leaves=3", "num_leaves=4", "num_leaves is 4, but leaf_value has 3"),
        ("leaf_value=-1 1 3", "leaf_value=-1 1", "num_leaves is 3, but leaf_value has 2"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=0", "0 trees in a round"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=5", "2 trees, 5 in a round"),
        ("max_feature_idx=1", "max_feature_idx=-1", "max_feature_idx is \"-1\""),
        ("objective=regression", "objective=moon", "objective \"moon\" is not supported"),
        ("is_linear=0", "is_linear=1", "leaf_const is missing"),
        ("end of trees", "", "the file ends before"),
        ("pandas_categorical:null", "pandas_categorical:[[", "pandas_categorical"),
        ("feature_names=age", "feature_names=age b", "3 feature names for 2 features"),
    ] {
        let problem = refusal(written::LIGHTGBM.replacen(from, to, 1).as_bytes()).to_string();
        assert!(problem.contains(words), "{problem} lacks {words}");
    }
    // Even where nothing is read: all lines are held against UTF-8, and told by their place in the file.
    for line in ["end of trees", "pandas_categorical"] {
        let place = written::LIGHTGBM.find(line).unwrap();
        let mut bytes = written::LIGHTGBM.as_bytes().to_vec();
        bytes.splice(place..place, *b"k=ab\xff\n");
        let problem = refusal(&bytes).to_string();
        assert!(problem.contains(&format!("byte {}: the text is not UTF-8", place + 4)), "{problem}");
    }
    let twice = written::LIGHTGBM
        .replace("decision_type=8 9", "decision_type=9 9")
        .replace("threshold=0.5 0", "threshold=0 0");
    assert!(refusal(twice.as_bytes()).to_string().contains("used twice"));
}

#[test]
fn a_dump_that_is_broken_is_refused() {
    let root = "/tree_info/0/tree_structure";
    for (pointer, value, words) in [
        ("/left_child/leaf_index", json!(2), "leaf 2 is there twice"),
        ("/left_child/leaf_index", json!(3), "leaf 3 of 3 leaves"),
        ("/left_child", json!(5), "expected an object"),
        ("/split_feature", json!(9), "feature 9 of 2"),
        ("/decision_type", json!(">"), "decision type"),
        ("/missing_type", json!("Some"), "missing type"),
        ("/right_child/threshold", json!("1||x"), "category \"x\""),
    ] {
        let mut dump = written::lightgbm_dump();
        *dump.pointer_mut(&format!("{root}{pointer}")).unwrap() = value;
        let problem = refusal(dump.to_string().as_bytes()).to_string();
        assert!(problem.contains(words) && problem.contains("tree 0"), "{problem} lacks {words}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let models = [
        written::xgboost().to_string().into_bytes(),
        written::ubjson(&written::xgboost()),
        written::binary(),
    ];
    for bytes in models {
        for length in 0..bytes.len() {
            refusal(&bytes[..length]);
        }
    }
    let text = written::LIGHTGBM;
    for length in 0..text.find("end of trees").unwrap() {
        refusal(&text.as_bytes()[..length]);
    }
}

#[test]
fn vector_leaves_in_the_binary_form_are_refused_by_name() {
    let mut bytes = written::binary();
    // Behind the magic, the learner, two names and the booster: the sixth number of the first tree.
    bytes[4 + 136 + 24 + 14 + 160 + 20] = 3;
    let problem = refusal(&bytes).to_string();
    assert!(problem.contains("tree 0") && problem.contains("save as .json"), "{problem}");
}

#[test]
fn bytes_behind_the_end_are_refused() {
    for mut bytes in [written::binary(), written::ubjson(&written::xgboost())] {
        bytes.push(0);
        assert!(refusal(&bytes).to_string().contains("1 bytes follow the end"));
    }
    assert!(refusal(format!("{}x", written::xgboost()).as_bytes()).to_string().contains("follows the end"));
}

#[test]
fn other_files_are_not_claimed() {
    let engine = landfall_trees::engine();
    for bytes in [
        &b""[..],
        b"{}",
        b"tree",
        b"treeline\nversion=",
        b"{\"a\":1}",
        b"\x08\x07\x12\x00",
        &[0; 4096],
        b"<PMML/>",
    ] {
        assert!(matches!(engine.recognise(&FilesInMemory::new("m", bytes)), Claim::No(_)), "{bytes:?}");
    }
    for bytes in [
        written::xgboost().to_string().into_bytes(),
        written::ubjson(&written::xgboost()),
        written::binary(),
        written::LIGHTGBM.into(),
        written::lightgbm_dump().to_string().into_bytes(),
    ] {
        assert_eq!(engine.recognise(&FilesInMemory::new("m", &bytes)), Claim::Sure);
    }
}

#[test]
fn a_wrong_number_of_columns_is_refused() {
    let model = load("m.json", written::xgboost().to_string().as_bytes(), &[]).unwrap();
    let call = |tensor| {
        Call::checked(
            model.signatures()[0].clone(),
            vec![Some(Input::Dense(tensor))],
            [0].into_iter().collect(),
        )
    };
    assert!(call(Tensor::from_slice(&[1, 2], &[0.0f32; 2]).unwrap()).is_ok());
    assert!(call(Tensor::from_slice(&[1, 3], &[0.0f32; 3]).unwrap()).is_err());
}
