//! What happens to a connection.

use std::sync::Arc;

use fastrand::Rng;
use tokio::sync::watch;

use super::pipe::Limit;

/// What happens to a connection.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) fate: Fate,
    /// How bytes are torn apart and put together.
    pub(crate) chaos: Option<Chaos>,
    /// What has to open before anything is read.
    pub(crate) gate: Option<Gate>,
}

impl From<Fate> for Plan {
    fn from(fate: Fate) -> Self {
        Self { fate, chaos: None, gate: None }
    }
}

/// How a connection ends.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// When one of its sides ends it.
    Good,
    /// At once.
    Refused,
    /// After so many bytes of the client, of which the server gets these.
    Asking(usize),
    /// After so many bytes of the server; with 0 the answer is there and lost.
    Answering(usize),
    /// The same, but as when a host fails: what was not read yet is lost.
    Reset(usize),
    /// After so many frames of a stream.
    AfterFrames(usize),
    /// Never, but after so many frames of a stream nothing comes any more.
    SilentAfterFrames(usize),
    /// Never, but nothing is answered.
    Silent,
    /// With this answer, which no server gave.
    Answered(String),
}

impl Fate {
    pub(super) fn of_requests(&self) -> Limit {
        match self {
            Self::Asking(bytes) => Limit::bytes(*bytes),
            _ => Limit::none(),
        }
    }

    pub(super) fn of_answers(&self) -> Limit {
        match self {
            Self::Answering(bytes) | Self::Reset(bytes) => Limit::bytes(*bytes),
            Self::AfterFrames(frames) => Limit::frames(*frames),
            Self::SilentAfterFrames(frames) => Limit::frames(*frames).then_silence(),
            _ => Limit::none(),
        }
    }
}

/// Keeps connections waiting until it is opened.
#[derive(Clone)]
pub(crate) struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    pub(super) async fn pass(&self) {
        let mut state = self.0.subscribe();
        state.wait_for(|open| *open).await.expect("whoever waits keeps it");
    }
}

/// Misfortune that comes from a seed.
#[derive(Clone)]
pub(crate) struct Chaos(pub(super) Rng);

impl Chaos {
    /// The plan of the `number`-th connection: of every seed, only the first few connections fail.
    pub(crate) fn plan(seed: u64, number: usize) -> Plan {
        let unlucky = Rng::with_seed(seed).usize(1..8);
        let mut rng = Rng::with_seed(seed ^ (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let bytes = |rng: &mut Rng, bits: u32| {
            let bits = rng.u32(0..bits);
            rng.usize(0..=1 << bits)
        };
        let fate = match rng.u8(0..80) {
            _ if number >= unlucky => Fate::Good,
            0..8 => Fate::Good,
            8..15 => Fate::Refused,
            15 => Fate::Silent,
            16 => Fate::SilentAfterFrames(rng.usize(0..10)),
            17..30 => Fate::Asking(bytes(&mut rng, 13)),
            30..38 => Fate::Answering(0),
            38..60 => Fate::Answering(bytes(&mut rng, 15)),
            60..66 => Fate::Reset(bytes(&mut rng, 15)),
            _ => Fate::AfterFrames(rng.usize(1..30)),
        };
        let chaos = rng.bool().then(|| Self(rng.fork()));
        Plan { fate, chaos, gate: None }
    }
}
