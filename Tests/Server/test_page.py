"""Drives the page of `redrafter serve` in headless Chromium.

    test_page.py                      against a server of its own, which also fails in all the ways a server can
    test_page.py --url http://…:8080  the basic drive against a running `redrafter serve`
    test_page.py --screenshots DIR    pictures in light and dark, at desktop and phone width
    test_page.py --policy             writes the hashes of the page's style and script into its first line

It needs Playwright (PyPI) and Chromium (CHROMIUM names it); where one is missing it says so and skips.
"""

import argparse
import re
import sys
import unittest

import page_browser
from page_browser import Browser, expect
from page_events import Events
from page_server import MODEL, PAGE, TEXT, pieces, policy, policy_of_contents, write_policy

FAILED_LOAD = "Failed to load resource"  # what the browser itself logs for a status that is an error


class BasicDrive(Browser):
    """What also runs against a real server."""

    def limit(self, tokens):
        self.page.get_by_role("button", name="Settings").click()
        self.page.get_by_label("Max tokens").fill(str(tokens))
        self.page.keyboard.press("Escape")

    def test_streams_marks_and_measures(self):
        self.limit(200)
        self.page.evaluate("""() => {
            window.states = new Set();
            const look = () => {
                const node = document.querySelector(".answer[aria-busy=true]"), isStoppable = !document.getElementById("stop").hidden;
                if (node && isStoppable) states.add(node.querySelector(".text").textContent.length);
            };
            new MutationObserver(look).observe(document.getElementById("chat"), { childList: true, subtree: true });
        }""")
        self.send("Write the numbers from 1 to 30, each on a line of its own.")
        self.wait_for_end(120)
        self.assertGreater(self.page.evaluate("states.size"), 2, "the text was not shown as it came")
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
        expect(self.answer()).to_have_text(re.compile(".{10}", re.S), timeout=60_000)
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
        self.limit(50)
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
        for mode in ["CRLF", "CR"]:
            self.server.mode = mode
            self.page.get_by_role("button", name="Ask again").click()
            self.wait_for_end(60)
            self.assertEqual(self.answer().inner_html(), whole)

    def test_marks_are_the_drafted_pieces(self):
        self.server.text = "abcdefghi" * 20
        self.send()
        self.wait_for_end()
        drafted = "".join(p["text"] for step in pieces(self.server.text) for p in step if p["drafted"])
        self.assertEqual("".join(self.page.locator(".answer .d").all_inner_texts()), drafted)
        shown = "getComputedStyle(document.querySelector('.answer .d')).backgroundColor"
        self.assertNotEqual(self.page.evaluate(shown), "rgba(0, 0, 0, 0)")
        self.page.get_by_label("Mark drafted tokens").uncheck()
        self.assertEqual(self.page.evaluate(shown), "rgba(0, 0, 0, 0)")

    def test_colours_and_motion_follow_the_system(self):
        back = "getComputedStyle(document.body).backgroundColor"
        self.page.emulate_media(color_scheme="light")
        light = self.page.evaluate(back)
        self.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        self.assertNotEqual(self.page.evaluate(back), light)
        self.server.mode = "hold"
        self.send()
        expect(self.answer()).to_contain_text("Sunlight holds")
        self.assertEqual(self.page.evaluate("getComputedStyle(document.querySelector('.text > :last-child'), '::after').animationName"), "none")
        self.stop_button().click()

    def test_the_policy_holds(self):
        self.expected = ["Content Security Policy", "Trusted", "Fetch API cannot load"]
        refused = self.page.evaluate("""async () => {
            const refused = [];
            document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
            const image = document.createElement("img"), script = document.createElement("script"), style = document.createElement("style");
            style.textContent = "body { color: red }";
            image.src = "http://127.0.0.1:9/x.png";
            try { script.textContent = "window.ran = true"; } catch { refused.push("script as text"); }
            document.body.append(image, script, style);
            try { document.body.innerHTML = "<b>x</b>"; } catch { refused.push("HTML as text"); }
            try { await fetch("http://127.0.0.1:9/"); } catch { refused.push("fetch"); }
            await new Promise((done) => setTimeout(done, 100));
            return refused;
        }""")
        for part in ["img-src", "style-src-elem", "connect-src", "HTML as text", "script as text"]:
            self.assertIn(part, refused)
        self.asked.clear()

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
        expect(self.page.locator("#model")).to_have_text(MODEL)
        self.send("Two")
        self.wait_for_end()
        _, headers, body = self.server.requests[-1]
        self.assertNotIn("Authorization", headers)
        self.assertEqual(body, {
            "model": MODEL, "stream": True, "stream_options": {"include_usage": True},
            "temperature": 0.7, "max_tokens": 1, "seed": 42, "drafter": "lookup",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "One"},
                         {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Two"}]})

    def test_absent_settings_are_not_sent(self):
        expect(self.page.locator("#model")).to_have_text(MODEL)
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
        expect(self.page.locator("#model")).to_have_text(MODEL)
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
        expect(self.page.locator("#model")).to_have_text(MODEL)
        self.assertEqual(self.page.evaluate("localStorage.length + document.cookie.length"), 0)
        self.page.get_by_role("button", name="Settings").click()
        self.page.get_by_role("button", name="Forget the API key").click()
        self.assertNotIn("secret-1", self.page.evaluate("JSON.stringify(sessionStorage)"))

    def test_waits_while_the_model_is_loaded(self):
        expect(self.page.locator("#model")).to_have_text(MODEL)
        self.server.loads = 1
        self.page.reload()
        expect(self.page.locator("#model")).to_have_text("Loading model")
        expect(self.page.locator("#model")).to_have_text(MODEL)

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
        box = self.page.locator("#settings").bounding_box()
        self.assertTrue(box["x"] >= 0 and box["x"] + box["width"] <= 360 and box["height"] <= 640, box)


class Document(unittest.TestCase):
    def test_policy_fits_the_page(self):
        self.assertEqual(policy(), policy_of_contents(), "run `test_page.py --policy`")

    def test_small_and_alone(self):
        data = PAGE.read_bytes()
        self.assertLess(len(data), 40_000)
        self.assertNotRegex(data.decode(), r"innerHTML|outerHTML|insertAdjacent|document\.write|localStorage|\beval\b|@import")
        self.assertEqual(re.findall(r"https?://(?!www\.w3\.org/2000/svg)", data.decode()), [])


def main():
    parser = argparse.ArgumentParser(description="Drives the page of `redrafter serve` in headless Chromium.")
    parser.add_argument("--url", help="a running server; only the basic drive")
    parser.add_argument("--screenshots", metavar="DIR", help="take pictures instead")
    parser.add_argument("--policy", action="store_true", help="write the policy into the page instead")
    options, rest = parser.parse_known_args()
    if options.policy:
        return write_policy()
    if page_browser.missing():
        return print(f"skipped: the page was not driven: {page_browser.missing()} is missing")
    if options.screenshots:
        return page_browser.take_screenshots(options.screenshots)
    Browser.real = options.url
    unittest.main(argv=sys.argv[:1] + (rest or (["BasicDrive"] if options.url else [])), verbosity=2)


if __name__ == "__main__":
    main()
