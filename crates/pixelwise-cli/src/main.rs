//! The program `pixelwise`.

#[global_allocator]
static ALLOCATOR: channel_kernels::CacheLines = channel_kernels::CacheLines;

fn main() -> std::process::ExitCode {
    pixelwise_cli::main()
}
