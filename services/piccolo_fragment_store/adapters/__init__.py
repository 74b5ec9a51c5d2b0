"""One file per external thing: the disk, the index, the clocks, the keys, attestation, the TLS listener."""
