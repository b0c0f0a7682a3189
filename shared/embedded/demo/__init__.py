"""`make demo`: one family's whole way through a running stack, step by step, ending with the SMS that it got.

A family in Astana comes once to one window. What follows goes through the public APIs alone, with the tokens of the demo users: the
appeal, the case, the assessment, the plan with its signatures, the partner agency, the help. Then the same way is gone by a second
family that speaks Russian. The people are made up anew each time: their name says so, and nobody ever gets an IIN like theirs.

Whatever does not go as it should ends it with one line on standard error and exit code 1. PORT and DATA_DIR as for `make run`.

| module | is for |
|---|---|
| `people` | who walks this way: made up, each time anew |
| `callers` | talking to the stack, with the tokens of the demo users |
| `teller` | telling of it, step by step |
| `way` | the way itself |
| `messages` | the SMS: what notifications says of them, and what was written |
| `__main__` | both families, and the SMS that they got |
"""
