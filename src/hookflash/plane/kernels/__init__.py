"""The hot loops of the media plane: numba kernels over rows of the columns.

Every kernel is a plain Python function as well (``kernel.py_func``), which is how the tests compare the two.
"""
