"""The families of dataset condensation: by gradients (DC, DREAM), distributions (DM, IDM), spectra (CSDM)."""

from ltdd_utils.methods.base import Family, Stage
from ltdd_utils.methods.condensation.settings import (
    CondensationConfig,
    DCConfig,
    DMConfig,
    DREAMConfig,
    IDMConfig,
    MosaicConfig,
    SpectralConfig,
)
from ltdd_utils.methods.effort import training
from ltdd_utils.networks.settings import NetworkConfig

__all__ = [
    "DISTRIBUTION_MATCHING",
    "GRADIENT_MATCHING",
    "IMPROVED_DISTRIBUTION_MATCHING",
    "REPRESENTATIVE_MATCHING",
    "SPECTRAL_MATCHING",
]


class Condensation(Family):
    """Synthetic images that follow a gradient through ever new random networks."""

    module = "ltdd_utils.methods.condensation.stages"
    loop: str  # the function of ``stages`` that condenses

    def stages(self, cfg: CondensationConfig, ipc: int | None) -> list[Stage]:
        """The iterations; without any, the images that they would begin from."""
        if not cfg.iterations:
            return [Stage("initial set", "initial_set", sized=True)]
        return [
            Stage(
                "condensation",
                self.loop,
                sized=True,
                effort=training(self.name, cfg.iterations, cfg.network, images="set"),
            )
        ]

    def student_network(self, cfg: CondensationConfig) -> NetworkConfig:
        """The random networks have its architecture."""
        return cfg.network


class GradientMatching(Condensation):
    """DC."""

    name, settings, loop = "gradient matching", DCConfig, "gradient_matching"


class DistributionMatching(Condensation):
    """DM."""

    name, settings, loop = "distribution matching", DMConfig, "distribution_matching"


class SpectralMatching(Condensation):
    """CSDM."""

    name, settings, loop = "spectral matching", SpectralConfig, "spectral_matching"


class Mosaics(Condensation):
    """Sets whose stored images are several each."""

    def factor(self, cfg: MosaicConfig) -> int:
        """As the settings say."""
        return cfg.factor


class ImprovedDistributionMatching(Mosaics):
    """IDM."""

    name, settings, loop = "improved distribution matching", IDMConfig, "improved_distribution_matching"


class RepresentativeMatching(Mosaics):
    """DREAM."""

    name, settings, loop = "representative matching", DREAMConfig, "representative_matching"


GRADIENT_MATCHING, DISTRIBUTION_MATCHING = GradientMatching(), DistributionMatching()
SPECTRAL_MATCHING = SpectralMatching()
IMPROVED_DISTRIBUTION_MATCHING, REPRESENTATIVE_MATCHING = ImprovedDistributionMatching(), RepresentativeMatching()
