"""Drives the page of `redrafter serve` in headless Chromium.

    test_page.py                      against a server of its own, which also fails in all the ways a server can
    test_page.py --url http://…:8080  the basic drive against a running `redrafter serve`
    test_page.py --screenshots DIR    pictures in light and dark, at desktop and phone width
    test_page.py --policy             writes the hashes of the page's style and script into its first line

It needs Playwright (PyPI) and Chromium (CHROMIUM names it); where one is missing it says so and skips.
"""

import argparse
import base64
import hashlib
import os
import re
import shutil
import sys
import unittest
from pathlib import Path
from urllib.parse import urlsplit

from page_server import PAGE, POLICY, TEXT, PageServer, policy

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    sync_playwright = None

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
URL = None
FAILED_LOAD = "Failed to load resource"  # what the browser itself logs for a status that is an error


def written_policy():
    """The policy for the page as it is: only this style and this script, requests to this server alone."""
    page = PAGE.read_text(encoding="utf-8")

    def sha(tag):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.S)
        return "'sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() + "'"

    return "; ".join([
        "default-src 'none'", "script-src " + sha("script"), "style-src " + sha("style"), "img-src data:", "connect-src 'self'",
        "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"])


class Browser(unittest.TestCase):
    """A fresh tab for each test; at its end nothing may have been logged, and no other host been asked."""

    context_options = {}

    @classmethod
    def setUpClass(cls):
        cls.playwright = sync_playwright().start()
        cls.addClassCleanup(cls.playwright.stop)
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.server = None if URL else PageServer()
        if self.server:
            self.addCleanup(self.server.close)
        self.url = URL or self.server.url
        self.log, self.asked, self.expected = [], [], []
        self.context = self.browser.new_context(**self.context_options)
        self.addCleanup(self.context.close)
        self.open()

    def open(self):
        self.page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("console", lambda message: self.log.append(message.text))
        self.page.on("pageerror", lambda error: self.log.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(self.url)

    def tearDown(self):
        left = [line for line in self.log if not any(part in line for part in self.expected)]
        self.assertEqual(left, [])
        own = urlsplit(self.url).netloc
        self.assertEqual([url for url in self.asked if urlsplit(url).scheme != "data" and urlsplit(url).netloc != own], [])

    def send(self, text="Why is the sky blue?"):
        self.page.get_by_label("Message", exact=True).fill(text)
        self.page.keyboard.press("Enter")

    def wait_for_end(self, seconds=15):
        expect(self.page.locator(".answer").last).to_have_attribute("aria-busy", "false", timeout=1000 * seconds)

    def answer(self):
        return self.page.locator(".answer").last.locator(".text")

    def stop_button(self):
        return self.page.get_by_role("button", name="Stop")

    def is_wide(self):
        return self.page.evaluate("document.documentElement.scrollWidth > innerWidth")


class BasicDrive(Browser):
    """What also runs against a real server."""

    def test_streams_marks_and_measures(self):
        self.send("Write the numbers from 1 to 30, each on a line of its own.")
        expect(self.stop_button()).to_be_visible()
        self.page.wait_for_function("document.querySelector('.answer .text').textContent.length > 10", timeout=60_000)
        self.assertEqual(self.page.locator(".answer").get_attribute("aria-busy"), "true", "the text was not shown as it came")
        self.wait_for_end(120)
        self.assertGreater(self.page.locator(".answer .d").count(), 0)
        for name in ["speed", "step", "rows", "texts"]:
            self.assertGreater(float(self.page.locator(f"#{name}").inner_text().replace(",", "")), 0, name)
        summary = self.page.locator(".answer summary")
        self.assertRegex(summary.inner_text(), r"tokens/s · [\d.]+ per step · \d+ token")
        summary.click()
        for name in ["Answer", "Steps", "Rows", "Texts", "Prompt", "Usage"]:
            expect(self.page.locator(".foot dt", has_text=name)).to_be_visible()

    def test_stop_keeps_what_has_come(self):
        if self.server:
            self.server.mode = "hold"
        self.send("Write a long story about the sea and count the waves to one thousand.")
        self.page.wait_for_function("document.querySelector('.answer .text').textContent.length > 10", timeout=60_000)
        self.page.keyboard.press("Escape")
        self.wait_for_end()
        expect(self.page.locator(".note")).to_have_text("Stopped.")
        before = self.answer().inner_text()
        self.page.wait_for_timeout(300)
        self.assertEqual(self.answer().inner_text(), before)
        expect(self.page.get_by_role("button", name="Send")).to_be_visible()
        if self.server:
            self.assertTrue(self.server.gone.wait(5), "the connection was not closed")

    def test_reload_keeps_the_conversation(self):
        self.send("Name one river.")
        self.wait_for_end(120)
        self.page.get_by_label("Message", exact=True).fill("half a quest")
        before = self.page.locator("#chat").inner_text()
        self.page.reload()
        self.assertEqual(self.page.locator("#chat").inner_text(), before)
        self.assertEqual(self.page.get_by_label("Message", exact=True).input_value(), "half a quest")
        self.page.get_by_role("button", name="New chat").click()
        expect(self.page.locator("article")).to_have_count(0)
        self.page.get_by_role("button", name="Bring the last chat back").click()
        self.assertEqual(self.page.locator("#chat").inner_text(), before)


class Answers(Browser):
    def test_text_is_never_html(self):
        self.send()
        self.wait_for_end()
        self.assertEqual(self.page.locator(".answer .text :is(img, b)").count(), 0)
        text = self.answer().inner_text()
        for part in ['<img src=x onerror="alert(1)"> is text.', "# <b>not bold</b>", "1/λ⁴", "naïve, but true 🌈."]:
            self.assertIn(part, text)
        expect(self.answer().locator("strong")).to_have_text("all colours")
        self.assertEqual(self.answer().locator("pre").inner_text().rstrip("\n").split("\n")[0], "def scatter(wave):")
        self.assertEqual(self.answer().locator(".item").count(), 2)

    def test_events_cut_anywhere_give_the_same_answer(self):
        self.send()
        self.wait_for_end()
        whole = self.answer().inner_html()
        self.server.mode = "cut up"
        self.page.get_by_role("button", name="Ask again").click()
        self.wait_for_end(60)
        self.assertEqual(self.answer().inner_html(), whole)

    def test_marks_are_the_drafted_pieces(self):
        self.server.text = "abcdefghi" * 20
        self.send()
        self.wait_for_end()
        from page_server import pieces
        drafted = "".join(p["text"] for step in pieces(self.server.text) for p in step if p["drafted"])
        self.assertEqual("".join(self.page.locator(".answer .d").all_inner_texts()), drafted)
        shown = "getComputedStyle(document.querySelector('.answer .d')).backgroundColor"
        self.assertNotEqual(self.page.evaluate(shown), "rgba(0, 0, 0, 0)")
        self.page.get_by_label("Mark drafted tokens").uncheck()
        self.assertEqual(self.page.evaluate(shown), "rgba(0, 0, 0, 0)")
        self.page.reload()
        self.assertEqual(self.page.evaluate(shown), "rgba(0, 0, 0, 0)")

    def test_live_numbers(self):
        self.server.mode, self.server.delay = "hold", 0.02
        self.send()
        expect(self.page.locator("#texts")).to_have_text("3")
        self.page.wait_for_timeout(600)
        self.assertTrue(10 <= float(self.page.locator("#rows").inner_text()) <= 17)
        self.assertTrue(1 < float(self.page.locator("#step").inner_text()) < 4)
        self.assertGreater(float(self.page.locator("#speed").inner_text()), 20)
        self.stop_button().click()

    def test_settings_and_history_are_sent(self):
        self.page.get_by_role("button", name="Settings").click()
        self.page.get_by_label("System message").fill("Be brief.")
        self.page.get_by_label("Temperature").fill("0.7")
        self.page.get_by_label("Max tokens").fill("1")
        self.page.get_by_label("Seed").fill("42")
        self.page.get_by_label("Drafter").select_option("lookup")
        self.page.get_by_role("button", name="Done").click()
        self.server.text = "Hi."
        self.send("One")
        self.wait_for_end()
        expect(self.page.locator(".note")).to_have_text("The answer reached the limit of tokens.")
        self.page.reload()
        self.send("Two")
        self.wait_for_end()
        path, headers, body = self.server.requests[-1]
        self.assertEqual(path, "/v1/chat/completions")
        self.assertNotIn("Authorization", headers)
        self.assertEqual(body, {
            "model": "SmolLM2-135M-Instruct-Q4_1", "stream": True, "stream_options": {"include_usage": True},
            "temperature": 0.7, "max_tokens": 1, "seed": 42, "drafter": "lookup",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "One"},
                         {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Two"}]})

    def test_absent_settings_are_not_sent(self):
        self.send()
        self.wait_for_end()
        self.assertEqual(set(self.server.requests[-1][2]), {"model", "messages", "stream", "stream_options"})

    def test_keyboard_alone(self):
        self.server.text = "Done."
        press = self.page.keyboard.press
        self.assertEqual(self.page.evaluate("document.activeElement.id"), "input")
        self.page.keyboard.type("First line")
        press("Shift+Enter")
        self.page.keyboard.type("second line")
        press("Enter")
        self.wait_for_end()
        self.assertEqual(self.server.requests[-1][2]["messages"][-1]["content"], "First line\nsecond line")
        self.assertEqual(self.page.evaluate("document.activeElement.id"), "input")
        names = []
        self.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        for _ in range(12):
            press("Tab")
            name, ring = self.page.evaluate("""() => {
                const node = document.activeElement, ring = node.id === "input" ? node.parentNode : node;
                const { outlineStyle, boxShadow } = getComputedStyle(ring);
                return [node === document.body ? "body" : node.id || node.textContent, outlineStyle === "solid" || boxShadow.endsWith("0px 1px")];
            }""")
            names.append(name)
            self.assertTrue(ring or name == "body", name)
        for name in ["new", "open-settings", "Ask again", "input", "colours", "send"]:
            self.assertIn(name, names)
        self.page.get_by_role("button", name="Settings").focus()
        press("Enter")
        expect(self.page.get_by_role("dialog")).to_be_visible()
        press("Escape")
        expect(self.page.get_by_role("dialog")).to_be_hidden()
        self.assertEqual(self.page.evaluate("document.activeElement.id"), "open-settings")

    def test_a_screen_reader_hears_whole_sentences(self):
        self.server.delay = 0.03
        self.send()
        expect(self.page.locator("#live")).to_contain_text("Sunlight holds", timeout=5000)
        self.assertTrue(all(p[-1:] in ". \n:" for p in self.page.locator("#live p").all_text_contents()))
        self.wait_for_end()
        self.assertEqual("".join(self.page.locator("#live p").all_text_contents()), TEXT)


class Failures(Browser):
    def setUp(self):
        super().setUp()
        self.expected = [FAILED_LOAD]

    def failure(self):
        return self.page.locator(".failure")

    def test_refused_before_the_stream(self):
        self.server.mode, self.server.status = "refuse", 400
        self.server.error["message"] = "`messages` hold 3000 tokens; a text has room for 2048."
        self.send()
        expect(self.failure()).to_contain_text("The server did not accept this")
        expect(self.failure()).to_contain_text("a text has room for 2048")
        self.server.mode = "answer"
        self.page.get_by_role("button", name="Try again").click()
        self.wait_for_end()
        expect(self.failure()).to_have_count(0)
        expect(self.page.locator("article")).to_have_count(2)

    def test_full_says_when_to_try_again(self):
        self.server.mode, self.server.status, self.server.headers = "refuse", 429, {"Retry-After": "2"}
        self.send()
        retry = self.page.locator(".retry")
        expect(retry).to_have_text(re.compile("Try again in [12] s"))
        expect(retry).to_be_disabled()
        self.server.mode = "answer"
        expect(retry).to_have_text("Try again")
        retry.click()
        self.wait_for_end()
        expect(self.failure()).to_have_count(0)

    def test_not_our_server(self):
        self.server.mode = "odd"
        self.send()
        expect(self.failure()).to_contain_text("status 502")

    def test_error_in_the_stream_keeps_what_has_come(self):
        self.server.mode = "error"
        self.send()
        expect(self.failure()).to_contain_text("The model made a number that is not finite.")
        expect(self.answer()).to_contain_text("Sunlight holds")

    def test_cut_connection(self):
        for mode in ["cut", "end"]:
            self.server.mode = mode
            self.send()
            expect(self.failure().last).to_contain_text("The connection was lost before the answer was complete.")
            self.assertNotIn("never shown", self.answer().inner_text())
            self.assertIn("Sunlight holds", self.answer().inner_text())
            self.page.get_by_role("button", name="New chat").click()

    def test_server_stopped(self):
        expect(self.page.locator("#model")).to_have_text("SmolLM2-135M-Instruct-Q4_1")
        self.server.mode = "gone"
        self.send()
        expect(self.failure()).to_contain_text("The server cannot be reached.")

    def test_unanswered_messages_are_sent_as_one(self):
        self.server.mode = "refuse"
        self.send("One")
        expect(self.failure()).to_be_visible()
        self.server.mode = "answer"
        self.send("Two")
        self.wait_for_end()
        self.assertEqual(self.server.requests[-1][2]["messages"], [{"role": "user", "content": "One\n\nTwo"}])

    def test_reload_within_an_answer(self):
        self.server.mode = "hold"
        self.send()
        expect(self.answer()).to_contain_text("Sunlight holds")
        self.page.reload()
        expect(self.answer()).to_contain_text("Sunlight holds")
        expect(self.failure()).to_contain_text("closed or reloaded")
        self.server.mode = "answer"
        self.page.get_by_role("button", name="Try again").click()
        self.wait_for_end()

    def test_new_chat_within_an_answer(self):
        self.server.mode = "hold"
        self.send()
        expect(self.answer()).to_contain_text("Sunlight holds")
        self.page.get_by_role("button", name="New chat").click()
        self.assertTrue(self.server.gone.wait(5))
        self.server.mode = "answer"
        self.send()
        self.wait_for_end()
        expect(self.page.locator("article")).to_have_count(2)

    def test_key_is_asked_for_and_kept_for_the_tab(self):
        self.server.key = "secret-1"
        self.page.reload()
        dialog = self.page.get_by_role("dialog")
        expect(dialog).to_contain_text("The server asks for a key.")
        self.page.keyboard.press("Escape")
        self.send()
        expect(self.failure()).to_contain_text("The server asks for an API key")
        dialog.get_by_label("Key").fill("wrong")
        self.page.keyboard.press("Enter")
        expect(dialog).to_contain_text("The server did not accept the key.")
        dialog.get_by_label("Key").fill("secret-1")
        self.page.keyboard.press("Enter")
        self.wait_for_end()
        expect(self.failure()).to_have_count(0)
        self.page.reload()
        expect(self.page.locator("#model")).to_have_text("SmolLM2-135M-Instruct-Q4_1")
        self.assertEqual(self.page.evaluate("localStorage.length + document.cookie.length"), 0)
        self.page.get_by_role("button", name="Settings").click()
        self.page.get_by_role("button", name="Forget the API key").click()
        self.assertNotIn("secret-1", self.page.evaluate("JSON.stringify(sessionStorage)"))

    def test_waits_while_the_model_is_loaded(self):
        self.server.loads = 1
        self.page.reload()
        expect(self.page.locator("#model")).to_have_text("Loading model")
        expect(self.page.locator("#model")).to_have_text("SmolLM2-135M-Instruct-Q4_1")

    def test_damaged_storage(self):
        for value in ["{", "7", "[null]", '[{"role":"assistant"}]', '{"a":1}']:
            with self.subTest(value):
                self.page.goto(self.url + "v1/models")  # the page saves when it is left
                self.page.evaluate("value => sessionStorage.setItem('redrafter.chat', value)", value)
                self.page.goto(self.url)
                self.send()
                self.wait_for_end()
                expect(self.answer()).to_contain_text("Sunlight holds")


class Phone(Browser):
    context_options = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}

    def test_nothing_is_wider_than_a_phone(self):
        self.assertFalse(self.is_wide())
        self.server.text = TEXT + "\n```\n" + "wide " * 60 + "\n```\n" + "x" * 300 + "\n"
        self.send("y" * 300)
        self.wait_for_end()
        self.page.locator("summary").click()
        self.assertFalse(self.is_wide())
        self.page.get_by_role("button", name="Settings").click()
        self.assertFalse(self.is_wide())
        box = self.page.locator("#settings").bounding_box()
        self.assertTrue(box["x"] >= 0 and box["x"] + box["width"] <= 360 and box["height"] <= 640, box)


class Document(unittest.TestCase):
    def test_policy_fits_the_page(self):
        self.assertEqual(policy(), written_policy(), "run `test_page.py --policy`")

    def test_small_and_alone(self):
        data = PAGE.read_bytes()
        self.assertLess(len(data), 40_000)
        self.assertNotRegex(data.decode(), r"innerHTML|outerHTML|insertAdjacent|document\.write|localStorage|\beval\b|@import")
        self.assertEqual(re.findall(r"https?://(?!www\.w3\.org/2000/svg)", data.decode()), [])


def take_screenshots(folder):
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        for width, height in [(1100, 800), (360, 640)]:
            for scheme in ["light", "dark"]:
                server = PageServer()
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=2,
                                        is_mobile=width < 500, has_touch=width < 500)
                shoot = lambda name: page.screenshot(path=f"{folder}/{width}-{scheme}-{name}.png")
                page.goto(server.url)
                page.wait_for_timeout(200)
                shoot("1-start")
                page.fill("#input", "Why is the sky blue? Answer with a list and a line of code.")
                page.keyboard.press("Enter")
                page.wait_for_selector(".answer[aria-busy=false]")
                page.locator("summary").click()
                server.mode, server.delay = "hold", 0.03
                page.fill("#input", "And at sunset?")
                page.keyboard.press("Enter")
                page.wait_for_timeout(1200)
                shoot("2-streaming")
                page.keyboard.press("Escape")
                page.evaluate("scrollTo(0, 0)")
                page.wait_for_timeout(100)
                shoot("3-answer")
                server.mode, server.status, server.headers = "refuse", 429, {"Retry-After": "9"}
                page.fill("#input", "Once more")
                page.keyboard.press("Enter")
                page.wait_for_selector(".failure")
                shoot("4-failure")
                page.click("#open-settings")
                page.wait_for_timeout(100)
                shoot("5-settings")
                page.close()
                server.close()
        browser.close()


def main():
    parser = argparse.ArgumentParser(description="Drives the page of `redrafter serve` in headless Chromium.")
    parser.add_argument("--url", help="a running server; only the basic drive")
    parser.add_argument("--screenshots", metavar="DIR", help="take pictures instead")
    parser.add_argument("--policy", action="store_true", help="write the policy into the page instead")
    options, rest = parser.parse_known_args()
    if options.policy:
        lines = PAGE.read_text(encoding="utf-8").split("\n")
        lines[0] = f"<!-- {POLICY}{written_policy()} -->"
        return PAGE.write_text("\n".join(lines), encoding="utf-8")
    missing = "Playwright for Python" if sync_playwright is None else "Chromium" if not CHROMIUM else None
    if missing:
        return print(f"skipped: the page was not driven: {missing} is missing")
    if options.screenshots:
        return take_screenshots(options.screenshots)
    global URL
    URL = options.url
    unittest.main(argv=sys.argv[:1] + (rest or (["BasicDrive"] if URL else [])), verbosity=2)


if __name__ == "__main__":
    main()
