"""Without an engine the core works, and its integration says what to install."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("name", "engine"), [("scrapy", "scrapy"), ("datatrove", "datatrove"), ("spark", "pyspark"), ("spark", "pyarrow")]
)
def test_without_the_engine_the_core_works_and_the_integration_says_what_to_install(name, engine):
    code = (
        "import sys\n"
        f"sys.modules[{engine!r}] = None  # as if it were not installed\n"
        "import bodycopy\n"
        "assert 'One sentence' in bodycopy.clean('<p>One sentence, and two.</p>', threshold=0)\n"
        f"import bodycopy.integrations.{name}"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    message = found.stderr.splitlines()[-1]
    assert message.startswith("ImportError: ")
    assert f"pip install 'bodycopy[{name}]'" in message


def test_the_core_imports_no_integration():
    code = "import sys, bodycopy; bodycopy.clean('<p>x</p>'); print([m for m in sys.modules if 'integrations' in m])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
