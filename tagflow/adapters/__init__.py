"""One door to the outside per file: files, DuckDB, encoders, nearest neighbours, the terminal."""
