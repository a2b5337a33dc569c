//! The protocol definitions of what is served, written from published names and numbers; a script beside them holds them
//! against the descriptors of the public packages.

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// Name and text of each definition.
        pub const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../proto/", $name)))),*];
    };
}

files![
    "google/protobuf/any.proto",
    "google/protobuf/wrappers.proto",
    "grpc/health/v1/health.proto",
    "grpc/reflection/v1/reflection.proto",
    "grpc/reflection/v1alpha/reflection.proto",
    "grpc_service.proto",
    "model_config.proto",
    "tensorflow/core/framework/tensor.proto",
    "tensorflow/core/framework/tensor_shape.proto",
    "tensorflow/core/framework/types.proto",
    "tensorflow/core/protobuf/error_codes.proto",
    "tensorflow/core/protobuf/meta_graph.proto",
    "tensorflow_serving/apis/get_model_metadata.proto",
    "tensorflow_serving/apis/get_model_status.proto",
    "tensorflow_serving/apis/model.proto",
    "tensorflow_serving/apis/model_service.proto",
    "tensorflow_serving/apis/predict.proto",
    "tensorflow_serving/apis/prediction_service.proto",
    "tensorflow_serving/apis/status.proto",
];
