//! The protocol definitions of what is served, written from published names and numbers; a script beside them holds them
//! against the descriptors of the public packages.

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// Name and text of each definition.
        pub(super) const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../proto/", $name)))),*];
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
    "tensorflow/core/example/example.proto",
    "tensorflow/core/example/feature.proto",
    "tensorflow/core/framework/tensor.proto",
    "tensorflow/core/framework/tensor_shape.proto",
    "tensorflow/core/framework/types.proto",
    "tensorflow/core/protobuf/error_codes.proto",
    "tensorflow/core/protobuf/meta_graph.proto",
    "tensorflow_serving/apis/classification.proto",
    "tensorflow_serving/apis/get_model_metadata.proto",
    "tensorflow_serving/apis/get_model_status.proto",
    "tensorflow_serving/apis/inference.proto",
    "tensorflow_serving/apis/input.proto",
    "tensorflow_serving/apis/model.proto",
    "tensorflow_serving/apis/model_management.proto",
    "tensorflow_serving/apis/model_service.proto",
    "tensorflow_serving/apis/predict.proto",
    "tensorflow_serving/apis/prediction_service.proto",
    "tensorflow_serving/apis/regression.proto",
    "tensorflow_serving/apis/status.proto",
    "tensorflow_serving/config/file_system_storage_path_source.proto",
    "tensorflow_serving/config/log_collector_config.proto",
    "tensorflow_serving/config/logging_config.proto",
    "tensorflow_serving/config/model_server_config.proto",
    "tensorflow_serving/config/monitoring_config.proto",
    "tensorflow_serving/config/ssl_config.proto",
    "tensorflow_serving/servables/tensorflow/session_bundle_config.proto",
    "tsl/profiler/protobuf/profiler_options.proto",
    "tsl/profiler/protobuf/profiler_service.proto",
];
