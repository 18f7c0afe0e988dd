"""The families of the guest's text, one subsystem a file."""
