//! Enters new and changed schemas into `schemas.lock.json`, and writes golden bytes that are missing.
//!
//! Run it after a file of `avsc/` changed, look at the difference, and commit it. Golden bytes are
//! written with the schemas that were compiled in, so after a change of the lock file it has to run
//! twice. It never touches golden bytes that exist.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let locked = schemas::check::locked()?;
    let proposed = schemas::check::propose(&locked)?;
    if proposed != locked {
        let mut text = serde_json::to_string_pretty(&proposed)?;
        text.push('\n');
        std::fs::write(root.join("schemas.lock.json"), text)?;
        say("schemas.lock.json changed: run this again for the golden bytes");
        return Ok(());
    }
    schemas::check::check()?;
    for golden in schemas::golden::present() {
        for (ending, text) in [("hex", &golden.hex), ("json", &golden.json)] {
            let path = root.join(format!("{}.{ending}", golden.path));
            if !path.exists() {
                std::fs::create_dir_all(path.parent().ok_or("a golden file has a folder")?)?;
                std::fs::write(&path, text)?;
                say(&format!("wrote {}", path.display()));
            }
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a tool for the terminal")]
fn say(line: &str) {
    println!("{line}");
}
