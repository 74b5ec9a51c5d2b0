"""gRPC servicers: parse, call, convert."""
