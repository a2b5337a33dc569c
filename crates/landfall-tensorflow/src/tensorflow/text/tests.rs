//! The text format: what it means, and where it is refused.

use super::super::graph::GraphDef;
use super::*;

fn graph(text: &str) -> Result<Vec<u8>, Problem> {
    serialised("g.pbtxt", text.as_bytes(), &GRAPH_DEF)
}

#[test]
fn a_graph_in_text_is_the_graph_in_binary() {
    let text = r#"
        # made by hand
        node { name: "x" op: 'Placeholder' attr { key: "dtype" value { type: DT_FLOAT } } }
        node < name: "y" op: "Ident" "ity", input: ["x", "^c"]; attr: { key: "n" value: { i: -2 } } >
        versions { producer: 0x1F }
    "#;
    let bytes = graph(text).unwrap();
    let read = GraphDef::read("g", &bytes).unwrap();
    let nodes: Vec<_> = read.nodes.iter().map(|n| (n.name, n.op, n.inputs.clone())).collect();
    assert_eq!(nodes, [("x", "Placeholder", vec![]), ("y", "Identity", vec!["x", "^c"])]);
    let value = [0x18, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    assert!(bytes.windows(11).any(|window| window == value), "-2 takes ten bytes: {bytes:?}");
    assert!(bytes.ends_with(&[0x22, 2, 0x08, 31]), "{bytes:?}");
}

#[test]
fn escapes_and_numbers_mean_what_the_format_says() {
    let text = r#"node { attr { key: "\101\x42\u00e9\ud83d\ude00\n" value { tensor { float_val: [1.5, -2e-3, inf, -inf, nan, 3f]
        double_val: 1 bool_val: true int_val: 010 } } } }"#;
    let bytes = graph(text).unwrap();
    let holds = |part: &[u8]| assert!(bytes.windows(part.len()).any(|window| window == part), "{part:?}");
    holds("ABé😀\n".as_bytes());
    for float in [1.5f32, -2e-3, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 3.0] {
        holds(&[&[0x2d][..], &float.to_le_bytes()].concat());
    }
    holds(&[&[0x31][..], &1f64.to_le_bytes()].concat());
    holds(&[0x58, 1]);
    holds(&[0x38, 8]);
}

#[test]
fn what_the_schema_leaves_out_is_gone_over() {
    let bytes = graph(r#"node { experimental_debug_info { a: [1, <b: "}">] [x.y/z] { c: 2 } } name: "n" }"#);
    assert_eq!(bytes.unwrap(), [0x0a, 3, 0x0a, 1, b'n']);
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (text, place, what) in [
        ("nodes { }", "byte 5", "GraphDef has no field \"nodes\""),
        ("node { name: 5 }", "byte 14", "text is expected, \"5\" came"),
        ("node { name \"x\" }", "byte 12", "a colon is expected after name"),
        ("node { name: \"x\"", "byte 16", "the end came"),
        ("node { name: \"x", "byte 15", "ends within quotes"),
        ("node { name: \"\\q\" }", "byte 15", "is no escape"),
        ("node { name: \"\\xq\" }", "byte 15", "without hexadecimal digits"),
        ("node { name: \"\\u12\" }", "byte 15", "expected 4 hexadecimal digits"),
        ("node { attr { value { type: DT_FLOOT } } }", "byte 36", "\"DT_FLOOT\" came"),
        ("node { attr { value { i: 1.5 } } }", "byte 28", "an integer is expected"),
        ("versions { producer: 99999999999999999999999 }", "byte 44", "an integer is expected"),
        ("\u{e9}", "byte 0", "begins nothing"),
    ] {
        let problem = graph(text).unwrap_err().to_string();
        assert!(problem.contains(place) && problem.contains(what), "{text}: {problem}");
    }
    let deep = "node { attr { value { func { ".repeat(1000);
    assert!(graph(&deep).is_err());
    let func = format!("node {{ {}", "attr { value { func { ".repeat(100));
    assert!(graph(&func).unwrap_err().to_string().contains("nested"), "depth is bounded");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-z{}<>:;,\"'\\\\\\[\\]0-9.e+\\- #\n]{0,80}") {
        let _ = graph(&text);
        let _ = starts_a_graph(text.as_bytes());
        let _ = graph(&format!("node {{ {text} attr {{ value {{ {text}"));
    }
}
