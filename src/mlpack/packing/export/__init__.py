"""From a fitted model to canonical ONNX: the ladder of emitters and converters."""
