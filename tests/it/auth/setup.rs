//! What keeps a server from starting that could not tell its callers apart (PROTOCOL §4.1).

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::keys::{ED25519, ED25519_PUBLIC, P256_PUBLIC, P384_PUBLIC, RSA_1024_PUBLIC, RSA_PUBLIC};
use super::secured_with;
use crate::support::{Store, wait_until, within};

/// Runs the program in `folder` until it ends by itself, and gives what it wrote.
async fn refused(folder: &Path, settings: &Value) -> String {
    std::fs::write(folder.join("taskcast.json"), settings.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_taskcast"));
    command.args(["--port", "0", "--storage", "memory"]).env_clear().current_dir(folder);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = within("the program ends", command.output()).await.unwrap();
    let text = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{settings}: {text}");
    assert!(text.contains("taskcast: ") && !text.contains("panicked") && !text.contains("s3cret"), "{text}");
    text
}

fn jwt(keys: Value) -> Value {
    json!({"auth": {"mode": "jwt", "jwt": keys}})
}

#[tokio::test]
async fn a_key_that_does_not_fit_its_algorithm_keeps_the_server_from_starting() {
    let folder = TempDir::new().unwrap();
    let keys = [
        ("RS256", P256_PUBLIC),
        ("PS512", ED25519_PUBLIC),
        ("RS256", RSA_1024_PUBLIC),
        ("ES256", P384_PUBLIC),
        ("ES384", P256_PUBLIC),
        ("ES256", RSA_PUBLIC),
        ("EdDSA", RSA_PUBLIC),
        ("EdDSA", ED25519),
        ("RS256", "s3cret"),
        ("ES256", "-----BEGIN PUBLIC KEY-----\ns3cret\n-----END PUBLIC KEY-----"),
        ("EdDSA", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----"),
    ];
    for (algorithm, key) in keys {
        let text = refused(folder.path(), &jwt(json!({"algorithm": algorithm, "publicKey": key}))).await;
        let part = format!("cannot verify {algorithm} tokens with `auth.jwt.publicKey`: ");
        assert!(text.contains(&part), "{text}");
    }
    let file = folder.path().join("key.pem");
    std::fs::write(&file, P256_PUBLIC).unwrap();
    let text = refused(folder.path(), &jwt(json!({"algorithm": "EdDSA", "publicKeyFile": file}))).await;
    assert!(text.contains("`auth.jwt.publicKeyFile`: it is a key of another kind, or broken"), "{text}");
    for missing in ["none.pem", "."] {
        let text =
            refused(folder.path(), &jwt(json!({"algorithm": "EdDSA", "publicKeyFile": missing}))).await;
        assert!(text.contains(&format!("cannot read `auth.jwt.publicKeyFile` {missing}")), "{text}");
    }
}

#[tokio::test]
async fn a_mode_without_a_key_or_with_two_keeps_the_server_from_starting() {
    let folder = TempDir::new().unwrap();
    let two = json!({"secret": "s3cret", "publicKey": RSA_PUBLIC});
    let table = [
        (jwt(json!({})), "`auth.mode` in config needs a key"),
        (jwt(two), "contradict each other"),
        (jwt(json!({"algorithm": "HS512", "jwksUrl": "https://s3cret.example"})), "contradict each other"),
        (json!({"auth": {"jwt": {"secret": "s3cret"}}}), "contradict each other"),
        (json!({"metrics": {"auth": true}}), "contradict each other"),
        (json!({"trustedServices": [{"name": "a", "scope": "*"}]}), "`trustedServices[0].key` in config"),
        (json!({"adminApi": true, "adminToken": ""}), "cannot use `adminToken` in config"),
    ];
    for (settings, part) in table {
        let text = refused(folder.path(), &settings).await;
        assert!(text.contains(part), "{settings}: {text}");
    }
}

#[tokio::test]
async fn a_short_secret_is_warned_of() {
    let warning = "is short: whoever has a token can try to guess it";
    for (algorithm, bytes, warned) in [("HS256", 31, true), ("HS256", 32, false), ("HS512", 63, true)] {
        let keys = json!({"algorithm": algorithm, "secret": "s".repeat(bytes)});
        let server = secured_with(Store::Memory, jwt(keys)).start().await;
        wait_until("the server has logged", async || server.logs().contains("listens on").then_some(()))
            .await;
        assert_eq!(server.logs().contains(warning), warned, "{algorithm} {bytes}: {}", server.logs());
    }
}
