"""Rules of the house that a reader would otherwise have to watch: short signatures, and no meaning read off names."""

import ast
from pathlib import Path

import pytest

import ltdd_utils
from ltdd_utils.evaluation import PROTOCOLS
from ltdd_utils.methods.registry import METHODS

PACKAGE = Path(ltdd_utils.__file__).parent
MOST = 5  # positional arguments
# What still has more, as file and name -> how many. The list may only become shorter.
LONG: dict[tuple[str, str], int] = {
    ("networks/instance_norm.py", "_NormBackward.forward"): 7,  # autograd says how it is called
}
# Where code outside of ``methods`` and ``core`` still reads a method's or a protocol's name -> how often.
READS: dict[str, int] = {
    "recipes/recipe.py": 1,  # ``parts``, which takes a recipe's name apart for everybody
    "cli/sets.py": 1,
}


def sources() -> dict[str, ast.Module]:
    """The package's files by their path in it."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


# --- Arguments --------------------------------------------------------------------------------------------------------


def positional(tree: ast.AST, inside: tuple[str, ...] = ()) -> dict[str, int]:
    """Positional arguments of every function and method, by dotted name; ``self`` and ``cls`` do not count."""
    found = {}
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        names = (*inside, node.name) if named else inside
        if named and not isinstance(node, ast.ClassDef):
            arguments = [item.arg for item in (*node.args.posonlyargs, *node.args.args)]
            found[".".join(names)] = len(arguments) - (arguments[:1] in (["self"], ["cls"]))
        found |= positional(node, names)
    return found


def test_no_function_takes_more_than_five_positional_arguments():
    counts = {(file, name): count for file, tree in sources().items() for name, count in positional(tree).items()}
    long = {place: count for place, count in counts.items() if count > MOST}
    assert len(counts) > 700
    assert not {place: count for place, count in long.items() if count > LONG.get(place, MOST)}
    assert not {place: count for place, count in LONG.items() if long.get(place) != count}, "shorten the list LONG"


def test_positional_arguments_are_counted():
    text = "class A:\n    def f(self, a, b=1, *c, d): ...\n    @classmethod\n    def g(cls, a, /): ...\ndef h(a): \n"
    tree = ast.parse(f"{text}    if a:\n        def inner(a, b, c): ...\n    async def later(): ...")
    assert positional(tree) == {"A.f": 2, "A.g": 1, "h": 1, "h.inner": 3, "h.later": 0}


# --- Names ------------------------------------------------------------------------------------------------------------

CUTS = {"startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition", "split", "rsplit"}
NAMES = {*METHODS, *PROTOCOLS}
OTHERS = {"dsa"}  # an augmentation, too


def means_a_name(text: object) -> bool:
    """Whether a text is the name of a method or protocol, or the begin or the end of several words of one."""
    word = text.strip("_-/") if isinstance(text, str) else ""
    return word not in {"", *OTHERS} and any(
        word == name or name.startswith((f"{word}_", f"{word}-")) or name.endswith(f"_{word}") for name in NAMES
    )


def reads_of_names(tree: ast.AST) -> list[int]:
    """Lines that compare something with a method's or protocol's name or a part of one, or cut a name at its last "_".

    Seen are ``==``, ``!=``, ``in`` and ``not in`` with such a text (alone, or in a tuple, list or set), patterns of
    ``match``, the string methods of ``CUTS`` with such a text, and ``rpartition`` and ``rsplit`` at "_", which take a
    recipe's name apart. Not seen: a name that goes by way of a variable, and a regular expression.
    """
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            texts = [part for side in (node.left, *node.comparators) for part in constants(side)]
            hit = any(map(means_a_name, texts))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CUTS:
            texts = [part for argument in node.args for part in constants(argument)]
            hit = any(map(means_a_name, texts)) or (node.func.attr in ("rpartition", "rsplit") and "_" in texts)
        elif isinstance(node, ast.MatchValue):
            hit = any(map(means_a_name, constants(node.value)))
        else:
            hit = False
        lines += [node.lineno] if hit else []
    return lines


def constants(node: ast.AST) -> list[object]:
    """The constant that an expression is, or those of a tuple, list or set."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return [value for part in node.elts for value in constants(part)]
    return [node.value] if isinstance(node, ast.Constant) else []


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ('method == "unilevel_adsa"', True),
        ('"full" != name', True),
        ('name in ("kcenter", "x")', True),
        ('protocol not in ["dsa-stored"]', True),
        ('protocol.startswith("online")', True),
        ('method.endswith("_adsa")', True),
        ('name.startswith(("x", "unilevel_"))', True),
        ('name.rpartition("_")[0]', True),
        ('match protocol:\n    case "online-teacher": ...', True),
        ('METHODS["random"]', False),
        ('images == "noise"', False),
        ('name.rpartition("@")', False),
        ('strategy.split("_")', False),
        ('key.startswith("evaluate.")', False),
    ],
)
def test_what_counts_as_reading_a_name(code, seen):
    assert bool(reads_of_names(ast.parse(code))) == seen


def test_nobody_reads_off_a_name_what_a_method_or_a_protocol_is():
    """It is an attribute of the method, of its family or of the protocol; only their own rooms know the names."""
    found = {
        file: lines
        for file, tree in sources().items()
        if file.partition("/")[0] not in ("methods", "core") and (lines := reads_of_names(tree))
    }
    assert not {file: lines for file, lines in found.items() if len(lines) > READS.get(file, 0)}
    assert not {file: n for file, n in READS.items() if len(found.get(file, ())) != n}, "shorten the list READS"
