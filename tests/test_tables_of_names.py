"""A table of names: entries keep their order and their name, and functions are imported when they are called."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ltdd_utils.core.tables import Table, check_reference, resolve, same_function


def table():
    return Table("planet", int, {"venus": 2, "earth": 3})


def test_it_reads_as_a_dictionary_in_the_order_of_adding():
    planets = table()
    planets.add("ceres", 5)
    planets.add("a-1.b", 9)
    assert dict(planets) == {"venus": 2, "earth": 3, "ceres": 5, "a-1.b": 9}
    assert (list(planets)[-1], len(planets), "mars" in planets, planets.get("mars")) == ("a-1.b", 4, False, None)


def test_an_unknown_name_is_told_what_there_is():
    assert table().find("venus") == 2
    with pytest.raises(ValueError, match=r"^unknown planet 'mars'; choose one of venus, earth$"):
        table().find("mars")


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "a\n", "a:b", "é", 3])
def test_a_name_must_fit_into_commands_and_file_names(name):
    planets = table()
    with pytest.raises(ValueError, match=r"planet name .* is invalid; use letters, digits and, after the first, - . _"):
        planets.add(name, 1)
    assert dict(planets) == dict(table())


def test_a_name_never_changes_its_meaning():
    planets = table()
    with pytest.raises(ValueError, match="planet 'earth' exists already; choose another name"):
        planets.add("earth", 4)
    with pytest.raises(TypeError):
        planets["earth"] = 4
    with pytest.raises(ValueError, match="the entry of planet 'mars' is 'red'; give int"):
        planets.add("mars", "red")


@dataclass(frozen=True)
class Planet:
    mass: float
    orbit: Callable


def orbit_of(radius):
    def orbit():
        return radius

    return orbit


def test_a_file_that_is_run_again_registers_the_same_entry():
    planets, again = Table("planet", Planet, {}), orbit_of(3)
    planets.add("mars", Planet(0.1, orbit_of(2)))
    planets.add("mars", Planet(0.1, again))  # as a cell of a notebook that is run twice: the function is another one
    assert planets["mars"].orbit is again
    for other in (Planet(0.2, again), Planet(0.1, orbit_of), Planet(0.1, len)):
        with pytest.raises(ValueError, match="planet 'mars' exists already"):
            planets.add("mars", other)


def test_two_lambdas_of_one_module_are_two_functions():
    planets = Table("planet", Planet, {})
    for _ in range(2):  # a cell that is run twice
        planets.add("mars", Planet(0.1, lambda: 1.9))
    for other in (lambda: 2.9, lambda: len([]), lambda: max([])):
        with pytest.raises(ValueError, match="planet 'mars' exists already"):
            planets.add("mars", Planet(0.1, other))
    assert not same_function(lambda: 1, lambda: 2) and same_function(orbit_of(1), orbit_of(2))


def test_a_function_named_by_text_is_imported_when_it_is_needed():
    module = "wave"  # of the standard library, and used by nobody
    sys.modules.pop(module, None)
    check_reference(f"{module}:open", "reader")
    assert module not in sys.modules
    assert resolve(f"{module}:open") is sys.modules[module].open
    assert resolve(len) is len


@pytest.mark.parametrize("text", ["no_such_module:f", "wave:no_such_function"])
def test_text_that_names_no_function(text):
    with pytest.raises(ValueError, match=f"^'{text}' names no function: "):
        resolve(text)


@pytest.mark.parametrize("reference", [None, 3, "wave", "wave.open", ":open", "wave:", "a b:c"])
def test_what_is_no_reference_is_refused(reference):
    with pytest.raises(ValueError, match=r"reader is .*; give a function, or 'module:function'"):
        check_reference(reference, "reader")


def test_the_tables_and_the_settings_that_ask_them_need_no_torch():
    names = ("data.facts", "networks.settings", "evaluation.table", "evaluation.settings", "evaluation.protocols")
    lines = [*(f"import ltdd_utils.{name}" for name in names), "import sys; print('torch' in sys.modules)"]
    told = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
