"""What `make up` runs: the whole stack on one machine."""
