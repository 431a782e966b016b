"""Tensors come in, tensors go out: operators declared torch-free (here) apart from their kernels (`ops.kernels`).

Kernels are pure: no files, no DuckDB, no global state. Of clq this folder may import `engine` (for the declaration
of an operator) and `lang`, nothing above.
"""
