"""What a person sees of intake: the worklist, the register, the family file, appeals, and the search."""
