//! `GET /tasks`.

use actix_web::{HttpRequest, HttpResponse, web};
use taskcast_actors::domain::TaskId;
use taskcast_actors::{Order, TaskQuery};

use super::{permitted, write_view};
use crate::auth::Principal;
use crate::http::parse::{BodyError, cursor, query::ListQuery};
use crate::http::{ApiError, Service};

/// Lists the tasks that the caller may see in creation order, a page at a time.
///
/// # Errors
/// 400 for a bad order or cursor.
pub async fn handle(
    service: web::Data<Service>,
    principal: Principal,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = task_query(ListQuery::parse(request.query_string())?)?;
    let listed = permitted::list(&service, &principal, query).await;
    let any = TaskId::parse("tasks").expect("a plain word is an id");
    let page = listed.map_err(|error| ApiError::of_engine(&error, &any, false))?;
    let mut body = Vec::with_capacity(64 + page.tasks.len() * 320);
    body.extend_from_slice(b"{\"tasks\":[");
    for (position, head) in page.tasks.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        write_view(&service.engine, &head.task, &mut body);
    }
    body.push(b']');
    if let Some((created_at, id)) = page.next {
        let next = cursor::encode(created_at, &id);
        body.extend_from_slice(format!(",\"nextCursor\":\"{next}\"").as_bytes());
    }
    body.push(b'}');
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

fn task_query(query: ListQuery) -> Result<TaskQuery, BodyError> {
    Ok(TaskQuery {
        status: query.status,
        task_type: query.task_type,
        tags: query.tags,
        assign_mode: query.assign_mode,
        order: if query.descending { Order::Descending } else { Order::Ascending },
        after: query.cursor.as_deref().map(cursor::decode).transpose()?,
        limit: query.limit,
    })
}
