"""The VM of a simulated sandbox: one consistent state of processors, memory, disks and containers."""
