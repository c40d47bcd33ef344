//! The program `pixelwise`.

fn main() -> std::process::ExitCode {
    pixelwise_cli::main()
}
