"""The Inception network that published Inception scores, FIDs and KIDs are computed with, and its weights."""

import io
from pathlib import Path

import torch
from torch import Tensor, nn

from harness import NotApplicableError
from harness.data_files import may_download
from harness.errors import UserError

EXTRA = "disentanglement-harness[fid]"


class InceptionNetwork(nn.Module):
    """(N, C, H, W) images in [0, 1] to the 1008 logits and 2048 features of the Inception network of 2015.

    The network, its enlargement of images to 299x299 and its rounding of them to 8 bits are torch-fidelity's,
    which are those of the TensorFlow code that published scores come from: its logits are 1008, more than
    ImageNet has classes, and have no bias. Grey images are repeated in three channels.

    Args:
        weights: the file of weights.

    Raises:
        UserError: it does not hold this network's weights.
    """

    classes = 1008

    def __init__(self, weights: Path) -> None:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        super().__init__()
        try:
            parameters = torch.load(weights, map_location="cpu", weights_only=True)
            # torch-fidelity would run whatever code the file holds, so it gets a copy that holds none.
            copy = io.BytesIO()
            torch.save(parameters, copy)
            copy.seek(0)
            self.network = FeatureExtractorInceptionV3(
                "inception", ["2048", "logits_unbiased"], feature_extractor_weights_path=copy
            )
        # Whatever torch stumbles on in a file that is something else.
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{weights}: not weights of the Inception network of 2015: {reason}") from None

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and features."""
        levels = (images.clamp(0, 1) * 255).round().to(torch.uint8)
        features, logits = self.network(levels.expand(-1, 3, -1, -1) if levels.shape[1] == 1 else levels)
        return logits, features


def find_weights(path: str | None = None) -> Path:
    """The file of weights: the one named, or torch's copy of the published one.

    It is fetched first if it is missing and fetching is allowed (`harness.data_files`).

    Raises:
        NotApplicableError: torch-fidelity is not installed or the file is not there; the message says how to get it.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
    except ImportError:
        raise NotApplicableError(f"torch-fidelity is not installed; pip install '{EXTRA}'") from None
    kept = Path(torch.hub.get_dir()) / "checkpoints" / URL_INCEPTION_V3.rpartition("/")[2]
    wanted = kept if path is None else Path(path).expanduser()
    if wanted.exists():
        return wanted
    if path is None and may_download():
        return _fetch(URL_INCEPTION_V3, kept)
    fetch = "" if path else ", or run again with --download"
    raise NotApplicableError(
        f"{wanted}: there are no weights of the Inception network. Get them from {URL_INCEPTION_V3}{fetch}"
    )


def _fetch(url: str, path: Path) -> Path:
    """Fetch the weights, whole or not at all; the end of their name is the beginning of their checksum."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rpartition("-")[2], progress=False)
    except (OSError, RuntimeError) as error:
        raise NotApplicableError(f"{path}: cannot be fetched from {url}: {error}") from None
    return path
