"""Looking things up: persons by what somebody can say of them, and what is joined to a list of ids."""
