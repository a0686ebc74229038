//! Writes `src/generated/*_capnp.gen.rs` from `schema/*.capnp`, or checks that they are current.
//!
//! `cargo run -p cift-wire --example generate [-- --check]`. Needs the `capnp` tool (Debian: `capnproto`); without it the
//! check fails. A build does not need the tool, because the files are committed; `tests/generated_code.rs` compares the
//! schemas' digest with `src/generated/schema.blake3`.
use std::{fs, path::Path, process::exit};

const SCHEMAS: [&str; 8] = [
    "types", "command", "result", "record", "market", "account", "ticks", "update",
];

fn main() {
    let check = std::env::args().any(|a| a == "--check");
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = std::env::temp_dir().join(format!("cift-wire-generate-{}", std::process::id()));
    fs::create_dir_all(&out).expect("a temporary folder");
    let mut compile = capnpc::CompilerCommand::new();
    compile.src_prefix(crate_dir.join("schema")).output_path(&out);
    let mut digest = blake3::Hasher::new();
    for name in SCHEMAS {
        let file = crate_dir.join("schema").join(format!("{name}.capnp"));
        digest.update(&fs::read(&file).expect("the schema"));
        compile.file(file);
    }
    if let Err(error) = compile.run() {
        eprintln!("cannot compile the schemas: {error}\nInstall the `capnp` tool (Debian: apt install capnproto).");
        exit(2);
    }
    let mut files: Vec<(String, String)> = SCHEMAS
        .iter()
        .map(|name| {
            let text = fs::read_to_string(out.join(format!("{name}_capnp.rs"))).expect("generated code");
            (format!("{name}_capnp.gen.rs"), text)
        })
        .collect();
    files.push(("schema.blake3".into(), format!("{}\n", digest.finalize())));
    let mut stale = Vec::new();
    for (name, text) in files {
        let path = crate_dir.join("src/generated").join(&name);
        if check {
            if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
                stale.push(name);
            }
        } else {
            fs::write(path, text).expect("writing src/generated");
        }
    }
    fs::remove_dir_all(&out).ok();
    if !stale.is_empty() {
        eprintln!("stale: {stale:?}\nRun: cargo run -p cift-wire --example generate");
        exit(1);
    }
}
