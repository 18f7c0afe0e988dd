"""The interface of an agent's client: what Kata's runtime calls its ``agent``, noun by noun."""

from kata_exporter.agent.interface.agent import Agent

__all__ = ["Agent"]
