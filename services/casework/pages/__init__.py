"""What a person sees of casework: the list of cases, a case, a form for each of its commands, the head's decisions.

| module | is for |
|---|---|
| `lists` | the cases of a center; the panel in a family's file |
| `case` | one case, and the decisions of the head |
| `commands` | a form for every command |
| `shown` | how a case is put before a person: what is open, what he may do, what others have changed |
"""

from services.casework.pages import case, commands, lists

PAGES = (lists.blueprint, case.blueprint, commands.blueprint)
