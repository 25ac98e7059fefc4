"""What must never move: the names of settings, the keys of stages and the bits of small sets, as first committed.

``golden.json`` was written by this file at commit a9d5b2e (``python tests/test_golden.py`` writes it anew). A change of
it makes every kept stage and record a stranger: it needs a reason that is worth that.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from toy_recipes import small_condensation, small_coreset, small_trajectory, small_unilevel
from toy_sets import context, result_of

from ltdd_utils import recipes
from ltdd_utils.core.provenance import machine
from ltdd_utils.core.settings import config_id
from ltdd_utils.data import DATASETS
from ltdd_utils.distilled import content_hash, load_set
from ltdd_utils.evaluation import PROTOCOLS
from ltdd_utils.presets import TEACHERS
from ltdd_utils.records import committed, load_record
from ltdd_utils.runs import run

pytestmark = pytest.mark.float32

GOLDEN = Path(__file__).with_name("golden.json")
ROOT = Path(__file__).resolve().parent.parent
CHOOSING = {"dream"}  # its k-means can choose other images where another processor rounds otherwise
MASK = re.compile(r"[0-9a-f]{64}")  # content hashes: of bits that another processor rounds otherwise


RUNS = {
    "random": lambda: small_coreset("random"),
    "kcenter": lambda: small_coreset("kcenter"),
    "dc": lambda: small_condensation("dc"),
    "dm": lambda: small_condensation("dm"),
    "csdm": lambda: small_condensation("csdm"),
    "idm": lambda: small_condensation("idm"),
    "ladm": lambda: small_condensation("ladm"),
    "dream": lambda: small_condensation("dream"),
    "mtt": lambda: small_trajectory("mtt", **{"evaluate.train.epochs": "1"}),
    "damed": lambda: small_trajectory("damed", **{"evaluate.train.epochs": "1"}),
    "sre2l": lambda: small_unilevel("sre2l", protocol="online-stored"),
    "unilevel": lambda: small_unilevel("unilevel"),
    "unilevel_adsa": lambda: small_unilevel("unilevel_adsa"),
    "full": lambda: small_coreset("full"),
}


def this_machine() -> list:
    """What decides the last bits."""
    cpu = machine().partition(",")[0], torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()
    return [torch.__version__, *cpu]


def observed(name: str, work: Path) -> dict:
    """Keys of all stages of a run, with content hashes masked, and what its set is made of."""
    made, where = RUNS[name](), context(work)
    run(made, 3, 1, where)
    keys = {}
    for path in sorted(work.glob("*/*/key.json")):
        keys.setdefault(path.parts[-3], []).append(MASK.sub("#", path.read_text()))
    one = result_of(made, where, 3).set
    images = torch.empty(0) if one.images is None else one.images.double()
    return {
        "config_id": made.config_id,
        "keys": {kind: sorted(texts) for kind, texts in keys.items()},
        "indices": one.indices.tolist() if len(one) <= 50 else len(one),
        "pixels": None
        if one.images is None
        else [round(value, 3) for value in (images.mean().item(), images.std().item())],
        "sha256": content_hash(one),
    }


@pytest.fixture(scope="module")
def golden() -> dict:
    return json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("name", RUNS)
def test_settings_stages_and_sets_keep_their_names(name, golden, tmp_path):
    found, known = observed(name, tmp_path), golden["runs"][name]
    bits, expected = found.pop("sha256"), dict(known)
    expected_bits = expected.pop("sha256")
    if name in CHOOSING and golden["machine"] != this_machine():
        del found["pixels"], expected["pixels"]
    assert json.loads(json.dumps(found)) == expected
    if expected_bits and golden["machine"] == this_machine():  # elsewhere the last bits may differ
        assert bits == expected_bits


def test_every_recipe_keeps_its_settings(golden):
    assert recipe_ids() == golden["recipes"]


def recipe_ids() -> dict[str, str]:
    """The hash over the settings of a recipe at all its scales and under all protocols."""
    found = {}
    for name in recipes.names():
        ids = []
        for scale in DATASETS[name.rpartition("_")[2]].scales:
            for protocol in PROTOCOLS:
                if name.startswith("full_logit_adjusted") and protocol != "dsa-stored":
                    continue
                for teacher in (None,) if protocol == "dsa-stored" else TEACHERS:
                    for ipc in (1, 10, 50):
                        chosen = {"ipc": ipc, "scale": scale, "protocol_name": protocol, "teacher": teacher}
                        ids.append(recipes.recipe(name, **chosen).config_id)
        found[name] = config_id(ids)
    return found


RECORDS = committed(ROOT / "results")


def test_there_are_records():
    assert len(RECORDS) >= 309


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_settings_of_a_committed_record_still_have_its_name(path):
    record = load_record(path)
    assert config_id(record["config"]) == record["config_id"]
    again = recipes.Recipe.from_dict(record["config"])
    assert (again.name, again.scale, again.config_id) == (record["recipe"], record["scale"], record["config_id"])


def test_committed_sets_are_still_read():
    for path in sorted((ROOT / "results" / "distilled").glob("*.safetensors")):
        load_set(path)


if __name__ == "__main__":
    torch.set_default_dtype(torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        runs = {name: observed(name, Path(folder) / name) for name in RUNS}
    facts = {"machine": this_machine(), "recipes": recipe_ids(), "runs": runs}
    GOLDEN.write_text(json.dumps(facts, indent=1) + "\n")
    sys.exit(0)
