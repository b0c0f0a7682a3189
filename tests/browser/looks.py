"""What is looked at on every page: does it fit, can everybody read it, is all of it in the reader's language?"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from shared.ui import words

ROOT = Path(__file__).parents[2]
AXE = ROOT / "shared" / "ui" / "node_modules" / "axe-core" / "axe.min.js"

READ = """() => {
  const texts = [], silent = "script, style, template, noscript", own = document.documentElement.lang;
  const foreign = (element) => element.closest("[lang]").lang !== own;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    if (!node.parentElement.closest(silent) && !foreign(node.parentElement)) texts.push(node.textContent);
  for (const element of document.body.querySelectorAll("[aria-label], [title], [placeholder], [alt]"))
    if (!foreign(element))
      for (const name of ["aria-label", "title", "placeholder", "alt"]) texts.push(element.getAttribute(name) ?? "");
  return [document.title, ...texts].map((text) => text.trim()).filter(Boolean);
}"""
"""Everything that is said on a page, also to a screen reader; but for what says itself that it is in another language."""

LATIN = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
NO_WORDS = re.compile(r"birtereze|bir|tereze|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""Our name, of which the logo stresses a part, and the id of an answer."""
LATIN_IN_ALL = frozenset({"SMS", "API", "A", "B", "C", "D", "E", "Ctrl", "Enter", "Caps", "Lock"})
"""What Kazakh and Russian write in Latin letters too: abbreviations, levels, keys."""


def settled(page: Page) -> None:
    """Wait until all of a page stands: its panels have come, and its type."""
    page.wait_for_load_state("load")
    page.wait_for_function(
        """() => document.fonts.status === "loaded" && !document.querySelector(".htmx-request, [aria-busy=true]")"""
    )


def too_wide(page: Page) -> list[str]:
    """What sticks out at the side, if the page has to be scrolled there."""
    return page.evaluate(
        """() => {
          const root = document.documentElement, width = root.clientWidth;
          if (root.scrollWidth <= width) return [];
          const out = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > width + 1);
          return [`${root.scrollWidth} px of ${width}`, ...out.slice(-3).map((e) => e.outerHTML.slice(0, 120))];
        }"""
    )


def axe(page: Page) -> list[str]:
    """What axe-core finds wrong: a line for each rule, with the first element that breaks it."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(axe_source())  # by the debugger: the page's own policy would not let it in
    found: list[dict[str, Any]] = page.evaluate(
        """async () => {
          const {violations} = await axe.run(document, {resultTypes: ["violations"], preload: false, iframes: false});
          return violations.map(({id, nodes}) => ({id, n: nodes.length, where: nodes[0].html.slice(0, 160), why: nodes[0].failureSummary}));
        }"""
    )
    return [f"axe {each['id']} ({each['n']}×): {each['where']} {each['why']}" for each in found]


@cache
def axe_source() -> str:
    return AXE.read_text(encoding="utf-8")


def foreign_words(page: Page, language: str) -> list[str]:
    """Texts of a page with raw codes in them, or, on a Kazakh or Russian page, with English words."""
    found = []
    for said in page.evaluate(READ):
        codes = raw_codes(said)
        if language != "en":
            codes |= {word for word in LATIN.findall(NO_WORDS.sub("", said)) if word not in LATIN_IN_ALL}
        found += [f"{sorted(codes)} in {said[:120]!r}"] if codes else []
    return found


def raw_codes(said: str) -> set[str]:
    """Codes that stand in a text as they are. A code of one word cannot be told from the English word."""
    return {code for code in re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)+", said) if code in codes_of_words()}


@cache
def codes_of_words() -> frozenset[str]:
    for file in sorted(ROOT.glob("services/*/policy/words.toml")):
        words.add(file)
    return frozenset(code for group in words.groups().values() for code in group if "-" in code)
