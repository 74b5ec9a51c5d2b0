"""The wire: parse, call, convert."""
