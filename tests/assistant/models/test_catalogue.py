import re
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.errors import UsageError
from assistant.models.catalogue import ModelSpec, load_catalogue
from assistant.models.store import ModelStore


def test_the_embedded_profile_names_only_bases_of_the_catalogue():
    catalogue = load_catalogue()
    profile = catalogue.profile("embedded")
    assert profile.generator == ModelSpec("qwen2.5-coder-1.5b-instruct")
    assert profile.reader == ModelSpec("all-mpnet-base-v2", "reader")
    assert profile.first_reader == ModelSpec("all-minilm-l6-v2", "reader-light")
    assert {model.base for model in profile.models} <= set(catalogue.bases)
    assert {model.adapter for model in profile.models if model.adapter} <= set(catalogue.adapters)


def test_another_reader_in_a_profile_reads_long_texts_by_itself():
    profile = load_catalogue().profile("embedded")
    own = profile.with_part("reader", ModelSpec("own"), name="mine", description="")
    assert (own.reader, own.first_reader) == (ModelSpec("own"), None)
    assert profile.with_part("verifier", ModelSpec("own"), name="mine", description="").first_reader is not None


def test_the_light_profile_has_the_smaller_generator_and_wants_no_certain_memory():
    catalogue = load_catalogue()
    light, embedded = catalogue.profile("light"), catalogue.profile("embedded")
    assert light.generator == ModelSpec("qwen2.5-coder-0.5b-instruct")
    assert catalogue.bases[light.generator.base].bytes < catalogue.bases[embedded.generator.base].bytes
    assert (light.memory, embedded.memory) == (None, 4_000_000_000)


def test_every_base_can_be_had_from_the_hub_and_from_the_index_and_each_piece_is_pinned():
    for base in load_catalogue().bases.values():
        assert base.hub is not None and re.fullmatch("[0-9a-f]{40}", base.hub.revision)
        assert base.parts
        for pin in [*base.files, *base.parts]:
            assert re.fullmatch("[0-9a-f]{64}", pin.sha256)
            assert pin.bytes > 0
        joined = sum(part.member_bytes for part in base.parts)
        if base.archive is not None:
            assert joined == base.archive.bytes
        elif base.gguf is not None:
            assert joined == base.gguf.bytes
        assert (base.gguf is None) == all(file.member for file in base.files)


def test_hub_profiles_are_pinned_to_a_commit_and_differ_in_the_generator_only():
    catalogue = load_catalogue()
    embedded = catalogue.profile("embedded")
    for name in ("llama-3.2-1b", "gpt2-large"):
        profile = catalogue.profile(name)
        repo, _, commit = profile.generator.base.partition("@")
        assert "/" in repo
        assert len(commit) == 40
        assert (profile.reader, profile.verifier) == (embedded.reader, embedded.verifier)


@pytest.mark.parametrize(("wrong", "right"), [("embeded", "embedded"), ("GPT2-Large", "gpt2-large")])
def test_a_wrong_profile_is_answered_with_the_nearest_right_one(wrong: str, right: str):
    with pytest.raises(UsageError, match=f"{wrong}.*{right}"):
        load_catalogue().profile(wrong)


def test_a_profile_like_no_other_is_answered_with_all_of_them():
    with pytest.raises(UsageError, match=r"embedded, gpt2-large, light, llama-3\.2-1b"):
        load_catalogue().profile("qqqq")


@pytest.mark.parametrize("name", ["~nobody-of-this-name", "a" * 5_000])
def test_a_profile_whose_name_is_no_path_is_only_unknown(name: str, tmp_path: Path):
    with pytest.raises(UsageError, match="there is no profile"):
        ModelStore(tmp_path).profile(name)


def test_reading_the_catalogue_and_asking_the_store_imports_nothing_heavy():
    code = (
        "import sys; from assistant.models.store import ModelStore; ModelStore().installed(); "
        "heavy = {'torch', 'transformers', 'huggingface_hub', 'safetensors', 'gguf', 'numpy'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
