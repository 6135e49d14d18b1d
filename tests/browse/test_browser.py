"""The page in a browser: keys, jumps, what it asks the server for, and who may see it."""

import asyncio
import json
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

import tuszstore

if TYPE_CHECKING:
    from tuszstore.browse.server import Browsing

pytest.importorskip("bokeh")
webdriver = pytest.importorskip("selenium.webdriver")
ActionChains, Keys = webdriver.ActionChains, webdriver.Keys

pytestmark = pytest.mark.slow

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1500,1100",
)  # fmt: skip
PATIENCE = 60.0

STATUS = """
const found = Bokeh.documents[0].get_model_by_name('status');
return found === null ? '' : found.text;
"""
VALUE = "return Bokeh.documents[0].get_model_by_name(arguments[0]).value;"
CHOOSE = "Bokeh.documents[0].get_model_by_name(arguments[0]).value = arguments[1];"
BOTTOM = """
const model = Bokeh.documents[0].get_model_by_name(arguments[0]);
return Bokeh.index.find_one(model).el.getBoundingClientRect().bottom - window.innerHeight;
"""
LABELS = """
const labels = Bokeh.documents[0].get_model_by_name('traces').left[0].major_label_overrides;
return [...labels.values()];
"""


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("no Chromium with its driver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def predictions(
    train: tuszstore.Store, tmp_path_factory: pytest.TempPathFactory
) -> tuszstore.Predictions:
    """Right but for one recording, in which nothing is found."""
    path = tmp_path_factory.mktemp("predictions") / "p"
    values = (np.nan_to_num(train.index["seizure_fraction"].values) > 0).astype(np.float32)
    first = train.index["recording"].values[values > 0][0]
    values[train.index["recording"].values == first] = 0
    with tuszstore.write_predictions(train, path) as out:
        out.write(np.arange(len(train)), values[:, None])
    return tuszstore.open_predictions(path)


@pytest.fixture
def browsing(train: tuszstore.Store, predictions: tuszstore.Predictions) -> "Iterator[Browsing]":
    indices = train.select(category="partial_seizure")
    with train.browse(predictions, threshold=0.3, indices=indices, recording=1) as browsing:
        yield browsing


def wait_for(what: Callable[[], Any], told: Callable[[], str] = str) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing came of it in {PATIENCE:g} s: {told()}")


class PageInBrowser:
    """An open page, as a user has it."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver = driver
        driver.get("about:blank")
        driver.get_log("browser")  # of the page before, whose server has gone
        driver.get(url)
        wait_for(lambda: driver.execute_script("return !!(window.Bokeh && Bokeh.documents.length)"))
        wait_for(lambda: driver.execute_script("return window.tuszstoreKeys === true"))
        wait_for(lambda: self.status)

    @property
    def status(self) -> str:
        return str(self.driver.execute_script(STATUS))

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def until(self, part: str) -> None:
        wait_for(lambda: part in self.status, lambda: f"{part!r} is not in {self.status!r}")

    def value(self, name: str) -> str:
        return str(self.driver.execute_script(VALUE, name))

    def choose(self, name: str, value: str) -> None:
        self.driver.execute_script(CHOOSE, name, value)


@pytest.fixture
def page(driver: Any, browsing: "Browsing") -> PageInBrowser:
    return PageInBrowser(driver, browsing.url)


def test_keys_turn_pages(page: PageInBrowser) -> None:
    page.until("0:00 to 0:10")
    page.press(Keys.ARROW_RIGHT)
    page.until("0:10 to 0:20")
    page.press(Keys.PAGE_DOWN)
    page.until("0:20 to 0:30")
    page.press(Keys.ARROW_LEFT)
    page.until("0:10 to 0:20")
    ActionChains(page.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT).key_up(
        Keys.SHIFT
    ).perform()
    page.until("0:11 to 0:21")
    page.press(Keys.HOME)
    page.until("0:00 to 0:10")
    page.press(Keys.ARROW_LEFT)  # there is nothing before it
    page.press(Keys.END)
    end = page.status.rpartition(" of ")[2].partition(",")[0]
    page.until(f"to {end} of {end}")
    page.press(Keys.ARROW_DOWN)
    wait_for(lambda: page.value("gain") == "150")
    page.press(Keys.ARROW_UP, Keys.ARROW_UP)
    wait_for(lambda: page.value("gain") == "70")


def test_jumps_lead_to_seizures_misses_and_windows(page: PageInBrowser) -> None:
    page.press("n")
    page.until("sz")
    first = page.status
    page.press("n")
    wait_for(lambda: page.status != first)
    page.press("p")
    wait_for(lambda: page.status == first)
    page.choose("list", "misses")
    time.sleep(0.3)
    page.press("n")
    page.until("sz")
    page.choose("list", "windows")
    time.sleep(0.3)
    page.press("n")
    page.until(" to ")


def test_montage_length_and_recording_are_chosen(page: PageInBrowser, train: Any) -> None:
    page.choose("montage", "double_banana")
    wait_for(lambda: "Fp1-F7" in page.driver.execute_script(LABELS))
    page.choose("length", "30")
    page.until("0:00 to 0:30")
    page.choose("low", "1 Hz")
    page.choose("recording", "0")
    page.until(Path(train.recordings["id"].values[0]).stem)


def test_a_page_turn_asks_for_nothing_but_its_data(page: PageInBrowser) -> None:
    page.driver.get_log("performance")
    page.press(Keys.ARROW_RIGHT)
    page.until("0:10 to 0:20")
    events = [
        json.loads(entry["message"])["message"] for entry in page.driver.get_log("performance")
    ]
    requests = [e for e in events if e["method"] == "Network.requestWillBeSent"]
    frames = [e for e in events if e["method"] == "Network.webSocketFrameReceived"]
    assert requests == []
    assert frames
    n_bytes = sum(len(e["params"]["response"]["payloadData"]) for e in frames)
    assert n_bytes < 3_000_000
    severe = [entry for entry in page.driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert severe == []


def test_all_of_a_page_is_visible_without_scrolling(page: PageInBrowser, driver: Any) -> None:
    before = driver.get_window_size()
    driver.set_window_size(1400, 900)
    try:
        for name in ("traces", "strip", "places"):
            wait_for(lambda name=name: driver.execute_script(BOTTOM, name) <= 0)  # type: ignore[misc]
    finally:
        driver.set_window_size(before["width"], before["height"])


def test_nothing_is_shown_without_the_secret(browsing: "Browsing") -> None:
    root = browsing.url.rpartition("/")[0].rpartition("/")[0]
    for path in ("/", "/ws", "/wrong/", "/static/js/bokeh.min.js"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(root + path)
    assert urllib.request.urlopen(browsing.url).status == 200


def test_it_listens_on_loopback_alone(browsing: "Browsing") -> None:
    port = int(browsing.url.split(":")[2].partition("/")[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; tells the address of this machine
        except OSError:
            pytest.skip("no network but loopback")
        address = probe.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("no network but loopback")
    with socket.socket() as other:
        other.settimeout(5)
        assert other.connect_ex((address, port)) != 0


def test_a_connection_from_another_site_is_refused(browsing: "Browsing") -> None:
    async def connect(origin: str) -> None:
        url = browsing.url.replace("http://", "ws://") + "ws"
        request = HTTPRequest(url, headers={"Origin": origin})
        (await websocket_connect(request, subprotocols=["bokeh", "no-token"])).close()

    for origin in ("http://example.org", "http://localhost:1"):
        with pytest.raises(HTTPClientError, match="403"):
            asyncio.run(connect(origin))


def test_a_pseudonymised_store_shows_no_name(
    driver: Any, small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUSZSTORE_PSEUDONYM_KEY", "0123456789abcdef0123456789abcdef")
    report = tuszstore.build(
        {"corpus": {"pseudonymize": True}}, data=small_corpus, store=tmp_path, workers=0
    )
    store = tuszstore.open(report.store)
    content = "return JSON.stringify(Bokeh.documents[0].to_json()) + document.title"
    with store.browse() as browsing:
        page = PageInBrowser(driver, browsing.url)
        shown = page.driver.execute_script(content)
        assert "recording 0" in page.status
        shutil.rmtree(Path(store.path, "signal"))
        page.press(Keys.ARROW_RIGHT)
        page.until("cannot be shown")
        shown += page.driver.execute_script(content) + page.driver.page_source
    ids = [*store.recordings["id"].values, *store.recordings["patient"].values]
    parts = {part for name in ids for part in str(name).split("/") if len(part) > 4}
    assert [part for part in parts if part in shown] == []
    assert str(tmp_path) not in shown


def test_wrong_arguments(
    train: tuszstore.Store, predictions: tuszstore.Predictions, browsing: "Browsing"
) -> None:
    with pytest.raises(ValueError, match="unknown recording 'nobody'"):
        train.browse(recording="nobody")
    with pytest.raises(TypeError, match="predictions must be opened, not a path"):
        train.browse(predictions="val.predictions")
    for at in (-1.0, 1e9):
        with pytest.raises(ValueError, match=r"at must be 0 or more and below the \d"):
            train.browse(at=at)
    with pytest.raises(IndexError):
        train.browse(indices=[10**6])
    port = int(browsing.url.split(":")[2].partition("/")[0])
    with pytest.raises(OSError, match=f"cannot listen on port {port}"):
        train.browse(port=port)
    browsing.close()
    browsing.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(browsing.url, timeout=5)


def test_a_notebook_shows_it(browsing: "Browsing") -> None:
    assert f'src="{browsing.url}"' in browsing._repr_html_()
    assert "train.zarr" in repr(browsing)
