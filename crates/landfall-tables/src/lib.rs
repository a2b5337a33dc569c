//! Files to calls and back, in chunks of rows: CSV, JSON Lines, NPY, NPZ, Arrow IPC, Parquet.
