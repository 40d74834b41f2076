"""The canvas: what leaves it belongs to the page, and no word can do more than be read."""

import re
from xml.etree import ElementTree

import matplotlib
import pytest

from tagflow.report.canvas import INK, MUTED, cut, measure_text, open_canvas, plain, series_colour

SVG = "{http://www.w3.org/2000/svg}"


def draw(name: str = "plot", words: str = "soup") -> str:
    with open_canvas(name, "What it shows", (40, 40, 200, 100)) as canvas:
        canvas.rule()
        canvas.axes.plot([0, 1], [0, 1], color=series_colour(1), marker="o")
        canvas.write(30, 200, words, colour=MUTED)
        canvas.mark(10, 10, INK)
        return canvas.svg()


def test_a_plot_takes_its_size_colours_and_font_from_the_page() -> None:
    svg = draw()
    assert svg.startswith("<svg ")
    root = ElementTree.fromstring(svg)
    assert {"width", "height"}.isdisjoint(root.attrib)
    assert not re.search(r"#[0-9a-f]{6}|rgb\(|DejaVu", svg)
    used = set(re.findall(r"var\((--[\w-]+)\)", svg))
    assert used == {"--font", "--grid", "--ink", "--muted", "--series-2"}


def test_a_plot_says_what_it_is() -> None:
    root = ElementTree.fromstring(draw())
    assert root.attrib["role"] == "img"
    assert (root[0].tag, root[0].text) == (f"{SVG}title", "What it shows")


def test_the_same_plot_is_the_same_text_and_has_no_date_and_no_style_for_the_whole_page() -> None:
    assert draw() == draw()
    assert not re.search(r"<style|<metadata|dc:date|xlink|<!|<\?", draw())


def test_two_plots_share_no_id_and_every_reference_finds_its_own() -> None:
    ids = []
    for name in ("one", "two"):
        svg = draw(name)
        own = re.findall(r' id="([^"]*)"', svg)
        targets = re.findall(r'(?:href="|url\()#([^")]*)', svg)
        assert set(targets) == set(own)
        ids += own
    assert len(ids) == len(set(ids)) > 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("words", ["</text><script>x</script>", "$\\frac{1}$", "家常菜 레시피 ไทย 🍲", "word0", "&lt;"])
def test_words_arrive_as_text_whatever_they_say(words: str) -> None:
    root = ElementTree.fromstring(draw(words=words))
    assert words in [text.text for text in root.iter(f"{SVG}text")]
    assert f"{SVG}script" not in [element.tag for element in root.iter()]


def test_words_lose_control_characters_and_turned_directions() -> None:
    texts = [text.text for text in ElementTree.fromstring(draw(words="a\x00\x1b[1m\nb\u202ec")).iter(f"{SVG}text")]
    assert "a [1m b c" in texts
    assert plain("\ufeff a\tb\u2028 ") == "a b"


def test_drawing_leaves_matplotlib_s_settings_as_they_were() -> None:
    before = dict(matplotlib.rcParams)
    draw()
    assert dict(matplotlib.rcParams) == before


def test_hints_show_under_the_pointer_in_the_order_of_the_marks() -> None:
    for areas in ([9, 9], [9, 16]):  # matplotlib writes marks of one size in another way
        with open_canvas("hints", "x", (0, 0, 100, 100)) as canvas:
            canvas.axes.scatter([0, 1], [0, 1], s=areas, color=INK, gid="dots")
            canvas.explain("dots", ["soup <3", "rice"])
            root = ElementTree.fromstring(canvas.svg())
        assert [title.text for title in root.iter(f"{SVG}title")] == ["x", "soup <3", "rice"]


def test_wide_letters_count_as_wide_and_long_text_is_cut() -> None:
    assert measure_text("汤饭", 10) == 20
    assert measure_text("ab", 10) == pytest.approx(11.2)
    assert (cut("soup", 4), cut("so upper", 4)) == ("soup", "so…")
