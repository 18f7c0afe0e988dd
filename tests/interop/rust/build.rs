//! Generates messages and services from the repository's .proto files.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use ttrpc_codegen::{Codegen, Customize, ProtobufCustomize};

const PROTOS: &str = "../../../protos";
const NAMES: [&str; 5] = ["agent", "csi", "health", "oci", "types"];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed={PROTOS}");
    let include = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it")).join("include");
    let customize = Customize {
        async_all: true,
        gen_mod: true,
        ..Default::default()
    };
    Codegen::new()
        .include(&include)
        .inputs(lay_out(&include)?)
        .rust_protobuf()
        .rust_protobuf_customize(ProtobufCustomize::default().gen_mod_rs(true))
        .customize(customize)
        .run()
}

/// Lays the files where they import each other from, and returns their paths.
fn lay_out(include: &Path) -> io::Result<Vec<PathBuf>> {
    let _ = fs::remove_dir_all(include);
    let package = include.join("kata_exporter");
    fs::create_dir_all(&package)?;
    symlink(fs::canonicalize(PROTOS)?, package.join("_pb"))?;

    // The generator has no well-known types of its own.
    let well_known = include.join("google/protobuf");
    fs::create_dir_all(&well_known)?;
    let empty = well_known.join("empty.proto");
    fs::write(
        &empty,
        "syntax = \"proto3\"; package google.protobuf; message Empty {}",
    )?;

    let ours = NAMES.map(|name| package.join(format!("_pb/{name}.proto")));
    Ok(ours.into_iter().chain([empty]).collect())
}
