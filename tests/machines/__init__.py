"""The same samples on poor machines and under strict compilers."""
