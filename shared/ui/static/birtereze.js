// What a page can do better with a script. Without it every page works: this file only improves.
import { Button, Checkboxes, ErrorSummary, Radios, ServiceNavigation, SkipLink, createAll } from "../npm/govuk-frontend.min.js";
import { ButtonMenu, SortableTable } from "../npm/moj-frontend.min.js";

const TWICE_MS = 2000; // how long a button that was pressed stays grey: longer than a double click
const LIVE_MS = 100; // a screen reader hears only what comes into a live region after the region itself

document.body.classList.add("js-enabled", "govuk-frontend-supported");
for (const part of [Button, Checkboxes, ErrorSummary, Radios, ServiceNavigation, SkipLink, SortableTable, ButtonMenu]) createAll(part);

// On a telephone the parts of a file stand in one line that scrolls: the current one is brought into sight.
document.querySelector(".bt-sub-navigation [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// Keys

const typing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target)) {
    const search = document.getElementById("search");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target.closest("form[data-ctrl-enter]") ?? document.querySelector("form[data-ctrl-enter]");
    if (!form) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector("[data-main]") ?? undefined);
  }
});

// A form is sent once. The server is the truth (its Idempotency-Key); this only spares a second request.

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  const buttons = [...event.target.elements].filter((element) => element.type === "submit" && !element.disabled);
  setTimeout(() => { // after the browser has taken the name and value of the button that was pressed
    for (const button of buttons) button.disabled = true;
    setTimeout(() => { for (const button of buttons) button.disabled = false; }, TWICE_MS);
  });
});

// Messages at the top of the page: those that came with it are said again, those of a panel come by HX-Trigger: {"toast": {text, tone}}

const toasts = document.getElementById("toasts");

function say(...messages) {
  setTimeout(() => toasts.append(...messages), LIVE_MS);
}

if (toasts?.children.length) {
  const came = [...toasts.children];
  toasts.replaceChildren();
  say(...came);
}

document.addEventListener("toast", (event) => {
  const message = document.createElement("p");
  message.className = `bt-toast bt-toast--${event.detail.tone ?? "done"}`;
  message.textContent = event.detail.text;
  say(message);
});

// Panels of other services. What goes wrong is said inside the panel; the rest of the page works.

const isFragment = (response, text) =>
  (response.headers.get("Content-Type") ?? "").startsWith("text/html") && !/^\s*<!doctype/i.test(text);

document.addEventListener("htmx:response:error", (event) => {
  const { ctx } = event.detail;
  const panel = event.target.closest("[data-panel]");
  if (!panel) {
    if (ctx.response.status >= 500) ctx.swap = "none"; // what stands there is better than a page of errors
    return;
  }
  ctx.target = panel.querySelector("[data-panel-body]");
  ctx.swap = "innerHTML";
  if (!isFragment(ctx.response, ctx.text)) ctx.text = document.getElementById("panel-down").innerHTML;
});

document.addEventListener("htmx:error", (event) => { // no answer at all, or none in time
  const panel = event.target.closest?.("[data-panel]");
  panel?.querySelector("[data-panel-body]").replaceChildren(document.getElementById("panel-down").content.cloneNode(true));
});

document.addEventListener("htmx:finally:request", (event) => event.target.closest?.("[data-panel]")?.removeAttribute("aria-busy"));

document.addEventListener("click", (event) => {
  const panel = event.target.closest("[data-again]")?.closest("[data-panel]");
  if (!panel) return;
  panel.setAttribute("aria-busy", "true");
  panel.dispatchEvent(new Event("again"));
});

// Lists that refresh themselves: <div id="…" data-refresh="60"> is fetched anew every so many seconds, as this same page.

const isRead = (list) => list.contains(document.activeElement) && document.activeElement !== document.body
  || !document.getSelection().isCollapsed || list.querySelector("details[open]:not([data-open])") !== null;

async function refreshed() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  return answer.ok && !answer.redirected ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
}

function exchange(list, fresh) {
  if (!fresh || fresh.innerHTML === list.innerHTML) return;
  const anchor = [...list.querySelectorAll("[id]")].find((element) => element.getBoundingClientRect().top >= 0);
  const stood = anchor?.getBoundingClientRect().top;
  list.replaceChildren(...fresh.childNodes);
  globalThis.htmx?.process(list);
  const again = anchor && document.getElementById(anchor.id);
  if (again) scrollBy({ top: again.getBoundingClientRect().top - stood, behavior: "instant" }); // what is read does not move
}

async function refresh() {
  const lists = [...document.querySelectorAll("[data-refresh][id]")];
  if (document.hidden || lists.some(isRead)) return;
  const page = await refreshed().catch(() => null); // the network is away: the list stays as it is
  if (!page || lists.some(isRead)) return;
  for (const list of lists) exchange(list, page.getElementById(list.id));
}

const seconds = Math.min(...[...document.querySelectorAll("[data-refresh]")].map((list) => Number(list.dataset.refresh) || Infinity));
if (Number.isFinite(seconds)) setInterval(refresh, seconds * 1000);

// Printing needs a script, so its button appears only with one.

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
