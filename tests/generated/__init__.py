"""Families by the ten thousand, straight into the stores: as many as some years of the nation leave there.

    with mongod.running(folder, port) as url:
        stories = walked(url)                                    # a few families, walked through the product
    with filling.alone(other_folder, port) as url:
        filling.fill(url, "large_", stories, families=300_000)   # and multiplied

What a family leaves in the four databases is not made up here. A stack is started, a few families are taken through the public
APIs, each as far as its story goes, and what the product has then stored of them is read and multiplied, byte for byte but for what
must differ: ids, the numbers of the journal, names, dates of birth, IINs, telephones, center and staff, and all moments, which are
moved together. So a document that is stored otherwise tomorrow is generated otherwise tomorrow.

The people are marked: their family names begin with `Сынақ` (a trial), and the 7th digit of their IINs is 9. Families are spread
evenly over the 153 centers. What is open is as much as the staff of a center can carry, `OPEN` in each, however many families there
are; all else is done, and lies weeks to four years back. Of what is done a quarter are cases with a plan, the others were helped by
advice: so the year has 111 thousand services for 76 thousand citizens, if a case has three and advice is one. Of the access log
there is nothing: it is a line for each reading.

| module | is for |
|---|---|
| `ways` | how far the few families go that are walked through the product |
| `stories` | walking them, and reading what each has left in the stores |
| `centers` | who works in a center, and what of Astana's becomes what there |
| `differences` | what differs between two families of one story: how it looks, and what stands there instead |
| `templates` | a story in a center, ready to be multiplied |
| `filling` | all of them, into the databases of a stack |

The benchmarks fill their stacks with them, and so does the test of how the database is asked (`tests/system/test_query_shapes.py`).
"""
