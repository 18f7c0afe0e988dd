"""Statistics of containers: from the agent's answer to samples, what agents send wrongly repaired."""
