"""Each way of breaking a model's contract is found, by the check that is about it, with what to change."""

import pytest
import torch
from torch import nn

from harness import Adam, Field, ImageSpec, LatentSpace, Model, Normal, Objective, Settings
from harness.testing import CheckFailed, ContractAdvice, checks
from support import failures

IMAGE = ImageSpec(1, 16, 16)


class Good(Model):
    """A noisy linear autoencoder."""

    class Config(Settings):
        codes: int = Field(3, gt=0, description="codes")

    def __init__(self, config, image):
        super().__init__(config, image)
        self.latents = LatentSpace({"codes": Normal(config.codes)})
        self.encoder = nn.Linear(256, config.codes)
        self.decoder = nn.Linear(config.codes, 256)

    def draw(self, n, rng):
        return {"noise": rng.normal(n, self.config.codes)}

    def objectives(self):
        return [Objective("error", trains=[self.encoder, self.decoder], loss=self.error, optimizer=Adam(1e-3))]

    def error(self, images, draws):
        made = self.decoder(self.encode(images) + draws["noise"])
        return {"error": (made - images.flatten(1)).square().mean()}

    def encode(self, images):
        return self.encoder(images.flatten(1))

    def generate(self, latents):
        return self.decoder(latents).sigmoid().unflatten(1, (1, 16, 16))


class Undescribed(Good):
    """Has a setting without a description."""

    class Config(Good.Config):
        width: float = 1.0


class Aimless(Good):
    """Lists nothing."""

    def objectives(self):
        return []


class Namesakes(Good):
    """Two objectives of one name."""

    def objectives(self):
        return super().objectives() * 2


class Idle(Good):
    """A network that nothing trains."""

    def __init__(self, config, image):
        super().__init__(config, image)
        self.forgotten = nn.Linear(2, 2)


class Unnamed(Good):
    """A loss without names."""

    def error(self, images, draws):
        return super().error(images, draws)["error"]


class Vectorial(Good):
    """A loss for each image."""

    def error(self, images, draws):
        return {"error": self.encode(images).square().mean(dim=1)}


class Infinite(Good):
    """Starts at infinity."""

    def error(self, images, draws):
        return {"error": super().error(images, draws)["error"] / 0}


class Hidden(Good):
    """Draws random numbers in its loss."""

    def error(self, images, draws):
        return {"error": (self.encode(images) + torch.randn(3)).square().mean()}


class Counting(Good):
    """Counts its steps where no checkpoint sees it."""

    steps = 0

    def error(self, images, draws):
        self.steps += 1
        return {"error": super().error(images, draws)["error"] * (1 + self.steps // 4)}


class Ticking(Good):
    """Its loss takes from Python what changes from step to step."""

    now = 0

    def schedule(self, step):
        self.now = step
        return {}

    def error(self, images, draws):
        return {"error": super().error(images, draws)["error"] / (1 + self.now)}


class Moody(Good):
    """Its loss depends on how often any model was asked."""

    asked = 0

    def error(self, images, draws):
        Moody.asked += 1
        return {"error": super().error(images, draws)["error"] * Moody.asked}


class Secretive(Good):
    """Keeps a setting where no fleet looks for it."""

    class Config(Good.Config):
        weight: float = Field(1.0, description="of the error")

    WEIGHTS = {}  # noqa: RUF012 - the mistake

    def __init__(self, config, image):
        super().__init__(config, image)
        self.WEIGHTS[id(self)] = config.weight

    def error(self, images, draws):
        return {"error": self.WEIGHTS[id(self)] * super().error(images, draws)["error"]}


class Meddling(Good):
    """Changes its inputs."""

    def error(self, images, draws):
        images.mul_(0.5)
        return super().error(images, draws)


class SelfMade(Good):
    """Changes its own parameters."""

    def error(self, images, draws):
        with torch.no_grad():
            self.decoder.bias.mul_(0.5).add_(1)
        return super().error(images, draws)


class Unseeded(Good):
    """Draws without the generator it is given."""

    def draw(self, n, rng):
        return {"noise": torch.randn(n, self.config.codes, generator=torch.Generator().manual_seed(id(rng) % 1000))}


class Unreached(Good):
    """Claims to train a network that its loss does not use."""

    def error(self, images, draws):
        return {"size": self.encode(images).square().mean()}


class Detached(Good):
    """Its loss has no gradient."""

    @torch.no_grad()
    def error(self, images, draws):
        return super().error(images, draws)


class Transposed(Good):
    """Codes the wrong way round."""

    def encode(self, images):
        return self.encoder(images.flatten(1)).T

    def error(self, images, draws):
        return {"error": (self.decoder(self.encode(images).T) - images.flatten(1)).square().mean()}


class Overexposed(Good):
    """Images outside [0, 1]."""

    def generate(self, latents):
        return 3 * super().generate(latents) - 1


class Flattened(Good):
    """Images without rows and columns."""

    def generate(self, latents):
        return super().generate(latents).flatten(1)


class Sociable(Good):
    """An image's codes depend on its neighbours."""

    def encode(self, images):
        codes = super().encode(images)
        return codes - codes.mean(dim=0)


class Sampling(Good):
    """Codes with noise, as they should be."""

    code_noise = 3

    def represent(self, images, noise):
        return self.encode(images) + noise


class Numbering(Sampling):
    """Its codes depend on how often they were asked for."""

    asked = 0

    def represent(self, images, noise):
        Numbering.asked += 1
        return super().represent(images, noise) * Numbering.asked


class Crowded(Sampling):
    """The noise of an image depends on its neighbours."""

    def represent(self, images, noise):
        return super().represent(images, noise.flip(0))


class Halved(Good):
    """Represents with fewer codes than it encodes."""

    def represent(self, images, noise):
        return self.encode(images)[:, :2]


class Deaf(Good):
    """Asks for noise and does not use it."""

    code_noise = 2


class Branching(Good):
    """Decides by the value of a tensor, which vmap cannot do."""

    def error(self, images, draws):
        terms = super().error(images, draws)
        return terms if terms["error"] > 0 else {"error": 2 * terms["error"]}


class Lumped(Good):
    """One divergence for all codes together."""

    def kl(self, images):
        return self.encode(images).square().sum(dim=1, keepdim=True)


class Pathless(Good):
    """Generates from no latents."""

    def __init__(self, config, image):
        super().__init__(config, image)
        self.latents = None


@pytest.mark.parametrize("good", [Good, Sampling])
def test_a_good_model_passes(good):
    assert failures(good, image=IMAGE) == []


def test_what_engines_cannot_do_at_once_is_advice_and_no_failure():
    with pytest.warns(ContractAdvice) as caught:
        assert failures(Branching, image=IMAGE) == []
    in_fleets, when_recorded, *more = [str(each.message) for each in caught]
    assert "Branching.error is called" in in_fleets
    assert "avoid what vmap cannot do" in in_fleets
    for each in (when_recorded, *more):
        assert "are not captured as CUDA graphs" in each
        assert "avoid what makes it wait" in each


@pytest.mark.parametrize(
    ("broken", "change"),
    [
        (Undescribed, "describe the setting: width"),
        (Aimless, "list at least one Objective"),
        (Namesakes, "different names, not error, error"),
        (Idle, "name the network of forgotten.weight, forgotten.bias"),
        (Unnamed, "a dict of named terms from the loss error"),
        (Vectorial, "term 'error' of objective 'error' a tensor without dimensions"),
        (Infinite, "is inf on the first batch"),
        (Hidden, "error draws from torch's global generator"),
        (Moody, "on the same inputs; draw every random number in `draw`"),
        (Ticking, "when steps are recorded, losses differ by"),
        (Counting, "keep what a step changes in parameters or buffers"),
        (Secretive, "differ in weight, losses differ by"),
        (Meddling, "changes its inputs in place"),
        (SelfMade, "changes parameters; leave that to the optimizer"),
        (Unseeded, "draw 'noise' from the Rng"),
        (Unreached, "trains decoder.weight, decoder.bias but its loss does not depend on it"),
        (Detached, "depends on no parameter"),
        (Transposed, "`encode` gives torch.float32 (3, 8), not a row of real codes for each image, (N, D)"),
        (Overexposed, "return images in [0, 1] from `generate`"),
        (Flattened, "`generate` gives torch.float32 (8, 256), not (8, 1, 16, 16) images"),
        (Sociable, "`encode` gives an image another result in another batch"),
        (Pathless, "set `self.latents`"),
        (Numbering, "`represent` gives other codes the second time"),
        (Crowded, "`represent` gives an image another result in another batch"),
        (Halved, "return (8, 3) codes from `represent`, not (8, 2)"),
        (Lumped, "return a divergence for each of (8, 3) codes from `kl`, not (8, 1)"),
        (Deaf, "set `code_noise = 0`"),
    ],
)
def test_a_broken_model_is_told_what_to_change(broken, change):
    found = failures(broken, image=IMAGE)
    assert any(change in failure for failure in found), found


@pytest.mark.slow
def test_a_compiled_model_is_held_against_the_eager_one():
    class Hasty(Good):
        """Does something else when it is compiled."""

        def error(self, images, draws):
            scale = 2.0 if torch.compiler.is_compiling() else 1.0
            return {"error": scale * super().error(images, draws)["error"]}

    alike, otherwise = (
        next(check for check in checks(model, image=IMAGE, compiled=True) if "torch.compile" in str(check))
        for model in (Good, Hasty)
    )
    alike()
    with pytest.raises(CheckFailed, match="at step 0: let the loss depend on its arguments, parameters, buffers"):
        otherwise()
