"""Tests of the harness and of whole circles."""
