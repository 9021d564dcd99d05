"""What can go wrong with a model, each with one plain sentence for the user.

ModelError
├── ModelNotFoundError      no such folder, no such name on the hub
├── HubUnreachableError     the hub did not answer, or the download broke off
├── UnsupportedModelError   a folder or a checkpoint that is no causal language model, or has no safetensors
├── BrokenWeightsError      truncated, inconsistent or unreadable weights, configuration or tokenizer
├── DeviceError             the device or the format is not to be had here
├── LoadCancelledError      the caller asked to stop before the model was there
├── OutputError             a checkpoint that cannot be written where it is asked for
└── RequestError            a generation request that cannot be carried out
"""


class ModelError(Exception):
    """A failure whose message names the thing and says what to do about it."""


class ModelNotFoundError(ModelError):
    """Neither a folder nor a model of the hub has this name."""


class HubUnreachableError(ModelError):
    """The hub did not answer, or the connection broke while downloading."""


class UnsupportedModelError(ModelError):
    """The folder holds something else than a causal language model in safetensors."""


class BrokenWeightsError(ModelError):
    """The files of the checkpoint are damaged or contradict each other."""


class DeviceError(ModelError):
    """The device or the number format asked for is not available on this machine."""


class LoadCancelledError(ModelError):
    """The caller no longer wants the model; what was downloaded is kept for the next time."""


class OutputError(ModelError):
    """What is to be written is there already, or cannot be; nothing was changed."""


class RequestError(ModelError):
    """The request cannot be carried out as it is."""
