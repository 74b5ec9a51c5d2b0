"""SQLite through APSW, and the clocks."""
