"""The notebook for Colab, executed from its clone to its chat with a tiny random model."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs" / "finetune" / "colab.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_notebook_leads_from_a_clone_to_a_chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    if not (ROOT / ".git").exists():
        pytest.skip("not in a checkout, which the notebook clones")
    book = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(book)
    tags = {tag for cell in book.cells for tag in cell.metadata.get("tags", [])}
    assert tags == {"parameters", "install"}
    kept = []
    for cell in book.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += f"\nREPOSITORY, SMOKE = {f'file://{ROOT}'!r}, '--smoke'\n"
        if "install" not in cell.metadata.get("tags", []):  # the packages are here
            kept.append(cell)
    book.cells = kept
    # The clone is run, not the checkout of this test; python is the one of this test.
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "source"))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    for name in ("ASSISTANT_CACHE", "ASSISTANT_DATA", "ASSISTANT_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    client.NotebookClient(book, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    run = tmp_path / "source" / "runs" / "mine"
    assert (run / "report.html").is_file() and (run / "adapter" / "adapter_model.safetensors").is_file()
    said = ["".join(str(each.get("text", "")) for each in cell.get("outputs", [])) for cell in book.cells]
    assert "trained parameters" in "".join(said)
    assert said[-1].strip() and "Traceback" not in "".join(said) and "error" not in said[-1].lower()
