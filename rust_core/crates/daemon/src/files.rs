//! `CIFT_<NAME>_FILE` names a file that holds `CIFT_<NAME>`: a secret that no dump of an environment shows.
use std::env;
use std::fs;

/// Makes each such file's text, without the line's end, the variable of this process; one that is set stays. Before any
/// other thread starts. An error is one sentence.
pub fn into_environment() -> Result<(), String> {
    for (name, path) in env::vars() {
        let Some(plain) = name.strip_suffix("_FILE").filter(|plain| plain.starts_with("CIFT_")) else {
            continue;
        };
        if path.is_empty() || env::var(plain).is_ok_and(|told| !told.is_empty()) {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|error| format!("{name}: {path} cannot be read: {error}"))?;
        env::set_var(plain, text.trim());
    }
    Ok(())
}
