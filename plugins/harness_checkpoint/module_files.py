"""Modules and their parameters read from files, without unpickling objects."""

import importlib.util
import warnings
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from harness import UserError


def torchscript(file: str) -> nn.Module:
    """Load a TorchScript archive on the CPU.

    Raises:
        UserError: the file is none.
    """
    try:
        with warnings.catch_warnings():  # torch wants people to export programs instead; these are already written.
            warnings.simplefilter("ignore")
            module: nn.Module = torch.jit.load(file, map_location="cpu")  # type: ignore[no-untyped-call]
    except Exception as error:  # Whatever torch says of a file that is no archive.
        raise UserError(
            f"{file}: not a TorchScript archive ({_beginning(error)}); of a file of parameters, say in `code` which "
            "Python file builds the module"
        ) from None
    return module


class _Uncached(SourceFileLoader):
    """Compiles a file whenever it is run: Python's cache takes one edited within a second for the same."""

    def get_code(self, fullname: str) -> CodeType:
        """The file as it is now."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def built(code: str, function: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Run a Python file and call a function or class of it.

    Raises:
        UserError: the file cannot be run, has no such function, or it makes no module.
    """
    spec = importlib.util.spec_from_file_location("checkpoint_code", code, loader=_Uncached("checkpoint_code", code))
    if spec is None or spec.loader is None:
        raise UserError(f"{code}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # Other people's code may raise anything.
        raise UserError(f"{code}: cannot be run: {_beginning(error)}") from error
    if not callable(make := getattr(module, function, None)):
        raise UserError(f"{code}: has no function or class '{function}'; `build` names it")
    try:
        found = make(**arguments)
    except Exception as error:  # Other people's code may raise anything.
        raise UserError(f"{code}: {function} cannot be called with `arguments`: {_beginning(error)}") from error
    if not isinstance(found, nn.Module):
        raise UserError(f"{code}: {function} returns {type(found).__name__}, expected an nn.Module")
    return found


def parameters(file: str, entry: str = "") -> dict[str, Tensor]:
    """Read parameters by name: a safetensors file, or a state dict that `torch.load` reads with `weights_only`.

    Args:
        file: the file.
        entry: the entry that holds the parameters, where the file holds more.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    try:
        if file.endswith(".safetensors"):
            found: Any = safetensors.torch.load_file(file)
        else:
            found = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # Damaged files, and those of Python objects, raise errors of every kind.
        raise UserError(f"{file}: not a file of parameters: {_beginning(error)}") from None
    if entry:
        if not isinstance(found, Mapping) or entry not in found:
            raise UserError(f"{file}: has no entry '{entry}'{_entries(found)}")
        found = found[entry]
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise UserError(f"{file}: expected parameters by name; `entry` names where they are{_entries(found)}")
    return dict(found)


def _entries(found: Any) -> str:
    return f"; it has {', '.join(map(str, list(found)[:8]))}" if isinstance(found, Mapping) else ""


def _beginning(error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:200]}"
