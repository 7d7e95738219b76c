"""One block on a grid to its payload and back, by a network (docs/format.md section 11)."""
