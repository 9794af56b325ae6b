"""One file a stage: storage in, pure call, rows out. A task handles a batch of images, never one and never all."""
