import os
from pathlib import Path

import pytest

from fanout.supervisor import memory


def group(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def own(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "own"
    file.write_text(text)
    return file


def test_the_limit_of_a_container_and_what_is_used_of_it(tmp_path: Path) -> None:
    root = group(
        tmp_path / "v2", memory__max="1000\n", memory__current="700\n", memory__stat="anon 1\ninactive_file 50\n"
    )
    assert memory.limited(root, own(tmp_path, "0::/\n")) == memory.Memory(650, 1000)


def test_the_tightest_of_all_groups_counts(tmp_path: Path) -> None:
    root = group(tmp_path / "v2")
    group(root / "pod", memory__max="1000", memory__current="990", memory__stat="inactive_file 0")
    group(root / "pod/one", memory__max="500", memory__current="100", memory__stat="inactive_file 0")
    assert memory.limited(root, own(tmp_path, "0::/pod/one\n")) == memory.Memory(990, 1000)


def test_the_first_version_of_control_groups(tmp_path: Path) -> None:
    root = tmp_path / "v1"
    group(root / "memory", memory__limit_in_bytes="2000", memory__usage_in_bytes="900",
          memory__stat="total_inactive_file 100")  # fmt: skip
    assert memory.limited(root, own(tmp_path, "4:memory:/docker/x\n3:cpu:/docker/x\n")) == memory.Memory(800, 2000)


@pytest.mark.parametrize("limit", ["max\n", "9223372036854771712\n"])
def test_without_a_limit_there_is_none(tmp_path: Path, limit: str) -> None:
    root = group(tmp_path / "v2", memory__max=limit, memory__current="700", memory__stat="")
    assert memory.limited(root, own(tmp_path, "0::/\n")) is None
    assert memory.limited(root, tmp_path / "absent") is None


def test_what_processes_have_of_which_one_is_gone() -> None:
    assert memory.resident([os.getpid(), 2**22 + 1]) > 1_000_000
