"""The shape of Llama 3 8B. Planning needs no weights."""

from transformers import LlamaConfig

LLAMA_3_8B = LlamaConfig(
    vocab_size=128256,
    hidden_size=4096,
    num_hidden_layers=32,
    num_attention_heads=32,
    num_key_value_heads=8,
    intermediate_size=14336,
    tie_word_embeddings=False,
    max_position_embeddings=8192,
)
