"""Any server that speaks the OpenAI API as a generator: vLLM, llama.cpp, Ollama, LM Studio, hosted ones.

`address` finds the server, `listing` its models, `connection` carries a request, `chunks` and `thinking` read
an answer, `errors` reads what went wrong and `wording` says it, `pace` and `job` say whether and when to ask again,
and `generator` puts it all together.
"""

from assistant.generation.server.address import ServerAddress, resolve
from assistant.generation.server.generator import ServerGenerator
from assistant.generation.server.listing import ListedModel, list_models

__all__ = ["ListedModel", "ServerAddress", "ServerGenerator", "list_models", "resolve"]
