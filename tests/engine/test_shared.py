"""A store that machines share through an S3 server: nothing is computed twice, and no trouble there costs anything.

A machine is a folder of its own; all folders are of one URL.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from s3 import BUCKET, Server, served
from test_reuse import ToyRows, compute
from toys import ToyCrops, ToyJoin, ToyScan, ToyTop, expected, images, lines, model, rows, sample

from clq.engine import files
from clq.engine.backends import processes as processes_backend
from clq.engine.claims import claimed
from clq.engine.places import folder_of, store_at
from clq.engine.remote import AT_ONCE, Remote
from clq.engine.resources import Resources, Spread
from clq.engine.run import optimize, run
from clq.engine.shared import SharedStore
from clq.engine.store import Store
from clq.engine.upkeep import items, sweep
from clq.lang.diagnostic import Diagnostic

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served() as found:
        yield found


class Watched(Remote):
    """Remembers what was asked for; `before` is called with each request."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = lambda what, name: None

    def _note(self, what: str, name: str) -> None:
        self.asked.append((what, name))
        self.before(what, name)

    def get(self, name: str) -> bytes | None:
        self._note("get", name)
        return super().get(name)

    def put(self, name: str, data: bytes) -> None:
        self._note("put", name)
        super().put(name, data)

    def sizes(self, folder: str) -> dict[str, int]:
        self._note("list", folder)
        return super().sizes(folder)

    def names(self, what: str) -> list[str]:
        return [name for asked, name in self.asked if asked == what]


class Machine:
    """A folder of its own, and one run after another."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.open()

    def open(self) -> SharedStore:
        """As a new process does."""
        self.remote = Watched(self.url)
        self.store = SharedStore(self.folder, self.remote)
        return self.store

    def run(self, *roots: Any, **more: Any) -> Resources:
        resources = Resources(batch=3, workers=1, shard=6, **more)
        self.store.begin()
        run(optimize(roots, self.store), self.store, resources)
        self.remarks = list(self.store.settle())
        for root in roots:
            if isinstance(root, ToyScan | ToyJoin | ToyTop | ToyCrops) and not isinstance(root, ToyRows):
                assert rows(Store(self.folder), root) == expected(root)
        return resources


Machines = Callable[[str], Machine]


@pytest.fixture
def url(server: Server, tmp_path: Path) -> Iterator[str]:
    yield f"s3://{BUCKET}/{tmp_path.name}/team"
    server.start()
    server.deny()


@pytest.fixture
def machine(tmp_path: Path, url: str) -> Machines:
    return lambda name: Machine(tmp_path / name, url)


def plan_of(count: int = 20, log: Path | None = None) -> ToyJoin:
    data = images(count, log=None if log is None else str(log))
    scan = ToyScan(model(3), data)
    return ToyJoin((scan, ToyCrops(model(3), data, ToyTop(scan, 4))))


def there(server: Server, url: str, part: str = "") -> list[str]:
    """The names in the bucket of what is below the URL."""
    return [name for name in server.objects(url.removeprefix(f"s3://{BUCKET}/")) if part in name]


def shards_of(operator: Any, names: Any) -> list[str]:
    return sorted(n for n in names if f"/{operator.key}/" in n and n.endswith(".safetensors"))


# ------------------------------------------------------------ sharing


@pytest.fixture(params=["s3", "file", "memory"])
def any_url(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> str:
    return {"s3": url, "file": f"file://{tmp_path / 'share'}", "memory": f"memory://{tmp_path.name}"}[request.param]


def test_another_machine_computes_nothing_and_fetches_only_the_answer(any_url: str, tmp_path: Path) -> None:
    root = plan_of()
    one, two = Machine(tmp_path / "one", any_url), Machine(tmp_path / "two", any_url)
    assert one.run(root).counts["decoded"] == 24
    assert two.run(root).counts["decoded"] == 0
    assert [i.key for i in items(two.store)] == [root.key]
    (table,) = Store(two.folder).folder(root.key).glob("*.parquet")
    assert two.remote.names("get") == [
        "layout.json", *(f"objects/{root.key[:2]}/{root.key}/{name}" for name in ("artifact.json", table.name))
    ]  # fmt: skip
    assert two.remarks[0].startswith(f"{any_url}: 3 files fetched") and len(two.remarks) == 1
    assert list((tmp_path / "share").rglob(".*")) == []


def test_what_stands_on_something_else_fetches_that_alone(machine: Machines) -> None:
    one, two = machine("one"), machine("two")
    one.run(plan_of())
    scan = plan_of().parts[0]
    assert two.run(ToyTop(scan, 7)).counts["decoded"] == 0
    assert {i.key for i in items(two.store)} == {scan.key, ToyTop(scan, 7).key}
    assert one.run(ToyTop(scan, 7)).counts == {}


def test_an_artifact_is_uploaded_shards_first_and_once(machine: Machines) -> None:
    one, root = machine("one"), plan_of()
    one.run(root)
    for operator in (root, *root.parts):
        puts = [n for n in one.remote.names("put") if operator.key in n]
        assert puts[-1].endswith("artifact.json") and len(puts) == len(set(puts)) >= 2
    before = len(one.remote.asked)
    one.run(root)
    assert len(one.remote.asked) == before, "what is here asks nobody"
    assert one.open().owed() == set()


def test_what_is_not_there_is_asked_for_once_in_a_run(machine: Machines) -> None:
    one, two, root = machine("one"), machine("two"), plan_of()
    one.store.begin()
    for _ in range(3):
        assert one.store.find(root) is None
    assert len(one.remote.names("get")) == 2
    two.run(root)
    assert one.store.find(root) is None
    one.store.begin()
    assert one.store.find(root) is not None


def test_each_manifest_of_a_plan_is_asked_for_once_those_of_a_level_together(
    machine: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine("one")
    root, top = plan_of(), ToyTop(plan_of().parts[0], 2)
    together: list[list[str]] = []
    real = one.remote.each

    def each(work: Callable[[str], Any], names: Sequence[str]) -> list[Any]:
        together.append(list(names))
        return real(work, names)

    monkeypatch.setattr(one.remote, "each", each)
    optimize([root, top], one.store)
    scan, crops = root.parts
    assert [sorted(level) for level in together] == [sorted([root.key, top.key]), sorted([scan.key, crops.key])]
    asked = [n for n in one.remote.names("get") if n.endswith("artifact.json")]
    assert len(asked) == len(set(asked)) == 5


def test_a_plan_is_shown_without_fetching_a_shard(machine: Machines) -> None:
    one, two, root = machine("one"), machine("two"), plan_of()
    one.run(root)
    with two.store.glance():
        assert optimize([root, ToyTop(root.parts[0], 9)], two.store).rounds == ()
        held = two.store.described(root.parts[0])
    assert held is not None and held.rows == 20 and items(two.store) == []
    assert not [n for n in two.remote.names("get") if n.endswith((".safetensors", ".parquet"))]


def test_rows_that_another_machine_has_made_are_not_made_again(machine: Machines) -> None:
    one, two, three = machine("one"), machine("two"), machine("three")
    one.run(ToyRows(model(), sample(*range(12))))
    larger = ToyRows(model(), sample(*range(6, 20)))
    assert two.run(larger).counts["decoded"] == 8
    lists = {p.name for p in two.folder.glob("rows/*/*")}
    assert len(lists) == 2
    assert three.run(ToyRows(model(), sample(19, 3))).counts["decoded"] == 0
    assert three.run(ToyRows(model(), sample(3, 19))).counts["decoded"] == 0
    asked = len(three.remote.names("get"))
    assert three.run(ToyRows(model(9), sample(3))).counts["decoded"] == 1
    assert not [n for n in three.remote.names("get")[asked:] if n.startswith("rows")], "that is other work"


def test_workers_in_other_processes_share_through_the_one_that_schedules(machine: Machines) -> None:
    one, two, three = machine("one"), machine("two"), machine("three")
    root = plan_of(24)
    try:
        one.run(root, spread=Spread("processes", 2))
        assert two.run(root).counts["decoded"] == 0 and [i.key for i in items(two.store)] == [root.key]
        three.run(ToyTop(root.parts[1], 2), spread=Spread("processes", 2))
        assert three.store.find(root.parts[1]) is not None and one.open().owed() == set()
    finally:
        processes_backend.pool(2).shutdown(wait=True, kill_workers=True)


def test_workers_of_other_machines_are_refused(machine: Machines) -> None:
    one = machine("one")
    with pytest.raises(Diagnostic) as caught:
        one.run(plan_of(), spread=Spread("tcp://127.0.0.1:1"))
    assert (caught.value.code, caught.value.exit_code) == ("no-workers", 2) and "--store" in str(caught.value.hint)


def test_a_folder_becomes_shared_with_what_it_holds(machine: Machines) -> None:
    """Computed without the URL, or copied: the next run with it uploads it."""
    one, two, root = machine("one"), machine("two"), plan_of()
    local = Store(one.folder)
    run(optimize([root], local), local, Resources(batch=3, workers=1, shard=6))
    one.run(root)
    assert two.run(root).counts["decoded"] == 0


def test_what_is_copied_from_another_store_is_taken_over(tmp_path: Path) -> None:
    """Without any URL: `objects` for what was computed, `rows` too for the rows of other lists."""
    one, scan = Store(tmp_path / "one"), ToyRows(model(), sample(*range(12)))
    assert compute(one, scan) == 12
    for part in ("objects", "rows"):
        shutil.copytree(one.root / part, tmp_path / "two" / part)
    shutil.copytree(one.root / "objects", tmp_path / "three" / "objects")
    assert compute(Store(tmp_path / "two"), scan) == 0 == compute(Store(tmp_path / "three"), scan)
    assert compute(Store(tmp_path / "two"), ToyRows(model(), sample(*range(4, 14)))) == 2
    assert compute(Store(tmp_path / "three"), ToyRows(model(), sample(*range(4, 14)))) == 10


def test_machines_that_do_the_same_at_the_same_time_disturb_nobody(machine: Machines) -> None:
    """There are no claims between machines: the work is done twice, with one result."""
    one, two, three, root = machine("one"), machine("two"), machine("three"), plan_of()

    def meanwhile(what: str, name: str) -> None:
        if what == "put" and name.startswith("objects/"):
            two.remote.before = lambda what, name: None
            one.run(root)

    two.remote.before = meanwhile
    two.run(root)
    assert two.open().owed() == set() and three.run(root).counts["decoded"] == 0 and three.store.damaged == []


# ------------------------------------------------------------ kills

KILLED = """
import os, signal, sys, threading
from pathlib import Path
from clq.engine.remote import Remote
from clq.engine.resources import Resources
from clq.engine.run import optimize, run
from clq.engine.shared import SharedStore
from toys import ToyCrops, ToyJoin, ToyScan, ToyTop, images, model

folder, url, log, before = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
real, one = Remote.put, threading.Lock()  # what was put before is there when the process is killed

def put(self, name, data):
    global before
    with one:
        if name.startswith("objects/"):
            before -= 1
            if before < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        real(self, name, data)

Remote.put = put
store = SharedStore(folder, Remote(url))
data = images(20, log=str(log))
scan = ToyScan(model(3), data)
root = ToyJoin((scan, ToyCrops(model(3), data, ToyTop(scan, 4))))
run(optimize([root], store), store, Resources(batch=3, workers=1, shard=6))
list(store.settle())
"""


@pytest.mark.parametrize("puts", [0, 2, 6])
def test_a_run_that_is_killed_while_it_uploads_is_finished_by_any_machine(
    machine: Machines, url: str, tmp_path: Path, start: Start, puts: int
) -> None:
    killed = start(KILLED, str(tmp_path / "one"), url, str(tmp_path / "log"), str(puts))
    _, problems = killed.communicate()
    assert killed.returncode == -signal.SIGKILL, problems
    root = plan_of()
    two = machine("two").run(root)
    assert 24 - two.counts["decoded"] >= 6 * min(puts, 3)
    one, three = machine("one"), machine("three")
    assert one.run(root).counts["decoded"] <= 24 - len(lines(tmp_path / "log")) + 6
    assert one.open().owed() == set() and three.run(root).counts["decoded"] == 0
    assert three.store.damaged == []


def test_a_run_that_is_given_up_uploads_no_shard_more(machine: Machines) -> None:
    """Ctrl-C and errors: the process must not stay for the upload of what it has made."""
    one, scan = machine("one"), ToyScan(model(), images(120))
    run(optimize([scan], Store(one.folder)), Store(one.folder), Resources(batch=3, workers=1, shard=6))

    def give_up(what: str, name: str) -> None:
        if what == "put" and name.startswith("objects/"):
            one.store.abandon()

    one.remote.before = give_up
    list(one.store.settle())
    assert 1 <= len([n for n in one.remote.names("put") if n.startswith("objects/")]) <= AT_ONCE
    assert scan.key in one.store.owed()


# ------------------------------------------------------------ damage


def damage(server: Server, name: str, how: str) -> None:
    data = server.get(name)
    if how == "gone":
        server.remove(name)
    elif how == "cut short":
        server.put(name, data[: len(data) // 2])
    elif how == "flipped":
        server.put(name, data[:-1] + bytes([data[-1] ^ 1]))
    elif how == "empty":
        server.put(name, b"")
    else:  # a manifest that would have another file written
        held = json.loads(data)
        held.pop("digest")
        held["files"] = {"../../../stolen-00.safetensors": {"bytes": 1}}
        server.put(name, json.dumps(files.sealed(held)).encode())


@pytest.mark.parametrize(
    ("kind", "how"),
    [("shard", "gone"), ("shard", "cut short"), ("shard", "flipped"), ("manifest", "empty"),
     ("manifest", "cut short"), ("manifest", "flipped"), ("manifest", "elsewhere")],
)  # fmt: skip
def test_damage_at_the_url_is_seen_computed_again_and_replaced(
    server: Server, machine: Machines, url: str, tmp_path: Path, kind: str, how: str
) -> None:
    one, two, three = machine("one"), machine("two"), machine("three")
    scan = plan_of().parts[0]
    one.run(scan)
    shard = shards_of(scan, there(server, url))[1]
    name = shard if kind == "shard" else f"{shard.rpartition('/')[0]}/artifact.json"
    damage(server, name, how)
    done = two.run(scan)
    assert done.counts["decoded"] == (6 if kind == "shard" else 0), "no more than the shard that is damaged"
    assert two.store.damaged == [scan.key]
    assert not list(tmp_path.rglob("stolen*"))
    assert three.run(scan).counts["decoded"] == 0 and three.store.damaged == []
    assert one.run(ToyTop(scan, 3)).counts["decoded"] == 0, "whoever has it needs nobody"


def test_a_damaged_artifact_here_is_fetched_again(machine: Machines) -> None:
    one, scan = machine("one"), plan_of().parts[0]
    one.run(scan)
    shard = sorted(Store(one.folder).folder(scan.key).glob("*.safetensors"))[1]
    shard.write_bytes(shard.read_bytes()[:-1])
    one.open()
    assert one.run(scan).counts["decoded"] == 0


def test_a_damaged_list_of_rows_is_no_list(server: Server, machine: Machines, url: str) -> None:
    one, two, three = machine("one"), machine("two"), machine("three")
    one.run(ToyRows(model(), sample(*range(12))))
    (name,) = there(server, url, "/rows/")
    server.put(name, server.get(name)[:-1])
    assert two.run(ToyRows(model(), sample(*range(6, 14)))).counts["decoded"] == 8
    assert three.run(ToyRows(model(), sample(*range(6, 14)))).counts["decoded"] == 0


def test_a_bucket_that_was_emptied_is_filled_again(server: Server, machine: Machines, url: str) -> None:
    one, two, root = machine("one"), machine("two"), plan_of()
    one.run(root)
    for name in there(server, url):
        server.remove(name)
    one.open()
    one.run(ToyTop(root.parts[0], 2))  # asks, and so notices
    assert two.run(root).counts["decoded"] == 0


def test_push_finds_what_is_lacking_object_by_object(server: Server, machine: Machines, url: str) -> None:
    one, two, root = machine("one"), machine("two"), plan_of()
    one.run(root)
    scan = root.parts[0]
    server.remove(shards_of(scan, there(server, url))[0])
    one.open()
    (told,) = one.store.push()
    one.store.close()
    puts = [n for n in one.remote.names("put") if n.startswith("objects/")]
    assert len(puts) == 2 and shards_of(scan, puts) == puts[:1] and "2 files uploaded" in told
    assert two.run(ToyTop(scan, 3)).counts["decoded"] == 0


# ------------------------------------------------------------ trouble there


def refused(work: Callable[[], Any]) -> Diagnostic:
    with pytest.raises(Diagnostic) as caught:
        work()
    assert caught.value.code == "store-unreachable"
    return caught.value


def test_a_server_that_does_not_answer_ends_the_run_before_an_image_is_read(
    server: Server, machine: Machines, tmp_path: Path
) -> None:
    server.stop()
    told = refused(lambda: machine("one").run(plan_of(20, tmp_path / "log")))
    assert told.exit_code == 2 and str(tmp_path / "one") in str(told.hint) and not (tmp_path / "log").exists()
    alone = Store(tmp_path / "one")  # what the hint says
    run(optimize([plan_of()], alone), alone, Resources(batch=3, workers=1, shard=6))
    server.start()
    one, two = machine("one"), machine("two")
    one.run(plan_of())
    assert two.run(plan_of()).counts["decoded"] == 0


@pytest.mark.parametrize("trouble", ["down", "denied"])
def test_trouble_in_the_middle_costs_nothing(server: Server, machine: Machines, tmp_path: Path, trouble: str) -> None:
    one, two, root = machine("one"), machine("two"), plan_of()

    def begin(what: str, name: str) -> None:
        if what == "put" and name.startswith("objects/"):
            server.stop() if trouble == "down" else server.deny("s3:PutObject")

    one.remote.before = begin
    assert one.run(root).counts["decoded"] == 24
    assert "stays in" in one.remarks[0] and str(tmp_path / "one") in one.remarks[0]
    told = refused(one.store.close)
    assert told.exit_code == 1 and "clq cache push" in str(told.hint)
    if trouble == "down":
        server.start()
    server.deny()
    assert one.store.owed() and sweep(one.store, 0).removed == (), "what nobody else has is not cleared up"
    one.open()
    assert one.run(root).counts == {} and one.store.owed() == set()
    one.store.close()
    assert two.run(root).counts["decoded"] == 0 and len(sweep(one.store, 0).removed) == 4


def test_a_server_that_goes_down_while_it_is_read_costs_nothing(server: Server, machine: Machines) -> None:
    """The lists of rows are asked for in the middle of a run."""
    one = machine("one")

    def begin(what: str, name: str) -> None:
        if what == "list":
            server.stop()

    one.remote.before = begin
    assert one.run(ToyRows(model(), sample(*range(8)))).counts["decoded"] == 8
    assert refused(one.store.close).exit_code == 1


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:GetObject"])
def test_what_is_not_allowed_is_found_before_an_image_is_read(
    server: Server, machine: Machines, tmp_path: Path, action: str
) -> None:
    machine("one").run(ToyTop(plan_of().parts[0], 2))
    server.deny(action)
    told = refused(lambda: machine("two").run(plan_of(20, tmp_path / "log")))
    assert told.exit_code == 2 and action in str(told.hint) and not (tmp_path / "log").exists()


def test_who_may_only_read_says_so(
    server: Server, machine: Machines, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = plan_of()
    machine("one").run(root.parts[0])
    server.deny("s3:PutObject")
    monkeypatch.setenv("CLQ_UPLOAD", "no")
    store = store_at(url, tmp_path)
    done = Resources(batch=3, workers=1, shard=6)
    run(optimize([root], store), store, done)
    assert done.counts["decoded"] == 4 and [r for r in store.settle() if "uploaded" in r] == []
    store.close()
    assert store.owed() == set() and len(sweep(store, 0).removed) == 4
    monkeypatch.setenv("CLQ_UPLOAD", "perhaps")
    with pytest.raises(Diagnostic, match="yes or no"):
        store_at(url, tmp_path)


@pytest.mark.parametrize(
    ("place", "said"),
    [("s3://no-such-bucket/x", "make the bucket"), ("s3://no_bucket!/x", "check the name"),
     ("nosuch://bucket/x", "s3://bucket/folder"), ("gcs://bucket/x", "pip install gcsfs")],
)  # fmt: skip
def test_a_wrong_url_is_told_with_its_remedy(server: Server, tmp_path: Path, place: str, said: str) -> None:
    told = refused(lambda: store_at(place, tmp_path).find(plan_of()))
    assert told.exit_code == 2 and said in str(told.hint) and place in told.message


def test_a_missing_package_is_told_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec  # noqa: F401 - its registry remembers what was found before

    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    told = refused(lambda: store_at(f"s3://{BUCKET}/x", tmp_path).find(plan_of()))
    assert "s3fs is not installed" in told.message and "clq[remote]" in str(told.hint)


def test_a_store_of_a_later_version_is_left_alone(server: Server, machine: Machines, url: str) -> None:
    name = f"{url.removeprefix(f's3://{BUCKET}/')}/layout.json"
    server.put(name, json.dumps(files.sealed({"layout": 2, "name": "x"})).encode())
    with pytest.raises(Diagnostic) as caught:
        machine("one").run(plan_of())
    assert (caught.value.code, caught.value.exit_code) == ("store-newer", 2)


# ------------------------------------------------------------ where it is


def test_each_url_has_a_folder_among_the_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLQ_CACHE", str(tmp_path))
    one, same, other = (folder_of(u) for u in ("s3://bucket/team", "s3://bucket/team/", "s3://bucket/other"))
    assert one == same != other and one.parent == tmp_path and one.name.startswith("bucket-team-")
    assert folder_of("s3://bucket/team", tmp_path / "x").parent == tmp_path / "x"
    monkeypatch.delenv("CLQ_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert folder_of("s3://bucket/team").parent == tmp_path / "xdg" / "clq"
    assert folder_of("results") == Path("results")


def test_a_password_in_a_url_is_not_told(tmp_path: Path) -> None:
    store = store_at("ftp://me:secret@127.0.0.1:1/x", tmp_path)
    assert "secret" not in store.place + refused(lambda: store.find(plan_of())).message
    assert not [p for p in tmp_path.rglob("*") if "secret" in p.name or (p.is_file() and b"secret" in p.read_bytes())]


def test_a_url_that_was_made_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Diagnostic, match="s3://bucket/x"):
        store_at(Path("s3://bucket/x"), tmp_path)


def test_nothing_of_it_is_imported_before_it_is_needed(tmp_path: Path, start: Start) -> None:
    code = (
        "import sys\nfrom clq.engine.places import store_at\n"
        "store_at(sys.argv[1]); store_at('s3://bucket/x', sys.argv[1] + '/caches')\n"
        "print(sorted({'fsspec', 's3fs', 'botocore', 'aiohttp'} & set(sys.modules)))"
    )
    out, problems = start(code, str(tmp_path)).communicate()
    assert out == "[]\n", problems


def test_processes_of_one_machine_give_it_one_name(tmp_path: Path) -> None:
    with claimed(tmp_path, ["other"]):
        names = {SharedStore(tmp_path, Remote("memory://x")).catalogue for _ in range(3)}
    assert len(names) == 1
