r"""A teacher whose logits have the class prior taken out of them: :math:`z - \tau \log \pi`."""

from torch import Tensor, nn

__all__ = ["Calibrated", "calibration"]


def calibration(prior: Tensor, tau: float) -> Tensor:
    r"""The shift added to logits: :math:`-\tau (\log \pi - \mathrm{mean}_c \log \pi_c)`, float32 ``[C]``.

    Softmax does not see the centring; a student that matches logits does.

    Args:
        prior: :math:`\pi`, class shares of the long tail, ``[C]``.
        tau: strength; 0 changes nothing.

    Raises:
        ValueError: a class without images.
    """
    if not bool((prior > 0).all()):
        raise ValueError(f"prior must hold {len(prior)} shares above 0, got {prior.tolist()}")
    logs = prior.double().log()
    return (-tau * (logs - logs.mean())).float()


class Calibrated(nn.Module):
    """A teacher whose logits are shifted by ``shift`` ``[C]``."""

    def __init__(self, teacher: nn.Module, shift: Tensor) -> None:
        super().__init__()
        self.teacher = teacher
        self.register_buffer("shift", shift)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[B, C]``."""
        return self.teacher(images) + self.shift
