"""How the exporter watches itself: hooks, spans, own metrics, logs."""
