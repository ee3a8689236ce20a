import logging

# Wherever it is installed PEFT imports it, and it warns of kernels that nobody asked for.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
