"""The page in a real browser, over replicas that say what each test wants."""

import time
from pathlib import Path

import msgspec
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from fanout.http import stream
from tests.browser.browser import NARROW, WIDE, Browser
from tests.support.replica import STATES, Running, healthy
from tests.support.topics import wait_until

DEADLINE_S = 60.0
LOOKS = [(size, scheme) for size in (WIDE, NARROW) for scheme in ("light", "dark")]


def url(running: Running) -> str:
    return f"http://127.0.0.1:{running.port}/"


def told(page: Browser) -> bool:
    return page.text("#fresh").startswith("As of")


def opened(page: Browser, running: Running, size: tuple[int, int] = WIDE, scheme: str = "light") -> None:
    page.open(url(running), size, scheme)
    wait_until(lambda: told(page), DEADLINE_S, "the first status on the page")


@pytest.mark.parametrize("state", STATES)
def test_each_state_is_whole_accessible_and_of_this_host_alone(
    page: Browser, running: Running, pictures: Path, state: str
) -> None:
    running.replica.tell = STATES[state]
    wrong: list[str] = []
    for size, scheme in LOOKS:
        opened(page, running, size, scheme)
        look = f"{size[0]} {scheme}"
        page.picture(pictures / f"{state}-{'wide' if size is WIDE else 'narrow'}-{scheme}.png")
        wrong += [f"{look}: {message}" for message in page.messages()]
        wrong += [f"{look}: asked {name}" for name in page.requests() if not name.startswith(url(running))]
        wrong += [f"{look}: {violation}" for violation in page.violations()]
        wide = page.run("return document.documentElement.scrollWidth")
        wrong += [f"{look}: {wide} pixels wide"] if wide > size[0] else []
    assert wrong == []


def test_the_state_is_told_in_words_and_each_finding_with_what_to_do(page: Browser, running: Running) -> None:
    running.replica.tell = STATES["crash-loop"]
    opened(page, running)
    assert page.text("#word") == "Error"
    assert page.text("#headline").startswith("Partition 4 has not moved for 1 h 48 min: not authorized to write")
    findings = page.run("return [...document.querySelectorAll('#findings li')].map(item => item.innerText)")
    assert len(findings) == 3
    assert "docs/runbook.md#retention" in findings[0]
    assert "raise the source's retention" in findings[0]
    assert page.text("#workers tbody tr").startswith("4none"), "the worker in trouble comes first"
    assert "again in" in page.text("#workers tbody tr")


def test_names_are_text_and_never_markup(page: Browser, running: Running) -> None:
    running.replica.tell = STATES["markup"]
    opened(page, running)
    page.run("document.getElementById('settings').closest('details').open = true")
    assert page.run("return document.querySelectorAll('main img, main script, header script').length") == 0
    assert "taken" not in page.run("return document.title").replace("document.title='taken'", "")
    assert page.text("#namespaces tbody .text") == "<img src=x onerror=document.title='taken'>"
    assert page.messages() == []


def test_what_changes_is_on_the_page_by_itself_and_who_listens_hears_of_new_words_only(
    page: Browser, running: Running
) -> None:
    opened(page, running)
    first = page.text("#announcement")
    well = healthy()
    running.replica.tell = lambda: msgspec.structs.replace(
        well, headline="All 12 partitions moving, 0.7 s behind, retention reached in 1 h 58 min"
    )
    wait_until(lambda: "0.7 s" in page.text("#headline"), DEADLINE_S, "the figure that changed")
    assert page.text("#announcement") == first
    running.replica.tell = STATES["broker-away"]
    wait_until(lambda: page.text("#word") == "Error", DEADLINE_S, "the state that changed")
    assert page.text("#announcement").startswith("Error. No broker has answered")


def test_a_replica_that_answers_no_more_is_told_with_the_time_and_found_again(page: Browser, running: Running) -> None:
    opened(page, running)
    running.stop()
    wait_until(lambda: page.text("#lost").startswith("No answer since "), DEADLINE_S, "that there is no answer")
    assert page.text("#lost").endswith(": what is shown is of then.")
    assert page.text("#headline").startswith("All 12 partitions")
    assert page.text("#announcement") == page.text("#lost")
    running.start()
    wait_until(lambda: page.run("return document.getElementById('lost').hidden"), DEADLINE_S, "an answer again")
    page.messages()  # of connections that were refused meanwhile


def test_a_page_that_finds_no_place_among_the_listeners_asks_by_itself(
    page: Browser, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LISTENERS_MAX", 0)
    opened(page, running)
    running.replica.tell = STATES["broker-away"]
    wait_until(lambda: page.text("#word") == "Error", DEADLINE_S, "the state that changed")
    page.messages()  # of the stream that was refused


def test_the_keyboard_reaches_everything_and_it_is_seen_where_it_is(page: Browser, running: Running) -> None:
    running.replica.tell = STATES["many"]
    opened(page, running)
    page.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    page.run(
        "document.querySelectorAll('a, button, summary, [tabindex]').forEach((part, n) => { part.dataset.stop = n; })"
    )
    stops = page.run("return document.querySelectorAll('[data-stop]').length")
    reached: set[str] = set()
    for _ in range(stops + 1):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        stop, outline = page.run(
            "const there = document.activeElement;"
            "return [there.dataset.stop ?? '', getComputedStyle(there).outlineStyle]"
        )
        if stop:
            assert outline != "none", page.run("return document.activeElement.outerHTML")
            reached.add(stop)
    assert len(reached) == stops


def test_headings_sort_the_partitions(page: Browser, running: Running) -> None:
    running.replica.tell = STATES["crash-loop"]
    opened(page, running)

    def numbers() -> list[str]:
        return list(page.run("return [...document.querySelectorAll('#partitions tbody th')].map(h => h.innerText)"))

    assert numbers()[:3] == ["4", "7", "0"], "what is nearest to its retention comes first"
    page.run("document.querySelector('#partitions thead button').focus()")
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    assert numbers() == [str(number) for number in range(12)]
    sorts = "return [...document.querySelectorAll('#partitions thead th')].map(h => h.getAttribute('aria-sort'))"
    assert page.run(sorts) == ["ascending", None, None, None, None, None]


def test_a_row_that_stays_is_not_made_anew(page: Browser, running: Running) -> None:
    """What is selected, scrolled to or read out stays where it is."""
    opened(page, running)
    page.run("document.querySelectorAll('tbody tr').forEach(row => { row.dataset.mine = 1; })")
    before = page.text("#fresh")
    wait_until(lambda: page.text("#fresh") != before, DEADLINE_S, "the next status")
    kept = page.run("return [...document.querySelectorAll('tbody tr')].filter(row => !row.dataset.mine).length")
    assert kept <= 1, "only the table of minutes may have one more"


def test_times_of_another_day_have_their_date(page: Browser, running: Running) -> None:
    opened(page, running)
    times = page.run("return [...document.querySelectorAll('#letters tbody th')].map(h => h.innerText)")
    day = time.localtime(time.time() - 100_000)
    assert times[2].startswith(f"{day.tm_mday} "), times
