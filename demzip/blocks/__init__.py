"""The block grid."""
