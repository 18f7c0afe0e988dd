"""What the exporter costs on a fleet, and its hot paths alone, each beside a floor of the same run."""
