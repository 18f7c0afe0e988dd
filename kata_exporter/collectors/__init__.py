"""Ask agents in the background, and turn what they answer into parts of a snapshot."""
