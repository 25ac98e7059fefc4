"""The tool that draws large sets reads finished runs and never starts one."""

import sys

import pytest
import set_pictures


def test_a_store_without_the_runs_is_refused_and_nothing_is_computed(tmp_path, monkeypatch):
    call = ["set_pictures.py", str(tmp_path / "picture.png"), "--store", str(tmp_path / "store")]
    monkeypatch.setattr(sys, "argv", [*call, "--recipes", "damed_digits", "--scale", "tiny"])
    with pytest.raises(FileNotFoundError, match="has no such stage"):
        set_pictures.main()
    assert not (tmp_path / "picture.png").exists()
    assert not list((tmp_path / "store").rglob("*.safetensors"))


def test_labels_and_recipes_go_in_pairs(tmp_path, monkeypatch, capsys):
    call = ["set_pictures.py", str(tmp_path / "picture.png"), "--store", str(tmp_path / "store")]
    monkeypatch.setattr(sys, "argv", [*call, "--recipes", "damed_digits", "datm_digits", "--labels", "one"])
    with pytest.raises(SystemExit):
        set_pictures.main()
    assert "1 labels for 2 recipes" in capsys.readouterr().err
