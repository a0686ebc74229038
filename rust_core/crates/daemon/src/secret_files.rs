//! `CIFT_<NAME>_FILE` names a file with the value of `CIFT_<NAME>`. A secret in a file does not appear in a
//! dump of the environment.
use std::env;
use std::fs;

/// Sets `CIFT_<NAME>` of this process to the trimmed text of each `CIFT_<NAME>_FILE`. A variable that is
/// already set keeps its value. Call it before any other thread starts. The error names the variable and
/// the file.
pub fn load_into_environment() -> Result<(), String> {
    for (name, path) in env::vars() {
        let Some(plain) = name.strip_suffix("_FILE").filter(|plain| plain.starts_with("CIFT_")) else {
            continue;
        };
        if path.is_empty() || env::var(plain).is_ok_and(|value| !value.is_empty()) {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|error| format!("{name}: cannot read {path}: {error}"))?;
        env::set_var(plain, text.trim());
    }
    Ok(())
}
