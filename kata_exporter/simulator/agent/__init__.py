"""The agent of a simulated guest: what it answers, by release, and the socket it answers on."""
