"""Type and scripts come from our own origin, the letters of Kazakh are among them, and a page lets nothing else in."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.families import WORKER

KAZAKH = "әғқңөұүһіӘҒҚҢӨҰҮҺІ"
WEIGHTS = (400, 500, 600)

DRAWN_BY_IT = """async ([letters, weights]) => {
  const missing = [];
  for (const weight of weights) {
    await document.fonts.load(`${weight} 40px "IBM Plex Sans"`, letters);
    const pen = document.createElement("canvas").getContext("2d");
    const drawn = (letter, family) => {
      pen.canvas.width = 80; pen.canvas.height = 80;
      pen.font = `${weight} 40px ${family}`;
      pen.fillText(letter, 10, 55);
      return pen.canvas.toDataURL();
    };
    for (const letter of letters)
      if (drawn(letter, '"IBM Plex Sans", serif') !== drawn(letter, '"IBM Plex Sans", monospace')
          || drawn(letter, '"IBM Plex Sans", serif') === drawn(letter, "serif")) missing.push(`${letter} ${weight}`);
  }
  return missing;
}"""
"""A letter that the face has is drawn alike whatever stands behind it, and otherwise than by what stands behind it."""


def test_the_type_has_the_letters_of_kazakh(window):
    page: Page = window(WORKER, "kk").page
    fetched: list[str] = []
    page.on("response", lambda answer: fetched.append(answer.url) if ".woff2" in answer.url else None)
    page.goto("/intake/worklist")
    assert page.evaluate(DRAWN_BY_IT, [KAZAKH, list(WEIGHTS)]) == []
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).fontFamily").startswith(
        '"IBM Plex Sans"'
    )
    assert any("cyrillic-ext" in address for address in fetched)


def test_the_licence_of_the_type_is_served_beside_it(window, stack):
    request = window().context.request
    found = [request.get(f"/assets/licences/{name}") for name in ("fontsource-ibm-plex-sans.txt",)]
    assert ["SIL OPEN FONT LICENSE" in each.text() for each in found] == [True]


def test_a_page_lets_nothing_else_in(window):
    page: Page = window(WORKER, "kk").page
    answer = page.goto("/intake/worklist")
    policy = dict(
        each.strip().partition(" ")[::2] for each in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert all("unsafe" not in said and "http" not in said for said in policy.values())
    assert page.locator("script:not([src]), style, [style], [onclick]").count() == 0
