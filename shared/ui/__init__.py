"""What a person sees: the shell of all pages, their forms, their words.

| module | is for |
|---|---|
| `pages` | the shell: `Pages` (a blueprint), `page`, `done`, and pages for what is refused |
| `forms` | a form read by the schema of the API |
| `words` | codes, counts, dates and clocks in the reader's language |
| `log_in` | log-in, log-out, language: routes under `/session`, served by one service (intake) |
| `templates/ui` | `layout.html`; the macros `forms.html` and `parts.html`; pages for errors |
| `static` | our style sheet and script, served by the gateway under `/assets/own` |

    from shared import ui
    from shared.ui import Pages, forms, words

How to add a page is told in CONTRIBUTING.md.
"""

from shared.ui.pages import Pages, done, form_page, install, is_htmx, just_done, page, problem_of, query

__all__ = [
    "Pages",
    "done",
    "form_page",
    "install",
    "is_htmx",
    "just_done",
    "page",
    "problem_of",
    "query",
]
