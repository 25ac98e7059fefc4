"""The split that every method relies on: a backbone, one linear classifier, and optional further heads."""

from torch import Tensor, nn

__all__ = ["Network"]


class Network(nn.Module):
    """A backbone and the linear heads that read its features.

    Args:
        backbone: images ``[B, Ch, H, W]`` to features ``[B, F]``.
        features_size: F.
        classes: C.
        second_head: add a second classifier, the one used at inference (GLMC's re-weighted head; Du et al.,
            CVPR 2023).
        projection: P, size of the projection and prediction layers (both one linear layer); 0 leaves them out.
    """

    def __init__(
        self, backbone: nn.Module, features_size: int, classes: int, *, second_head: bool = False, projection: int = 0
    ) -> None:
        super().__init__()
        self.features_size = features_size
        # The order of these lines is the order of the flat parameter vector: backbone, classifier, the rest.
        self.backbone = backbone
        self.classifier = nn.Linear(features_size, classes)
        self.second_classifier = nn.Linear(features_size, classes) if second_head else None
        self.projection = nn.Linear(features_size, projection) if projection else None
        self.prediction = nn.Linear(projection, projection) if projection else None

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[B, C]`` of the head that is used at inference: the second classifier where there is one."""
        head = self.classifier if self.second_classifier is None else self.second_classifier
        return head(self.backbone(images))

    def heads(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the plain and of the second classifier, each ``[B, C]``, from one pass through the backbone.

        Raises:
            ValueError: the network has no second classifier.
        """
        if self.second_classifier is None:
            raise ValueError("this network has one head; build it with second_head=True")
        features = self.backbone(images)
        return self.classifier(features), self.second_classifier(features)
