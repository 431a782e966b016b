"""Pure kernels: tensors and arrays in, tensors and arrays out.

They open no file, know no database, keep no state between calls and print nothing. Import the module that
holds a kernel, not this package: `contrast` and `words` need no torch, the others import it at the top.
"""
