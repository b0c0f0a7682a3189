"""What a person sees of referrals: what a center has sent, and an agency's inbox.

| module | is about |
|---|---|
| `sent` | the center's list, and the panel of the family file |
| `new` | sending a referral |
| `followed` | one referral, as the center follows it |
| `inbox` | what an agency was asked for |
| `lines` | how a referral is said: clocks, rows, history |
"""
