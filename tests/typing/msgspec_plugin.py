"""A mypy plugin: ``msgspec.structs.replace`` takes the fields of the struct that it changes, each of its type.

msgspec declares ``replace(struct, **changes: Any)``, so a misspelt field and a value of a wrong type both pass. To mypy
a Struct is a dataclass (PEP 681, ``dataclass_transform``), and mypy keeps the signature of ``dataclasses.replace`` for
each dataclass: this plugin has it used for structs, too. No field is named a second time.

Source:
    mypy 2.4.1, mypy/plugins/dataclasses.py: ``replace_function_sig_callback``.
"""

from collections.abc import Callable

from mypy.plugin import FunctionSigContext, Plugin
from mypy.plugins.dataclasses import replace_function_sig_callback
from mypy.types import FunctionLike

_REPLACE = "msgspec.structs.replace"


class StructPlugin(Plugin):
    """Types the one function that changes a frozen struct."""

    def get_function_signature_hook(self, fullname: str) -> Callable[[FunctionSigContext], FunctionLike] | None:
        """Return what builds the signature of ``replace``; None for every other function."""
        return replace_function_sig_callback if fullname == _REPLACE else None


def plugin(version: str) -> type[Plugin]:  # noqa: ARG001 - mypy's own signature
    """Return the plugin; mypy calls this by its name."""
    return StructPlugin
