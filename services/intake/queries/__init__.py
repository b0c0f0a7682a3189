"""What intake shows: the read models fed by all topics (worklist, timeline, known referrals), search, and the lists."""
