//! `GET /tasks/:id/events/history`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use taskcast_actors::domain::TaskEvent;
use taskcast_actors::{EngineError, History, HistoryCursor, HistoryRequest};

use super::write_events;
use crate::http::extract::PathId;
use crate::http::parse::query::{self, HistoryQuery, SeriesFormat};
use crate::http::{ApiError, Service};

type Page = Option<Vec<std::sync::Arc<TaskEvent>>>;
type Reading = Pin<Box<dyn Future<Output = (History, Result<Page, EngineError>)>>>;

/// Shows the visible events of a task. A history of one page comes with its length, a longer one in pieces.
///
/// # Errors
/// 400 for a bad cursor, 404.
pub async fn handle(
    service: web::Data<Service>,
    id: PathId,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = id.unnamed()?;
    let query = HistoryQuery::parse(request.query_string())?;
    let failed = |error| ApiError::of_engine(&error, &id, false);
    let mut history = service.engine.history(&id, request_of(query)).await.map_err(failed)?;
    let first = history.next_page().await.map_err(failed)?.unwrap_or_default();
    let mut body = Vec::with_capacity(first.len() * 256 + 2);
    body.push(b'[');
    write_events(&first, true, &mut body);
    let mut response = HttpResponse::Ok();
    response.content_type("application/json");
    match history.next_page().await.map_err(failed)? {
        None => {
            body.push(b']');
            Ok(response.body(body))
        }
        Some(second) => {
            write_events(&second, false, &mut body);
            let ready = Some(Bytes::from(body));
            Ok(response.body(HistoryBody { ready, reading: Some(read(history)) }))
        }
    }
}

fn request_of(query: HistoryQuery) -> HistoryRequest {
    let cursor = query.cursor.map(|cursor| match cursor {
        query::HistoryCursor::Id(id) => HistoryCursor::Id(id),
        query::HistoryCursor::Index(index) => HistoryCursor::Index(index),
        query::HistoryCursor::Timestamp(time) => HistoryCursor::Time(time),
    });
    let accumulated = query.series_format == SeriesFormat::Accumulated;
    HistoryRequest { cursor, filter: query.filter, limit: query.limit, accumulated }
}

fn read(mut history: History) -> Reading {
    Box::pin(async move {
        let page = history.next_page().await;
        (history, page)
    })
}

/// The rest of a long history, read as the client takes it.
struct HistoryBody {
    ready: Option<Bytes>,
    reading: Option<Reading>,
}

impl MessageBody for HistoryBody {
    type Error = EngineError;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let body = self.get_mut();
        if let Some(bytes) = body.ready.take() {
            return Poll::Ready(Some(Ok(bytes)));
        }
        let Some(reading) = &mut body.reading else { return Poll::Ready(None) };
        let (history, page) = ready!(reading.as_mut().poll(cx));
        body.reading = None;
        Poll::Ready(match page {
            Ok(Some(events)) => {
                let mut bytes = Vec::with_capacity(events.len() * 256);
                write_events(&events, false, &mut bytes);
                body.reading = Some(read(history));
                Some(Ok(bytes.into()))
            }
            Ok(None) => Some(Ok(Bytes::from_static(b"]"))),
            Err(error) => Some(Err(error)),
        })
    }
}
