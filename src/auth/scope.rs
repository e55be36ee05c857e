//! The scopes of the protocol.

/// What a principal may be permitted to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of PROTOCOL §1")]
pub enum Scope {
    TaskCreate,
    TaskManage,
    TaskResolve,
    TaskSignal,
    EventPublish,
    EventSubscribe,
    EventHistory,
    WebhookCreate,
    WorkerConnect,
    WorkerManage,
    /// `*`: all of them.
    Every,
}

impl Scope {
    /// All scopes, `*` included.
    pub const ALL: [Self; 11] = [
        Self::TaskCreate,
        Self::TaskManage,
        Self::TaskResolve,
        Self::TaskSignal,
        Self::EventPublish,
        Self::EventSubscribe,
        Self::EventHistory,
        Self::WebhookCreate,
        Self::WorkerConnect,
        Self::WorkerManage,
        Self::Every,
    ];

    /// The name the protocol uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TaskCreate => "task:create",
            Self::TaskManage => "task:manage",
            Self::TaskResolve => "task:resolve",
            Self::TaskSignal => "task:signal",
            Self::EventPublish => "event:publish",
            Self::EventSubscribe => "event:subscribe",
            Self::EventHistory => "event:history",
            Self::WebhookCreate => "webhook:create",
            Self::WorkerConnect => "worker:connect",
            Self::WorkerManage => "worker:manage",
            Self::Every => "*",
        }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u16);

impl Scopes {
    /// The scopes with these names; others are ignored.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let known = |name: &str| Scope::ALL.into_iter().find(|scope| scope.as_str() == name);
        Self(names.into_iter().filter_map(known).fold(0, |bits, scope| bits | Self::bit(scope)))
    }

    fn bit(scope: Scope) -> u16 {
        1 << scope as u16
    }

    /// Whether `scope` is in the set, by itself or by `*`.
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & (Self::bit(scope) | Self::bit(Scope::Every)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_have_the_names_that_configuration_knows() {
        assert_eq!(crate::config::SCOPES, Scope::ALL.map(Scope::as_str));
    }

    #[test]
    fn a_set_allows_what_it_names_and_a_star_everything() {
        let two = Scopes::named(["task:create", "nonsense", "event:publish"]);
        for scope in Scope::ALL {
            let named = matches!(scope, Scope::TaskCreate | Scope::EventPublish);
            assert_eq!(two.allow(scope), named, "{scope:?}");
            assert!(Scopes::named(["*"]).allow(scope));
            assert!(!Scopes::named([]).allow(scope));
            assert!(!Scopes::named(["task:*", "Task:Create", " task:create", "**"]).allow(scope));
        }
    }
}
