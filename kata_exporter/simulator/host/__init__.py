"""What surrounds simulated sandboxes on their host: shims, CRI, and containerd's events."""
