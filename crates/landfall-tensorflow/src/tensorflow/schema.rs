//! The messages that a graph and a SavedModel are made of: names, numbers and kinds of fields.
//!
//! Facts: `graph.proto`, `node_def.proto`, `attr_value.proto`, `function.proto`, `op_def.proto`, `tensor.proto`,
//! `tensor_shape.proto`, `types.proto` of `tensorflow/core/framework`; `saved_model.proto`, `meta_graph.proto`,
//! `saver.proto`, `struct.proto` of `tensorflow/core/protobuf`.

/// A message.
pub(super) struct Message {
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// A field.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) number: u32,
    pub(super) rule: Rule,
    pub(super) kind: Kind,
}

/// How often a field is there.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// Once; a scalar that is not written has the zero of its kind.
    One,
    /// As one of several, or not at all (`oneof`).
    Choice,
    /// Any number of times (`repeated`).
    Many,
    /// As entries of a key and a value (`map`).
    Map,
}

/// What a field holds.
pub(super) enum Kind {
    Integer,
    Unsigned,
    Long,
    UnsignedLong,
    /// 64 bits whose last one is the sign (`sint64`).
    ZigZag,
    Bool,
    Float,
    Double,
    Text,
    /// Where only this crate's own readers look, text too.
    Bytes,
    Enum(&'static [(&'static str, i64)]),
    Message(&'static Message),
    /// What no graph needs to run.
    LeftOut,
}

impl Kind {
    /// For messages.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Kind::Bool => "true or false",
            Kind::Enum(_) => "one of the names of its kind",
            _ => "an integer",
        }
    }
}

macro_rules! rule {
    () => {
        Rule::One
    };
    (choice) => {
        Rule::Choice
    };
    (many) => {
        Rule::Many
    };
    (map) => {
        Rule::Map
    };
}

/// Messages, and their fields as `[how often] name number kind`. How often is told of what can be reached from `SIGNATURE`.
macro_rules! messages {
    ($($(#[$doc:meta])* $visibility:vis $id:ident $name:literal {
        $($([$rule:ident])? $field:ident $number:literal $kind:expr;)*
    })*) => {
        $(
            $(#[$doc])*
            $visibility static $id: Message = Message {
                name: $name,
                fields: &[$(Field {
                    name: stringify!($field),
                    number: $number,
                    rule: rule!($($rule)?),
                    kind: $kind,
                }),*],
            };
        )*
    };
}

use Kind::{Bool, Bytes, Double, Enum, Float, Integer, LeftOut, Long, Text, Unsigned, UnsignedLong, ZigZag};

const fn of(message: &'static Message) -> Kind {
    Kind::Message(message)
}

/// `DataType`; types of references have the names with `_REF`, and numbers higher by 100.
static TYPES: [(&str, i64); 64] = [
    ("DT_INVALID", 0),
    ("DT_FLOAT", 1),
    ("DT_DOUBLE", 2),
    ("DT_INT32", 3),
    ("DT_UINT8", 4),
    ("DT_INT16", 5),
    ("DT_INT8", 6),
    ("DT_STRING", 7),
    ("DT_COMPLEX64", 8),
    ("DT_INT64", 9),
    ("DT_BOOL", 10),
    ("DT_QINT8", 11),
    ("DT_QUINT8", 12),
    ("DT_QINT32", 13),
    ("DT_BFLOAT16", 14),
    ("DT_QINT16", 15),
    ("DT_QUINT16", 16),
    ("DT_UINT16", 17),
    ("DT_COMPLEX128", 18),
    ("DT_HALF", 19),
    ("DT_RESOURCE", 20),
    ("DT_VARIANT", 21),
    ("DT_UINT32", 22),
    ("DT_UINT64", 23),
    ("DT_FLOAT8_E5M2", 24),
    ("DT_FLOAT8_E4M3FN", 25),
    ("DT_FLOAT8_E4M3FNUZ", 26),
    ("DT_FLOAT8_E4M3B11FNUZ", 27),
    ("DT_FLOAT8_E5M2FNUZ", 28),
    ("DT_INT4", 29),
    ("DT_UINT4", 30),
    ("DT_INT2", 31),
    ("DT_UINT2", 32),
    ("DT_FLOAT_REF", 101),
    ("DT_DOUBLE_REF", 102),
    ("DT_INT32_REF", 103),
    ("DT_UINT8_REF", 104),
    ("DT_INT16_REF", 105),
    ("DT_INT8_REF", 106),
    ("DT_STRING_REF", 107),
    ("DT_COMPLEX64_REF", 108),
    ("DT_INT64_REF", 109),
    ("DT_BOOL_REF", 110),
    ("DT_QINT8_REF", 111),
    ("DT_QUINT8_REF", 112),
    ("DT_QINT32_REF", 113),
    ("DT_BFLOAT16_REF", 114),
    ("DT_QINT16_REF", 115),
    ("DT_QUINT16_REF", 116),
    ("DT_UINT16_REF", 117),
    ("DT_COMPLEX128_REF", 118),
    ("DT_HALF_REF", 119),
    ("DT_RESOURCE_REF", 120),
    ("DT_VARIANT_REF", 121),
    ("DT_UINT32_REF", 122),
    ("DT_UINT64_REF", 123),
    ("DT_FLOAT8_E5M2_REF", 124),
    ("DT_FLOAT8_E4M3FN_REF", 125),
    ("DT_FLOAT8_E4M3FNUZ_REF", 126),
    ("DT_FLOAT8_E4M3B11FNUZ_REF", 127),
    ("DT_FLOAT8_E5M2FNUZ_REF", 128),
    ("DT_INT4_REF", 129),
    ("DT_UINT4_REF", 130),
    ("DT_INT2_REF", 131),
];

/// `TypeSpecProto.TypeSpecClass`.
static TYPE_SPECS: [(&str, i64); 13] = [
    ("UNKNOWN", 0),
    ("SPARSE_TENSOR_SPEC", 1),
    ("INDEXED_SLICES_SPEC", 2),
    ("RAGGED_TENSOR_SPEC", 3),
    ("TENSOR_ARRAY_SPEC", 4),
    ("DATA_DATASET_SPEC", 5),
    ("DATA_ITERATOR_SPEC", 6),
    ("OPTIONAL_SPEC", 7),
    ("PER_REPLICA_SPEC", 8),
    ("VARIABLE_SPEC", 9),
    ("ROW_PARTITION_SPEC", 10),
    ("REGISTERED_TYPE_SPEC", 12),
    ("EXTENSION_TYPE_SPEC", 13),
];

/// `SaverDef.CheckpointFormatVersion`.
static CHECKPOINTS: [(&str, i64); 3] = [("LEGACY", 0), ("V1", 1), ("V2", 2)];

messages! {
    pub(super) GRAPH_DEF "GraphDef" {
        node 1 of(&NODE);
        versions 4 of(&VERSIONS);
        version 3 Integer;
        library 2 of(&LIBRARY);
        debug_info 5 LeftOut;
    }
    VERSIONS "VersionDef" { producer 1 Integer; min_consumer 2 Integer; bad_consumers 3 Integer; }
    NODE "NodeDef" {
        name 1 Bytes;
        op 2 Bytes;
        input 3 Bytes;
        device 4 Bytes;
        attr 5 of(&ATTRIBUTE_ENTRY);
        experimental_debug_info 6 LeftOut;
        experimental_type 7 LeftOut;
    }
    ATTRIBUTE_ENTRY "an entry of attr" { key 1 Bytes; value 2 of(&ATTRIBUTE); }
    ATTRIBUTE "AttrValue" {
        list 1 of(&ATTRIBUTE_LIST);
        s 2 Bytes;
        i 3 Integer;
        f 4 Float;
        b 5 Bool;
        type 6 Enum(&TYPES);
        shape 7 of(&SHAPE);
        tensor 8 of(&TENSOR);
        placeholder 9 Bytes;
        func 10 of(&FUNCTION_NAME);
    }
    ATTRIBUTE_LIST "AttrValue.ListValue" {
        s 2 Bytes;
        i 3 Integer;
        f 4 Float;
        b 5 Bool;
        type 6 Enum(&TYPES);
        shape 7 of(&SHAPE);
        tensor 8 of(&TENSOR);
        func 9 of(&FUNCTION_NAME);
    }
    FUNCTION_NAME "NameAttrList" { name 1 Bytes; attr 2 of(&ATTRIBUTE_ENTRY); }
    SHAPE "TensorShapeProto" { [many] dim 2 of(&DIM); unknown_rank 3 Bool; }
    DIM "TensorShapeProto.Dim" { size 1 Long; name 2 Text; }
    TENSOR "TensorProto" {
        dtype 1 Enum(&TYPES);
        tensor_shape 2 of(&SHAPE);
        version_number 3 Integer;
        tensor_content 4 Bytes;
        [many] half_val 13 Integer;
        [many] float_val 5 Float;
        [many] double_val 6 Double;
        [many] int_val 7 Integer;
        [many] string_val 8 Bytes;
        [many] scomplex_val 9 Float;
        [many] int64_val 10 Long;
        [many] bool_val 11 Bool;
        [many] dcomplex_val 12 Double;
        [many] resource_handle_val 14 LeftOut;
        [many] variant_val 15 LeftOut;
        [many] uint32_val 16 Unsigned;
        [many] uint64_val 17 UnsignedLong;
        float8_val 18 Bytes;
    }
    LIBRARY "FunctionDefLibrary" {
        function 1 of(&FUNCTION);
        gradient 2 of(&GRADIENT);
        registered_gradients 3 LeftOut;
    }
    GRADIENT "GradientDef" { function_name 1 Bytes; gradient_func 2 Bytes; }
    FUNCTION "FunctionDef" {
        signature 1 of(&OPERATOR);
        attr 5 of(&ATTRIBUTE_ENTRY);
        arg_attr 7 of(&ARGUMENT_ATTRIBUTES);
        resource_arg_unique_id 8 of(&NUMBER_ENTRY);
        node_def 3 of(&NODE);
        ret 4 of(&TEXT_ENTRY);
        control_ret 6 of(&TEXT_ENTRY);
    }
    ARGUMENT_ATTRIBUTES "an entry of arg_attr" { key 1 Integer; value 2 of(&ATTRIBUTES); }
    ATTRIBUTES "FunctionDef.ArgAttrs" { attr 1 of(&ATTRIBUTE_ENTRY); }
    NUMBER_ENTRY "an entry of resource_arg_unique_id" { key 1 Integer; value 2 Integer; }
    TEXT_ENTRY "an entry of ret" { key 1 Bytes; value 2 Bytes; }
    OPERATOR "OpDef" {
        name 1 Bytes;
        input_arg 2 of(&ARGUMENT);
        output_arg 3 of(&ARGUMENT);
        control_output 20 Bytes;
        attr 4 of(&ATTRIBUTE_DEFINITION);
        deprecation 8 LeftOut;
        summary 5 Bytes;
        description 6 Bytes;
        is_commutative 18 Bool;
        is_aggregate 16 Bool;
        is_stateful 17 Bool;
        allows_uninitialized_input 19 Bool;
        is_distributed_communication 21 Bool;
    }
    ARGUMENT "OpDef.ArgDef" {
        name 1 Bytes;
        description 2 Bytes;
        type 3 Enum(&TYPES);
        type_attr 4 Bytes;
        number_attr 5 Bytes;
        type_list_attr 6 Bytes;
        handle_data 7 of(&HANDLE_DATA);
        is_ref 16 Bool;
        experimental_full_type 17 LeftOut;
    }
    HANDLE_DATA "ResourceHandleProto.DtypeAndShape" { dtype 1 Enum(&TYPES); shape 2 of(&SHAPE); }
    ATTRIBUTE_DEFINITION "OpDef.AttrDef" {
        name 1 Bytes;
        type 2 Bytes;
        default_value 3 of(&ATTRIBUTE);
        description 4 Bytes;
        has_minimum 5 Bool;
        minimum 6 Integer;
        allowed_values 7 of(&ATTRIBUTE);
    }
    pub(super) SAVED_MODEL "SavedModel" {
        saved_model_schema_version 1 Integer;
        meta_graphs 2 of(&META_GRAPH);
    }
    META_GRAPH "MetaGraphDef" {
        meta_info_def 1 of(&META_INFO);
        graph_def 2 of(&GRAPH_DEF);
        saver_def 3 of(&SAVER);
        collection_def 4 of(&COLLECTION_ENTRY);
        signature_def 5 of(&SIGNATURE_ENTRY);
        asset_file_def 6 of(&ASSET);
        object_graph_def 7 LeftOut;
    }
    META_INFO "MetaGraphDef.MetaInfoDef" {
        meta_graph_version 1 Bytes;
        stripped_op_list 2 LeftOut;
        any_info 3 LeftOut;
        tags 4 Bytes;
        tensorflow_version 5 Bytes;
        tensorflow_git_version 6 Bytes;
        stripped_default_attrs 7 Bool;
        function_aliases 8 LeftOut;
    }
    SAVER "SaverDef" {
        filename_tensor_name 1 Bytes;
        save_tensor_name 2 Bytes;
        restore_op_name 3 Bytes;
        max_to_keep 4 Integer;
        sharded 5 Bool;
        keep_checkpoint_every_n_hours 6 Float;
        version 7 Enum(&CHECKPOINTS);
    }
    COLLECTION_ENTRY "an entry of collection_def" { key 1 Bytes; value 2 of(&COLLECTION); }
    COLLECTION "CollectionDef" {
        node_list 1 of(&NODE_LIST);
        bytes_list 2 LeftOut;
        int64_list 3 LeftOut;
        float_list 4 LeftOut;
        any_list 5 LeftOut;
    }
    NODE_LIST "CollectionDef.NodeList" { value 1 Bytes; }
    SIGNATURE_ENTRY "an entry of signature_def" { key 1 Bytes; value 2 of(&SIGNATURE); }
    pub(super) SIGNATURE "SignatureDef" {
        [map] inputs 1 of(&TENSOR_ENTRY);
        [map] outputs 2 of(&TENSOR_ENTRY);
        method_name 3 Text;
        [map] defaults 4 of(&DEFAULT_ENTRY);
    }
    TENSOR_ENTRY "an entry of inputs or outputs" { key 1 Text; value 2 of(&TENSOR_INFO); }
    DEFAULT_ENTRY "an entry of defaults" { key 1 Text; value 2 of(&TENSOR); }
    TENSOR_INFO "TensorInfo" {
        dtype 2 Enum(&TYPES);
        tensor_shape 3 of(&SHAPE);
        [choice] name 1 Text;
        [choice] coo_sparse 4 of(&SPARSE);
        [choice] composite_tensor 5 of(&COMPOSITE);
    }
    SPARSE "TensorInfo.CooSparse" {
        values_tensor_name 1 Text;
        indices_tensor_name 2 Text;
        dense_shape_tensor_name 3 Text;
    }
    COMPOSITE "TensorInfo.CompositeTensor" { type_spec 1 of(&TYPE_SPEC); [many] components 2 of(&TENSOR_INFO); }
    TYPE_SPEC "TypeSpecProto" {
        type_spec_class 1 Enum(&TYPE_SPECS);
        type_state 2 of(&STRUCTURE);
        type_spec_class_name 3 Text;
        num_flat_components 4 Integer;
    }
    STRUCTURE "StructuredValue" {
        [choice] none_value 1 of(&NOTHING);
        [choice] float64_value 11 Double;
        [choice] int64_value 12 ZigZag;
        [choice] string_value 13 Text;
        [choice] bool_value 14 Bool;
        [choice] tensor_shape_value 31 of(&SHAPE);
        [choice] tensor_dtype_value 32 Enum(&TYPES);
        [choice] tensor_spec_value 33 of(&TENSOR_SPEC);
        [choice] type_spec_value 34 of(&TYPE_SPEC);
        [choice] bounded_tensor_spec_value 35 of(&BOUNDED_TENSOR_SPEC);
        [choice] list_value 51 of(&STRUCTURES);
        [choice] tuple_value 52 of(&STRUCTURES);
        [choice] dict_value 53 of(&DICT);
        [choice] named_tuple_value 54 of(&NAMED_TUPLE);
        [choice] tensor_value 55 of(&TENSOR);
        [choice] numpy_value 56 of(&TENSOR);
    }
    NOTHING "NoneValue" {}
    STRUCTURES "ListValue" { [many] values 1 of(&STRUCTURE); }
    DICT "DictValue" { [map] fields 1 of(&STRUCTURE_ENTRY); }
    STRUCTURE_ENTRY "an entry of fields" { key 1 Text; value 2 of(&STRUCTURE); }
    NAMED_TUPLE "NamedTupleValue" { name 1 Text; [many] values 2 of(&STRUCTURE_ENTRY); }
    TENSOR_SPEC "TensorSpecProto" { name 1 Text; shape 2 of(&SHAPE); dtype 3 Enum(&TYPES); }
    BOUNDED_TENSOR_SPEC "BoundedTensorSpecProto" {
        name 1 Text;
        shape 2 of(&SHAPE);
        dtype 3 Enum(&TYPES);
        minimum 4 of(&TENSOR);
        maximum 5 of(&TENSOR);
    }
    ASSET "AssetFileDef" { tensor_info 1 of(&TENSOR_INFO); filename 2 Bytes; }
}
