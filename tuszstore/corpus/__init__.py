"""EEG corpora on disk: layout and splits, annotations, channel names, EDF, a synthetic corpus."""
