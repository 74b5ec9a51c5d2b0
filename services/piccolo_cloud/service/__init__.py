"""The cloud's wire: parse, call the engine, convert."""
