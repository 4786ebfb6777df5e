"""The example in README.md works as printed."""

import re
from pathlib import Path

README = Path(__file__).with_name("README.md")


def test_the_example_of_the_readme_works(saga):
    source = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[0]
    names: dict = {}
    exec(compile(source, README.name, "exec"), names)  # noqa: S102: it is ours
    next(value for name, value in names.items() if name.startswith("test_"))(saga)
