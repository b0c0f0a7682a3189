"""`make load`: what this machine holds, where it saturates, what gives first, and what happens beyond.

A stack of its own with the nation's open work in it (`tests/generated`) is asked at growing rates, in the mix of a national year,
by the staff of all 153 centers and the health agencies of all regions. The schedule is open: each request has a moment at which it
should leave, drawn before (Poisson, `SEED`), whatever became of the earlier ones, and its latency counts from that moment. So a
system that stands still for a second has a second of slow requests, and not one.

**The mix.** A year has 76 thousand citizens and 111 thousand services: per 100 appeals about 23 cases with a plan of three
services, and 77 that end with advice; each case asks one partner. What is not in the figures is how often somebody looks: here
before and after every one of a worker's writes at the worklist and the file, and once at the case; the search goes before every
appeal; the partner looks into the inbox before each of its three commands, and once at the client's fields. Beside the writes that
the gateway sees stand those of the events that follow (relay, four consumers, SMS), which run on the same two cores.

**What is told.** For each rate: offered and done per second, p50, p95, p99 of what was served, how many were refused (503) and how
soon, errors, and the processor of each part (100 is one core). *Held* is the highest rate with p99 within `HELD_MS`. Then three
times as much as was held, and after it the usual rate again, second by second, until it is as quick as it was.

| module | is for |
|---|---|
| `lines` | the open schedule, and the connections that keep it |
| `town` | who asks for what: the mix |
| `crowded` | the stack that is asked |
| `told` | what was seen at one rate, and its line in the table |
| `__main__` | growing rates, and three times too much |
"""
