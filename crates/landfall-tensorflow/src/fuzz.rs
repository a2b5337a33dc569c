//! Bodies for fuzzers: any bytes must come to an end, without a panic and without memory beyond their own size.

/// The reader of TensorFlow Lite files, and the signatures made of what it read.
pub fn tflite(bytes: &[u8]) {
    crate::litert::read_any(bytes);
}

/// The reader of SavedModels, the signatures made of what it read, and the search for what writes files.
pub fn saved_model(bytes: &[u8]) {
    crate::tensorflow::read_saved_model(bytes);
}

/// The reader of graphs, in binary and in text, and the guess of inputs and outputs.
pub fn graph(bytes: &[u8]) {
    crate::tensorflow::read_graph(bytes);
}
