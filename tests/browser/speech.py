"""What stands on a page in a reader's language, looked up where the page itself has it from.

say = Speech("kk")
say("Register", "intake")                the sentence of a service's page; without a service, of the shell
say.word("next_action", "screen")        the word for a code
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.i18n import SHARED, catalogues
from shared.ui import words

SERVICES = Path(__file__).parents[2] / "services"


@dataclass(frozen=True)
class Speech:
    language: str

    def __call__(self, sentence: str, service: str = "", **values: object) -> str:
        """A sentence that pages say, by the English one. Fails for one that no page says any more."""
        known = spoken(service, self.language)
        assert sentence in known, f"nobody says {sentence!r}"
        said = known[sentence] or sentence
        return said.format(**values) if values else said

    def word(self, group: str, code: str, **values: object) -> str:
        for file in sorted(SERVICES.glob("*/policy/words.toml")):
            words.add(file)
        return words.word(group, code, self.language, **values)


@cache
def spoken(service: str, language: str) -> dict[str, str]:
    """English sentence → what a page of that service says, empty where there is no translation; the shell's own comes first."""
    places = [SHARED] + ([SERVICES / service / "translations"] if service else [])
    found: dict[str, str] = {}
    for place in reversed(places):
        catalogue = catalogues.read(place, "ru" if language == "en" else language)
        sentences = {each.id: str(each.string or "") for each in catalogue if isinstance(each.id, str)}
        found |= dict.fromkeys(sentences, "") if language == "en" else sentences
    return found
