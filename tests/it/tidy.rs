//! What the layout promises (ARCHITECTURE.md), checked in the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a source file without its inline tests, and of a file of tests.
const MOST_LINES: usize = 400;
const MOST_TEST_LINES: usize = 600;

/// Files of the engine that may know actix.
const ACTOR_FILES: [&str; 8] =
    ["task/", "registry/", "broadcast/", "sweep/", "engine.rs", "builder.rs", "runtime.rs", "lib.rs"];

/// A layer: where it lives, and what no line of it may contain.
const LAYERS: [(&str, &[&str]); 13] = [
    (
        "actors/src/domain",
        &[
            "tokio",
            "actix",
            "async ",
            "SystemTime",
            "Instant",
            "fastrand",
            "std::env",
            "std::fs",
            "crate::ports",
            "crate::engine",
            "crate::task",
            "crate::memory",
            "crate::shared",
            "parking_lot",
        ],
    ),
    (
        "actors/src/ports",
        &["actix", "rusqlite", "crate::engine", "crate::task", "crate::memory", "crate::shared"],
    ),
    ("actors/src/memory", &["actix", "crate::engine", "crate::task", "crate::registry", "crate::shared"]),
    ("actors/src", &["rusqlite", "actix_web", "std::env", "taskcast::", "serde_norway"]),
    (
        "src/stores",
        &[
            "actix",
            "taskcast_actors::Engine",
            "taskcast_actors::{",
            "crate::http",
            "crate::app",
            "crate::auth",
            "crate::config",
            "crate::metrics",
            "std::env",
        ],
    ),
    (
        "src/http",
        &[
            "crate::stores",
            "crate::app",
            "crate::cli",
            "taskcast_actors::ports",
            "rusqlite",
            "std::env",
            "std::fs",
        ],
    ),
    ("src/config", &["actix", "tokio", "crate::http", "crate::stores", "crate::app", "taskcast_actors"]),
    (
        "src/webhook",
        &[
            "actix",
            "crate::http",
            "crate::stores",
            "crate::app",
            "crate::config",
            "taskcast_actors::ports",
            "std::env",
        ],
    ),
    (
        "src/client",
        &[
            "actix",
            "taskcast_actors::ports",
            "taskcast_actors::Engine",
            "taskcast_actors::{",
            "crate::http",
            "crate::stores",
            "crate::app",
            "crate::auth",
            "crate::config",
            "crate::cli::",
            "std::env",
        ],
    ),
    (
        "src/bench",
        &[
            "actix",
            "reqwest",
            "taskcast_actors",
            "crate::http",
            "crate::stores",
            "crate::app",
            "crate::client",
            "crate::cli",
            "std::env",
        ],
    ),
    ("src/auth", &["actix", "crate::http", "crate::stores", "crate::app", "crate::cli"]),
    ("src/metrics.rs", &["actix", "crate::http", "crate::stores", "crate::app", "rusqlite"]),
    ("src/telemetry.rs", &["crate::http", "crate::stores", "crate::app"]),
];

struct Source {
    path: String,
    /// The lines of the program, then those of its inline tests.
    lines: Vec<String>,
    tests_from: usize,
}

impl Source {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("sources are UTF-8");
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let path = path.strip_prefix(root()).expect("it is below the root").display().to_string();
        let tests = lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1] == "mod tests {");
        let all_tests =
            ["/tests/", "/properties"].iter().any(|part| path.contains(part)) || path.starts_with("tests/");
        let tests_from = if all_tests { 0 } else { tests.unwrap_or(lines.len()) };
        Self { path, lines, tests_from }
    }

    /// The lines of the program that are no comments, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        code(&self.lines[..self.tests_from])
    }

    /// All lines that are no comments.
    fn all_code(&self) -> impl Iterator<Item = (usize, &str)> {
        code(&self.lines)
    }
}

fn code(lines: &[String]) -> impl Iterator<Item = (usize, &str)> {
    let numbered = (1..).zip(lines.iter().map(|line| line.trim()));
    numbered.filter(|(_, line)| !line.starts_with("//"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below these folders.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("readable").map(|entry| entry.expect("readable").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(Source::read(&path));
        }
    }
    assert!(!found.is_empty(), "{folders:?}");
    found
}

/// That nothing was found.
#[track_caller]
fn none(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn no_layer_knows_what_is_above_it() {
    let mut found = Vec::new();
    for (layer, forbidden) in LAYERS {
        for source in sources(&[layer]) {
            for (number, line) in source.code() {
                let words = forbidden.iter().filter(|word| line.contains(**word));
                found.extend(
                    words.map(|word| format!("{}:{number}: {layer} must not know {word}", source.path)),
                );
            }
        }
    }
    none(&found);
}

#[test]
fn actix_is_in_the_actors_only() {
    let mut found = Vec::new();
    for source in sources(&["actors/src"]) {
        let inside = source.path.trim_start_matches("actors/src/");
        if !ACTOR_FILES.iter().any(|allowed| inside.starts_with(allowed)) {
            let lines = source.code().filter(|(_, line)| line.contains("actix"));
            found.extend(lines.map(|(number, _)| format!("{}:{number}: actix", source.path)));
        }
    }
    none(&found);
}

#[test]
fn only_the_command_line_and_the_examples_start_the_service() {
    let mut found = Vec::new();
    for source in sources(&["src"]) {
        if !source.path.starts_with("src/cli/") && source.path != "src/example.rs" {
            let lines = source.all_code().filter(|(_, line)| line.contains("crate::app"));
            found.extend(lines.map(|(number, _)| format!("{}:{number}: the composition root", source.path)));
        }
    }
    none(&found);
}

#[test]
fn no_file_is_too_long() {
    let mut found = Vec::new();
    for source in sources(&["src", "actors/src", "actors/tests", "tests", "benches"].map(existing)) {
        let lines = source.lines.len();
        if source.tests_from > MOST_LINES || lines > MOST_TEST_LINES {
            found.push(format!("{}: {} lines, {lines} with its tests", source.path, source.tests_from));
        }
    }
    none(&found);
}

/// The folder, or one that is sure to exist.
fn existing(folder: &'static str) -> &'static str {
    if root().join(folder).exists() { folder } else { "src" }
}

#[test]
fn no_test_sleeps() {
    // Written in two parts, so that this file does not find itself.
    let sleep = concat!("sle", "ep(");
    let mut found = Vec::new();
    for source in sources(&["src", "actors/src", "actors/tests", "tests"].map(existing)) {
        let tests = code(&source.lines[source.tests_from..]).filter(|(_, line)| line.contains(sleep));
        found.extend(
            tests.map(|(number, _)| format!("{}:{}: sleeps", source.path, source.tests_from + number)),
        );
    }
    none(&found);
}

#[test]
fn nothing_is_left_to_do_or_hidden() {
    let forbidden = [
        concat!("#[al", "low"),
        concat!("#![al", "low"),
        concat!("to", "do!"),
        concat!("unimple", "mented!"),
    ];
    let mut found = Vec::new();
    for source in sources(&["src", "actors/src", "tests", "benches"]) {
        for (number, line) in source.all_code() {
            let words = forbidden.iter().filter(|word| line.contains(**word));
            found.extend(words.map(|word| format!("{}:{number}: {word}", source.path)));
        }
        let unwraps = source.code().filter(|(_, line)| line.contains(concat!(".unw", "rap()")));
        found.extend(unwraps.map(|(number, _)| format!("{}:{number}: unwraps", source.path)));
    }
    none(&found);
}

#[test]
fn migrations_are_numbered_from_one_without_a_gap() {
    let folders = fs::read_dir(root().join("migrations")).expect("readable");
    for folder in folders.map(|entry| entry.expect("readable").path()).filter(|path| path.is_dir()) {
        let files =
            fs::read_dir(&folder).expect("readable").map(|entry| entry.expect("readable").file_name());
        let mut names: Vec<_> = files.map(|name| name.into_string().expect("UTF-8")).collect();
        names.sort_unstable();
        assert!(!names.is_empty(), "{}", folder.display());
        for (name, number) in names.iter().zip(1..) {
            let fits = name.starts_with(&format!("{number:04}_")) && name.ends_with(".sql");
            assert!(fits, "{}: {name} should be number {number}", folder.display());
        }
    }
}
