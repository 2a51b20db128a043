"""Uploading a site to the Hugging Face Hub, with the package huggingface_hub (the extra `hub`)."""

import os
from collections.abc import Sequence
from pathlib import Path

from harness.errors import StorageError, UserError, in_a_line


def upload(folder: Path, repository: str, files: Sequence[str], *, private: bool) -> str:
    """Upload files of a folder as a dataset repository, which is made if there is none; returns its address.

    All files are one commit. The token is that of `hf auth login` or of the environment (HF_TOKEN), the server that of
    HF_ENDPOINT or the public one.

    Args:
        folder: what to upload.
        repository: USER/NAME.
        files: paths in the folder, or patterns of them.
        private: whether a repository that is made can be read by its owner alone.

    Raises:
        UserError: the package is missing, the name is none, or the server refuses.
        StorageError: the server is out of reach.
    """
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError
    except ImportError:
        raise UserError(
            "--hub: huggingface_hub is not installed; do: pip install '.[hub]' in the harness's checkout"
        ) from None
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        address = api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        message = "Publish results of disentanglement-harness"
        api.upload_folder(
            repo_id=address.repo_id,
            repo_type="dataset",
            folder_path=folder,
            allow_patterns=list(files),
            commit_message=message,
        )
    except (HFValidationError, HfHubHTTPError, LocalTokenNotFoundError) as error:
        raise UserError(f"--hub {repository}: {in_a_line(error)}") from None
    except Exception as error:  # The library's own errors of a connection are no OSErrors.
        raise StorageError(0, in_a_line(error), f"{api.endpoint}/datasets/{repository}") from None
    return str(address)
