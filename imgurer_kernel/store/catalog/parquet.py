"""Write frames as Parquet by DuckDB."""

import tempfile
from pathlib import Path

import duckdb
import pandas as pd

from imgurer_kernel.errors import StorageError


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """Encode a frame as compressed Parquet with its columns and types; categories as texts.

    The same frame gives the same bytes.

    Raises
    ------
    StorageError
        If the folder for temporary files has no space for it.

    Examples
    --------
    >>> parquet_bytes(pd.DataFrame({"bytes": [5, 9]}))[:4]
    b'PAR1'
    """
    # One thread: several write the parts of the file in the order in which they finish.
    connection = duckdb.connect(config={"threads": 1, "preserve_insertion_order": True})
    try:
        with tempfile.TemporaryDirectory(prefix="imgurer-") as folder:
            path = Path(folder) / "frame.parquet"
            connection.register("given", frame)
            connection.table("given").write_parquet(str(path), compression="zstd")
            return path.read_bytes()
    except (duckdb.Error, OSError) as error:
        message = f"the Parquet file cannot be made: {error}; make space for temporary files"
        raise StorageError(message) from error
    finally:
        connection.close()
