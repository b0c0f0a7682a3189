"""What intake knows: who a person is, which family, and what an appeal opens. Pure functions on plain data.

`iin`, `phones` and `names` answer one question together, *who is it?*, from what people write down about themselves.
"""
