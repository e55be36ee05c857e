//! Finding the configuration file and parsing it, whatever its format, into one tree.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::ConfigError;
use super::format;

const STEMS: [&str; 2] = ["taskcast.config", "taskcast"];
const EXTENSIONS: [&str; 4] = ["yaml", "yml", "toml", "json"];

/// The file to read: `explicit`, which must exist, or the only one with a known name in `folder`.
pub(super) fn find(folder: &Path, explicit: Option<&Path>) -> Result<Option<PathBuf>, ConfigError> {
    if let Some(path) = explicit {
        let path = path.to_owned();
        return if exists(&path)? { Ok(Some(path)) } else { Err(ConfigError::NotFound { path }) };
    }
    let mut found = Vec::new();
    for stem in STEMS {
        for extension in EXTENSIONS {
            let path = folder.join(format!("{stem}.{extension}"));
            if exists(&path)? {
                found.push(path);
            }
        }
    }
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(ConfigError::Ambiguous { paths: found }),
    }
}

/// Whether something other than a folder has this name, a dangling link included.
fn exists(path: &Path) -> Result<bool, ConfigError> {
    match path.symlink_metadata() {
        Ok(about) => Ok(!about.is_dir()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unreadable(path, error)),
    }
}

/// The content of the file as one tree.
pub(super) fn read(path: &Path) -> Result<Value, ConfigError> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let (format, parse): (_, format::Parse) = match extension {
        Some("yaml" | "yml") => ("yaml", format::yaml),
        Some("toml") => ("toml", format::toml),
        Some("json") => ("json", format::json),
        _ => return Err(ConfigError::UnknownFormat { path: path.to_owned() }),
    };
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    parse(text).map_err(|reason| ConfigError::Parse { path: path.to_owned(), format, reason })
}

fn unreadable(path: &Path, source: io::Error) -> ConfigError {
    ConfigError::Read { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir, write};

    use tempfile::tempdir;

    use super::*;

    #[test]
    fn an_explicit_path_that_does_not_exist_is_an_error() {
        let folder = tempdir().unwrap();
        write(folder.path().join("taskcast.yaml"), "").unwrap();
        let missing = folder.path().join("missing.yaml");
        let error = find(folder.path(), Some(&missing)).unwrap_err();
        assert_eq!(error.code(), "config_not_found");
        assert!(error.to_string().contains("missing.yaml"), "{error}");
    }

    #[test]
    fn more_than_one_file_is_an_error_that_names_them() {
        let folder = tempdir().unwrap();
        write(folder.path().join("taskcast.config.toml"), "").unwrap();
        write(folder.path().join("taskcast.json"), "{}").unwrap();
        let error = find(folder.path(), None).unwrap_err();
        assert_eq!(error.code(), "config_ambiguous");
        assert!(error.to_string().contains("taskcast.config.toml"), "{error}");
        assert!(error.to_string().contains("taskcast.json"), "{error}");
    }

    #[test]
    fn a_folder_with_the_name_of_a_file_is_no_file() {
        let folder = tempdir().unwrap();
        create_dir(folder.path().join("taskcast.yaml")).unwrap();
        assert_eq!(find(folder.path(), None).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_or_parsed_is_an_error_of_its_own() {
        let folder = tempdir().unwrap();
        let table = [
            ("a.yaml", &b"port: [\n"[..], "config_malformed"),
            ("a.toml", b"port = \n", "config_malformed"),
            ("a.json", b"{", "config_malformed"),
            ("a.json", b"", "config_malformed"),
            ("a.ini", b"port=1", "config_unknown_format"),
            ("a", b"port: 1", "config_unknown_format"),
            ("b.yaml", b"\xff\xfe", "config_unreadable"),
        ];
        for (name, content, code) in table {
            let path = folder.path().join(name);
            write(&path, content).unwrap();
            let error = read(&path).unwrap_err();
            assert_eq!(error.code(), code, "{name}: {error}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, "\u{feff}{}").unwrap();
        assert_eq!(read(&path).unwrap(), serde_json::json!({}));
    }
}
