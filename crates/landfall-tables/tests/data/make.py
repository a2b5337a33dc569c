"""Makes the small files that the tests read: written by numpy, scipy and pyarrow, whose versions `made_with.txt` names.

    pip install numpy scipy pyarrow
    python make.py
"""
import pathlib
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import scipy
import scipy.sparse

HERE = pathlib.Path(__file__).parent
x = np.arange(12, dtype=np.float32).reshape(4, 3) / 4
ids = np.array([7, -1, 2**62, 0], dtype=np.int64)
names = np.array(["a", "", "zwölf", "\N{GRINNING FACE}"])

np.savez(HERE / "stored.npz", x=x, ids=ids, names=names, raw=np.array([b"a", b"b\0c", b"", b"xyz"]), extra=np.zeros(2))
np.savez_compressed(HERE / "packed.npz", x=x, ids=ids, names=names, flags=np.array([True, False, True, True]))
np.savez(HERE / "nameless.npz", x)
np.save(HERE / "fortran.npy", np.asfortranarray(x))
np.save(HERE / "fortran3.npy", np.asfortranarray(np.arange(24, dtype=np.int16).reshape(2, 3, 4)))
np.save(HERE / "big_endian.npy", x.astype(">f8"))
np.save(HERE / "big_endian_text.npy", names.astype(">U5"))
np.save(HERE / "objects.npy", np.array(["a", 1], dtype=object), allow_pickle=True)
for version in [(1, 0), (2, 0), (3, 0)]:
    with open(HERE / f"version{version[0]}.npy", "wb") as file:
        np.lib.format.write_array(file, x, version=version)

numbers = {f"{t}": pa.array([1, None, 3, 100], type=t) for t in
           [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(), pa.float32(), pa.float64()]}
columns = {
    **numbers,
    "halffloat": pa.array([np.float16(1), None, np.float16(3), np.float16(100)], type=pa.float16()),
    "bool": pa.array([True, None, False, True]),
    "string": pa.array(["a", None, "zwölf", ""]),
    "large_string": pa.array(["a", None, "zwölf", ""], type=pa.large_string()),
    "string_view": pa.array(["a", None, "zwölf", "longer than twelve bytes"], type=pa.string_view()),
    "binary": pa.array([b"a", None, b"\xff\0", b""]),
    "dictionary": pa.array(["a", None, "zwölf", "a"]).dictionary_encode(),
    "list": pa.array([[1.0, 2.0], [3.0, None], None, [7.0, 8.0]], type=pa.list_(pa.float32())),
    "fixed": pa.array([[1, 2], [3, 4], [5, 6], [7, 8]], type=pa.list_(pa.int32(), 2)),
    "large_list": pa.array([[1], [2, 3], [], [4]], type=pa.large_list(pa.int64())),
    "nested": pa.array([[[1, 2], [3, 4]]] * 4, type=pa.list_(pa.list_(pa.int64()))),
    "when": pa.array([0, 1, 2, 3], type=pa.timestamp("ms")),
}
table = pa.table(columns)
pq.write_table(table, HERE / "types.parquet", row_group_size=3)
with pa.ipc.new_file(HERE / "types.arrow", table.schema) as writer:
    writer.write_table(table, max_chunksize=3)
with pa.ipc.new_stream(HERE / "types.arrows", table.schema) as writer:
    writer.write_table(table, max_chunksize=3)
for packing in ["lz4", "zstd"]:
    with pa.ipc.new_file(HERE / f"{packing}.arrow", table.schema, options=pa.ipc.IpcWriteOptions(compression=packing)) as writer:
        writer.write_table(table, max_chunksize=3)

amounts = ["1.10", None, "-3.25", "0.30"]
decimals = {
    "small": pa.array([None if v is None else Decimal(v) for v in amounts], type=pa.decimal128(9, 2)),
    "whole": pa.array([Decimal(7), None, Decimal(-8), Decimal(10**17)], type=pa.decimal128(18, 0)),
    "long": pa.array([Decimal("0." + "1" * 30), None, Decimal("12345678.9"), Decimal(0)], type=pa.decimal128(38, 30)),
    "wide": pa.array([Decimal(2**80), None, Decimal(1), Decimal(-2)], type=pa.decimal256(50, 0)),
    "coarse": pa.array([Decimal("1.2e5"), None, Decimal("3e3"), Decimal(0)], type=pa.decimal128(5, -3)),
}
decimals = pa.table(decimals)
with pa.ipc.new_file(HERE / "decimals.arrow", decimals.schema) as writer:
    writer.write_table(decimals)
pq.write_table(decimals.drop_columns(["coarse"]), HERE / "decimals.parquet")

pq.write_table(pa.table({"flags": pa.array([True, None, False, True]).dictionary_encode()}), HERE / "dictionary_of_truths.parquet")

# Row 2 is empty, row 3 not in the order of columns; a zero and a NaN are stored.
rows = scipy.sparse.csr_matrix(
    (np.array([1.5, -2.0, 3.25, 0.0, np.nan, 7.0]), [0, 3, 2, 1, 0, 1], [0, 2, 2, 4, 5, 6]), shape=(5, 4))
scipy.sparse.save_npz(HERE / "sparse.npz", rows)
scipy.sparse.save_npz(HERE / "sparse_array.npz", scipy.sparse.csr_array(rows.astype(np.float32)), compressed=False)
scipy.sparse.save_npz(HERE / "sparse_narrow.npz", rows[:, :2].tocsr(), compressed=False)
parts = {"data": rows.data.astype(">f4"), "indices": rows.indices.astype(np.int64), "indptr": rows.indptr.astype(">i8")}
np.savez(HERE / "sparse_named.npz", **{f"features.{name}": part for name, part in parts.items()})
np.savez(HERE / "sparse_beside.npz", **{f"features.{name}": part for name, part in parts.items()},
         base_margin=np.arange(5) / 4, note=np.zeros(2))
for layout in ["csc", "coo", "bsr", "dia"]:
    scipy.sparse.save_npz(HERE / f"sparse_{layout}.npz", rows.asformat(layout))

(HERE / "made_with.txt").write_text(f"numpy {np.__version__}, scipy {scipy.__version__}, pyarrow {pa.__version__}\n")
