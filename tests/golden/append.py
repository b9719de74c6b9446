"""Appends to leaves.jsonl one leaf of each kind and version that is not there yet, out of a hub's ledger.

    python tests/golden/append.py HUB

Lines that stand there are never changed: they are what released versions have written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dure.hub import Hub

LEAVES = Path(__file__).with_name("leaves.jsonl")


def main(folder: Path) -> None:
    lines = LEAVES.read_bytes().splitlines() if LEAVES.exists() else []
    seen = {(leaf["kind"], leaf["v"]) for leaf in map(json.loads, lines)}
    with Hub.open(folder) as hub:
        for _, leaf in hub.ledger.leaves():
            value = json.loads(leaf)
            if (value["kind"], value["v"]) not in seen:
                seen.add((value["kind"], value["v"]))
                lines.append(leaf)
        missing = sorted({(kind.name, kind.v) for kind in hub.registry} - seen)
    LEAVES.write_bytes(b"".join(line + b"\n" for line in lines))
    print(f"{len(lines)} leaves; still without one: {missing or 'none'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
