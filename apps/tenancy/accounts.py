"""Names of staff accounts, stored in one normalised spelling."""

import unicodedata
from typing import TYPE_CHECKING, Any, Final

from django.db import models

_LONGEST: Final = 254  # characters; longer than any account's name (User.username: 150)


def normalise_account(text: str) -> str:
    """Return the normalised spelling of an account name: compatibility characters, case and outer spaces are equal.

    ``Staff@Brand.example``, `` staff@brand.example`` and the same in full-width letters are one account.
    """
    sendable = text.encode("utf-8", "replace").decode().strip()[:_LONGEST]
    folded = sendable
    for _ in range(3):  # folding can undo a normalisation and the other way round; the third pass changes nothing
        folded = unicodedata.normalize("NFKC", folded.casefold()).strip()
    return folded


if TYPE_CHECKING:  # only the stubs' class takes types
    _CharField = models.CharField[Any, Any]
else:
    _CharField = models.CharField


class AccountNameField(_CharField):
    """A column of account names, written and looked up in their normalised spelling."""

    def to_python(self, value: Any) -> Any:
        """Normalise the value of a form or a fixture."""
        text = super().to_python(value)
        return normalise_account(text) if isinstance(text, str) else text

    def get_prep_value(self, value: Any) -> Any:
        """Normalise the value that is written or looked up."""
        text = super().get_prep_value(value)
        return normalise_account(text) if isinstance(text, str) else text

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001 - Django's signature
        """Set the normalised spelling on the instance."""
        value = self.get_prep_value(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value
