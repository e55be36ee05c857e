//! One operation: what it takes, what it answers, and what can go wrong.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, PathItem, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, RefOr, Required, Schema};

use super::errors;
use super::faults::{self, Fault};
use super::kit::text;
use super::parameters;

/// An operation in the making.
pub(super) struct Route {
    operation: OperationBuilder,
    faults: Vec<Fault>,
}

impl Route {
    /// An operation of the group `tag`, with a name for programs and one for people.
    pub(super) fn new(tag: &str, id: &str, summary: &str) -> Self {
        let operation = OperationBuilder::new().tag(tag).operation_id(Some(id)).summary(Some(summary));
        Self { operation, faults: Vec::new() }
    }

    fn with(self, change: impl FnOnce(OperationBuilder) -> OperationBuilder) -> Self {
        Self { operation: change(self.operation), ..self }
    }

    /// What it does, in Markdown.
    pub(super) fn about(self, markdown: &str) -> Self {
        self.with(|operation| operation.description(Some(markdown)))
    }

    /// Demands a credential with this scope.
    pub(super) fn scope(self, scope: &str) -> Self {
        self.with(|operation| {
            operation
                .security(SecurityRequirement::new("Bearer", [scope]))
                .security(SecurityRequirement::new("ServiceKey", [scope]))
        })
        .fails(&faults::GUARDED)
    }

    /// Takes a parameter.
    pub(super) fn takes(self, parameter: ParameterBuilder) -> Self {
        self.with(|operation| operation.parameter(parameter))
    }

    /// Takes several parameters.
    pub(super) fn takes_all(self, parameters: impl IntoIterator<Item = ParameterBuilder>) -> Self {
        parameters.into_iter().fold(self, Self::takes)
    }

    /// Takes a JSON body, which may be a wrong one.
    pub(super) fn body(self, about: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        self.sends(about, schema).fails(&faults::BODY)
    }

    /// Comes with a JSON body.
    pub(super) fn sends(self, about: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        let body = RequestBodyBuilder::new()
            .description(Some(about))
            .required(Some(Required::True))
            .content("application/json", Content::new(Some(schema)));
        self.with(|operation| operation.request_body(Some(body.build())))
    }

    /// Answers with `response`.
    pub(super) fn answers(self, status: &str, response: ResponseBuilder) -> Self {
        self.with(|operation| operation.response(status, response.build()))
    }

    /// Answers with JSON.
    pub(super) fn json(self, status: &str, about: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        self.answers(status, json(about, schema))
    }

    /// Answers without a body.
    pub(super) fn empty(self, status: &str, about: &str) -> Self {
        self.answers(status, ResponseBuilder::new().description(about))
    }

    /// Can go wrong in these ways.
    pub(super) fn fails(mut self, faults: &[Fault]) -> Self {
        self.faults.extend_from_slice(faults);
        self
    }

    /// Adds the operation at its place. What stands in braces in `path` becomes a parameter.
    pub(super) fn at(self, paths: PathsBuilder, method: HttpMethod, path: &str) -> PathsBuilder {
        let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        let route = names.map(parameters::path).fold(self, Self::takes);
        let mut operation = route.operation.build();
        for (status, answer) in errors::answers(&route.faults) {
            operation.responses.responses.entry(status).or_insert_with(|| answer.into());
        }
        paths.path(path, PathItem::new(method, operation))
    }
}

/// An answer in JSON.
pub(super) fn json(about: &str, schema: impl Into<RefOr<Schema>>) -> ResponseBuilder {
    ResponseBuilder::new().description(about).content("application/json", Content::new(Some(schema)))
}

/// A JSON answer that is remembered under the `Idempotency-Key`.
pub(super) fn replayable(about: &str, schema: impl Into<RefOr<Schema>>) -> ResponseBuilder {
    let about_header = "`true` when this is the remembered answer to an earlier request with the same key.";
    let header = HeaderBuilder::new().schema(Some(text(""))).description(Some(about_header));
    json(about, schema).header("Idempotent-Replayed", header.build())
}

/// A stream of events.
pub(super) fn stream(about: &str, example: &str) -> ResponseBuilder {
    let content =
        Content::builder().schema(Some(text("A `text/event-stream`."))).example(Some(example.into()));
    ResponseBuilder::new().description(about).content("text/event-stream", content.build())
}
