//! What the linker has to know where a library's symbols come from whoever loads it: macOS.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
