"""Uploading files to the Hugging Face Hub, with the package huggingface_hub (the extra `hub`)."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from harness.errors import StorageError, UserError, in_a_line


def check_repository(repository: str) -> None:
    """Ask that something could be uploaded to a repository, before it is made in hours.

    Raises:
        UserError: the package is missing, or the name, which is to be USER/NAME, is none.
    """
    try:
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils import validate_repo_id
    except ImportError:
        raise UserError(
            "--hub: huggingface_hub is not installed; do: pip install '.[hub]' in the harness's checkout"
        ) from None
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise UserError(f"--hub {repository}: {in_a_line(error)}") from None


def upload(
    source: Path, repository: str, files: Sequence[str], *, kind: Literal["dataset", "model"], private: bool
) -> str:
    """Upload files of a folder as a repository, which is made if there is none; returns its address.

    All files are one commit, so that an upload that is killed leaves nothing but an empty repository. The token is that
    of `hf auth login` or of the environment (HF_TOKEN), the server that of HF_ENDPOINT or the public one.

    Args:
        source: the folder.
        repository: USER/NAME.
        files: paths in the folder, or patterns of them.
        kind: of repository.
        private: whether a repository that is made can be read by its owner alone.

    Raises:
        UserError: the package is missing, the name is none, or the server refuses.
        StorageError: the server is out of reach.
    """
    check_repository(repository)
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        address = api.create_repo(repository, repo_type=kind, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=address.repo_id,
            repo_type=kind,
            folder_path=source,
            allow_patterns=list(files),
            commit_message=f"Upload a {kind} of disentanglement-harness",
        )
    except (HfHubHTTPError, LocalTokenNotFoundError) as error:
        raise UserError(f"--hub {repository}: {in_a_line(error)}") from None
    except Exception as error:  # The library's own errors of a connection are no OSErrors.
        reason = in_a_line(error.__cause__ or error)
        folder = "datasets/" if kind == "dataset" else ""
        raise StorageError(0, reason, f"{api.endpoint}/{folder}{repository}") from None
    return str(address)
