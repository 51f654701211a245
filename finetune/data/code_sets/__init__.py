"""Rows of code data sets, given the shape of a chat answer: one file a set, chosen by the fields of a row.

Rows get an explanation composed from what they say (`finetune.data.explanations`), of bare code and of what an author
tells at length alike; the few sentences that come with a snippet are kept.
"""
