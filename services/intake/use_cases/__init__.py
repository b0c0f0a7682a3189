"""What can be done with appeals, families and persons: one function per command. Load, may he?, decide (pure), save.

Commands that concern several documents (an appeal with its person and family, a family's danger with its appeals, a consent with
the appeals that wait for it) write them in one transaction: half of it would be a lie.
"""
