"""What a person has to type: a command of this very program for a certain folder, ready to be pasted."""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

from openpanel_local.layout import DATA_VARIABLE, DEFAULT_DATA

NAME: Final = "openpanel"


def typed(*words: str, data: Path) -> str:
    """The command with these words; it names the folder unless it would be found without being named."""
    itself = sys.argv[0]
    program = itself if Path(itself).name == NAME and not shutil.which(NAME) else NAME
    found = Path(os.environ.get(DATA_VARIABLE) or DEFAULT_DATA).expanduser().resolve()
    named = () if data == found else ("--data", str(data))
    return shlex.join([program, *words, *named])
