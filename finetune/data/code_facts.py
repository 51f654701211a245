"""What a piece of code visibly does, found with `ast` in Python and with a few patterns elsewhere."""

import ast
import re

_NOTES = {
    "sorted": "`sorted()` returns a new list and leaves the original unchanged",
    "sort": "`sort()` changes the list in place and returns `None`",
    "enumerate": "`enumerate()` gives each item together with its index",
    "zip": "`zip()` pairs up the items of several iterables",
    "map": "`map()` applies a function to every item",
    "filter": "`filter()` keeps the items for which the function is true",
    "join": "`join()` puts the strings together with the separator between them",
    "split": "`split()` cuts a string at the separator and returns a list",
    "strip": "`strip()` removes characters from both ends, white space by default",
    "replace": "`replace()` returns a new value and leaves the original as it is",
    "get": "`get()` returns a default instead of raising an error when the key is missing",
    "items": "`items()` gives the key and value pairs",
    "append": "`append()` adds one item to the end of the list",
    "extend": "`extend()` adds every item of the other iterable",
    "update": "`update()` changes the object in place",
    "set": "a `set` holds each value only once",
    "Counter": "`Counter` counts how often each item occurs",
    "defaultdict": "`defaultdict` creates a missing entry with the given default",
    "groupby": "`groupby` collects rows or items that share a key",
    "max": "`max()` returns the largest item, judged by `key` where one is given",
    "min": "`min()` returns the smallest item, judged by `key` where one is given",
    "any": "`any()` is true as soon as one item is true",
    "all": "`all()` is true when every item is true",
    "isinstance": "`isinstance()` checks the type of a value",
    "open": "`open()` gives a file object for the path",
    "findall": "`findall()` returns every match as a list",
    "sub": "`sub()` replaces every match of the pattern",
    "search": "`search()` looks for the first match anywhere in the string",
    "match": "`match()` only looks at the beginning of the string",
    "compile": "`compile()` prepares a pattern for repeated use",
    "strptime": "`strptime()` reads a date from text in the given format",
    "strftime": "`strftime()` writes a date as text in the given format",
    "timedelta": "a `timedelta` is a length of time",
    "loads": "`loads()` reads the value from a string",
    "dumps": "`dumps()` turns the value into a string",
    "reversed": "`reversed()` walks through the items backwards",
    "reduce": "`reduce()` combines the items step by step into one value",
    "product": "`product()` gives every combination",
    "combinations": "`combinations()` gives every choice of that many items",
    "permutations": "`permutations()` gives every order of the items",
    "chain": "`chain()` strings several iterables together",
    "choice": "`choice()` picks one item at random",
    "shuffle": "`shuffle()` changes the list in place",
    "drop": "`drop()` returns a copy without the named rows or columns",
    "fillna": "`fillna()` replaces missing values",
    "merge": "`merge()` joins two tables on common columns",
    "sort_values": "`sort_values()` returns the rows in a new order",
    "apply": "`apply()` calls the function on every element, row or column",
    "read_csv": "`read_csv()` loads the file into a DataFrame",
    "astype": "`astype()` converts to another type",
    "reshape": "`reshape()` needs the same number of elements before and after",
    "exists": "`exists()` is true for files and folders",
    "listdir": "`listdir()` returns names, not full paths",
    "walk": "`walk()` visits the folder and all folders below it",
    "makedirs": "`makedirs()` also creates missing parent folders",
    "setdefault": "`setdefault()` inserts the default only when the key is missing",
    "pop": "`pop()` removes an item and returns it",
    "format": "`format()` fills in the placeholders",
    "startswith": "`startswith()` checks the beginning of the string",
    "isdigit": "`isdigit()` is true when every character is a digit",
    "index": "`index()` raises `ValueError` when the item is missing",
    "fromkeys": "`fromkeys()` keeps the order and drops repeated keys",
    "gcd": "`gcd()` is the greatest common divisor",
    "sqrt": "`sqrt()` gives the square root",
    "lower": "`lower()` returns the text in lower case",
    "upper": "`upper()` returns the text in upper case",
    "isalpha": "`isalpha()` is true when every character is a letter",
    "isalnum": "`isalnum()` is true when every character is a letter or a digit",
    "isupper": "`isupper()` is true when every letter is a capital",
    "isspace": "`isspace()` is true when every character is white space",
    "ord": "`ord()` gives the number of a character",
    "chr": "`chr()` gives the character of a number",
    "translate": "`translate()` replaces each character by a table",
    "maketrans": "`maketrans()` makes the table that `translate()` needs",
    "sum": "`sum()` adds up the items",
    "count": "`count()` tells how often an item occurs",
    "ceil": "`ceil()` rounds up to a whole number",
    "pow": "`pow()` raises a number to a power",
    "next": "`next()` takes the next item of an iterator",
    "range": "`range()` leaves out its end",
    "heappush": "a heap keeps the smallest item at the front",
    "nlargest": "`nlargest()` returns the largest items",
}


_CONSTRUCTS: dict[type[ast.AST], str] = {
    ast.ListComp: "a list comprehension",
    ast.DictComp: "a dictionary comprehension",
    ast.SetComp: "a set comprehension",
    ast.GeneratorExp: "a generator expression",
    ast.Lambda: "a `lambda`",
    ast.Slice: "a slice",
    ast.JoinedStr: "an f-string",
    ast.With: "a `with` statement",
    ast.For: "a `for` loop",
}


def means(tree: ast.Module) -> list[str]:
    """The calls and constructs that carry a snippet, the outermost first."""
    modules = {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        phrase = _call(node.func, modules) if isinstance(node, ast.Call) else _CONSTRUCTS.get(type(node))
        if phrase and phrase not in ("`print()`", "`str()`", "`int()`", "`list()`"):
            found[phrase] = None
    return list(found)


_LIBRARIES = frozenset(
    "collections csv datetime functools itertools json math np numpy operator os pandas pd plt random re requests "
    "shutil socket string subprocess sys time urllib".split()
)


def _call(function: ast.expr, modules: set[str]) -> str | None:
    if isinstance(function, ast.Name):
        return f"`{function.id}()`"
    if not isinstance(function, ast.Attribute):
        return None
    full = ast.unparse(function)
    root = full.split(".", 1)[0]
    if (root in modules or root in _LIBRARIES) and re.fullmatch(r"[\w.]+", full):
        return f"`{full}()`"
    return f"`.{function.attr}()`"


def notes(tree: ast.Module) -> list[str]:
    """Facts about the calls that a reader may not know, the outermost first."""
    own = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            on_text = isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Constant)
            if (
                name in _NOTES
                and name not in own
                and not (name == "get" and not node.args)
                and not (name in ("format", "join") and not on_text)
            ):
                found[_NOTES[name]] = None
    return list(found)


def shown_by_python(tree: ast.Module) -> list[str]:
    """What a function or program visibly does, as verb phrases."""
    shown: dict[str, None] = {}
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(
            isinstance(inner, ast.Call) and getattr(inner.func, "id", None) == node.name for inner in ast.walk(node)
        ):
            shown["calls itself until the base case is reached"] = None
        elif isinstance(node, ast.For) and len(ast.unparse(node.iter)) <= 30:
            shown[f"goes through `{ast.unparse(node.iter)}` in a loop"] = None
        elif isinstance(node, ast.While):
            shown["repeats a `while` loop" + _condition(node.test)] = None
        elif isinstance(node, ast.ListComp):
            shown["builds the list with a comprehension"] = None
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            shown[f"raises `{ast.unparse(node.exc.func)}` for a bad value"] = None
        elif isinstance(node, ast.Try):
            shown["catches errors with `try` and `except`"] = None
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in _NOTES
            and node.func.id not in names
        ):
            shown[f"uses `{node.func.id}()`"] = None
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Name | ast.Compare | ast.BinOp):
            value = ast.unparse(node.value)
            if len(value) <= 30:
                shown[f"returns `{value}`"] = None
    # A return value says most at the end.
    return sorted(shown, key=lambda phrase: phrase.startswith("returns"))


def _condition(test: ast.expr) -> str:
    text = ast.unparse(test)
    return f" as long as `{text}`" if len(text) <= 30 and text not in ("True", "1") else ""


def shown_by_patterns(code: str, name: str | None) -> list[str]:
    """What code of another language visibly does, as verb phrases; `name` is its main function."""
    shown = []
    bare = name.split("(")[0] if name else None
    if (
        bare
        and len(re.findall(rf"(?<![.\w]){re.escape(bare)}\s*\(", code)) > 2
        and re.search(rf"return[^;\n]*\b{re.escape(bare)}\(", code)
    ):
        shown.append("calls itself until the base case is reached")
    for pattern, phrase in _PATTERNS:
        if re.search(pattern, code):
            shown.append(phrase)
    return shown


_PATTERNS = (
    (r"\.reduce\(", "combines the elements with `reduce()`"),
    (r"\.filter\(", "keeps the wanted elements with `filter()`"),
    (r"\.map\(", "transforms each element with `map()`"),
    (r"\.sort\(|Arrays\.sort|std::sort", "uses the built-in sort"),
    (r"\bawait\b", "waits for the result with `await`"),
    (r"\bfor\s*[(\w]", "uses a `for` loop"),
    (r"\bwhile\b", "uses a `while` loop"),
    (r"\bGROUP BY\b", "groups the rows with `GROUP BY`"),
    (r"\bJOIN\b", "joins the tables with `JOIN`"),
    (r"\bWHERE\b", "picks the rows with `WHERE`"),
    (r"console\.log|System\.out\.print|\bcout\b|\becho\b", "prints the result"),
)


def main_name(code: str, tree: ast.Module | None) -> tuple[str | None, bool]:
    """The class, or function with its parameters, that a piece of code is about, and whether it is a class."""
    if tree is not None:
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                return node.name, True
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        if not functions:
            return None, False
        arguments = [argument.arg for argument in functions[-1].args.args]
        return f"{functions[-1].name}({', '.join(arguments)})", False
    for pattern in (
        r"\bfunction\s+(\w+)\s*\(",
        r"\bconst\s+(\w+)\s*=\s*(?:async\s*)?\(?[\w, ]*\)?\s*=>",
        r"\b(?:static|public)\s+\w[\w<>\[\]]*\s+(?!main\b)(\w+)\s*\(",
        r"^(?:int|void|bool|double|string|std::\w+)\s+(?!main\b)(\w+)\s*\(",
    ):
        match = re.search(pattern, code, re.MULTILINE)
        if match:
            return f"{match.group(1)}()", False
    match = re.search(r"\bclass\s+(?!Main\b)(\w+)", code)
    return (match.group(1), True) if match else (None, False)
