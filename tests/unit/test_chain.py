"""The chain of a dataset's snapshots: what is edited, removed, swapped or planted is seen."""

import json
from datetime import timedelta

import pyarrow as pa
import pytest

from pipeline.domain.errors import CorruptArtifact, WeekNotReady
from pipeline.files import parquet_bytes
from pipeline.lake.chain import read_chain
from pipeline.lake.lake import Lake
from pipeline.lake.lake_faults import lake_faults
from pipeline.lake.manifests import OWN_HASH, manifest_hash
from tests.unit.lake_samples import (
    NOON,
    OTHER,
    TABLE,
    content_of,
    files_of,
    pull,
    remove_file,
    replace_file,
)

OF = ("los_angeles", "k7nn-b2ep")


@pytest.fixture
def lake(lake_root):
    return Lake(lake_root)


def manifest_of(lake, snapshot):
    return json.loads(content_of(lake, f"{snapshot.ref.path}/manifest.json"))


def put_manifest(lake, snapshot, manifest, path=None):
    text = json.dumps(manifest, indent=2, sort_keys=True).encode()
    replace_file(lake, f"{path or snapshot.ref.path}/manifest.json", text)


def edit(lake, snapshot, *, is_hashed_anew=False, **pull_facts):
    manifest = manifest_of(lake, snapshot)
    manifest["pull"].update(pull_facts)
    if is_hashed_anew:
        manifest[OWN_HASH] = manifest_hash(manifest)
    put_manifest(lake, snapshot, manifest)


def make_old(lake, snapshot):
    """Leave a snapshot as one that was stored before there was a chain."""
    manifest = manifest_of(lake, snapshot)
    put_manifest(
        lake, snapshot, {k: manifest[k] for k in manifest if k not in ("before", OWN_HASH)}
    )


def remove(lake, snapshot):
    for name in ("k7nn-b2ep.parquet", "manifest.json"):
        remove_file(lake, f"{snapshot.ref.path}/{name}")
    if "://" not in str(lake.root):
        (lake.root / snapshot.ref.path).rmdir()


def week_by_week(lake, count=3):
    tables = [pa.table({"n": [number]}) for number in range(count)]
    return [pull(lake, NOON + timedelta(weeks=n), table) for n, table in enumerate(tables)]


def found(lake):
    return [(broken.path, broken.kind) for broken in lake.check_chain(*OF)]


def test_each_names_the_one_before_it_and_its_hash(lake):
    first, second, third = week_by_week(lake)
    manifests = [manifest_of(lake, snapshot) for snapshot in (first, second, third)]
    assert manifests[0]["before"] == []
    for before, after, snapshot in zip(manifests, manifests[1:], (first, second), strict=False):
        name = snapshot.ref.path.rpartition("/")[2]
        assert after["before"] == [{"name": name, "manifest_sha256": before[OWN_HASH]}]
    assert lake.check_chain(*OF) == []
    assert lake.check_chain("los_angeles", "never-pulled") == []


@pytest.mark.parametrize(
    "facts",
    [
        {"provenance": "live"},
        {"notes": ["nothing"]},
        {"source_updated_at": "2026-11-24T11:00:00+00:00"},
    ],
)
def test_what_a_manifest_says_of_a_pull_can_not_be_edited(lake, facts):
    snapshot = pull(lake, provenance="simulated")
    edit(lake, snapshot, **facts)
    assert found(lake) == [(snapshot.ref.path, "changed")]
    for read in (lake.read, lake.info):
        with pytest.raises(CorruptArtifact, match="was changed since it was written"):
            read(snapshot.ref)
    for use in (lambda: lake.snapshots(*OF), lambda: pull(lake, NOON + timedelta(days=1))):
        with pytest.raises(CorruptArtifact, match="was changed since it was written"):
            use()


def test_an_edit_with_the_hash_made_anew_is_seen_by_the_next_one(lake):
    first, _, _ = week_by_week(lake)
    edit(lake, first, is_hashed_anew=True, provenance="live")
    assert found(lake) == [(first.ref.path, "changed")]
    with pytest.raises(CorruptArtifact, match=r"was changed since .* was stored"):
        lake.snapshots(*OF)


def test_a_folder_written_anew_in_all_its_parts_is_seen(lake):
    first, second, _ = week_by_week(lake)
    other = Lake(f"{lake.root}-other")
    put = other.add_snapshot(
        *OF, OTHER, pulled_at=second.pulled_at, source_updated_at=None, provenance="recorded"
    )
    manifest = {**manifest_of(other, put), "before": manifest_of(lake, second)["before"]}
    manifest[OWN_HASH] = manifest_hash(manifest)
    remove(lake, second)
    replace_file(lake, f"{put.ref.path}/k7nn-b2ep.parquet", parquet_bytes(OTHER))
    put_manifest(lake, put, manifest)
    assert found(lake) == [(second.ref.path, "removed")]
    # Under the old name it does not match that.
    put_manifest(lake, put, manifest, second.ref.path)
    assert (second.ref.path, "changed") in found(lake)
    assert first.ref.path not in dict(found(lake))


def test_a_removed_one_is_seen_and_the_next_week_goes_on(lake):
    first, second, third = week_by_week(lake)
    remove(lake, second)
    assert found(lake) == [(second.ref.path, "removed")]
    assert third.ref.path.rpartition("/")[2] in lake.check_chain(*OF)[0].says
    assert lake.snapshots(*OF) == [first, third]
    pull(lake, NOON + timedelta(weeks=3))
    assert found(lake) == [(second.ref.path, "removed")]


def test_two_that_swap_their_times_are_seen(lake):
    first, second, _ = week_by_week(lake)
    edit(lake, first, is_hashed_anew=True, pulled_at=second.pulled_at.isoformat())
    edit(lake, second, is_hashed_anew=True, pulled_at=first.pulled_at.isoformat())
    assert found(lake) == [(first.ref.path, "changed"), (second.ref.path, "changed")]


def test_a_lost_or_cut_manifest_is_told_and_the_rest_is_checked(lake):
    first, second, _ = week_by_week(lake)
    replace_file(lake, f"{first.ref.path}/manifest.json", b'{"tables": {')
    remove(lake, second)
    assert found(lake) == [(first.ref.path, "unreadable"), (second.ref.path, "removed")]


def test_each_changed_byte_of_a_manifest_is_found(tmp_path):
    lake = Lake(tmp_path)
    first, _ = week_by_week(lake, 2)
    parent, tried = "/".join(("snapshots", *OF)), 0
    texts = lake._folders.manifests(parent)
    whole = texts[first.ref.path]
    for place, byte in enumerate(whole):
        for other in {0x00, 0x20, 0x7B, 0xFF, byte ^ 1} - {byte}:
            spoiled = whole[:place] + bytes([other]) + whole[place + 1 :]
            if _says_the_same(spoiled, whole):
                continue  # a blank between words
            _, breaks = read_chain(parent, {**texts, first.ref.path: spoiled})
            assert [broken.path for broken in breaks] == [first.ref.path], (place, other)
            tried += 1
    assert tried > 2000


def _says_the_same(text, other):
    try:
        return json.loads(text) == json.loads(other)
    except ValueError:
        return False


class TestOlderThanTheChain:
    def test_they_are_accepted_at_the_beginning(self, lake):
        old = week_by_week(lake, 2)
        for snapshot in old:
            make_old(lake, snapshot)
        assert found(lake) == []
        assert lake.snapshots(*OF) == old
        new = pull(lake, NOON + timedelta(weeks=2))
        assert len(manifest_of(lake, new)["before"]) == 2
        assert found(lake) == []
        assert lake.read_snapshot(old[0])["n"].to_pylist() == [0]

    def test_they_are_held_by_the_first_link(self, lake):
        old = week_by_week(lake, 2)
        for snapshot in old:
            make_old(lake, snapshot)
        pull(lake, NOON + timedelta(weeks=2))
        edit(lake, old[0], provenance="live")
        remove(lake, old[1])
        assert found(lake) == [(old[0].ref.path, "changed"), (old[1].ref.path, "removed")]

    def test_none_is_accepted_after_a_chained_one(self, lake):
        _, _, last = week_by_week(lake)
        make_old(lake, last)
        assert found(lake) == [(last.ref.path, "outside")]
        with pytest.raises(CorruptArtifact, match="stands outside the chain"):
            lake.snapshots(*OF)


def test_two_stored_at_the_same_time_are_both_named_by_the_next(lake, monkeypatch):
    week_by_week(lake, 1)
    rival, real = Lake(lake.root), lake._folders.write

    def write(folder, files):
        monkeypatch.undo()
        pull(rival, NOON + timedelta(hours=1), OTHER)
        real(folder, files)

    monkeypatch.setattr(lake._folders, "write", write)
    pull(lake, NOON + timedelta(hours=2))
    assert found(lake) == []
    last = pull(lake, NOON + timedelta(hours=3))
    assert len(manifest_of(lake, last)["before"]) == 2
    assert found(lake) == []


def test_a_pruned_one_leaves_its_hashes_and_frees_its_room(lake):
    first, second, third = week_by_week(lake)
    before = lake.sizes("los_angeles")
    for _ in range(2):
        lake.prune(second, NOON + timedelta(weeks=9))
    assert found(lake) == []
    after = lake.sizes("los_angeles")
    assert after[second.ref.path] < before[second.ref.path]
    assert after[first.ref.path] == before[first.ref.path]
    assert f"{second.ref.path}/k7nn-b2ep.parquet" not in files_of(lake)
    pruned = lake.snapshots(*OF)[1]
    assert (pruned.ref, pruned.pruned_at) == (second.ref, NOON + timedelta(weeks=9))
    with pytest.raises(WeekNotReady, match="was pruned on 2027-01-26"):
        lake.read_snapshot(pruned)
    assert lake.snapshot_as_of(*OF, second.pulled_at) == pruned
    assert lake.read(third.ref)["k7nn-b2ep"]["n"].to_pylist() == [2]


def test_a_folder_with_other_content_than_its_name_is_found_among_refs(lake):
    ref = lake.write("history", "x/1", {"reports": TABLE}, {"a": 1})
    other = Lake(f"{lake.root}-other").write("history", "x/1", {"reports": OTHER}, {"a": 1})
    text = content_of(Lake(f"{lake.root}-other"), f"{other.path}/manifest.json")
    replace_file(lake, f"{ref.path}/reports.parquet", parquet_bytes(OTHER))
    replace_file(lake, f"{ref.path}/manifest.json", text)
    with pytest.raises(CorruptArtifact, match="was changed since it was written"):
        lake.refs("history", "x/1")


def test_the_newest_of_a_dataset_is_missed_by_what_was_stored_beside_it(lake):
    newest = pull(lake)
    beside = lake.add_snapshot(
        "los_angeles", "weather_ncei", OTHER,
        pulled_at=NOON, source_updated_at=None, provenance="recorded", beside=(newest.ref,),
    )  # fmt: skip
    assert list(lake_faults(lake)) == []
    remove(lake, newest)
    [gone] = lake_faults(lake)
    assert (gone.where, gone.found) == (
        newest.ref.path, f"It is gone, and {beside.ref.path} names it.",
    )  # fmt: skip
