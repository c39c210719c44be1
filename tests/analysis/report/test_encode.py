"""JSON inside a script element: whatever the text, it stays text."""

import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from analysis.report.encode import number, numbers, script_json, words


class Scripts(HTMLParser):
    """What a browser would find in script elements, and the other elements it would make."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.tags, self.inside = "", [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.inside = tag == "script"

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.text += data


@given(
    st.recursive(
        st.text() | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_it_comes_back_as_it_was(value):
    found = Scripts(f'<script type="application/json">{script_json(value)}</script>')
    assert found.tags == ["script"]
    assert json.loads(found.text) == value


def test_nothing_ends_the_script():
    text = script_json(["</script><script>alert(1)</script>", "<!--", "]]>", "\u2028"])
    assert "<" not in text and ">" not in text and "\u2028" not in text


def test_numbers_are_short_and_unknown_ones_null():
    values = pd.Series([0.123456789, 2.0, np.nan, np.inf, -1e-12])
    assert numbers(values) == [0.123457, 2, None, None, -1e-12]
    assert [number(value) for value in (pd.NA, None, np.int64(3))] == [None, None, 3]
    assert words(pd.Series(["a", None], dtype=object)) == ["a", None]
