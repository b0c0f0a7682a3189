"""What a message to a citizen is, and the rules it obeys. Pure: no I/O, no clock, no random."""
