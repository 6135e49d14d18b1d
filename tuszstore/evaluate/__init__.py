"""From a model's outputs to scores: predictions of windows, events of recordings, and metrics."""

from tuszstore.evaluate.detection import EventRule, find_events
from tuszstore.evaluate.events import EventTable
from tuszstore.evaluate.files import from_annotations, read_event_files
from tuszstore.evaluate.forecasts import Forecast, forecast
from tuszstore.evaluate.intervals import union
from tuszstore.evaluate.opening import open_predictions
from tuszstore.evaluate.predictions import Predictions
from tuszstore.evaluate.scoring import Scores, score_events, score_lists
from tuszstore.evaluate.stitching import Trace, stitch
from tuszstore.evaluate.sweeping import Sweep
from tuszstore.evaluate.tally import Tally
from tuszstore.evaluate.writing import PredictionError, PredictionWriter, write_predictions

__all__ = [
    "EventRule",
    "EventTable",
    "Forecast",
    "PredictionError",
    "PredictionWriter",
    "Predictions",
    "Scores",
    "Sweep",
    "Tally",
    "Trace",
    "find_events",
    "forecast",
    "from_annotations",
    "open_predictions",
    "read_event_files",
    "score_events",
    "score_lists",
    "stitch",
    "union",
    "write_predictions",
]
