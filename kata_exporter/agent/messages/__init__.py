"""Between the dataclasses of `types` and the agent's protobuf messages."""
