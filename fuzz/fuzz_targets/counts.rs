//! Files of any format, told by their content, as what `read_counts` makes of them.
#![no_main]

use coverage_principle_core::files::{InputFile, CountOptions, read_counts};
use coverage_principle_core::{Control, Workers};
use libfuzzer_sys::fuzz_target;

/// The facade's defaults.
const OPTIONS: &str = r#"{"format": null, "transpose": false, "join": "exact", "tests": "plus", "samples": null, "metric": null,
    "filter": null, "columns": {}}"#;

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("coverage-fuzz-counts-{}", std::process::id()));
    std::fs::write(&path, bytes).expect("a temporary file");
    let path = path.display().to_string();
    let options: CountOptions = serde_json::from_str(OPTIONS).expect("the options");
    for collect in [false, true] {
        let inputs = [InputFile { path: path.clone(), shown: None, model: None }];
        let _ = read_counts(&inputs, options.clone(), collect, &Workers::sequential(), &Control::new());
    }
});
