//! ONNX models: declared types from the file, evaluated by ONNX Runtime or by the embedded engine.
