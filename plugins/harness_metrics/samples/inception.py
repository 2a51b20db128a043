"""Inception networks trained on ImageNet, and where their weights are found.

InceptionNetwork          that of 2015, with which published Inception scores, FIDs and KIDs are computed
TorchvisionInception      torchvision's Inception v3, trained anew
"""

import io
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.models import Inception_V3_Weights, inception_v3

from harness import NotApplicableError, UserError
from harness.data import may_download


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
        """Logits (N, 1008) and features (N, 2048) of images."""
        levels = (images.clamp(0, 1) * 255).round().to(torch.uint8)
        features, logits = self.network(levels.expand(-1, 3, -1, -1) if levels.shape[1] == 1 else levels)
        return logits, features


class TorchvisionInception(nn.Module):
    """(N, C, H, W) images in [0, 1] to the 1000 logits and 2048 features of torchvision's Inception v3.

    Images are enlarged to 299x299 bilinearly and normalised as torchvision asks for. Grey images are repeated in
    three channels.

    Args:
        weights: the file of weights.

    Raises:
        UserError: it does not hold this network's weights.
    """

    classes = 1000
    mean: Tensor
    std: Tensor

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.network = inception_v3(weights=None, init_weights=False, transform_input=True)
        try:
            self.network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        # Whatever torch stumbles on in a file that is something else.
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{weights}: not weights of torchvision's Inception v3: {reason}") from None
        self.last, self.network.fc = self.network.fc, nn.Identity()
        self.eval()
        preset = Inception_V3_Weights.IMAGENET1K_V1.transforms()
        self.register_buffer("mean", torch.tensor(preset.mean)[:, None, None])
        self.register_buffer("std", torch.tensor(preset.std)[:, None, None])

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, 1000) and features (N, 2048) of images."""
        enlarged = interpolate(images, size=(299, 299), mode="bilinear", antialias=True)
        features = self.network((enlarged - self.mean) / self.std)
        return self.last(features), features


def missing(kind: str, path: str | None = None) -> str:
    """What is not there of the network "imagenet" or "torchvision", and how to get it; "" if nothing."""
    try:
        url = _published_address() if kind == "imagenet" else _torchvision_address()
        if path is not None or not may_download():
            find_weights(url, path)
    except NotApplicableError as error:
        return str(error)
    return ""


def published_weights(path: str | None = None) -> Path:
    """The file of weights of the network of 2015; see `find_weights`."""
    return find_weights(_published_address(), path)


def torchvision_weights(path: str | None = None) -> Path:
    """The file of weights of torchvision's Inception v3; see `find_weights`."""
    return find_weights(_torchvision_address(), path)


def _published_address() -> str:
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
    except ImportError:
        reason = "torch-fidelity is not installed; pip install '.[fid]' in the checkout of the harness"
        raise NotApplicableError(reason) from None
    return str(URL_INCEPTION_V3)


def _torchvision_address() -> str:
    return str(Inception_V3_Weights.IMAGENET1K_V1.url)


def find_weights(url: str, path: str | None = None) -> Path:
    """The file of weights: the one named, or torch's copy of the published one.

    It is fetched first if it is missing and fetching is allowed (`harness.data.files`).

    Raises:
        NotApplicableError: what reads it is not installed or the file is not there; the message says how to get it.
    """
    kept = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    wanted = kept if path is None else Path(path).expanduser()
    if wanted.exists():
        return wanted
    if path is None and may_download():
        return _fetch(url, kept)
    fetch = "" if path else ", or run again with --download"
    raise NotApplicableError(f"{wanted}: there are no weights of the Inception network. Get them from {url}{fetch}")


def _fetch(url: str, path: Path) -> Path:
    """Fetch the weights, whole or not at all; the end of their name is the beginning of their checksum."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rpartition("-")[2], progress=False)
    except (OSError, RuntimeError) as error:
        raise NotApplicableError(f"{path}: cannot be fetched from {url}: {error}") from None
    return path
