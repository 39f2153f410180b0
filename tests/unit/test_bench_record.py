"""What the benches keep of themselves: a figure that falls by a quarter is said."""

import json

from scripts.bench_record import machine, record, slower


def test_a_figure_a_quarter_above_its_median_so_far_is_named():
    earlier = [{"pull_s": 10.0, "check_s": 4.0}, {"pull_s": 12.0}, {"pull_s": 11.0}]
    assert slower({"pull_s": 14.3, "check_s": 4.9, "new_s": 100.0}, earlier) == {"pull_s": 1.3}


def test_runs_are_kept_and_held_against_those_of_the_same_machine(tmp_path):
    assert record("data", {"pull_s": 10.0}, folder=tmp_path) == {}
    path = tmp_path / "data.jsonl"
    other = json.loads(path.read_text()) | {"machine": "96 cores", "figures": {"pull_s": 1.0}}
    with path.open("a") as file:
        file.write(json.dumps(other) + "\n")
    assert record("data", {"pull_s": 11.0}, folder=tmp_path) == {}
    assert record("data", {"pull_s": 21.0}, folder=tmp_path) == {"pull_s": 2.0}
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    assert [run["figures"]["pull_s"] for run in kept] == [10.0, 1.0, 11.0, 21.0]
    assert {run["machine"] for run in kept} == {machine(), "96 cores"}
