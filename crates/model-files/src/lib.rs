//! Networks in files: ONNX, and the plain text networks of the LRP toolbox.
