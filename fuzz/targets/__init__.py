"""What is fuzzed: modules with a function ``try_one(data)``, which raises where a promise is broken.

A target's corpus is ``fuzz/corpus/<its name>``.
"""

NAMES = ("frames", "answers", "guest_text", "agent_url", "query")
