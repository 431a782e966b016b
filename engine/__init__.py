"""Plans come in (operators that name their inputs), tables go out (Parquet in the store, relations in DuckDB).

The engine knows no vision: what an operator computes stands in `ops`. It may import `lang`, and nothing else of clq.
"""
