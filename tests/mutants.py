"""Mutants: copies of a function with one small change, which no exercise may take for right."""

import ast
import inspect
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from types import FunctionType
from typing import Any

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div,),
    ast.Mod: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitAnd: (ast.BitOr,),
}
UNWRAPPED = {"sorted", "str", "set", "max", "min", "bool", "round", "int", "float", "reversed"}
"""Functions of one argument whose call is replaced by the argument."""


def mutants(solve: Callable[..., Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the mutants of a function, and of the functions of its module that it calls.

    Yields:
        Name and function: the name says which code became which, and is no other mutant's.
    """
    module = sys.modules[solve.__module__]
    trees = {function.__name__: _tree(function) for function in _family(solve)}
    seen: Counter[str] = Counter()
    for name, tree in trees.items():
        for before, after, changed in _changes(tree):
            title = f"{name}: {before} → {after}"
            seen[title] += 1
            title += f" ({seen[title]})" if seen[title] > 1 else ""
            names = dict(vars(module))
            for other, unchanged in trees.items():
                source = ast.unparse(changed if other == name else unchanged)
                exec(compile(source, f"<{title}>", "exec"), names)
            yield title, names[solve.__name__]


def _family(solve: Callable[..., Any]) -> list[FunctionType]:
    """Return a function and those of its module that it calls, by way of others too."""
    family = [solve]
    for function in family:
        code = inspect.unwrap(function).__code__  # type: ignore[attr-defined]
        inner = [one for one in code.co_consts if inspect.iscode(one)]
        for name in {name for one in [code, *inner] for name in one.co_names}:
            called = vars(sys.modules[solve.__module__]).get(name)
            if (
                isinstance(called, FunctionType)
                and called.__module__ == solve.__module__
                and called not in family
            ):
                family.append(called)
    return family  # type: ignore[return-value]


def _tree(function: Callable[..., Any]) -> ast.Module:
    """Return a function's syntax tree, without its docstrings and annotations."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef():
                node.returns = None
                if ast.get_docstring(node) is not None and len(node.body) > 1:
                    del node.body[0]
            case ast.arg():
                node.annotation = None
            case ast.AnnAssign(value=ast.expr()):
                _become(node, ast.Assign([node.target], node.value))
    return ast.fix_missing_locations(tree)


def _changes(tree: ast.Module) -> Iterator[tuple[str, str, ast.Module]]:
    """Yield code, changed code, and the tree with this one change."""
    for number, node in enumerate(ast.walk(tree)):
        for change in _of_node(node):
            copy = deepcopy(tree)
            place = list(ast.walk(copy))[number]
            before = ast.unparse(place)
            change(place)
            after = ast.unparse(place)
            if before != after:
                yield _short(before), _short(after), ast.fix_missing_locations(copy)


def _short(code: str) -> str:
    """Return the beginning of some code, in one line."""
    return textwrap.shorten(code, 70, placeholder=" …")


def _become(node: ast.AST, new: ast.AST) -> None:
    """Turn a node into another one, in its place."""
    node.__class__ = type(new)
    vars(node).clear()
    vars(node).update(vars(new))


def _of_node(node: ast.AST) -> Iterator[Callable[[Any], None]]:
    """Yield functions that change a copy of the node in place."""
    match node:
        case ast.Compare(ops=[op]):
            for comparison in COMPARISONS.get(type(op), ()):
                yield lambda n, new=comparison: n.ops.__setitem__(0, new())
        case ast.BinOp(op=op):
            for arithmetic in ARITHMETIC.get(type(op), ()):
                yield lambda n, new=arithmetic: setattr(n, "op", new())
        case ast.BoolOp():
            yield lambda n: setattr(n, "op", ast.And() if isinstance(n.op, ast.Or) else ast.Or())
        case ast.Constant(value=bool()):
            yield lambda n: setattr(n, "value", not n.value)
        case ast.Constant(value=int() | float()):
            yield lambda n: setattr(n, "value", n.value + 1)
            yield lambda n: setattr(n, "value", n.value - 1)
        case ast.Constant(value=str()):
            yield lambda n: setattr(n, "value", n.value + "x")
        case ast.If() | ast.IfExp() | ast.While():
            yield lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))
        case ast.comprehension(ifs=[_, *_]):
            yield lambda n: n.ifs.pop()
        case ast.Call(func=ast.Name(id=name), args=[_]) if name in UNWRAPPED:
            yield lambda n: _become(n, n.args[0])
        case ast.Return(value=ast.expr()):
            yield lambda n: setattr(n, "value", ast.Constant(None))
    if isinstance(node, ast.Call) and node.keywords:
        yield lambda n: n.keywords.pop()
    if isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef | ast.Return | ast.Pass):
        yield lambda n: _become(n, ast.Pass())
