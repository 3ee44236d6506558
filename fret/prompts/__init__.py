"""Prompt files: load, check, hash and render them."""

from fret.prompts.load import load_prompt
from fret.prompts.prompt import JOBS, Given, Job, Prompt

__all__ = ["JOBS", "Given", "Job", "Prompt", "load_prompt"]
