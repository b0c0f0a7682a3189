"""What referrals are and what may happen to them. Pure: no I/O, no clock, no random; they come in as arguments.

| module | is about |
|---|---|
| `referral` | the aggregate: its one transition table, what is open in each state, its clocks |
| `case` | what has to be known of a case, kept from casework's events |
| `directory` | the services of the agencies, and which one is chosen when only a kind is asked for |
"""
