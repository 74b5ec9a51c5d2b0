"""HTTP: parse, call, convert. One file for each noun."""
