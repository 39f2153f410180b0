"""Everything that decides how a model is built and trained; saved with the model."""

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.settings import Settings

HORIZON_COUNT = 5


class ModelConfig(BaseModel):
    """The configuration of one model.

    Attributes:
        window_weeks: weekly grids, and weeks of weather and calendar, that the branches see.
        crime_inputs: what the crime branch is given; "window" takes its long memory and the offset
            made of it away, "memory" the weekly grids. For ablations.
        window_filters, filters: channels of the window's mixing and of both convolutions.
        dropout: share of channels dropped while training.
        members: networks of the crime branch, averaged in log space.
        epochs, batch_origins, learning_rate, weight_decay: schedule of a retraining.
        most_steps: gradient steps that a member gets at most, however long the history.
        cell_loss: likelihood of cells given the city total.
        nb_cell_dispersion: 1 / size used by the negative-binomial cell loss.
        regression_weight, trees_weight: weights of these opinions' shares in the log-space
            average; the network has the rest.
        class_channels: let these opinions see each frequent class of other offences for itself.
        total_filters, total_steps, total_learning_rate, total_weight_decay: the weather-and-
            calendar branch and its schedule; without steps the ridge under it stands alone.
        handles_breaks: give the city total a new level at a change of the records system, and
            where a lasting shift is detected.
        flips: average each forecast over the four mirror images of the map, at twice the time.
        fine_tune_weeks: newest origins that a fine-tuning favours.
        seed: seed of everything random.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_weeks: int = Field(default=20, ge=6, le=104)
    crime_inputs: Literal["both", "memory", "window"] = "both"
    window_filters: int = Field(default=8, ge=1)
    filters: int = Field(default=16, ge=1)
    dropout: float = Field(default=0.5, ge=0, lt=1)
    members: int = Field(default=1, ge=1)
    epochs: int = Field(default=40, ge=1)
    batch_origins: int = Field(default=8, ge=1)
    most_steps: int = Field(default=1500, ge=1)
    learning_rate: float = Field(default=4e-3, gt=0)
    weight_decay: float = Field(default=1.0, ge=0)
    cell_loss: Literal["poisson", "negative_binomial"] = "poisson"
    nb_cell_dispersion: float = Field(default=0.05, gt=0)
    regression_weight: float = Field(default=0.3, ge=0, le=1)
    trees_weight: float = Field(default=0.3, ge=0, le=1)
    class_channels: bool = True
    total_filters: int = Field(default=8, ge=1)
    total_steps: int = Field(default=200, ge=0)
    total_learning_rate: float = Field(default=3e-3, gt=0)
    total_weight_decay: float = Field(default=0.1, ge=0)
    handles_breaks: bool = True
    flips: bool = False
    fine_tune_weeks: int = Field(default=26, ge=1)
    seed: int = 20260101

    @classmethod
    def from_settings(cls, settings: Settings) -> "ModelConfig":
        """Return the configuration under an installation's settings."""
        return cls(
            window_weeks=settings.window_weeks,
            epochs=settings.train_epochs,
            members=settings.train_members,
            seed=settings.seed,
        )

    @property
    def opinions_weight(self) -> float:
        """Weight of regression and trees together, at most one."""
        return min(self.regression_weight + self.trees_weight, 1.0)

    @property
    def architecture(self) -> tuple[int | str, ...]:
        """What two models must share for one's weights to fit the other."""
        return (
            self.window_weeks,
            self.crime_inputs,
            self.window_filters,
            self.filters,
            self.members,
            self.total_filters,
        )

    @property
    def sha256(self) -> str:
        """Hash of the configuration."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
