"""What is told: a template has a text in each language, the same for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.notifications.domain import sms

LANGUAGES = ("kk", "ru", "en")
DEFAULT_LANGUAGE = "ru"


@dataclass(frozen=True, kw_only=True)
class Template:
    """A text for one kind of fact. `expires_after`: how old the fact may be when it is told."""

    name: str
    message_class: str
    texts: Mapping[str, str]
    expires_after: timedelta
    source: str

    def text(self, language: str | None) -> tuple[str, str]:
        """The language that is used (Russian where it is none of ours), and the text in it."""
        used = language if language and language in self.texts else DEFAULT_LANGUAGE
        return used, self.texts[used]

    @property
    def parts(self) -> int:
        """SMS that the longest of its texts needs."""
        return max(sms.parts(text) for text in self.texts.values())
