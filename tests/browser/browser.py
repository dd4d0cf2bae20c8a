"""A real browser over the page: Debian's Chromium, driven by its own driver."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

ROOT = Path(__file__).parents[2]
AXE = ROOT / ".cache" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
WIDE, NARROW = (1360, 900), (360, 780)
START_S = 60
ADVICE = "the browser tests need Chromium, its driver and axe-core: `make tools` (as root, on Debian) installs them"


class Browser:
    """One browser, and what tests ask of it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str, size: tuple[int, int] = WIDE, scheme: str = "light") -> None:
        """Load this address, as on a screen of this size, in "light" or "dark"."""
        self.ask("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.driver.get("about:blank")
        self.messages()
        self.driver.get(url)

    def ask(self, method: str, **arguments: Any) -> Any:  # noqa: ANN401  # as the protocol has it
        """A method of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(method, arguments)

    def run(self, script: str, *arguments: object) -> Any:  # noqa: ANN401  # as the script has it
        """What this script returns in the page."""
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        """The text of the first element that this selects; empty if there is none."""
        return str(self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def messages(self) -> list[str]:
        """What the console was told since this was asked last, from warnings upwards."""
        return [f"{line['level']}: {line['message']}" for line in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def requests(self) -> list[str]:
        """Addresses of everything that the page has loaded."""
        return list(self.run("return performance.getEntries().filter(e => e.name.includes('://')).map(e => e.name)"))

    def violations(self) -> list[str]:
        """What axe-core finds wrong: rule, and the elements."""
        assert AXE.is_file(), ADVICE
        self.run(AXE.read_text())
        found = self.driver.execute_async_script(
            "axe.run(document, {resultTypes: ['violations']}).then(r => arguments[arguments.length - 1](r.violations))"
        )
        return [f"{rule['id']}: {[node['html'][:120] for node in rule['nodes']]}" for rule in found]

    def picture(self, path: Path) -> None:
        """The whole page as PNG."""
        height = self.run("return document.documentElement.scrollHeight")
        size = self.run("return [innerWidth, innerHeight]")
        self.ask("Emulation.setDeviceMetricsOverride", width=size[0], height=height, deviceScaleFactor=1, mobile=False)
        self.driver.save_screenshot(str(path))
        self.ask("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)


@contextmanager
def browser() -> Iterator[Browser]:
    """Start one, with a profile of its own that goes with it. AssertionError if none is installed."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium is not None, ADVICE
    assert driver is not None, ADVICE
    options = Options()
    options.binary_location = chromium
    with tempfile.TemporaryDirectory(prefix="chromium-") as profile:
        for argument in (
            "--headless=new",
            "--no-sandbox",  # it is run as root in containers, where there is no other way
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-background-networking",
            "--hide-scrollbars",
            "--no-first-run",
            f"--user-data-dir={profile}",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "WARNING"})
        started = webdriver.Chrome(options, Service(driver))
        try:
            yield Browser(started)
        finally:
            started.quit()
