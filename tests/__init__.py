"""Tests of demzip."""
