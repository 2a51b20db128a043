"""Several models trained as one program: losses under vmap equal each model's own, gradients and buffers too."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from harness import ImageSpec, Model, Rng
from harness.config import parse
from harness.model import build
from harness_gans.age import AGE
from harness_gans.alpha_gan import AlphaGAN
from harness_gans.alpha_wgan_gp import AlphaWGANGP
from harness_gans.dcgan import DCGAN
from harness_gans.infogan import InfoGAN
from harness_gans.infogan_cr import InfoGANCR
from harness_gans.wgan_gp import WGANGP

AUTO_ENCODING = ("encoder_loss", "generator_loss", "discriminator_loss", "code_discriminator_loss")

LOSSES = (
    [
        (InfoGANCR, {"networks": networks}, ImageSpec(1, 32, 32), loss)
        for networks in ("dsprites", "teapots", "celeba")
        for loss in ("discriminator_loss", "early_contrast_loss", "contrast_loss", "contrastive_generator_loss")
    ]
    + [
        (cls, config, ImageSpec(1, 16, 16), loss)
        for cls, config, losses in (
            (InfoGAN, {}, ("discriminator_loss", "generator_loss")),
            (InfoGAN, {"networks": "svhn"}, ("discriminator_loss", "generator_loss")),
            (DCGAN, {}, ("discriminator_loss", "generator_loss")),
            (WGANGP, {}, ("critic_loss", "generator_loss")),
            (WGANGP, {"networks": "resnet", "generator_batch": 2}, ("critic_loss", "generator_loss")),
            (AlphaGAN, {}, AUTO_ENCODING),
            (AlphaGAN, {"form": "non-saturating"}, AUTO_ENCODING[:2]),
            (AlphaWGANGP, {}, AUTO_ENCODING),
            (AGE, {}, ("encoder_loss", "generator_loss")),
            (AGE, {"moments": "code"}, ("encoder_loss", "generator_loss")),
        )
        for loss in losses
    ]
    + [(AGE, {}, ImageSpec(1, 32, 32), loss) for loss in ("encoder_loss", "generator_loss")]
)


class Call(nn.Module):
    """A model's loss as the forward pass of a module."""

    def __init__(self, model: Model, loss: str) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, images: Tensor, draws: dict[str, Tensor]) -> dict[str, Tensor]:
        return getattr(self.model, self.loss)(images, draws)


@pytest.mark.parametrize(("cls", "config", "image", "loss"), LOSSES)
def test_stacked_models(cls: type[Model], config: dict[str, Any], image: ImageSpec, loss: str) -> None:
    settings = parse(cls.Config, {"width": 0.05, **config}, "")
    # In double precision, so that batch norm over few images does not hide a difference.
    models = [Call(build(cls, settings, image, Rng(seed)), loss).double() for seed in range(2)]
    images = torch.rand(2, 4, image.channels, image.height, image.width, dtype=torch.double)
    draws = []
    for seed, call in enumerate(models):
        schedule = {name: torch.tensor(value) for name, value in call.model.schedule(0).items()}
        drawn = {**call.model.draw(4, Rng(seed)), **schedule}
        draws.append({name: value.double() if value.is_floating_point() else value for name, value in drawn.items()})
    parameters, buffers = stack_module_state(models)
    skeleton = copy.deepcopy(models[0])

    def together(parameters: Any, buffers: Any, images: Tensor, draws: dict[str, Tensor]) -> dict[str, Tensor]:
        return functional_call(skeleton, (parameters, buffers), (images, draws))

    terms = vmap(together)(
        parameters, buffers, images, {name: torch.stack([d[name] for d in draws]) for name in draws[0]}
    )
    total = torch.stack([value.sum() for value in terms.values()]).sum()
    gradients = dict(
        zip(parameters, torch.autograd.grad(total, list(parameters.values()), allow_unused=True), strict=True)
    )
    for index, call in enumerate(models):
        alone = call(images[index], draws[index])
        for name, value in alone.items():
            assert torch.allclose(terms[name][index], value)
        own = torch.autograd.grad(torch.stack(list(alone.values())).sum(), list(call.parameters()), allow_unused=True)
        for (name, _), gradient in zip(call.named_parameters(), own, strict=True):
            stacked = gradients[name]
            assert (gradient is None) == (stacked is None), name
            if gradient is not None and stacked is not None:
                assert torch.allclose(stacked[index], gradient, atol=1e-8), name
        for name, buffer in call.named_buffers():
            assert torch.allclose(buffers[name][index], buffer), name
