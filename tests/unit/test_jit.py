"""What a folder of compiled kernels is named after."""

import shutil

import pytest

from demzip import jit


@pytest.mark.parametrize("changed", ["constants.py", "entropy/kernels.py"])
def test_another_source_means_another_folder(changed, tmp_path, monkeypatch):
    package = tmp_path / "demzip"
    shutil.copytree(jit.PACKAGE, package)
    monkeypatch.setattr(jit, "PACKAGE", package)
    before = jit.kernel_hash.__wrapped__()
    assert jit.kernel_hash.__wrapped__() == before
    with (package / changed).open("a") as file:
        file.write("# another line\n")
    assert jit.kernel_hash.__wrapped__() != before
