"""A folder in 3DIEBench's layout, read as the SIE authors read it."""

import numpy
import torch
from PIL import Image

IMAGE_MEAN = (0.5016, 0.5037, 0.5060)
IMAGE_STD = (0.1030, 0.0999, 0.0969)


def normalised(images):
    """`[n, h, w, 3]` bytes as the encoders want them, `[n, 3, h, w]`."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGE_MEAN, IMAGE_STD))
    return (images.permute(0, 3, 1, 2).float() / 255.0 - mean) / std


class Split:
    """Some views of all objects of a split."""

    def __init__(self, folder, name, views):
        objects = [path.strip("/") for path in numpy.load(folder / f"{name}_images.npy")]
        self.labels = torch.from_numpy(numpy.load(folder / f"{name}_labels.npy"))
        self.views = views
        files = [(folder / path, view) for path in objects for view in range(views)]
        read = lambda file: numpy.asarray(Image.open(file).convert("RGB"))
        self.images = torch.from_numpy(numpy.stack([read(path / f"image_{view}.jpg") for path, view in files]))
        self.latents = numpy.stack([numpy.load(path / f"latent_{view}.npy") for path, view in files])

    def __len__(self):
        return len(self.labels)

    def batches(self, size=256):
        """Object by object, its views in order."""
        return map(normalised, self.images.split(size))
