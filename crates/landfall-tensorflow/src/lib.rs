//! TensorFlow models: SavedModel, frozen graphs and TensorFlow Lite, evaluated by the libraries that Python packages bring.
