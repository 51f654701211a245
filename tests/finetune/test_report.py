"""The report of a run: its losses by epoch."""

from finetune.run.report import by_epoch


def test_without_a_measurement_each_epoch_has_the_mean_of_its_own_losses() -> None:
    log = [
        {"epoch": 0.4, "step": 2, "loss": 3.0},
        {"epoch": 1.0, "step": 5, "loss": 1.0},
        {"epoch": 1.4, "step": 7, "loss": 0.6},
        {"epoch": 2.0, "step": 10, "loss": 0.4},
        {"epoch": 2.0, "step": 10, "train_runtime": 5.0},
    ]
    section = by_epoch(log)
    assert section is not None
    assert section[1] == [
        ("epoch 1, to step 5", "training loss 2.0000"),
        ("epoch 2, to step 10", "training loss 0.5000"),
    ]


def test_at_each_measurement_stands_the_training_loss_since_the_one_before() -> None:
    log = [
        {"epoch": 0.5, "step": 1, "loss": 3.0},
        {"epoch": 1.0, "step": 2, "loss": 1.0},
        {"epoch": 1.0, "step": 2, "eval_loss": 0.9, "eval_f1": 50.0, "eval_runtime": 3.0},
        {"epoch": 2.0, "step": 4, "loss": 0.5},
        {"epoch": 2.0, "step": 4, "eval_loss": 0.8, "eval_f1": 60.0},
    ]
    section = by_epoch(log)
    assert section is not None
    assert section[1] == [
        ("epoch 1.00, step 2", "training loss 2.0000, evaluation loss 0.9000, f1 50.00"),
        ("epoch 2.00, step 4", "training loss 0.5000, evaluation loss 0.8000, f1 60.00"),
    ]


def test_a_log_without_losses_has_no_such_section() -> None:
    assert by_epoch([{"epoch": 1.0, "train_runtime": 2.0}]) is None
