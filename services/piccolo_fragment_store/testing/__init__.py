"""What tests of the fragment-store need: a disk whose power can fail, owners, a small attestation."""
