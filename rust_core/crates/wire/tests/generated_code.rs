//! The generated code belongs to the committed schemas. This test needs no tool; `examples/generate.rs --check` is the
//! full check.
use std::fs;

#[test]
fn generated_code_belongs_to_the_schemas() {
    let dir = env!("CARGO_MANIFEST_DIR");
    let mut digest = blake3::Hasher::new();
    for name in [
        "types", "command", "result", "record", "market", "account", "ticks", "update",
    ] {
        digest.update(&fs::read(format!("{dir}/schema/{name}.capnp")).unwrap());
    }
    let kept = fs::read_to_string(format!("{dir}/src/generated/schema.blake3")).unwrap();
    assert_eq!(
        kept.trim(),
        digest.finalize().to_string(),
        "schemas changed: run `cargo run -p cift-wire --example generate`"
    );
}
