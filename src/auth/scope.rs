//! The scopes of the protocol.

/// What a principal may be permitted to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of PROTOCOL §1")]
pub enum Scope {
    TaskCreate,
    TaskManage,
    TaskResolve,
    EventPublish,
    EventSubscribe,
    EventHistory,
    WebhookCreate,
}
