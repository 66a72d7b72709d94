"""``python -m deploy.policies``: validate every template; prints the findings and exits with 1 if there are any."""

import sys

from deploy.policies.validation import DEPLOY, Validator, templates


def main() -> int:
    """Validate all templates."""
    validator = Validator()
    found = [
        line
        for path in templates()
        for line in validator.find(path.read_text(encoding="utf-8"), name=str(path.relative_to(DEPLOY.parent)))
    ]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
