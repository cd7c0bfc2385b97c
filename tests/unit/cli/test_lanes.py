import os
import sys
from pathlib import Path

from cli.lanes import side_by_side

# Says that it is there, ends when the other is there too, or after 30 s in which it was not.
MEETS = """
import sys, time
from pathlib import Path
mine, other, code = sys.argv[1:]
Path(mine).touch()
deadline = time.monotonic() + 30
while not Path(other).exists():
    if time.monotonic() > deadline:
        sys.exit("alone")
    time.sleep(0.01)
print("met by", mine)
sys.exit(int(code))
"""


def run(folder: Path, *commands):
    return side_by_side(
        [[sys.executable, "-c", *map(str, command)] for command in commands], cwd=folder, env=os.environ
    )


def test_commands_run_at_the_same_time_and_each_has_its_exit_code(tmp_path):
    assert run(tmp_path, (MEETS, "a", "b", 0), (MEETS, "b", "a", 3)) == [0, 3]


def test_the_output_of_one_is_not_mixed_with_that_of_another(tmp_path, capfd):
    second = "import pathlib, sys; print('second', file=sys.stderr, flush=True); pathlib.Path('b').touch()"
    assert run(tmp_path, (MEETS, "a", "b", 0), (second,)) == [0, 0]
    assert capfd.readouterr().out.splitlines() == ["met by a", "second"]
