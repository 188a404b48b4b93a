"""`python -m openpanel_operator.resources`: write every file made from the models; `--check`: say which are stale."""

import sys

from openpanel_operator.resources import crds


def main(arguments: list[str]) -> int:
    """0: all files are as the models say."""
    texts = crds.files()
    stale = crds.stale(texts)
    if "--check" in arguments:
        for path in stale:
            print(  # noqa: T201 - a command for people
                f"{path.relative_to(crds.ROOT)} does not match the models: "
                "run `python -m openpanel_operator.resources`",
                file=sys.stderr,
            )
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path])
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
