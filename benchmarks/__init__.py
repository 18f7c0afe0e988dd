"""What the hot paths cost, each beside a floor that is measured in the same run."""
