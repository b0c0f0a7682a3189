"""Who calls a stack, where no fixture knows it."""

from __future__ import annotations

from shared.embedded.stack import Stack
from tests.callers import Caller, client, user


class People:
    """Callers by login or client id. `anew`: their tokens live for a quarter of an hour, and a row takes minutes."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._known = stack, dict[str, Caller]()

    def __call__(self, name: str) -> Caller:
        if name not in self._known:
            is_user = name in self._stack.secrets.users
            self._known[name] = (user if is_user else client)(self._stack, name)
        return self._known[name]

    def anew(self, name: str) -> Caller:
        if name in self._known:
            self._known.pop(name).close()
        return self(name)

    def close(self) -> None:
        for caller in self._known.values():
            caller.close()
