"""A panel of another service comes from that service: while it is away, the panel says so and the page works."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.families import WORKER, Families
from tests.browser.speech import Speech

say = Speech("ru")


def test_a_panel_says_that_its_service_is_away_and_comes_back(window, stack, families: Families):
    family_id, referral_id = families.requested["family_id"], families.requested["id"]
    worker = window(WORKER, "ru")
    worker.expects(502, 503, 504)
    page = worker.page
    messages = page.get_by_text(say.word("template", "appeal-registered"))
    stack.stop_part("notifications")
    try:
        page.goto(f"/intake/families/{family_id}")
        panel = page.locator("section[data-panel]", has_text=say("This part does not answer right now."))
        expect(panel).to_contain_text(say("Messages", "intake"))
        expect(page.locator(f"a[href='/referrals/referrals/{referral_id}']").first).to_be_visible()
        expect(messages).to_have_count(0)
    finally:
        stack.start_part("notifications")
    panel.get_by_role("button", name=say("Try again")).click()
    expect(messages.first).to_be_visible()
    expect(panel).to_have_count(0)


def test_without_script_a_panel_is_a_link_to_its_page(window, families: Families):
    page = window(WORKER, "ru", java_script_enabled=False).page
    page.goto(f"/intake/families/{families.requested['family_id']}")
    for service in ("casework", "referrals", "notifications"):
        address = f"/{service}/families/{families.requested['family_id']}/panel"
        page.locator(f"a[href='{address}']").click()
        expect(page.locator("h1")).to_be_visible()
        page.go_back()
