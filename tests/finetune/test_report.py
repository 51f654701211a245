"""The report of a run: its losses by epoch."""

from finetune.recipe_files import load_recipe
from finetune.run.report import by_epoch, of_test
from finetune.run.report_page import Page, html, section_lines


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
    assert section.head == ("epoch", "to step", "training loss")
    assert section.rows == [("1", "5", "2.0000"), ("2", "10", "0.5000")]


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
    assert section.head == ("epoch", "step", "training loss", "evaluation loss", "f1")
    assert section.rows == [("1.00", "2", "2.0000", "0.9000", "50.00"), ("2.00", "4", "0.5000", "0.8000", "60.00")]


def test_a_log_without_losses_has_no_such_section() -> None:
    assert by_epoch([{"epoch": 1.0, "train_runtime": 2.0}]) is None


def test_answers_before_and_after_and_the_classes_stand_in_columns() -> None:
    code = {
        "loss": 0.5,
        "answers_before": {"rouge_l": 0.25, "bleu": 3.0},
        "answers_after": {"rouge_l": 0.5, "bleu": 9.0},
    }
    figures, compared = of_test(load_recipe("code-gpt2-large"), code)
    assert figures.rows == [("loss", "0.50")]
    assert compared.head == ("", "before", "after")
    assert compared.rows == [("rouge_l", "0.25", "0.50"), ("bleu", "3.00", "9.00")]
    nli = {"accuracy": 75.0, "labels": ["entailment", "neutral"], "confusion_matrix": [[3, 1], [1, 3]]}
    _, classes = of_test(load_recipe("nli-camembert"), nli)
    assert classes.rows[0] == ("entailment", "75.00", "75.00", "75.00", "4")
    page = html(Page("x", "<y>", [classes], {}, []))
    assert page.count("<th>") == 5 and "&lt;y&gt;" in page and "http" not in page
    assert "|---|---:|---:|---:|---:|" in section_lines([classes])
