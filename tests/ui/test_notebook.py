"""A real notebook: magics run by a kernel, looked at in a browser."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pytest
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))
from reading import blocks  # noqa: E402

QUERY = "EXPLAIN layer4[0:3] OF labnet ON lab.probe[0:60] USING clip_dissect(top_k=5) WITH lab.words"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip

CELLS = {
    "load": "%load_ext clq",
    "explain": f"%%clq --store STORE --out found\n{QUERY} INTO tops;",
    "frame": "print(type(found).__name__, len(found.df()), found.arrow().num_rows, found[0].table)",
    "evidence": "%clq EVIDENCE tops",
    "let": "%%clq --quiet\nLET few = lab.probe[0:60];\nSELECT 1 AS shown",
    "let goes on": "%clq SELECT count(*) AS n FROM few",
    "assigned": "n = %clq SELECT 41 + 1 AS n\nprint(n.df().n[0])",
    "variables": "units = [0, 2]\nimport numpy as np\nk = np.int64(5)\nwords = ['boat', 'apple']\nframe = found.df()",
    "from variables": (
        "%clq EXPLAIN layer4[$units] OF labnet ON few USING clip_dissect(top_k=$k) WITH $words WHERE rank = 1"
    ),
    "given": "%%clq --param k=7 --param 'word=a b'\nSELECT $k AS k, $word AS word",
    "given once": "%clq SELECT $k AS k",
    "param": "%%clq\nPARAM k = 9; SELECT $k AS k",
    "param goes on": "%clq SELECT $k AS k",
    "no value": "%clq SELECT $frame AS x",
    "mistake": "%%clq\nEXPLAIN layr4\n  OF labnet",
    "option": "%clq --sotre x SELECT 1",
    "beside": "%%clq SELECT 1\nSELECT 2",
    "hostile": "%clq SELECT '<script>window.hacked = 1</script><img src=x onerror=\"window.hacked = 2\">' AS word",
    "unreadable": "%clq SELECT 'lab.probe' AS dataset, 'probe/99999' AS image",
    "connect": f"import clq\ncon = clq.connect('STORE')\ncon.run('''{QUERY} WHERE rank = 1''')",
    "connect sql": "con.sql('FROM tops')",
    "connect mistake": "con.run('EXPLAIN layr4 OF labnet')",
    "long": "%clq EXPLAIN layer1, layer2, layer3 OF labnet ON lab.audit USING clip_dissect WITH lab.words",
    "goes on": "%clq SELECT 'still here' AS said",
    **{
        f"docs {block.line}": block.text.strip()
        for block in blocks(REPOSITORY / "docs" / "notebooks.md") if block.language == "ipython"
    },
    "unload": "%unload_ext clq\n%clq SELECT 1",
}  # fmt: skip


@dataclass
class Notebook:
    """The executed cells by their names, what was offered at places of texts, and the store."""

    cells: dict[str, NotebookNode]
    offered: dict[str, list[str]]
    store: Path

    def html(self, name: str) -> str:
        found = [o["data"]["text/html"] for o in self.cells[name].outputs if "text/html" in o.get("data", {})]
        return "".join(found)

    def printed(self, name: str) -> str:
        return "".join(o["text"] for o in self.cells[name].outputs if o["output_type"] == "stream")

    def error(self, name: str) -> str:
        (found,) = [o for o in self.cells[name].outputs if o["output_type"] == "error"]
        return "\n".join(found["traceback"])


OFFERS = {
    "layers": "%%clq\nEXPLAIN la‸\n  OF labnet",
    "method": f"%%clq --quiet\n{QUERY.replace('clip_dissect(top_k=5)', 'clip_d‸')}",
    "let": "%clq EXPLAIN fc OF labnet ON fe‸",
    "let in the second line": "x = 1\n%clq EXPLAIN fc OF labnet ON fe‸",
    "python": "import os\nos.pat‸",
}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Notebook:
    store = tmp_path_factory.mktemp("notebook") / "store"
    cells = {name: new_code_cell(text.replace("STORE", str(store))) for name, text in CELLS.items()}
    written = new_notebook(cells=list(cells.values()))
    client = NotebookClient(written, timeout=600, kernel_name="python3", allow_errors=True)
    offered = {}
    with client.setup_kernel(cwd=str(store.parent)):
        for number, (name, cell) in enumerate(cells.items()):
            if name == "unload":
                offered = {key: _offered(client, text) for key, text in OFFERS.items()}
            if name == "long":
                threading.Timer(2.5, _interrupt, [client]).start()
            client.execute_cell(cell, number)
    return Notebook(cells, offered, store)


def _interrupt(client: NotebookClient) -> None:
    async def stop() -> None:
        await client.km.interrupt_kernel()

    run_sync(stop)()


def _offered(client: NotebookClient, text: str) -> list[str]:
    """What the kernel offers at the mark, each as the word that would then stand there."""
    at = text.index("‸")

    async def ask() -> dict[str, Any]:
        reply = await client.kc.complete(text.replace("‸", ""), at, reply=True, timeout=120)
        return dict(reply["content"])

    reply = run_sync(ask)()
    begin = text[reply["cursor_start"] : at]
    assert all(match.lower().startswith(begin.lower()) for match in reply["matches"])
    return list(reply["matches"])


def test_a_cell_shows_its_answer_and_puts_it_into_a_variable(notebook: Notebook) -> None:
    html = notebook.html("explain")
    assert "layer: <b>layer4</b>" in html and html.count("<img ") == 12 and len(html) < 200_000
    assert "table tops: 15 rows, evidence in tops_evidence" in html
    assert notebook.printed("frame") == "Results 15 15 tops\n"
    assert notebook.store.joinpath("clq.duckdb").exists()


def test_the_bar_goes_away(notebook: Notebook) -> None:
    shown = [o for o in notebook.cells["explain"].outputs if o["output_type"] == "display_data"]
    assert [o["data"]["text/html"] for o in shown] == [""], "one place, at the end empty"
    assert "<progress" not in notebook.html("explain")


def test_names_live_on_and_quiet_cells_show_nothing(notebook: Notebook) -> None:
    assert notebook.cells["let"].outputs == []
    assert "<td class=\"n\">60</td>" in notebook.html("let goes on")
    assert notebook.printed("assigned") == "42\n"


def test_variables_fill_parameters(notebook: Notebook) -> None:
    html = notebook.html("from variables")
    assert html.count("<tr>") == 3, "a heading and two units"
    assert '<td class="n">0</td>' in html and '<td class="n">2</td>' in html and "{&quot;top_k&quot;: 5}" in html


def test_what_is_given_counts_for_its_cell_and_param_for_those_after_it(notebook: Notebook) -> None:
    assert '<td class="n">7</td><td>a b</td>' in notebook.html("given")
    assert '<td class="n">5</td>' in notebook.html("given once")
    assert '<td class="n">9</td>' in notebook.html("param") and '<td class="n">9</td>' in notebook.html("param goes on")


def test_mistakes_are_told_in_colour_and_without_a_traceback(notebook: Notebook) -> None:
    for name, words in {
        "no value": ["$frame is this notebook's variable frame, a DataFrame"],
        "mistake": ["labnet has no layer layr4", "EXPLAIN layr4", "^^^^^", "layer4"],
        "connect mistake": ["labnet has no layer layr4", "^^^^^"],
        "option": ["%clq has no option --sotre. Did you mean store?"],
        "beside": ["What is asked stands below %%clq"],
        "long": ["Stopped: what was finished is kept"],
    }.items():
        said = notebook.error(name)
        assert [word for word in words if word not in said] == []
        assert "\033[1m\033[31merror" in said and "Traceback" not in said and ".py" not in said
    assert "still here" in notebook.html("goes on")


def test_connections_show_their_results_too(notebook: Notebook) -> None:
    assert notebook.html("connect").count("<img ") == 12
    assert "scissors" in notebook.html("connect sql")


def test_what_could_be_written_is_offered(notebook: Notebook) -> None:
    assert {"layer1", "layer2", "layer3", "layer4"} <= set(notebook.offered["layers"])
    assert any(o.startswith("clip_dissect") for o in notebook.offered["method"])
    assert "few" in notebook.offered["let"] and "few" in notebook.offered["let in the second line"]
    assert "path" in [o.removeprefix("os.") for o in notebook.offered["python"]], "Python is completed as ever"


def test_every_cell_of_the_page_about_notebooks_runs(notebook: Notebook) -> None:
    pages = [name for name in CELLS if name.startswith("docs ")]
    assert len(pages) == 7
    wrong = [o for name in pages for o in notebook.cells[name].outputs if o["output_type"] == "error"]
    assert wrong == []


def test_without_the_extension_there_is_no_magic(notebook: Notebook) -> None:
    assert "%clq" in str(notebook.cells["unload"].outputs) and "not found" in str(notebook.cells["unload"].outputs)


# ------------------------------------------------------------ in a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = [path for name in BROWSERS if (path := shutil.which(name))]
    if not found:
        pytest.skip("chromium is not here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found[0], args=FLAGS)
        yield opened
        opened.close()


def _page(notebook: Notebook) -> str:
    """The outputs as a notebook's page shows them."""
    parts = [
        f'<section id="{escape(name.replace(" ", "-"))}">{notebook.html(name)}</section>' for name in notebook.cells
    ]
    return "<!doctype html><meta charset=utf-8><title>notebook</title><link rel=icon href=data:>" + "".join(parts)


@pytest.fixture(scope="module")
def page(notebook: Notebook, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("page") / "notebook.html"
    file.write_text(_page(notebook), encoding="utf-8")
    opened = browser.new_page(viewport={"width": 900, "height": 700})
    opened.said = []
    opened.on("console", lambda message: opened.said.append(message.text))
    opened.on("pageerror", lambda error: opened.said.append(str(error)))
    opened.goto(file.as_uri())
    return opened


def test_every_picture_can_be_seen(page: Any) -> None:
    sizes = page.eval_on_selector_all("img", "all => all.map(i => [i.naturalWidth, i.naturalHeight, i.width])")
    assert len(sizes) >= 12 + 15 + 2 + 12
    assert all(0 < wide <= 64 and 0 < high <= 64 and wide == shown for wide, high, shown in sizes)
    colours = page.evaluate("""() => {
        const image = document.querySelector('#explain img'), canvas = document.createElement('canvas');
        const context = canvas.getContext('2d');
        context.drawImage(image, 0, 0);
        return new Set(context.getImageData(0, 0, image.width, image.height).data).size;
    }""")
    assert colours > 10, "no empty picture"


def test_the_table_says_what_the_answer_says(page: Any) -> None:
    cells = page.eval_on_selector_all("#explain tr", "rows => rows.map(r => [...r.cells].map(c => c.textContent))")
    assert cells[0] == ["unit", "rank", "concept", "score", "images"]
    assert len(cells) == 16 and cells[1][:2] == ["0", "1"] and float(cells[1][3]) > float(cells[2][3])
    aligned = page.eval_on_selector("#explain tr:nth-child(2) td", "c => getComputedStyle(c).textAlign")
    assert aligned == "right"
    assert page.locator("#evidence img").count() == 15


def test_what_a_row_says_is_not_run(page: Any) -> None:
    assert page.evaluate("window.hacked") is None
    assert "<script>" in page.locator("#hostile td").inner_text()
    assert "has no image" in page.locator("#unreadable .x").inner_text()


def test_text_is_as_readable_on_dark_as_on_light(page: Any) -> None:
    """All colours but the pictures' are the page's own."""
    for ground, ink in (("rgb(17, 17, 17)", "rgb(221, 221, 221)"), ("rgb(255, 255, 255)", "rgb(0, 0, 0)")):
        page.evaluate("([ground, ink]) => Object.assign(document.body.style, {background: ground, color: ink})",
                      [ground, ink])  # fmt: skip
        found = page.eval_on_selector_all(
            "section td, section th, section div",
            "all => [...new Set(all.map(e => getComputedStyle(e)).map(s => s.color + ' on ' + s.backgroundColor))]",
        )
        assert found == [f"{ink} on rgba(0, 0, 0, 0)"]


def test_the_browser_has_nothing_to_complain_about(page: Any) -> None:
    assert page.said == []
