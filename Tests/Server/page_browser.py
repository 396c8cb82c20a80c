"""Headless Chromium, as the tests of the page of `redrafter serve` use it."""

import os
import shutil
import unittest
from pathlib import Path
from urllib.parse import urlsplit

from page_server import PageServer

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    expect = sync_playwright = None

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def missing():
    """What there must be to drive the page and is not, or None."""
    return "Playwright for Python" if sync_playwright is None else None if CHROMIUM else "Chromium"


def launch(playwright):
    return playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else [])


class Browser(unittest.TestCase):
    """A fresh tab for each test; at its end nothing may have been logged, and no other host been asked."""

    real = None  # address of a server to drive instead of one of our own
    context_options = {}

    @classmethod
    def setUpClass(cls):
        cls.playwright = sync_playwright().start()
        cls.addClassCleanup(cls.playwright.stop)
        cls.browser = launch(cls.playwright)
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.server = None if self.real else PageServer()
        if self.server:
            self.addCleanup(self.server.close)
        self.url = self.real or self.server.url
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


def take_screenshots(folder):
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
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
