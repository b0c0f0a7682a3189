from __future__ import annotations

from functools import partial

from tests.system.standin.common import create_app

create_app = partial(create_app, "intake")
