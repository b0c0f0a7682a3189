"""A family's case: what it is, and what may happen to it. Pure: no I/O, no clock, no random; they come in as arguments.

| module | is about |
|---|---|
| `case` | the aggregate: what is kept of a case |
| `states` | the one table of states and commands, and which commands are open now |
| `items` | what is open in each state, by when, and whose it is; the clock |
| `levels` | level of wellbeing and score, as the policy counts them |
| `opening` | a case begins, takes in a further appeal, changes hands, hears of danger |
| `planning` | assessment, plan, signatures, approval |
| `carrying_out` | measures, help, visits, reviews |
| `referring` | what partners say about the measures they were asked for |
| `closing` | proposing, approving, returning; reopening |

A command is a function `(case, …, actor, now, policy) -> (case, events)`. It raises WrongState where the table does not have it,
and Invalid where the input breaks a rule. Every event tells all that is open after it.
"""
