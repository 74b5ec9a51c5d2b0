"""What is served: FragmentService and the proxy to peers, KeeperService to this device."""
