"""What a drill prints."""

import sys
import time
from dataclasses import dataclass, field


@dataclass
class Report:
    """Lines with their time, and what is wrong at the end."""

    began: float = field(default_factory=time.monotonic)
    faults: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Print a line."""
        sys.stdout.write(f"{time.monotonic() - self.began:7.1f} s  {line}\n")
        sys.stdout.flush()

    def check(self, holds: bool, line: str) -> None:  # noqa: FBT001 - reads as a sentence where it is called
        """Note what is wrong, if it is."""
        if not holds:
            self.faults.append(line)

    def end(self) -> int:
        """Print the faults; return the exit code."""
        for line in self.faults:
            self.say(f"WRONG: {line}")
        self.say("nothing is wrong" if not self.faults else f"{len(self.faults)} things are wrong")
        return 1 if self.faults else 0
