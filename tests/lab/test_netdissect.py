"""netdissect on pictures: what it costs, that it is the paper's formulas, and masks that people bring."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import clq
from clq.stdlib.catalog import Catalog
from clq.stdlib.lab.data import LabImages
from clq.stdlib.lab.world import CATEGORY_OF, EXTRAS, SCENES

IMAGES = 60
ON = f"ON lab.probe[0:{IMAGES}]"


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clq.Connection]:
    with clq.connect(tmp_path_factory.mktemp("netdissect"), batch=23) as con:
        yield con


def test_each_image_is_read_and_run_once_for_all_who_ask(tmp_path: Path) -> None:
    with clq.connect(tmp_path) as con:
        con.run(
            f"EXPLAIN layer3, layer4 OF labnet {ON} USING netdissect, netdissect(quantile=0.02);"
            f"EXPLAIN layer2 OF labnet {ON} USING clip_dissect(top_k=5) WITH ['boat', 'snow']"
        )
        once = con.counts
        assert once["rounds"] == 1 and once["decoded"] == once["forward labnet"] == IMAGES
        con.run(f"EXPLAIN layer4[3] OF labnet {ON} USING netdissect(quantile=0.1, finest=16, categories=scene)")
        assert con.counts == once
        con.run(f"EXPLAIN layer4 OF labnet ON lab.probe[0:{IMAGES + 10}] USING netdissect")
        assert con.counts["forward labnet"] == IMAGES + 10  # the maps of the others are found again


def maps_of(layer: str, count: int) -> np.ndarray:
    net, data = (Catalog().find(name).spec.open("cpu") for name in ("labnet", "lab.probe"))  # type: ignore[union-attr]
    seen: list[Any] = []
    handle = net.module.get_submodule(layer).register_forward_hook(lambda _m, _i, out: seen.append(out.clone()))
    with torch.no_grad():
        net.module(net.prepare([data.read(i) for i in range(count)]))
    handle.remove()
    found: np.ndarray = seen[0].numpy()
    return found


def test_it_is_what_the_paper_says_of_all_arrays_at_once(con: clq.Connection) -> None:
    quantile, maps, data = 0.01, maps_of("layer3", IMAGES), LabImages("probe")
    big = torch.nn.functional.interpolate(torch.from_numpy(maps), (64, 64), mode="bilinear").numpy()
    flat = np.sort(maps.transpose(1, 0, 2, 3).reshape(maps.shape[1], -1))[:, ::-1]
    on = big > flat[:, int(quantile * flat.shape[1])][None, :, None, None]
    best = {}
    for number, concept in enumerate(CATEGORY_OF):
        mask = np.stack([dict(data.regions(i)).get(concept, np.zeros((64, 64), bool)) for i in range(IMAGES)])[:, None]
        both, either = (on & mask).sum((0, 2, 3)), (on | mask).sum((0, 2, 3))
        for unit, iou in enumerate(both / np.maximum(either, 1)):
            best[unit] = max(best.get(unit, (0, 0, "")), (round(float(iou), 9), -number, concept))
    answer = con.run(f"EXPLAIN layer3 OF labnet {ON} USING netdissect(quantile={quantile}, min_iou=0, top=1)").last
    for row in answer.arrow().to_pylist():
        score, _, concept = best[row["unit"]]
        assert (row["concept"], row["score"]) == (concept if score else None, pytest.approx(score) if score else None)


def test_regions_of_the_lab_are_where_its_facts_are_seen() -> None:
    data = LabImages("probe")
    for i in range(40):
        scene, found = data.scenes[i], dict(data.regions(i))
        assert set(found) == {fact for fact in scene.facts() if fact in CATEGORY_OF}
        assert not (found[scene.scene] & found[scene.object]).any()
        assert (found[scene.object] == found[scene.colour]).all() and (found[scene.object] <= data.mask(i)).all()
        everywhere = found[scene.scene] | found[scene.object]
        if scene.extra != "none":
            assert found[scene.extra].any() and not (found[scene.extra] & everywhere).any()
            everywhere = everywhere | found[scene.extra]
        assert everywhere.all()
    assert {CATEGORY_OF[s] for s in SCENES} == {"scene"} and {CATEGORY_OF[e] for e in EXTRAS[1:]} == {"extra"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of the lab with their objects' masks, as people have them: as files and as arrays. Three lack a mask."""
    folder, data = tmp_path_factory.mktemp("own"), LabImages("probe")
    names = ["nothing", *sorted({data.scenes[i].object for i in range(30)})]
    masks = np.zeros((30, 64, 64), np.uint8)
    for i in range(30):
        masks[i][data.regions(i)[0][1]] = names.index(data.scenes[i].object)
        for kind, array in (("pictures", data.image(i)), ("masks", masks[i])):
            if kind == "pictures" or i < 27:
                place = folder / kind / f"{i % 2}" / f"{i:02d}.png"
                place.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(place)
    (folder / "names.json").write_text(json.dumps({str(n): name for n, name in enumerate(names)}))
    (folder / "names.txt").write_text("\n".join(names))
    np.savez(
        folder / "held.npz", images=np.stack([data.image(i) for i in range(30)]), masks=masks, names=np.array(names),
        flat=masks[0],
    )  # fmt: skip
    return folder


def test_masks_of_files_and_of_arrays_say_the_same(
    con: clq.Connection, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own)
    arrays = "arrays('held.npz', masks=masks, mask_names=names)"
    folders = [f"folder('pictures', masks='masks', mask_names='names.{end}')" for end in ("json", "txt")]
    asked = "EXPLAIN layer4 OF labnet ON {} USING netdissect(min_iou=0, top=3, quantile=0.02) WHERE rank = 1"
    every, by_json, by_text = (con.run(asked.format(what)).last.df() for what in (arrays, *folders))
    assert by_json.score.equals(by_text.score) and by_json.concept.equals(by_text.concept)
    lab = con.run(asked.format("lab.probe[0:30]").replace("top=3", "top=3, categories=object")).last.df()
    assert every.score.fillna(0).to_numpy() == pytest.approx(lab.score.fillna(0).to_numpy())
    assert not every.score.equals(by_json.score)  # three images are not annotated there
    assert set(by_json.concept.dropna()) <= set(json.loads((own / "names.json").read_text()).values()) - {"nothing"}
    assert "masks: 27, of " in str(con.run(f"LET pics = {folders[0]}; SHOW DATASETS").last)
    both = asked.format(f"{folders[0]}, lab.probe[30:40]").replace("top=3", "top=3, categories=mask")
    assert len(con.run(both).last.df()) == 192  # of the others nothing is annotated in this category


@pytest.mark.parametrize(("call", "code", "said"), [
    ("folder('pictures', masks='masks')", "missing-argument", "what do the numbers in the masks mean"),
    ("folder('pictures', mask_names='names.json')", "missing-argument", "which masks are these the names of"),
    ("folder('pictures', masks='nowhere', mask_names='names.json')", "missing-folder", "there is no folder nowhere"),
    ("folder('pictures', masks='pictures/0', mask_names='names.json')", "empty-data", "has no mask of an image"),
    ("folder('pictures', masks='masks', mask_names='none.json')", "unread-file", "there is no file none.json"),
    ("folder('pictures', masks='masks', mask_names='held.npz')", "file-format", "is no JSON or text of names"),
    ("folder('pictures', masks='masks', mask_names='one.json')", "file-format", "neither an object"),
    ("folder('pictures', masks='masks', mask_names='empty.txt')", "file-format", "holds no names"),
    ("folder('pictures', masks='pictures', mask_names='names.txt')", "unreadable-image", "mode RGB, not one number"),
    ("arrays('held.npz', masks=masks)", "missing-argument", "what do the numbers in the masks mean"),
    ("arrays('held.npz', masks=mask, mask_names=names)", "unknown-name", "no array mask. Did you mean masks?"),
    ("arrays('held.npz', masks=flat, mask_names=names)", "file-format", "not whole numbers [30, H, W]"),
    ("arrays('held.npz')", "wrong-kind", "has no masks"),
])  # fmt: skip
def test_what_is_wrong_with_masks_is_told_at_its_place(
    con: clq.Connection, own: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: str, said: str
) -> None:
    monkeypatch.chdir(own)
    (own / "one.json").write_text('"person"')
    (own / "empty.txt").write_text("\n\n")
    with pytest.raises(clq.Diagnostic) as caught:
        con.run(f"EXPLAIN layer4 OF labnet ON {call} USING netdissect")
    told = caught.value
    assert told.code == code and said in told.message, told.render()
    assert told.span is not None and told.span.start >= len("EXPLAIN layer4 OF labnet ON "), told.render()


def test_a_transformers_patches_are_a_map(con: clq.Connection) -> None:
    from torchvision.models import VisionTransformer

    from clq.ops.preprocess import Preprocess

    torch.manual_seed(0)
    plain = Preprocess(64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    con.register("small", VisionTransformer(64, 16, 1, 2, 24, 48), preprocess=plain)
    rows = con.run(
        f"EXPLAIN encoder.layers OF small {ON} USING netdissect(min_iou=0, categories=object) WHERE rank = 1"
    ).last.df()
    assert len(rows) == 24 and rows.concept.notna().any()
