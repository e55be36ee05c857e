//! Ids that clients choose.

use crate::support::Server;

on_each_store!(an_id_may_hold_anything_a_path_can_carry, a_hostile_client_id_is_only_a_name);

async fn an_id_may_hold_anything_a_path_can_carry(server: Server) {
    let long = "x".repeat(256);
    let ids = [
        ("a b", "a%20b"),
        ("ä€😀", "%C3%A4%E2%82%AC%F0%9F%98%80"),
        ("50%", "50%25"),
        ("a+b", "a+b"),
        ("a?b#c", "a%3Fb%23c"),
        ("%2e", "%252e"),
        ("...", "..."),
        ("'; drop table tasks;--", "'%3B%20drop%20table%20tasks%3B--"),
        ("{task}", "%7Btask%7D"),
        ("a:b@c", "a:b@c"),
        ("\\\"", "%22"),
        (long.as_str(), long.as_str()),
    ];
    for (id, path) in ids {
        let created = server.post("/tasks", &format!(r#"{{"id":"{id}"}}"#)).await.ok(201);
        let shown = server.get(&format!("/tasks/{path}")).await.ok(200);
        assert_eq!(shown["id"], created["id"]);
        let event = server.publish(path, r#"{"type":"a"}"#).await;
        assert_eq!(event["taskId"], created["id"]);
        assert_eq!(server.history(path, "").await, std::slice::from_ref(&event));
        let mut stream = server.stream(&format!("/tasks/{path}/events")).await;
        assert_eq!(stream.event().await["taskId"], created["id"]);
        assert_eq!(server.delete(&format!("/tasks/{path}")).await.status, 204);
        assert_eq!(stream.done().await, "deleted");
    }
}

async fn a_hostile_client_id_is_only_a_name(server: Server) {
    server.create("t").await;
    for (client, path) in [("a/b", "a%2Fb"), ("..", "%2e%2e"), ("a b\\n", "a%20b%0A"), ("é", "%C3%A9")] {
        let body = format!(r#"{{"type":"a","clientId":"{client}","clientSeq":1}}"#);
        let event = server.publish("t", &body).await;
        let seq = server.get(&format!("/tasks/t/seq/{path}")).await.ok(200);
        let expected = serde_json::json!({"clientId": event["clientId"], "expectedSeq": 2});
        assert_eq!(seq, expected);
    }
}
