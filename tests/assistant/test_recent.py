from assistant.recent import Recent


def test_of_too_many_the_longest_unused_go() -> None:
    kept: Recent[str, int] = Recent(2)
    assert kept.keep("a", 1) == [] and kept.keep("b", 2) == []
    assert kept.get("a") == 1
    assert kept.keep("c", 3) == ["b"]
    assert kept.get("b") is None and kept.items() == [("a", 1), ("c", 3)]


def test_of_too_heavy_ones_too_but_never_the_last() -> None:
    kept: Recent[str, str] = Recent(9, 5, len)
    assert kept.keep("a", "xx") == [] and kept.keep("b", "xxx") == []
    assert kept.keep("c", "x" * 20) == ["a", "b"]
    assert kept.get("c") == "x" * 20
    kept.pop("c")
    kept.pop("c")
    assert len(kept) == 0
