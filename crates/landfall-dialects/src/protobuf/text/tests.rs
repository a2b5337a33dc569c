//! The text format, by examples of its forms and by what is refused.

use super::to_wire;
use crate::protobuf::Writer;
use proptest::prelude::*;

const BATCHING: &str = "tensorflow.serving.BatchingParameters";
const LOGGING: &str = "tensorflow.serving.LoggingConfig";
const SSL: &str = "tensorflow.serving.SSLConfig";

fn built(build: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    build(&mut Writer::new(&mut out));
    out
}

#[test]
fn all_forms_of_messages_lists_and_separators_say_the_same() {
    let expected = built(|w| {
        w.message(1, |w| w.signed_field(1, 128));
        w.signed_field(6, 2);
        w.signed_field(6, 128);
        w.bool_field(7, true);
    });
    for text in [
        "max_batch_size { value: 128 } allowed_batch_sizes: 2 allowed_batch_sizes: 128 pad_variable_length_inputs: true",
        "max_batch_size: { value: 128 };\nallowed_batch_sizes: [2, 128],\npad_variable_length_inputs: True",
        "max_batch_size<value:0x80>allowed_batch_sizes:[2]allowed_batch_sizes:128 pad_variable_length_inputs:1",
        "# a comment\nmax_batch_size: < value: 0200, > # another\nallowed_batch_sizes: []\nallowed_batch_sizes: [ 2 , 128 ]; \
         pad_variable_length_inputs: t",
    ] {
        assert_eq!(to_wire(text, BATCHING).unwrap(), expected, "{text}");
    }
    assert!(to_wire(" # nothing\n", BATCHING).unwrap().is_empty());
}

#[test]
fn texts_are_joined_and_their_escapes_resolved() {
    let key = |text: &str| to_wire(&format!("server_key: {text}"), SSL).unwrap();
    let is = |expected: &str| built(|w| w.string_field(1, expected));
    assert_eq!(key(r#""BEGIN\n" 'x"y' "\tEND""#), is("BEGIN\nx\"y\tEND"));
    assert_eq!(key(r#""\x41\101\u00e4\U0001F600\ud83d\ude00\?\'""#), is("AAä😀😀?'"));
    assert_eq!(key("\"ä # no comment\""), is("ä # no comment"));
    let bytes = to_wire(r#"custom_logging_config { value: "\377\0" }"#, LOGGING).unwrap();
    assert_eq!(bytes, built(|w| w.message(3, |w| w.bytes_field(2, b"\xff\0"))));
}

#[test]
fn numbers_are_read_in_all_their_forms() {
    let rate = |text: &str| to_wire(&format!("sampling_config {{ sampling_rate: {text} }}"), LOGGING);
    for (text, value) in
        [("1", 1.0), ("0.5", 0.5), (".5", 0.5), ("5e-1f", 0.5), ("- 2.", -2.0), ("-Inf", f64::NEG_INFINITY)]
    {
        assert_eq!(rate(text).unwrap(), built(|w| w.message(2, |w| w.double_field(1, value))), "{text}");
    }
    assert!(rate("nan").is_ok() && rate("x").is_err());
    let timeout = |text: &str| to_wire(&format!("batch_timeout_micros {{ value: {text} }}"), BATCHING);
    for (text, value) in
        [("-5", -5), ("9223372036854775807", i64::MAX), ("- 9223372036854775808", i64::MIN), ("0", 0)]
    {
        assert_eq!(timeout(text).unwrap(), built(|w| w.message(2, |w| w.signed_field(1, value))), "{text}");
    }
}

#[test]
fn a_message_of_any_type_may_be_written_out() {
    let text =
        "custom_logging_config { [type.googleapis.com/tensorflow.serving.LogCollectorConfig] { type: 'x' } }";
    let collector = built(|w| w.string_field(1, "x"));
    let expected = built(|w| {
        w.message(3, |w| {
            w.string_field(1, "type.googleapis.com/tensorflow.serving.LogCollectorConfig");
            w.bytes_field(2, &collector);
        });
    });
    assert_eq!(to_wire(text, LOGGING).unwrap(), expected);
}

#[test]
fn mistakes_are_told_with_line_and_column() {
    for (message, text, expected) in [
        (
            BATCHING,
            "\n  max_size { value: 1 }",
            "2:3: Message type \"tensorflow.serving.BatchingParameters\" has no field named \"max_size\".",
        ),
        (BATCHING, "improperly formatted file", "1:1: Message type"),
        (BATCHING, "max_batch_size { value 1 }", "1:24: Expected \":\", found \"1\"."),
        (BATCHING, "max_batch_size 1", "1:16: Expected \"{\", found \"1\"."),
        (BATCHING, "max_batch_size { value: \"1\" }", "1:25: Expected integer, got: \"1\""),
        (BATCHING, "max_batch_size { value: 1.5 }", "1:25: Expected integer, got: 1.5"),
        (
            BATCHING,
            "max_batch_size { value: 9223372036854775808 }",
            "1:25: Integer out of range (9223372036854775808)",
        ),
        (BATCHING, "max_batch_size { value: 1 > ", "1:27: Expected identifier, got: >"),
        (BATCHING, "max_batch_size { value: 1", "1:26: Expected identifier, got: "),
        (
            BATCHING,
            "max_batch_size {}\nmax_batch_size {}",
            "2:1: Non-repeated field \"max_batch_size\" is specified multiple times.",
        ),
        (
            BATCHING,
            "pad_variable_length_inputs: maybe",
            "1:29: Invalid value for boolean field \"pad_variable_length_inputs\". Value: \"maybe\".",
        ),
        (BATCHING, "pad_variable_length_inputs: 2", "1:29: Integer out of range (2)"),
        (BATCHING, "allowed_batch_sizes: [1 2]", "1:25: Expected \",\", found \"2\"."),
        (BATCHING, "max_batch_size: [{value: 1}]", "1:17: Expected \"{\", found \"[\"."),
        (BATCHING, "[a.b/c.d] {}", "1:1: There is no extension"),
        (BATCHING, "thread_pool_name { value: 5 }", "1:27: Expected string, got: 5"),
        (SSL, "server_key: \"a\nb\"", "1:15: String literals cannot cross line boundaries."),
        (SSL, "server_key: \"ä", "1:15: Unexpected end of string."),
        (SSL, "server_key: \"\\q\"", "1:13: \\q is no escape"),
        (SSL, "server_key: \"\\377\"", "1:13: field \"server_key\": text that is no UTF-8"),
        (LOGGING, "custom_logging_config { [type.googleapis.com/no.Such] {} }", "1:25: There is no type"),
        (
            "tensorflow.serving.ModelConfig",
            "model_type: NOPE",
            "1:13: Unknown enumeration value of \"NOPE\" for field \"model_type\".",
        ),
        (
            "tensorflow.serving.ModelConfig",
            "model_version_policy { all {} latest {} }",
            "1:31: Field \"latest\" is specified along with field \"all\", another member of oneof \"policy_choice\".",
        ),
    ] {
        let told = to_wire(text, message).unwrap_err().to_string();
        let start = format!("Error parsing text-format {message}: {expected}");
        assert!(told.starts_with(&start), "{text:?}:\n{told}\n{start}");
    }
}

proptest! {
    #![proptest_config(crate::seeded::seeded(256))]

    #[test]
    fn any_text_comes_back_from_its_escapes(text: String) {
        let escaped: String = text.chars().flat_map(|c| match c {
            '\n' => vec!['\\', 'n'],
            '"' | '\\' => vec!['\\', c],
            c => vec![c],
        }).collect();
        let read = to_wire(&format!("server_key: \"{escaped}\""), SSL).unwrap();
        prop_assert_eq!(read, built(|w| w.string_field(1, &text)));
    }

    #[test]
    fn no_text_makes_it_panic(text in r#"([a-z_]{1,5}|config|name|model_config_list|[{}<>\[\]:;,"'#0-9.\\-]| |\n){0,40}"#) {
        let _ = to_wire(&text, "tensorflow.serving.ModelServerConfig");
    }
}
