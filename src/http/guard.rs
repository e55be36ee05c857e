//! What stands before every endpoint: whether somebody comes too often, who they are, and whether they may. It is decided
//! before anything of the body is read (PROTOCOL §3, §4). What depends on the body is up to the endpoint, with the
//! principal it is given.

use std::borrow::Cow;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use actix_web::{FromRequest, Handler, HttpMessage as _, HttpRequest, HttpResponse, Responder, web};
use taskcast_actors::EngineError;
use taskcast_actors::domain::TaskId;
use url::form_urlencoded;

use super::extract::{ID_PLACE, decoded_segment, discard};
use super::{ApiError, RateLimiter, Service, TooMany};
use crate::auth::{AuthError, Credentials, Principal, Scope};

const SERVICE_KEY: HeaderName = HeaderName::from_static("x-taskcast-service-key");

/// Who may use an endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    who: Who,
    query_token: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Everybody,
    Holders(Scope),
    HoldersOfTask(Scope),
    Metrics,
    Administrators,
}

/// Everybody.
pub(super) const PUBLIC: Access = Access::of(Who::Everybody);
/// Whoever may read metrics, which is configured.
pub(super) const METRICS: Access = Access::of(Who::Metrics);
/// Everybody, if administrators can get tokens at all; the endpoint asks for theirs.
pub(super) const ADMIN: Access = Access::of(Who::Administrators);

/// Whoever has `scope`. Which tasks they may touch is up to the endpoint.
pub(super) const fn holders(scope: Scope) -> Access {
    Access::of(Who::Holders(scope))
}

/// Whoever has `scope`, and for the task in the path.
pub(super) const fn of_task(scope: Scope) -> Access {
    Access::of(Who::HoldersOfTask(scope))
}

impl Access {
    const fn of(who: Who) -> Self {
        Self { who, query_token: false }
    }

    /// The same, also with a token in the query if that is configured.
    pub(super) const fn or_query_token(self) -> Self {
        Self { query_token: true, ..self }
    }

    /// Whether the endpoint is switched off.
    pub(super) fn is_off(self, service: &Service) -> bool {
        self.who == Who::Administrators && service.auth.admin().is_none()
    }
}

/// A handler behind its guard.
pub(super) struct Guarded<F, A> {
    access: Access,
    handler: F,
    arguments: PhantomData<fn() -> A>,
}

impl<F, A> Guarded<F, A> {
    pub(super) fn new(access: Access, handler: F) -> Self {
        Self { access, handler, arguments: PhantomData }
    }
}

impl<F: Clone, A> Clone for Guarded<F, A> {
    fn clone(&self) -> Self {
        Self::new(self.access, self.handler.clone())
    }
}

impl<F, A> Handler<(HttpRequest, web::Payload)> for Guarded<F, A>
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    type Output = HttpResponse;
    type Future = Pin<Box<dyn Future<Output = HttpResponse>>>;

    fn call(&self, (request, payload): (HttpRequest, web::Payload)) -> Self::Future {
        let (access, handler) = (self.access, self.handler.clone());
        Box::pin(async move {
            let mut payload = payload.into_inner();
            if let Err(error) = admit(&request, access).await {
                discard(&mut payload).await;
                return HttpResponse::from_error(error);
            }
            match A::from_request(&request, &mut payload).await {
                Ok(arguments) => handler.call(arguments).await.respond_to(&request).map_into_boxed_body(),
                Err(error) => HttpResponse::from_error(error),
            }
        })
    }
}

/// Lets a request through or not. Whoever is let through is kept with the request.
async fn admit(request: &HttpRequest, access: Access) -> Result<(), ApiError> {
    let service = service_of(request);
    if access.is_off(service) {
        return Err(ApiError::not_found());
    }
    let (scope, of_task) = match access.who {
        Who::Everybody => return Ok(()),
        Who::Administrators => return Ok(count(service, |limiter| limiter.take_of_address(request))?),
        Who::Metrics if !service.settings.metrics_auth => return Ok(()),
        Who::Metrics => (Scope::Every, false),
        Who::Holders(scope) => (scope, false),
        Who::HoldersOfTask(scope) => (scope, true),
    };
    // Before the credential is looked at, so that one cannot be guessed by trying.
    count(service, |limiter| limiter.take_of_address(request))?;
    let needs_credential = access.who == Who::Metrics;
    if service.auth.is_open() && !needs_credential {
        return Ok(());
    }
    let principal = authenticate(request, service, access).await?;
    if needs_credential && !principal.is_known() {
        return Err(AuthError::MissingToken.into());
    }
    count(service, |limiter| limiter.take_of_principal(&principal))?;
    principal.require(scope)?;
    if of_task {
        let id = decoded_segment(request, ID_PLACE);
        principal.require_task(Some(&id))?;
        require_rules(service, &principal, scope, &id).await?;
    }
    request.extensions_mut().insert(principal);
    Ok(())
}

/// Counts a request, and also when it is one too many.
fn count(service: &Service, take: impl Fn(&RateLimiter) -> Result<(), TooMany>) -> Result<(), TooMany> {
    if service.rate_limiter.is_off() {
        return Ok(());
    }
    take(&service.rate_limiter).inspect_err(|refused| service.metrics.rate_limited(refused.by))
}

fn service_of(request: &HttpRequest) -> &Service {
    request.app_data::<web::Data<Service>>().expect("the application holds its service")
}

async fn authenticate(
    request: &HttpRequest,
    service: &Service,
    access: Access,
) -> Result<Principal, ApiError> {
    let header = |name| request.headers().get(name).map(HeaderValue::as_bytes);
    let in_query = access.query_token && service.settings.query_token;
    let query_token = if in_query { token_of(request.query_string()) } else { None };
    let credentials = Credentials {
        service_key: header(SERVICE_KEY),
        authorization: header(AUTHORIZATION),
        query_token: query_token.as_deref(),
    };
    Ok(service.auth.authenticate(credentials).await?)
}

fn token_of(query: &str) -> Option<Cow<'_, str>> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "token").map(|(_, token)| token).filter(|token| !token.is_empty())
}

/// Checks the rules of the task with this id for what needs `scope` (PROTOCOL §4.5). A task that does not exist has none.
///
/// # Errors
/// 403 when one of them does not hold, 503 when they cannot be read.
pub(super) async fn require_rules(
    service: &Service,
    principal: &Principal,
    scope: Scope,
    id: &str,
) -> Result<(), ApiError> {
    let Some(id) = Some(id).filter(|_| principal.is_known()).and_then(|id| TaskId::parse(id).ok()) else {
        return Ok(());
    };
    match service.engine.get(&id).await {
        Ok(head) => Ok(principal.require_rules(head.task.auth_config.as_ref(), scope)?),
        Err(EngineError::NotFound) => Ok(()),
        Err(error) => Err(ApiError::of_engine(&error, &id, false)),
    }
}

/// Who was let through. Without a guard before it an endpoint is given nobody.
pub(super) fn admitted(request: &HttpRequest) -> Result<Principal, ApiError> {
    if let Some(principal) = request.extensions().get::<Principal>() {
        return Ok(principal.clone());
    }
    if service_of(request).auth.is_open() {
        return Ok(Principal::Anybody);
    }
    tracing::error!("an endpoint asks who was let through, and nobody was asked");
    Err(ApiError::internal("no guard stands before an endpoint that asks who calls"))
}
