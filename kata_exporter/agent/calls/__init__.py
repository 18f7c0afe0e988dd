"""The methods of `KataAgent`, noun by noun; what each does stands in `interface`."""
