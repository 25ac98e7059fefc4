"""The tool that writes films reads finished runs and never starts one; the first page's film is of such a run."""

import json
import sys

import film_pictures
import front
import pytest
from toy_recipes import small_unilevel
from toy_sets import CPU

from ltdd_utils import recipes
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.store import Store
from ltdd_utils.runs import distil, start


def call(monkeypatch, tmp_path, *, name="unilevel_digits", scale="tiny"):
    words = ["film_pictures.py", str(tmp_path / "film"), "--store", str(tmp_path / "store")]
    monkeypatch.setattr(sys, "argv", [*words, "--recipes", name, "--scale", scale])
    film_pictures.main()


def test_a_store_without_the_runs_is_refused_and_nothing_is_written(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="has no such stage"):
        call(monkeypatch, tmp_path)
    assert not (tmp_path / "film").exists()


@pytest.mark.float32
@pytest.mark.parametrize("states", [0, 3])
def test_a_film_is_of_the_states_that_a_run_kept(tmp_path, monkeypatch, states):
    small = small_unilevel("unilevel")
    monkeypatch.setattr(recipes, "recipe", lambda *_, **__: small)
    context = RunContext(Store(tmp_path / "store"), CPU, keep_images=states)
    distil(small, start(small, 0, context))
    if not states:
        with pytest.raises(ValueError, match=r"kept no states .* run it with --keep-images"):
            call(monkeypatch, tmp_path)
        return
    call(monkeypatch, tmp_path)
    written = sorted(path.name for path in (tmp_path / "film").iterdir())
    assert written == ["film.json", "unilevel_digits.webp"]
    assert '"iterations": [' in (tmp_path / "film" / "film.json").read_text()


@pytest.mark.float32
def test_a_film_keeps_its_other_recipes_and_refuses_those_of_another_cell(tmp_path, monkeypatch):
    small = small_unilevel("unilevel")
    monkeypatch.setattr(recipes, "recipe", lambda *_, **__: small)
    distil(small, start(small, 0, RunContext(Store(tmp_path / "store"), CPU, keep_images=3)))
    call(monkeypatch, tmp_path)
    film = tmp_path / "film"
    first = (film / "unilevel_digits.webp").read_bytes()
    call(monkeypatch, tmp_path, name="edc_digits")
    about = json.loads((film / "film.json").read_text())
    assert list(about["recipes"]) == ["unilevel_digits", "edc_digits"]
    assert (film / "unilevel_digits.webp").read_bytes() == first and (film / "edc_digits.webp").exists()
    before = (film / "film.json").read_text()
    with pytest.raises(ValueError, match=r"is a film of .*'tiny'.* not of .*'cpu'"):
        call(monkeypatch, tmp_path, name="edc_digits", scale="cpu")
    assert (film / "film.json").read_text() == before


def test_the_first_page_has_a_film_that_respects_who_wants_less_motion():
    film = front.film()
    assert "data-auto" in film.partition(">")[0] and "prefers-reduced-motion" in film
    assert len(film) < 500_000 and "after 75 iterations" in film
