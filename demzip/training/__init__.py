"""Networks are trained here, in JAX and Flax; decoding needs neither (docs/design.md)."""
