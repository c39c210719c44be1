"""The page in headless Chromium: it draws, links, selects, filters and sorts, in both themes, without a complaint."""

import shutil
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

import analysis

pytestmark = pytest.mark.browser
webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
BROWSER, DRIVER = (next(filter(None, map(shutil.which, names)), None) for names in (("chromium",), ("chromedriver",)))
EVIL = "<img src=x onerror=document.title=1>"


@pytest.fixture(scope="module")
def url(study_writer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    published = [{"label": EVIL, "source": EVIL, "accuracy": 0.93, "neurons": 30}]
    settings = {"published": published, "notes": EVIL, "require": {"accuracy": 0.7}}
    study = analysis.load(study_writer(folder / "study", trials=18, searches=2, **settings))
    study = replace(study, trials=study.trials.assign(val_examples=359))
    points = np.random.default_rng(0).normal(size=(40, 2))
    labels = (points[:, 0] > 0).astype(int)
    boundary = analysis.boundary_data(lambda x: np.column_stack([-x[:, 0], x[:, 0]]), points, labels, grid=24)
    drawn = {("made-up", name): boundary for name in analysis.pareto(study.trials)["trial"]}
    return analysis.write_page(study, folder / "page.html", boundaries=drawn).as_uri()


@pytest.fixture(scope="module")
def chromium() -> Iterator[webdriver.Chrome]:
    if not (BROWSER and DRIVER):
        pytest.skip("needs Chromium and its driver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


class Page:
    """The open page, and what a reader does with it."""

    def __init__(self, driver, url, width=1280, height=900, scheme="light"):
        self.driver = driver
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.devtools("Emulation.setDeviceMetricsOverride", **size)
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        driver.get(url)
        self.run("try { localStorage.clear(); sessionStorage.clear() } catch {}")
        driver.refresh()
        self.until("document.documentElement.dataset.ready === 'true'")

    def devtools(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def get(self, expression):
        return self.run(f"return {expression}")

    def until(self, expression):
        """Waits for at most ten seconds."""
        script = "const [done] = arguments, start = Date.now(); (function look() {"
        script += f" if ({expression}) done(true); else if (Date.now() - start > 10000) done(false);"
        script += " else setTimeout(look, 20) })()"
        assert self.driver.execute_async_script(script), f"never true: {expression}"

    def mouse(self, kind, x, y, buttons=0):
        button = "left" if buttons or kind == "mouseReleased" else "none"
        event = {"type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1}
        self.devtools("Input.dispatchMouseEvent", **event)

    def click(self, x, y):
        self.mouse("mouseMoved", x, y)
        self.until("!document.getElementById('tip').hidden")
        self.mouse("mousePressed", x, y, 1)
        self.mouse("mouseReleased", x, y)

    def drag(self, start, end):
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start, 1)
        for part in (0.3, 0.6, 1.0):
            self.mouse("mouseMoved", *(one + part * (two - one) for one, two in zip(start, end, strict=True)), 1)
        self.mouse("mouseReleased", *end)

    def point(self, figure, symbol):
        """Where the middle marker of the fronts' trace with this symbol lies on the screen, and its trial's row."""
        return self.run(
            """const figure = document.getElementById(arguments[0]);
            figure.scrollIntoView({ block: "center" });
            const trace = figure.data.findLast((one) => one.marker?.symbol === arguments[1] && one.customdata);
            const middle = Math.floor(trace.x.length / 2), box = figure.getBoundingClientRect();
            const { xaxis, yaxis } = figure._fullLayout;
            const x = box.x + xaxis._offset + xaxis.d2p(trace.x[middle]);
            return [x, box.y + yaxis._offset + yaxis.d2p(trace.y[middle]), trace.customdata[middle]]""",
            figure,
            symbol,
        )

    def rows(self, column=0):
        rows = "[...document.querySelectorAll('#trial-table tbody tr')]"
        return self.get(f"{rows}.map((row) => row.cells[{column}].textContent)")

    def filter(self, text):
        script = "const box = document.getElementById('filter'); box.value = arguments[0];"
        self.run(f"{script} box.dispatchEvent(new Event('input'))", text)


@pytest.fixture
def page(chromium, url):
    return Page(chromium, url)


@pytest.fixture(autouse=True)
def no_complaints(chromium):
    chromium.get_log("browser")
    yield
    assert chromium.get_log("browser") == []


def test_every_figure_is_drawn(page):
    drawn = page.get(
        "[...document.querySelectorAll('.chart')].map((one) => [one.id, one.querySelectorAll('.trace, .bars').length])"
    )
    assert len(drawn) == 10 and all(count for _, count in drawn), drawn
    assert page.get("document.querySelectorAll('.widths .cell').length") > 0
    assert page.get("document.querySelectorAll('#figure-parallel text').length") > 8


def test_arrows_lead_to_test_scores_beside_a_standard_error_and_collapsed_networks_are_apart(page):
    front = "document.getElementById('figure-front')"
    arrows = page.get(f"{front}.data.filter((one) => one.marker?.angleref === 'previous').map((one) => one.y)")
    assert arrows and all(test == pytest.approx(validation - 0.5) for validation, test in arrows)
    assert "standard error" in page.get(f"{front}.layout.annotations[0].text")
    crosses = page.get(f"{front}.data.find((one) => one.marker?.symbol === 'x-thin-open').y")
    assert crosses and max(crosses) < 70
    note = page.get("document.getElementById('note-front').textContent")
    assert "to its test score" in note and f"{len(crosses)} networks short of what is required (accuracy 0.7)" in note


def test_compression_by_tolerance_has_bands_over_searches(page):
    figure = "document.getElementById('figure-tolerance')"
    assert page.get(f"{figure}.data.filter((one) => one.fill === 'toself').length") >= 1
    assert page.get(f"{figure}.data.filter((one) => one.name).length") == 4
    assert "95 % t interval over 2 searches" in page.get("document.getElementById('note-tolerance').textContent")


def test_a_gated_trial_shows_its_gates(page):
    pictures = "document.querySelectorAll('#figure-learning image').length"
    assert page.get(pictures) == 0
    page.filter("npn-00001")
    page.run("document.querySelector('#trial-table tbody tr').click()")
    page.until(f"{pictures} === 1")
    assert "gates are to be open" in page.get("document.getElementById('note-learning').textContent")
    assert page.get("document.getElementById('figure-learning').layout.yaxis3.range") == [0, 1]


def test_a_boundary_is_a_picture_with_the_data_on_it(page):
    assert page.get("document.querySelectorAll('#figure-boundary image').length") == 1
    assert page.get("document.getElementById('figure-boundary').data.length") == 2
    colours = page.run(
        "const source = document.getElementById('figure-boundary').layout.images[0].source;"
        "return new Promise((done) => { const image = new Image(); image.onload = () => {"
        "const canvas = document.createElement('canvas'); [canvas.width, canvas.height] = [24, 24];"
        "const pen = canvas.getContext('2d'); pen.drawImage(image, 0, 0);"
        "const { data } = pen.getImageData(0, 12, 24, 1);"
        "done([...Array(24).keys()].map((x) => data.slice(4 * x, 4 * x + 4).join(' '))) }; image.src = source })"
    )
    left, border, right = dict.fromkeys(colours)  # a class at each side, the border between them
    assert colours.index(border) + 1 == colours.index(right) and colours[0] == left


def test_nothing_is_asked_of_a_network_and_nothing_injected(page):
    assert (
        page.get("performance.getEntriesByType('resource').filter((one) => !one.name.startsWith('data:')).length") == 0
    )
    assert page.get("document.querySelectorAll('img[src=x]').length") == 0
    assert page.get("document.querySelector('#figure-front').textContent.includes('<img src=x')")
    assert page.get("document.title") == "made-up · study report"


def test_hovering_shows_the_trial_everywhere(page):
    x, y, row = page.point("figure-front", "triangle-down")
    page.mouse("mouseMoved", x, y)
    page.until("!document.getElementById('tip').hidden")
    name = page.get("document.querySelector('#trial h3 span').textContent")
    assert name.startswith("npn-")
    assert page.get(f"JSON.parse(document.getElementById('data').textContent).trials.name[{row}]") == name
    panel = page.get("document.getElementById('trial').textContent")
    assert "lambda" in panel and "Units by layer" in panel
    assert f"--trial {name} --format onnx" in panel
    page.mouse("mouseMoved", 5, 5)
    page.until("document.getElementById('tip').hidden")


def test_clicking_keeps_the_trial_and_escape_lets_go(page):
    x, y, row = page.point("figure-front", "triangle-down")
    page.click(x, y)
    page.until("document.getElementById('trial').classList.contains('pinned')")
    page.mouse("mouseMoved", 5, 5)
    name = page.get("document.querySelector('#trial h3 span').textContent")
    assert name in page.get("document.getElementById('title-learning').textContent")
    assert not page.get("document.querySelector('#figure-front .ring.pinned').hidden")
    page.filter(name)
    assert page.get("document.querySelector('#trial-table tr.pinned').dataset.trial") == str(row)
    page.run("dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))")
    page.until("!document.getElementById('trial').classList.contains('pinned')")


def test_selecting_in_a_figure_filters_the_table(page):
    box = page.run(
        "const figure = document.getElementById('figure-front'); figure.scrollIntoView({ block: 'center' });"
        "const { x, y } = figure.getBoundingClientRect(), { xaxis, yaxis } = figure._fullLayout;"
        "return [x + xaxis._offset, y + yaxis._offset, xaxis._length, yaxis._length]"
    )
    left, top, width, height = box
    page.drag((left + 0.02 * width, top + 0.02 * height), (left + 0.6 * width, top + 0.9 * height))
    page.until("document.querySelector('#trial .selection')")
    selected = int(page.get("document.querySelector('#trial .selection span').textContent").split()[0])
    assert 0 < selected < 80
    assert page.get("document.getElementById('trial-count').textContent").endswith(f"of {selected} selected")
    page.run("document.querySelector('#trial .clear').click()")
    page.until("document.getElementById('trial-count').textContent.endsWith('of 180')")


def test_filtering_by_words_and_by_comparisons(page):
    page.filter("npn neurons<40 accuracy>50")
    names, sizes = page.rows(0), [int(text) for text in page.rows(5)]
    assert names and all(name.startswith("npn-") for name in names)
    assert max(sizes) < 40
    page.filter("lambda>0.5")
    assert 0 < len(page.rows()) < 25 and "dense" not in " ".join(page.rows(1))
    page.filter("zzz")
    assert page.rows() == []


def test_sorting_both_ways(page):
    heading = "[...document.querySelectorAll('#trial-table th')].find((cell) => cell.textContent.startsWith('neurons'))"
    page.run(f"{heading}.querySelector('button').click()")
    sizes = [int(text) for text in page.rows(5)]
    assert sizes == sorted(sizes) and page.get(f"{heading}.getAttribute('aria-sort')") == "ascending"
    page.run(f"{heading}.querySelector('button').click()")
    assert page.get(f"{heading}.getAttribute('aria-sort')") == "descending"
    assert int(page.rows(5)[0]) == 96


def test_sorting_the_summary(page):
    table = "document.querySelector('[data-table=methods] table')"
    page.run(f"{table}.tHead.rows[0].cells[4].querySelector('button').click()")
    volumes = page.get(f"[...{table}.tBodies[0].rows].map((row) => Number(row.cells[4].dataset.value))")
    assert volumes == sorted(volumes, reverse=True)


def test_hiding_a_method_hides_it_everywhere(page):
    chips = page.get("[...document.querySelectorAll('.chip')].map((chip) => chip.textContent)")
    page.run("document.querySelectorAll('.chip')[arguments[0]].click()", chips.index("NPN"))
    page.until("!document.querySelector('#figure-front').data.some((one) => one.marker?.symbol === 'triangle-down')")
    assert page.get("document.getElementById('trial-count').textContent").endswith("of 144")
    assert page.get("document.querySelector('[data-table=methods] tr[data-method=npn]').offsetHeight") == 0


def test_choices_change_the_figure(page):
    title = "document.querySelector('#figure-front').layout.xaxis.title.text"
    assert page.get(title).startswith("Hidden neurons")
    page.run("document.querySelectorAll('[data-choice=count] button')[1].click()")
    page.until(f"{title}.startsWith('Parameters')")
    page.run("document.querySelector('[data-choice=spread] button:last-child').click()")
    page.until("document.querySelector('#figure-front').data.some((one) => one.fill === 'toself')")
    tables = "[...document.querySelectorAll('[data-choice=table] button')]"
    page.run(f"{tables}.find((one) => one.textContent.endsWith('at compression')).click()")
    assert page.get("document.querySelector('[data-table=methods]').hidden")
    assert not page.get("document.querySelector('[data-table=compression]').hidden")


def test_brushing_parallel_coordinates_selects(page):
    x, top, height = page.run(
        "const hit = document.querySelector('#figure-parallel .hit'); hit.scrollIntoView({ block: 'center' });"
        "const box = hit.getBoundingClientRect(); return [box.x + box.width / 2, box.y, box.height]"
    )
    page.drag((x, top + 1), (x, top + 0.5 * height))
    page.until("document.querySelector('#trial .selection')")
    first = int(page.get("document.querySelector('#trial .selection span').textContent").split()[0])
    assert 0 < first < 36


def test_the_front_is_on_the_first_screen_beside_a_headline(chromium, url):
    page = Page(chromium, url, width=1440, height=900)
    front, told = (
        page.get(f"document.querySelector('{one}').getBoundingClientRect().toJSON()")
        for one in ("#figure-front", "#summary")
    )
    assert front["bottom"] < 900 and front["width"] > 700
    assert told["left"] > front["right"] and told["bottom"] < 900
    assert 1 <= page.get("document.querySelectorAll('#summary p').length") <= 2


def test_a_filter_that_names_no_column_says_so_and_offers_the_nearest(page):
    page.filter("neurosn<40")
    said = "document.getElementById('filter-says')"
    assert page.get(f"{said}.textContent") == "No column or parameter is called “neurosn”; did you mean neurons<40?"
    assert page.get("document.getElementById('trial-count').textContent").endswith("of 180")
    page.run(f"{said}.querySelector('button').click()")
    assert page.get("document.getElementById('filter').value") == "neurons<40" and page.get(f"{said}.hidden")
    assert max(int(text) for text in page.rows(5)) < 40
    page.filter("neurons<many qqqq=1")
    assert "“many” is no number to compare neurons with" in page.get(f"{said}.textContent")
    assert "called “qqqq”." in page.get(f"{said}.textContent")


def test_views_live_in_the_address(chromium, url):
    page = Page(chromium, url)
    page.run("document.querySelectorAll('[data-choice=count] button')[2].click()")
    page.run("[...document.querySelectorAll('.chip')].find((chip) => chip.textContent === 'NPN').click()")
    page.filter("magnitude-00003")
    page.run("document.querySelector('#trial-table tbody tr').click()")
    hash_ = page.get("location.hash")
    assert hash_ == "#count=flops&filter=magnitude-00003&hidden=npn&pinned=magnitude-00003"
    page.driver.get("about:blank")
    page = Page(chromium, url + "#tables&" + hash_[1:])
    assert page.get("document.querySelector('#figure-front').layout.xaxis.title.text").startswith("Floating")
    assert page.get("document.querySelector('#trial h3 span').textContent") == "magnitude-00003"
    assert page.rows() == ["magnitude-00003"]
    assert page.get("[...document.querySelectorAll('.chip[aria-pressed=false]')].map((chip) => chip.textContent)") == [
        "NPN"
    ]
    page.run("document.querySelector('.links a[href=\"#audit\"]').click()")
    page.until("location.hash === '#audit&' + arguments[0]".replace("arguments[0]", repr(hash_[1:])))


def test_axes_are_moved_and_turned_by_keys_and_by_dragging(page):
    names = "[...document.querySelectorAll('#figure-parallel .handle')].map((one) => one.textContent)"
    first = page.get(names)
    assert first[-2:] == ["accuracy / % ↑", "neurons ↑"]
    press = "const [place, key] = arguments; document.querySelectorAll('#figure-parallel .handle')[place]"
    press += ".dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))"
    page.run(press, 0, "ArrowRight")
    assert page.get(names) == [first[1], first[0], *first[2:]]
    page.run(press, 0, "Enter")
    assert page.get(names)[0] == first[1].replace("↑", "↓")
    assert "axes=-" in page.get("location.hash")
    box = page.run(
        "const one = document.querySelectorAll('#figure-parallel .handle');"
        "one[0].scrollIntoView({ block: 'center' });"
        "return [one[0], one[one.length - 1]].map((each) => {"
        "const { x, y, width, height } = each.getBoundingClientRect();"
        "return [x + width / 2, y + height / 2] })"
    )
    page.drag(*box)
    page.until(f"{names}.at(-1).startsWith({first[1].split()[0]!r})")


def test_every_figure_has_a_role_a_label_and_words(page):
    found = page.get(
        "[...document.querySelectorAll('.chart')].map((one) => [one.id, one.getAttribute('role'), "
        "one.getAttribute('aria-label'), document.getElementById(one.getAttribute('aria-describedby')).textContent])"
    )
    assert len(found) == 10
    for name, role, label, words in found:
        assert role in ("application", "img") and label and len(words) > 20, name
    (words,) = (words for name, _, _, words in found if name == "figure-front")
    assert "The dense network: " in words and "NPN, " in words and "networks on the front: from " in words


def test_points_and_rows_are_reached_by_keys(page):
    press = "document.getElementById('figure-front').dispatchEvent(new KeyboardEvent('keydown', { key: arguments[0] }))"
    page.run("document.getElementById('figure-front').focus()")
    page.run(press, "ArrowRight")
    name = page.get("document.querySelector('#trial h3 span').textContent")
    assert page.get("document.getElementById('said').textContent").split(", ")[1] == name
    page.run(press, "End")
    assert page.get("document.querySelector('#trial h3 span').textContent") != name
    page.run(press, "Enter")
    page.until("document.getElementById('trial').classList.contains('pinned')")
    row = "document.activeElement.closest('#trial-table tbody tr')"
    page.run("document.querySelector('#trial-table tbody tr').focus()")
    page.run(f"{row}.dispatchEvent(new KeyboardEvent('keydown', {{ key: 'ArrowDown', bubbles: true }}))")
    assert page.get(f"{row}.rowIndex") == 2
    page.run(f"{row}.dispatchEvent(new KeyboardEvent('keydown', {{ key: 'Enter', bubbles: true }}))")
    assert page.get(f"{row}.cells[0].textContent") == page.get("document.querySelector('#trial h3 span').textContent")


def test_a_picture_and_print_have_legends_and_say_what_the_band_is(page):
    page.run("document.querySelector('[data-choice=spread] button:last-child').click()")
    note = "document.getElementById('note-front').textContent"
    page.until(f"{note}.includes('Band: what between 25 % and 75 % of the searches attain')")
    page.run("Plotly.toImage = (figure) => { window.taken = figure; return Promise.resolve('data:,') }")
    page.run("document.querySelector('#figure-front [data-title^=\"Save as a picture\"]').click()")
    page.until("window.taken")
    named = page.get("taken.data.filter((one) => one.showlegend).map((one) => one.name)")
    assert "NPN" in named and "NPN: 25 % to 75 % of 2 searches" in named and page.get("taken.layout.showlegend")
    assert "Band: " in page.get("taken.layout.annotations.at(-1).text")
    page.devtools("Emulation.setEmulatedMedia", media="print")
    shown = page.get("getComputedStyle(document.querySelector('#fronts .key')).display")
    assert shown == "flex" and "NPN" in page.get("document.querySelector('#fronts .key').textContent")
    page.devtools("Emulation.setEmulatedMedia", media="")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes(chromium, url, scheme):
    page = Page(chromium, url, scheme=scheme)
    look = "[document.documentElement.dataset.theme, getComputedStyle(document.body).backgroundColor]"
    colour = "document.querySelector('#figure-front').layout.font.color"
    theme, background = page.get(look)
    text = page.get(colour)
    assert theme == scheme
    page.run("document.getElementById('theme').click()")  # light, whatever the system says
    page.run("document.getElementById('theme').click()")  # dark
    assert page.get("document.documentElement.dataset.theme") == "dark"
    if scheme == "light":
        assert page.get(look)[1] != background and page.get(colour) != text
    page.driver.refresh()
    page.until("document.documentElement.dataset.ready === 'true'")
    assert page.get("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("width", [360, 390, 768, 1280, 1920])
def test_it_fits_every_screen(chromium, url, width):
    page = Page(chromium, url, width=width)
    assert page.get("document.documentElement.scrollWidth") <= width
    page.run("document.querySelector('#trial-table tbody tr').click()")
    page.until("getComputedStyle(document.getElementById('trial')).display === 'block'")
    box = page.get("(({ left, right }) => [left, right])(document.getElementById('trial').getBoundingClientRect())")
    assert 0 <= box[0] < box[1] <= width


def test_a_page_without_results_and_one_of_two_studies(chromium, study_writer, tmp_path):
    study = analysis.load(study_writer(tmp_path / "one", name="one", trials=6))
    empty = analysis.Study(study.trials.iloc[:0], study.configs, study.directories)
    page = Page(chromium, analysis.write_page(empty, tmp_path / "empty.html").as_uri())
    assert "No trial has finished yet." in page.get("document.body.textContent")
    assert page.get("document.querySelectorAll('[data-figures]').length") == 0
    two = analysis.load(tmp_path / "one", study_writer(tmp_path / "two", name="two", trials=6))
    page = Page(chromium, analysis.write_page(two, tmp_path / "two.html").as_uri())
    assert page.get("document.querySelectorAll('.chip').length") == 10
    compared = page.get("document.querySelector('#comparison table').textContent")
    assert "change" in compared and "group lasso" in compared
    page.run("document.querySelectorAll('.chip')[6].click()")
    hidden = page.get(
        "[...document.querySelectorAll('tr.faded')].map((row) => row.closest('[data-study]').dataset.study)"
    )
    assert set(hidden) == {"1"}
