"""The model whose answers are learnt: its sizes, the weights a drafter begins with, and the outputs of its layers."""
import os

import numpy as np
import torch

from .errors import TrainerError
from .manifest import FINGERPRINT


class Target:
    """A causal model that transformers loads, with `model.layers` and `model.norm` as in the llama family."""

    def __init__(self, folder, device, dtype):
        try:
            import transformers
        except ImportError as error:
            raise TrainerError(
                f"the package transformers cannot be loaded: {error}", "pip install transformers") from None
        if not os.path.isfile(os.path.join(folder, "config.json")):
            raise TrainerError(
                f"{folder} is no folder of Hugging Face: config.json is missing",
                "give --model the folder with config.json and the weights in safetensors")
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        try:
            model = transformers.AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, local_files_only=True)
        except Exception as error:  # whatever transformers raises for a folder that it cannot use
            first = str(error).strip().split("\n")[0]
            raise TrainerError(f"{folder} cannot be loaded by transformers: {first}") from None
        self.folder, self.device = folder, device
        self.config = model.config
        self._model = model.to(device).eval().requires_grad_(False)
        try:
            self._base = model.model
            self._layers, self._norm = self._base.layers, self._base.norm
            self._last = self._layers[-1]
            self._parts = {
                "final_norm": self._norm, "attention_norm": self._last.input_layernorm,
                "feed_forward_norm": self._last.post_attention_layernorm,
                "query": self._last.self_attn.q_proj, "key": self._last.self_attn.k_proj,
                "value": self._last.self_attn.v_proj, "gate": self._last.mlp.gate_proj,
                "up": self._last.mlp.up_proj,
            }
        except AttributeError as error:
            raise TrainerError(
                f"{folder}: a model of type {self.config.model_type} is not supported: {error}",
                "use a model of the llama or qwen2 architecture") from None

    # Numbers

    @property
    def sizes(self):
        """What the fingerprint of a model says, without its tokenizer."""
        return {
            name: getattr(self.config, name, None) or (
                self.config.num_attention_heads if name == "num_key_value_heads" else 0)
            for name in FINGERPRINT
        }

    @property
    def head_dimension(self):
        return getattr(self.config, "head_dim", None) or (
            self.config.hidden_size // self.config.num_attention_heads)

    @property
    def rotary_base(self):
        parameters = getattr(self.config, "rope_parameters", None) or {}
        return float(parameters.get("rope_theta") or getattr(self.config, "rope_theta", None) or 10000.0)

    def check_context(self, data):
        """Refuses data with a text that is longer than its context, if it says how long that is."""
        length = getattr(self.config, "max_position_embeddings", None)
        if length and data.longest_text > length:
            raise TrainerError(
                f"the longest text of the data has {data.longest_text} tokens, the context of {self.folder} holds "
                f"{length}",
                "use the model that made the data, or make data with shorter prompts and answers")

    def check(self, manifest):
        """Whether it has the numbers of the model that made the data."""
        for name, got in self.sizes.items():
            expected = manifest.fingerprint[name]
            if got != expected:
                raise TrainerError(
                    f"the data of {manifest.path} were made by a model with {FINGERPRINT[name]} {expected}, "
                    f"{self.folder} has {got}", "use the model that made the data")

    # Weights

    def embedding(self):
        """`[vocabulary, hidden]` of float32, on the device"""
        return self._model.get_input_embeddings().weight.detach().float()

    def head_rows(self, tokens):
        """Rows of the LM head. `[tokens, hidden]` of float32, on the CPU"""
        weight = self._model.get_output_embeddings().weight.detach()
        return weight[torch.as_tensor(tokens, device=weight.device, dtype=torch.long)].float().cpu()

    def part(self, name):
        """A weight of the last layer, or the final norm. float32, on the CPU"""
        return self._parts[name].weight.detach().float().cpu()

    # Passes

    @torch.no_grad()
    def taps(self, layers, tokens):
        """Outputs of layers for texts that were padded behind their end. `[layers][texts, rows, hidden]` of float32

        A row never sees what is behind it, so that padding needs no mask. Values are rounded to half precision, and
        bounded to what is finite in it, as those that the Swift trainer keeps in memory.
        """
        bound = torch.finfo(torch.float16).max
        found = {}

        def keep(layer):
            def hook(module, inputs, output):
                values = (output[0] if isinstance(output, tuple) else output).float()
                found[layer] = values.clamp(-bound, bound).half().float()
            return hook

        hooks = [self._layers[layer].register_forward_hook(keep(layer)) for layer in layers]
        try:
            self._base(input_ids=tokens, use_cache=False)
        finally:
            for hook in hooks:
                hook.remove()
        return [found[layer] for layer in layers]

    @torch.no_grad()
    def hidden_states(self, tokens):
        """States after the final norm. `[texts, rows, hidden]`"""
        return self._base(input_ids=tokens, use_cache=False).last_hidden_state

    @torch.no_grad()
    def agreement(self, data, answers):
        """Share of places of some answers where its most likely token is the one that the data hold as most likely."""
        same = places = 0
        for first in answers:
            tokens, prompt, _ = data.text(int(first))
            rows = torch.as_tensor(tokens[:-1], dtype=torch.long, device=self.device)[None]
            logits = self._model(input_ids=rows, use_cache=False).logits[0, prompt - 1:]
            wanted = data.gather(np.arange(first, first + len(logits)), "top_tokens")[:, 0]
            same += int((logits.argmax(-1).cpu().numpy() == wanted).sum())
            places += len(wanted)
        return same / max(1, places)
