"""The `.po` files kept in step with the sentences in the code. For developers and tests; no running service needs it.

Marked are literals in `N_("…")`, `_("…")`, `gettext`, `ngettext`, `lazy_gettext` and `text("…", language)`, in Python and in
templates. Each part of the system (`shared`, and every service) has its own files; a sentence that `shared` has already is not
asked for again in a service.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from shared.i18n import SHARED

TRANSLATED = ("kk", "ru")
"""English sentences are their own translation."""
KEYWORDS = {
    "N_": None,
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "text": None,
}
FILES = [("**/*.py", "python"), ("**/templates/**.html", "jinja2")]


def places(root: Path) -> Iterator[tuple[Path, Path]]:
    """(folder with code, folder with its translations), `shared` first."""
    yield root / "shared", SHARED
    for service in sorted((root / "services").glob("*/")):
        if any(service.glob("*.py")):
            yield service, service / "translations"


def sentences(folder: Path) -> dict[str, list[tuple[str, int]]]:
    """Marked sentences in a folder → where they stand (file below the folder's parent, line)."""
    found: dict[str, list[tuple[str, int]]] = {}
    marked = extract_from_dir(folder, method_map=FILES, keywords=KEYWORDS, directory_filter=_is_ours)
    for file, line, message, _, _ in marked:
        for sentence in [message] if isinstance(message, str) else [each for each in message if each][:1]:
            found.setdefault(sentence, []).append((f"{folder.name}/{file}", line))
    return found


def _is_ours(folder: str) -> bool:
    """Whether a folder can hold sentences of ours: not the browser's packages, which are thousands of files."""
    name = Path(folder).name
    return name != "node_modules" and not name.startswith((".", "_"))


def own_sentences(folder: Path) -> dict[str, list[tuple[str, int]]]:
    """The sentences of a folder that it must translate itself."""
    found = sentences(folder)
    if folder == SHARED.parents[1]:
        return found
    shared = sentences(SHARED.parents[1])
    return {sentence: where for sentence, where in found.items() if sentence not in shared}


def read(translations: Path, language: str) -> Catalog:
    path = translations / language / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(folder: Path, translations: Path) -> None:
    """Write both files anew: the sentences there are, with the translations there were."""
    wanted = own_sentences(folder)
    if not wanted:
        return
    for language in TRANSLATED:
        old = read(translations, language)
        new = Catalog(
            locale=language,
            fuzzy=False,
            header_comment=f"# {folder.name}: {language}",
            project="Birtereze",
            version="1",
            last_translator="Birtereze",
            language_team="Birtereze",
            msgid_bugs_address="Birtereze",
            creation_date=old.creation_date,
            revision_date=old.creation_date,
        )
        for sentence, where in sorted(wanted.items(), key=lambda each: each[1]):
            known = old.get(sentence)
            files = sorted({(file, 0) for file, _ in where})
            new.add(sentence, known.string if known else "", locations=files)
        path = translations / language / "LC_MESSAGES" / "messages.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, new, width=118, omit_header=False, include_lineno=False)


def placeholders(sentence: str) -> set[str]:
    """The names in braces; a translation need not use all of them."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def findings(folder: Path, translations: Path) -> Iterator[str]:
    """What is wrong with the files of a folder: missing, left over, or with other placeholders than the sentence. One line each."""
    wanted = own_sentences(folder)
    for language in TRANSLATED:
        catalog = read(translations, language)
        known = {
            message.id: message.string for message in catalog if isinstance(message.id, str) and message.id
        }
        for sentence in wanted:
            if not known.get(sentence):
                yield f"{folder.name} {language}: not translated: {sentence!r}"
            elif not placeholders(known[sentence]) <= placeholders(sentence):
                yield f"{folder.name} {language}: placeholders that the sentence has not: {sentence!r}"
        for sentence in known.keys() - wanted.keys():
            yield f"{folder.name} {language}: nobody says: {sentence!r}"
