from pathlib import Path

import pytest

from tests.trust.wheels import write_index


@pytest.fixture(scope="session")
def wheel_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model in a wheel, which pip takes for its index."""
    return write_index(tmp_path_factory.mktemp("index") / "wheels")
