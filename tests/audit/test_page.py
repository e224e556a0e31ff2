"""The page: the same bytes, no network, no script, readable by everybody."""

import html.parser
import re

import pytest

from audit.config import AuditConfig
from audit.page.page import render_page
from audit.predictions import read_predictions
from audit.vectors_file import read_vectors
from tests.audit.audited import Audited, made_predictions

_VOID = {"meta", "br", "link", "img", "hr", "input", "path", "use"}


class _Page(html.parser.HTMLParser):
    """What a page consists of."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.headings, self.images, self.tags = [], [], [], [], []
        self.captions, self.open = 0, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if tag == "a":
            self.links.append(attrs["href"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "svg":
            self.images.append(attrs)
        self.captions += tag == "caption"
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in _VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(made):
    with open(f"{made.folder}/report.html", encoding="utf-8") as file:
        return file.read()


def test_the_same_inputs_give_the_same_bytes(made, page):
    predictions = read_predictions(f"{made.folder}/predictions.parquet")
    vectors = read_vectors(f"{made.folder}/vectors.parquet")
    assert render_page(made.record, predictions, vectors) == page


def test_no_network_and_no_script(page):
    assert "<script" not in page
    assert not re.search(r"\son\w+=", page)
    assert not re.search(r"@import|src=|url\((?!#)", page)
    # Names of XML, which nobody fetches, are no links.
    assert not [link for link in _Page(page).links if not link.startswith("#")]


def test_the_verdict_comes_first(page):
    text = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    assert text.index("Blessed") < text.index("Intended use") < text.index("<svg")
    assert "is not signed" in page


def test_what_a_model_means_for_users_of_the_last_ones_vectors_is_told(page):
    section = page.partition('<section id="compatibility"')[2].partition("</section>")[0]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", section)
    assert cells == ["0.987", "0.012", "undefined", "undefined"] + ["0.810", "0.520"] * 2
    assert "new head 0.830, old model undefined" in section


def test_a_screen_reader_finds_its_way(page):
    parsed = _Page(page)
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert {link.removeprefix("#") for link in parsed.links} <= set(parsed.ids)
    assert parsed.headings[0] == 1
    assert parsed.headings.count(1) == 1
    steps = zip(parsed.headings, parsed.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps)
    assert len(parsed.images) == 5
    for image in parsed.images:
        assert image["role"] == "img"
        assert image["aria-labelledby"] in parsed.ids
    assert parsed.captions == parsed.tags.count("table")
    assert 'lang="en"' in page
    assert "AUC of every task with its interval: likes 0." in page
    assert "encoder, of validation: lowest 2.500 in epoch 2." in page


def _luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1])
def test_contrast_is_enough_in_light_and_dark(page, theme):
    block = re.findall(r":root \{(.*?)\}", page, flags=re.DOTALL)[theme]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    for behind in ("paper", "panel"):
        for name in ("ink", "muted", "good", "bad", "link", *(f"series-{n}" for n in range(6))):
            light, dark = sorted(
                (_luminance(colours[name]), _luminance(colours[behind])), reverse=True
            )
            # WCAG 2 AA for text.
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, behind)


def test_all_colours_of_figures_are_the_pages(page):
    figures = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))
    assert set(re.findall(r"#[0-9a-f]{6}\b", figures)) <= {"#ffffff"}
    assert "var(--series-0)" in figures


def test_what_the_configuration_says_is_text_and_nothing_else(tmp_path):
    config = AuditConfig(intended_use="<script>alert(1)</script>", limits=("a & b",))
    audited = Audited(tmp_path, made_predictions(), config=config)
    audited.make()
    with open(f"{audited.folder}/report.html", encoding="utf-8") as file:
        text = file.read()
    assert "&lt;script&gt;" in text
    assert "a &amp; b" in text
    assert "<script" not in text
    assert "not stated (audit.owner)" in text


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("shop/users@sha256:ab", "<code>shop/users@sha256:ab</code></dd>"),
        ("shop/users:1", "<code>shop/users:1</code>; a tag can be moved"),
        (None, "none: on the machine itself"),
    ],
)
def test_the_image_stands_there_by_what_is_known_of_it(made, image, said):
    record = {**made.record, "code": {**made.record["code"], "image": image}, "training": {}}
    page = render_page(
        record,
        read_predictions(f"{made.folder}/predictions.parquet"),
        read_vectors(f"{made.folder}/vectors.parquet"),
    )
    assert said in page
    assert "No losses were logged." in page


def test_a_refused_model_says_why(tmp_path):
    audited = Audited(tmp_path, made_predictions(loss=0.8))
    audited.make()
    with open(f"{audited.folder}/report.html", encoding="utf-8") as file:
        text = file.read()
    assert "<strong>Refused</strong>" in text
    assert "refused by the paired interval" in text
