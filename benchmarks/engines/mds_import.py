"""Imports ``streaming``, also with a torch without CUDA.

``streaming`` imports torchvision for its datasets of images. The torchvision of PyPI is compiled
for CUDA. With a CPU build of torch, its compiled operators cannot be loaded, and its import fails
at two of them. They are declared here, which suffices since they are not used.
"""

import sys

import torch

try:
    import torchvision  # noqa: F401
except (RuntimeError, OSError):
    for name in [name for name in sys.modules if name.startswith("torchvision")]:
        del sys.modules[name]
    for operator in ("nms", "qnms"):
        signature = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        torch.library.define(f"torchvision::{operator}", signature)

import streaming  # noqa: F401
