"""The gRPC servicers, one module each: parse, run, convert."""
