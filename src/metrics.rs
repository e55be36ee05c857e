//! What `/metrics` shows: the service's own counters and, at each scrape, those of the engine (PROTOCOL §16.2).
//!
//! No task, event or user id is ever a label.

use std::fmt::Write as _;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use taskcast_actors::domain::TaskStatus;
use taskcast_actors::stats::Stats;
use taskcast_actors::{Engine, LiveBatch};

use crate::parts::{DependencyState, Parts};

/// Upper bounds of latency histograms, in seconds.
const SECONDS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// Methods that are counted under their own names.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Which streams a gauge counts.
#[derive(Clone, Copy, Debug)]
pub enum StreamKind {
    /// One task's.
    Task,
    /// All tasks'.
    Global,
}

impl StreamKind {
    fn label(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Global => "global",
        }
    }
}

/// Counters of the service.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    streams: IntGaugeVec,
    deliveries: IntCounter,
    delivery_latency: Histogram,
    webhook_attempts: IntCounterVec,
    rate_limited: IntCounterVec,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new().expect("the names and labels of our own metrics are valid")
    }
}

impl Metrics {
    fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new("taskcast_http_requests_total", "HTTP requests answered"),
            &["method", "route", "status"],
        )?;
        let durations = HistogramVec::new(
            HistogramOpts::new("taskcast_http_request_duration_seconds", "Time until the head of the answer")
                .buckets(SECONDS.to_vec()),
            &["method", "route"],
        )?;
        let streams =
            IntGaugeVec::new(Opts::new("taskcast_sse_connections", "Open event streams"), &["kind"])?;
        let deliveries =
            IntCounter::new("taskcast_deliveries_total", "Events written to streams of one task")?;
        let delivery_latency = Histogram::with_opts(
            HistogramOpts::new(
                "taskcast_delivery_latency_seconds",
                "From an event's timestamp to a live stream",
            )
            .buckets(SECONDS.to_vec()),
        )?;
        let build = IntGaugeVec::new(Opts::new("taskcast_build_info", "The running version"), &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        for kind in [StreamKind::Task, StreamKind::Global] {
            streams.with_label_values(&[kind.label()]).set(0);
        }
        register_absent(&registry)?;
        let webhook_attempts = webhook_attempts(&registry)?;
        let rate_limited = rate_limited(&registry)?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        registry.register(Box::new(streams.clone()))?;
        registry.register(Box::new(deliveries.clone()))?;
        registry.register(Box::new(delivery_latency.clone()))?;
        registry.register(Box::new(build))?;
        Ok(Self {
            registry,
            requests,
            durations,
            streams,
            deliveries,
            delivery_latency,
            webhook_attempts,
            rate_limited,
        })
    }

    /// Counts an answered request. `route` is the pattern, never the path; a method that no route has is "other",
    /// since clients may make up any number of them.
    pub fn request(&self, method: &str, route: &str, status: &str, took: Duration) {
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("other");
        self.requests.with_label_values(&[method, route, status]).inc();
        self.durations.with_label_values(&[method, route]).observe(took.as_secs_f64());
    }

    /// A request was refused because there were too many `by` an `address` or a `principal`.
    pub fn rate_limited(&self, by: &str) {
        self.rate_limited.with_label_values(&[by]).inc();
    }

    /// A stream was opened.
    pub fn stream_opened(&self, kind: StreamKind) {
        self.streams.with_label_values(&[kind.label()]).inc();
    }

    /// A stream was closed.
    pub fn stream_closed(&self, kind: StreamKind) {
        self.streams.with_label_values(&[kind.label()]).dec();
    }

    /// How many streams are open.
    pub fn open_streams(&self) -> i64 {
        let open = |kind: StreamKind| self.streams.with_label_values(&[kind.label()]).get();
        open(StreamKind::Task) + open(StreamKind::Global)
    }

    /// Counts events read from the store and written to a stream.
    pub fn delivered(&self, events: usize) {
        self.deliveries.inc_by(events as u64);
    }

    /// Counts live events written to a stream; the newest tells the latency.
    pub fn delivered_live(&self, batch: &LiveBatch, engine: &Engine) {
        self.delivered(batch.len());
        if let Some((_, newest)) = batch.shared().last() {
            let millis = engine.now().0.saturating_sub(newest.event().timestamp.0).max(0);
            let millis = u32::try_from(millis).unwrap_or(u32::MAX);
            self.delivery_latency.observe(f64::from(millis) / 1000.0);
        }
    }

    /// Attempts to deliver to webhooks, by the label `outcome`.
    pub fn webhook_attempts(&self) -> IntCounterVec {
        self.webhook_attempts.clone()
    }

    /// Everything in Prometheus text form.
    pub fn render(&self, engine: &Engine, parts: &Parts) -> String {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics could not be written");
        }
        let mut text = String::from_utf8_lossy(&text).into_owned();
        write_engine(&mut text, engine);
        write_parts(&mut text, parts);
        text
    }
}

/// What is promised to be there (PROTOCOL §16.2) and has nothing to count before there are workers.
fn register_absent(registry: &Registry) -> prometheus::Result<()> {
    let workers =
        IntGaugeVec::new(Opts::new("taskcast_workers", "Registered workers by status"), &["status"])?;
    for status in ["idle", "busy", "draining", "offline"] {
        workers.with_label_values(&[status]).set(0);
    }
    registry.register(Box::new(workers))
}

fn rate_limited(registry: &Registry) -> prometheus::Result<IntCounterVec> {
    let help = "Requests refused because there were too many";
    let refused = IntCounterVec::new(Opts::new("taskcast_rate_limited_total", help), &["by"])?;
    for by in ["address", "principal"] {
        refused.with_label_values(&[by]).reset();
    }
    registry.register(Box::new(refused.clone()))?;
    Ok(refused)
}

fn webhook_attempts(registry: &Registry) -> prometheus::Result<IntCounterVec> {
    let attempts = IntCounterVec::new(
        Opts::new("taskcast_webhook_deliveries_total", "Attempts to deliver to webhooks by outcome"),
        &["outcome"],
    )?;
    for outcome in ["success", "retry", "failed"] {
        attempts.with_label_values(&[outcome]).reset();
    }
    registry.register(Box::new(attempts.clone()))?;
    Ok(attempts)
}

fn write_engine(out: &mut String, engine: &Engine) {
    let stats = engine.stats();
    let totals = [
        ("taskcast_tasks_created_total", "Tasks created", &stats.tasks_created),
        ("taskcast_events_published_total", "Events published by producers", &stats.events_published),
        ("taskcast_conflicts_total", "Commits that lost a race and were decided again", &stats.conflicts),
        ("taskcast_overloaded_total", "Commands refused because too many were waiting", &stats.overloaded),
        ("taskcast_replays_total", "Pages read from the store for streams", &stats.replays),
        ("taskcast_slow_readers_total", "Times a stream fell behind the live window", &stats.slow_readers),
        (
            "taskcast_actors_restarted_total",
            "Task actors started again after a panic",
            &stats.actors_restarted,
        ),
    ];
    for (name, help, counter) in totals.into_iter().chain(of_bus(stats)) {
        metric(out, name, help, "counter", counter.load(Relaxed));
    }
    let name = "taskcast_hook_notices_dropped_total";
    metric(
        out,
        name,
        "Calls of hooks left out because they are too slow",
        "counter",
        engine.hooks().dropped(),
    );
    let actors = stats.active_actors.load(Relaxed);
    metric(out, "taskcast_active_actors", "Task actors alive", "gauge", actors);
    metric(
        out,
        "taskcast_writes_waiting",
        "Commands that wait in mailboxes and queues",
        "gauge",
        engine.waiting(),
    );
    write_transitions(out, stats);
    write_histogram(out, "taskcast_commit_duration_seconds", &stats.commit_latency_us.cumulative(), 1e-6);
    write_histogram(out, "taskcast_commit_batch_size", &stats.batch_size.cumulative(), 1.0);
}

fn of_bus(stats: &Stats) -> [(&str, &str, &AtomicU64); 3] {
    [
        ("taskcast_bus_gaps_total", "Times the bus may have lost something", &stats.bus_gaps),
        ("taskcast_bus_errors_total", "Announcements that could not be sent", &stats.bus_errors),
        (
            "taskcast_bus_repairs_total",
            "Times a task was read from the store because announcements were lost or late",
            &stats.bus_repairs,
        ),
    ]
}

fn write_parts(out: &mut String, parts: &Parts) {
    for gauge in &parts.gauges {
        metric(out, gauge.name, gauge.help, gauge.kind, (gauge.value)());
    }
    if parts.dependencies.is_empty() {
        return;
    }
    let states: Vec<_> = parts.dependencies.iter().map(|found| (found.name, (found.state)())).collect();
    let up = |state: &DependencyState| u64::from(state.state == "healthy");
    labelled(out, "taskcast_dependency_up", "Whether a server works", "gauge", (&states, up));
    let name = "taskcast_reconnects_total";
    labelled(out, name, "Connections made again", "counter", (&states, |state| state.reconnects));
}

fn labelled(
    out: &mut String,
    name: &str,
    help: &str,
    kind: &str,
    (states, value): (&[(&str, DependencyState)], impl Fn(&DependencyState) -> u64),
) {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a String takes all text");
    for (dependency, state) in states {
        let value = value(state);
        writeln!(out, "{name}{{dependency=\"{dependency}\"}} {value}").expect("a String takes all text");
    }
}

fn metric(out: &mut String, name: &str, help: &str, kind: &str, value: impl std::fmt::Display) {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}")
        .expect("a String takes all text");
}

fn write_transitions(out: &mut String, stats: &Stats) {
    let name = "taskcast_transitions_total";
    writeln!(out, "# HELP {name} Transitions by target status\n# TYPE {name} counter")
        .expect("a String takes all");
    for (status, count) in TaskStatus::ALL.into_iter().zip(&stats.transitions) {
        let count = count.load(Relaxed);
        writeln!(out, "{name}{{to=\"{status}\"}} {count}").expect("a String takes all text");
    }
}

fn write_histogram(
    out: &mut String,
    name: &str,
    (below, count, sum): &(Vec<(u64, u64)>, u64, u64),
    unit: f64,
) {
    let scaled = |value: u64| value as f64 * unit;
    let mut text = format!("# HELP {name} Of commits\n# TYPE {name} histogram\n");
    for (bound, seen) in below {
        let _infallible = writeln!(text, "{name}_bucket{{le=\"{}\"}} {seen}", scaled(*bound));
    }
    let _infallible = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}");
    let _infallible = writeln!(text, "{name}_sum {}\n{name}_count {count}", scaled(*sum));
    out.push_str(&text);
}
