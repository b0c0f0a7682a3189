"""Another process that uses the log: `log_process.py <settings as JSON> append|member <argument>…`

append <topic> <key> <count>      appends one by one, says `done`
member <group> <topic>            then on its standard input: `poll <limit>` → the values; `commit` → `committed` or `fenced`
"""

import sys
import time

import msgspec

from shared.log import Fenced, Message, open_log
from shared.settings import Settings

log = open_log(msgspec.convert(msgspec.json.decode(sys.argv[1]), Settings))
if sys.argv[2] == "append":
    topic, key, count = sys.argv[3], sys.argv[4], int(sys.argv[5])
    for number in range(count):
        assert log.append(topic, [Message(key, {}, b"%d" % number)]) == [0]
    print("done")
else:
    reader = log.reader(sys.argv[3], [sys.argv[4]])
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "poll":
            found = []
            end = time.monotonic() + 10
            while not found and time.monotonic() < end:
                found = reader.poll(limit=int(argument), timeout=0.5)
            print(",".join(delivery.message.value.decode() for delivery in found))
        else:
            try:
                reader.commit()
                print("committed")
            except Fenced:
                print("fenced")
