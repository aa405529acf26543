//! Sets up the linker for a Node addon.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What is the same, code or constants, is kept once. Nothing tells functions, tables of methods or other constants apart by their
/// addresses: ours do not, and what they depend on compares none but those of its own memory.
const FOLD: [&str; 2] = ["-Wl,--icf=all", "-Wl,--ignore-data-address-equality"];

fn main() {
    napi_build::setup();
    let target = env("TARGET").to_uppercase().replace('-', "_");
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_{target}_LINKER");
    if env("PROFILE") == "release" && env("CARGO_CFG_TARGET_OS") == "linux" && links_with(&FOLD) {
        FOLD.iter().for_each(|argument| println!("cargo::rustc-cdylib-link-arg={argument}"));
    }
}

/// Whether the linker of this very build, with its flags, takes these arguments. LLD does, which on x86-64 is rustc's own since
/// 1.90; that of GNU does not, and fails. No build fails for it.
fn links_with(arguments: &[&str]) -> bool {
    let folder = PathBuf::from(env("OUT_DIR"));
    let [source, library] = ["probe.rs", "probe.so"].map(|name| folder.join(name));
    if std::fs::write(&source, "").is_err() {
        return false;
    }
    let mut rustc = Command::new(env("RUSTC"));
    rustc.args(["--crate-type", "cdylib", "--target", &env("TARGET"), "-o"]).arg(library).arg(source);
    rustc.args(arguments.iter().map(|argument| format!("-Clink-arg={argument}")));
    rustc.args(env("CARGO_ENCODED_RUSTFLAGS").split('\x1f').filter(|flag| !flag.is_empty()));
    if !env("RUSTC_LINKER").is_empty() {
        rustc.args(["-C", &format!("linker={}", env("RUSTC_LINKER"))]);
    }
    rustc.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// What cargo says under that name; empty if nothing.
fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
