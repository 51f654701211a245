"""`python -m finetune`."""

from finetune.cli.main import main

main()
