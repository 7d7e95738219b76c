"""A second, slow implementation of the .dz format, written from docs/format.md alone.

Plain Python integers and lists; nothing here imports demzip, NumPy or Numba, so that a mistake is
unlikely to be made twice. The tests compare the package with it, and a port can use it as a model.
"""
