"""Section ``signal``: from microvolts at the original sampling rate to stored values."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tuszstore.config.section import Positive, Section, registered
from tuszstore.registry import FILTERS, NORMALISERS, RESAMPLERS

STEPS = {"resample": RESAMPLERS, "filter": FILTERS, "normalise": NORMALISERS}
"""Keys of ``signal`` that name registered functions."""


class Bandpass(Section):
    """Butterworth band-pass; cut-offs in Hz."""

    low: Positive = 0.5
    """Lower cut-off (Hz)."""
    high: Positive = 120.0
    """Upper cut-off (Hz)."""
    order: Annotated[int, Field(ge=1, le=10)] = 3
    """Order of the filter."""


class Notch(Section):
    """Second-order notch at the power line's frequency (Hz)."""

    freq: Positive = 60.0
    """Frequency of the power line (Hz)."""
    q: Positive = 30.0
    """Quality factor: frequency divided by the width at -3 dB."""


class Signal(Section):
    """From microvolts at the original sampling rate to stored values."""

    sfreq: Annotated[int, Field(ge=1, le=100_000)] = 256
    """Sampling rate of the store (Hz)."""
    nonfinite: Literal["interpolate", "propagate"] = "interpolate"
    """Whether NaN and infinite samples are interpolated or kept."""
    resample: str = "polyphase"
    """A registered resampler."""
    bandpass: Bandpass | None = Bandpass()
    """Band-pass, or null for none."""
    notch: Notch | None = Notch()
    """Notch, or null for none."""
    filter: str = "zero_phase"
    """A registered way of filtering."""
    normalise: str = "robust_zscore"
    """A registered normaliser; ``none`` stores µV."""
    clip: Positive | None = 10.0
    """Largest absolute value stored, after normalisation; null for none."""

    @field_validator("resample", "filter", "normalise")
    @classmethod
    def _known_step(cls, value: str, info: ValidationInfo) -> str:
        return registered(STEPS[str(info.field_name)], value)

    @model_validator(mode="after")
    def _below_nyquist(self) -> Self:
        nyquist = self.sfreq / 2
        if self.bandpass and not self.bandpass.low < self.bandpass.high < nyquist:
            raise ValueError(
                f"bandpass needs low < high < {nyquist:g} Hz (half of sfreq), "
                f"not {self.bandpass.low:g} and {self.bandpass.high:g}"
            )
        if self.notch and self.notch.freq >= nyquist:
            raise ValueError(f"notch.freq must be below {nyquist:g} Hz, not {self.notch.freq:g}")
        return self
