"""The families of dataset condensation: by gradients (DC, DREAM), distributions (DM, IDM, LADM), spectra (CSDM)."""

from dataclasses import replace

from ltdd_utils.methods.base import Family, Stage, teacher_stage
from ltdd_utils.methods.condensation.settings import (
    CondensationConfig,
    DCConfig,
    DMConfig,
    DREAMConfig,
    IDMConfig,
    LADMConfig,
    MosaicConfig,
    SpectralConfig,
)
from ltdd_utils.methods.effort import training
from ltdd_utils.networks.settings import NetworkConfig

__all__ = [
    "DISTRIBUTION_MATCHING",
    "GRADIENT_MATCHING",
    "IMPROVED_DISTRIBUTION_MATCHING",
    "LOGIT_ADJUSTED_MATCHING",
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


class LogitAdjustedMatching(Family):
    """LADM: the images of IDM under debiased networks, and stored labels of a debiased teacher."""

    name, settings, module = "logit-adjusted matching", LADMConfig, "ltdd_utils.methods.condensation.adjusted"
    iterations_setting = "images.iterations"

    def stages(self, cfg: LADMConfig, ipc: int | None) -> list[Stage]:
        """The images, the teacher, and its labels."""
        (images,) = IMPROVED_DISTRIBUTION_MATCHING.stages(cfg.images, ipc)
        if cfg.images.iterations:
            images = replace(images, compute="condensation", settings={"images": cfg.images})
        named = teacher_stage("labelling teacher", "labelling_teacher", cfg.teacher)
        return [images, named, Stage("labels", "labels", needs=(images.name, named.name), sized=True)]

    def student_network(self, cfg: LADMConfig) -> NetworkConfig:
        """The networks under which images are matched have its architecture."""
        return cfg.images.network

    def networks(self, cfg: LADMConfig) -> list[NetworkConfig]:
        """The teacher."""
        return [cfg.teacher.network]

    def factor(self, cfg: LADMConfig) -> int:
        """As the settings of the images say."""
        return cfg.images.factor

    def has_soft_labels(self, cfg: LADMConfig) -> bool:
        """One for each part."""
        return True

    def training_seeds(self, cfg: LADMConfig) -> list[str]:
        """Of the teacher."""
        return ["teacher.seed"]


class RepresentativeMatching(Mosaics):
    """DREAM."""

    name, settings, loop = "representative matching", DREAMConfig, "representative_matching"


GRADIENT_MATCHING, DISTRIBUTION_MATCHING = GradientMatching(), DistributionMatching()
SPECTRAL_MATCHING = SpectralMatching()
IMPROVED_DISTRIBUTION_MATCHING, REPRESENTATIVE_MATCHING = ImprovedDistributionMatching(), RepresentativeMatching()
LOGIT_ADJUSTED_MATCHING = LogitAdjustedMatching()
