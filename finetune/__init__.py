"""Training recipes for the models of the assistant."""

import os

# TRL would tell the Hub about every training; huggingface_hub reads this when it is imported.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
