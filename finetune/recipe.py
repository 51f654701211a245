"""What a recipe says: one strict form for each task. Unknown keys are refused; `finetune.recipe_files` reads them."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from finetune.recipe_data import (
    ClassifierData,
    CodeData,
    Data,
    Declared,
    Glossed,
    NLIData,
    PreferenceData,
    QAData,
    Seq2SeqData,
    Share,
    Strict,
)


class Lora(Strict):
    """The adapter (Hu et al., 2021)."""

    r: int = Field(gt=0)
    """Rank of the update."""
    alpha: int = Field(gt=0)
    """The update is scaled by alpha / r."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the adapter's input."""
    targets: list[str] | str
    """Names of the modules that get an adapter, or one regular expression over their full names."""
    modules_to_save: list[str] = Field(default_factory=list)
    """Modules trained in full and saved with the adapter."""
    rslora: bool = False
    """Scale by alpha / sqrt(r) instead, which keeps high ranks learning (rsLoRA, Kalajdzievski, 2023)."""
    dora: bool = False
    """Learn the length of each weight apart from its direction (DoRA, Liu et al., 2024)."""
    start_from: str | None = None
    """An adapter to go on from: one of the package by its name, or the folder of one with the same base and shape."""


class PromptTuning(Strict):
    """A prompt of learned vectors before every text (Lester et al., 2021)."""

    tokens: int = Field(default=20, gt=0)
    """How many vectors."""
    text: str | None = None
    """Words whose embeddings the vectors begin as; without it they begin as those of random words."""


class Training(Strict):
    """How the optimizer runs."""

    epochs: float = Field(default=1.0, gt=0)
    batch_size: int = Field(gt=0)
    """On each device."""
    accumulation: int = Field(default=1, gt=0)
    """Batches whose gradients are summed before a step."""
    learning_rate: float = Field(gt=0)
    scheduler: Literal["linear", "cosine", "constant"] = "linear"
    warmup: Share = 0.0
    """Share of the steps over which the learning rate rises."""
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    optimizer: str = "adamw_torch"
    """A name of transformers' `OptimizerNames`."""
    precision: Literal["auto", "fp16", "bf16", "fp32"] = "auto"
    """Number format; one that the machine does not have is replaced, and the log says by what and why."""
    seed: int = 42
    checkpoints: Literal["steps", "epoch"] = "steps"
    """Whether a checkpoint is written every `save_steps` steps or after each epoch."""
    save_steps: int = Field(default=200, gt=0)
    """Steps between checkpoints, from which an interrupted run goes on."""
    eval_steps: int | None = Field(default=None, gt=0)
    """Steps between measurements, where a checkpoint is not the time for them; `save_steps` must be a multiple where
    the best checkpoint is kept."""
    keep: int = Field(default=2, gt=0)
    """Checkpoints kept, the newest and the best among them."""
    logging_steps: int = Field(default=20, gt=0)
    group_by_length: bool = True
    """Put examples of similar length into one batch."""
    eval_rows: int = Field(default=0, ge=0)
    """Held-out rows measured at each checkpoint, of which the best is kept; 0 keeps the last."""
    best_by: str | None = None
    """The figure that makes a checkpoint the best; by default `f1_all` for qa and `f1_macro` for nli."""
    early_stopping: int = Field(default=0, ge=0)
    """Stop after so many checkpoints without a better one; 0 never stops early."""
    tensorboard: bool = False
    """Write the log for TensorBoard too, below the run's folder."""
    report_to: list[Literal["tensorboard", "wandb", "trackio"]] = Field(default_factory=list)
    """Who gets the log too; Weights & Biases and Trackio are installed and logged into beforehand."""
    gradient_checkpointing: Literal["auto", "on", "off"] = "auto"
    """Compute a language model's activations again in the backward pass: less memory, half as much time again. `auto`:
    on a GPU where the plan says that the run would not fit without."""
    neftune_alpha: float | None = Field(default=None, gt=0)
    """Noise on the embeddings of training texts (NEFTune, Jain et al., 2023); 5 is usual."""
    loraplus_ratio: float | None = Field(default=None, gt=0)
    """Learning rate of an adapter's B matrices in those of its A matrices (LoRA+, Hayou et al., 2024); 16 is usual."""


class _Common(Strict):
    best_by_any_of: ClassVar[tuple[str, ...]] = ()
    """The figures that are measured on the way, one of which may choose the best checkpoint."""
    name: str
    description: str
    base: str
    """A model of the catalogue, a local folder or a Hub name."""
    licence: str
    """Licence of the data, and so of what may be done with the adapter."""
    method: Literal["lora", "qlora", "prompt", "full", "extracted"] = "lora"
    """What is trained: an adapter; an adapter on a quantised base (QLoRA, Dettmers et al., 2023); vectors before the
    text; every weight; the weights that an adapter would change, whose change is then kept as an adapter."""
    quantization: Literal["nf4", "int8"] = "nf4"
    """How `qlora` keeps the frozen base: NF4 with double quantisation, or 8-bit."""
    lora: Lora | None = None
    prompt: PromptTuning = PromptTuning()
    training: Training
    data: Data
    source_result: str = ""
    """What the published work measured with this recipe."""

    @model_validator(mode="after")
    def _test_to_choose_on(self) -> Self:
        if self.data.choose_on == "test" and self.data.test is None:
            raise ValueError("data.choose_on: test needs data.test")
        return self

    @model_validator(mode="after")
    def _measured_when_saved(self) -> Self:
        training = self.training
        if training.eval_steps and training.checkpoints == "steps" and training.save_steps % training.eval_steps:
            raise ValueError(
                f"training.save_steps={training.save_steps} is no multiple of training.eval_steps={training.eval_steps}"
            )
        if training.eval_steps and training.checkpoints == "epoch":
            raise ValueError('training.eval_steps goes with training.checkpoints="steps"')
        return self

    @model_validator(mode="after")
    def _best_by_a_figure(self) -> Self:
        figures, chosen = self.best_by_any_of, self.training.best_by
        if figures and chosen is not None and chosen not in figures:
            raise ValueError(f"training.best_by: {chosen!r} is not measured; choose {', '.join(figures)}")
        return self

    @model_validator(mode="after")
    def _own_rates_of_an_adapter(self) -> Self:
        if self.training.loraplus_ratio is not None and self.method not in ("lora", "qlora"):
            raise ValueError("training.loraplus_ratio is for the methods lora and qlora")
        return self

    @model_validator(mode="after")
    def _adapter_is_described(self) -> Self:
        if self.lora is None and self.makes_adapter:
            raise ValueError(f"method {self.method} needs a section [lora]")
        return self

    @property
    def longest(self) -> int:
        """Tokens of the longest row or window that is trained on."""
        raise NotImplementedError

    @property
    def makes_adapter(self) -> bool:
        """Whether what is kept of a run is an adapter on the base."""
        return self.method in ("lora", "qlora", "extracted")

    @property
    def adapter(self) -> Lora:
        """The section [lora], which the methods that make an adapter have."""
        if self.lora is None:
            raise ValueError(f"method {self.method} has no adapter")
        return self.lora


class _Encoder(_Common):
    keep_dropout: bool = False
    """Train with the base's own dropout; without it, which is faster on a CPU, with none."""

    @model_validator(mode="after")
    def _no_prompt(self) -> Self:
        if self.method == "prompt":
            raise ValueError("method prompt is for code recipes")
        return self


class QARecipe(_Encoder):
    """An extractive reader."""

    best_by_any_of = ("exact_match", "f1", "f1_all", "loss")
    task: Literal["qa"]
    data: QAData
    max_length: int = Field(default=384, gt=32)
    stride: int = Field(default=128, ge=0)
    loop: Literal["trainer", "accelerate"] = "trainer"
    """What runs the steps: the Trainer of transformers, or a loop of our own on Accelerate."""
    first_reader: str | None = None
    """The profile whose reader reads long texts first when this one's scores are calibrated."""

    @model_validator(mode="after")
    def _the_loop_has_it(self) -> Self:
        training = self.training
        if self.loop == "accelerate" and (training.loraplus_ratio or training.neftune_alpha or training.eval_steps):
            raise ValueError(
                "training.loraplus_ratio, training.neftune_alpha and training.eval_steps are for loop=trainer"
            )
        return self

    @property
    def longest(self) -> int:
        """Tokens of a window."""
        return self.max_length


class NLIRecipe(_Encoder):
    """An entailment classifier."""

    best_by_any_of = ("accuracy", "f1_macro", "loss")
    task: Literal["nli"]
    data: NLIData

    @property
    def longest(self) -> int:
        """Tokens of the longest pair."""
        return self.data.max_length


class CodeRecipe(_Common):
    """A code assistant."""

    best_by_any_of = ("loss",)
    task: Literal["code"]
    data: CodeData

    @model_validator(mode="after")
    def _not_extracted(self) -> Self:
        if self.method == "extracted":
            raise ValueError("method extracted is for qa and nli")
        return self

    @model_validator(mode="after")
    def _chosen_by_what_is_measured(self) -> Self:
        if self.data.choose_on == "test":
            raise ValueError("data.choose_on: a code assistant has held-out questions and no test data")
        if (self.training.early_stopping or self.training.best_by) and not self.training.eval_rows:
            raise ValueError(
                "training.early_stopping and training.best_by need a loss of held-out questions: set training.eval_rows"
            )
        return self

    @property
    def longest(self) -> int:
        """Tokens of the longest text."""
        return self.data.max_length


class PreferenceRecipe(_Common):
    """A generator that learns which of two answers is the better one (DPO, Rafailov et al., 2023)."""

    task: Literal["dpo"]
    data: PreferenceData
    beta: float = Field(default=0.1, gt=0)
    """How dearly the model pays for leaving its base."""
    loss: Literal["sigmoid", "ipo", "hinge"] = "sigmoid"
    """That of DPO, IPO (Azar et al., 2023) or SLiC."""

    @model_validator(mode="after")
    def _against_its_base(self) -> Self:
        if self.method not in ("lora", "qlora"):
            raise ValueError("method: dpo is for lora and qlora, whose base is what the answers are held against")
        if self.data.choose_on == "test" or self.training.early_stopping or self.training.best_by:
            raise ValueError("a dpo recipe keeps its last checkpoint: it is measured when the training is over")
        return self

    @property
    def longest(self) -> int:
        """Tokens of the longest question with an answer."""
        return self.data.max_length


class ClassifierRecipe(_Encoder):
    """A classifier of texts, with labels of one's own."""

    best_by_any_of = ("accuracy", "f1_macro", "loss")
    task: Literal["classifier"]
    data: ClassifierData

    @model_validator(mode="after")
    def _chosen_on_held_out_texts(self) -> Self:
        if self.data.choose_on == "test":
            raise ValueError("data.choose_on: a classifier is chosen on held-out texts")
        return self

    @property
    def longest(self) -> int:
        """Tokens of the longest text."""
        return self.data.max_length


class Seq2SeqRecipe(_Common):
    """An encoder-decoder (T5, BART) that writes answers."""

    best_by_any_of = ("exact_match", "f1")
    task: Literal["seq2seq"]
    data: Seq2SeqData

    @model_validator(mode="after")
    def _full_or_lora(self) -> Self:
        if self.method not in ("lora", "full"):
            raise ValueError("method: a seq2seq recipe is for lora and full")
        if self.data.choose_on == "test":
            raise ValueError("data.choose_on: a seq2seq recipe is chosen on held-out questions")
        return self

    @property
    def longest(self) -> int:
        """Tokens of the longest question with its text."""
        return self.data.max_length


Recipe = QARecipe | NLIRecipe | CodeRecipe | PreferenceRecipe | ClassifierRecipe | Seq2SeqRecipe
FORMS = (
    QARecipe, NLIRecipe, CodeRecipe, PreferenceRecipe, ClassifierRecipe, Seq2SeqRecipe, QAData, Glossed, NLIData,
    CodeData, PreferenceData, ClassifierData, Seq2SeqData, Lora, PromptTuning, Training, Declared,
)  # fmt: skip
"""Every form, for the nearest right key to an unknown one."""
