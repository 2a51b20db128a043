"""Built-in plugin: datasets, drawn or read from published files."""

from harness import Register, hookimpl

DRAWN = {
    "sprites": ("sprites.sprites:Sprites", "the factor grid of dSprites, drawn by our own code"),
    "cdsprites": ("sprites.cdsprites:CdSprites", "a disc at 40 angles and 27 distances, drawn"),
    "xysquares": ("sprites.squares:XYSquares", "three squares that pixel losses find no order in, drawn"),
    "xyobject": ("sprites.squares:XYObject", "a square of 25 x 25 places, 5 sizes and 24 colours, drawn"),
    "rooms": ("rooms:Rooms", "a disc before a wall on a floor: four simple factors, drawn"),
    "teapots": ("teapots.teapots:Teapots", "3D Teapots: the Utah teapot at random angles, in colours or lights; drawn"),
    "teapots-grid": ("teapots.grid:TeapotsGrid", "the same teapot at a complete grid of angles and colours, drawn"),
    "digits": ("digits:Digits", "scikit-learn's 1,797 handwritten digits, padded to 32x32"),
    "color-digits": ("color_digits:ColorDigits", "the same digits, each in a random colour"),
}
"""Datasets that need no files."""

FILES = {
    "dsprites": ("dsprites:DSprites", "dSprites as published, npz or hdf5"),
    "teapots-published": ("teapots.published:TeapotFiles", "3D Teapots as published, either authors' file"),
    "shapes3d": ("shapes3d:Shapes3D", "3D Shapes as published: rooms with one object"),
    "mpi3d": ("mpi3d:MPI3D", "MPI3D as published: a robot arm, drawn or photographed"),
    "falcor3d": ("falcor3d:Falcor3D", "Falcor3D as published: a living room, its lights and the camera"),
    "isaac3d": ("isaac3d:Isaac3D", "Isaac3D as published: a robot arm in a kitchen, nine factors"),
    "smallnorb": ("smallnorb:SmallNORB", "SmallNORB as published: photographs of 50 toys"),
    "cars3d": ("cars3d:Cars3D", "Cars3D as published: renderings of 183 cars"),
    "mnist": ("torchvision_sets:MNIST", "handwritten digits, 28x28"),
    "color-mnist": ("color_mnist:ColorMNIST", "MNIST, each digit in a random colour"),
    "svhn": ("torchvision_sets:SVHN", "digits of house numbers, 32x32"),
    "cifar10": ("torchvision_sets:CIFAR10", "photographs of ten kinds of things, 32x32"),
    "celeba": ("celeba:CelebA", "aligned faces, in the crops of InfoGAN-CR, AGE and DCGAN"),
    "lsun-bedroom": ("lsun:LSUNBedroom", "three million bedrooms"),
    "folder": ("folder:Folder", "any folder of pictures, with a table of factors or without"),
}
"""Datasets that are read from the files their authors publish."""


@hookimpl
def harness_register_datasets(register: Register) -> None:
    """Drawn datasets and published ones."""
    for name, (place, summary) in {**DRAWN, **FILES}.items():
        register(name, f"harness_datasets.{place}", summary)
