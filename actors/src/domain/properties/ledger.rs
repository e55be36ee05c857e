//! A task in a test: the state as its writer has it, and beside it a log as a store would keep it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::generate::Happening;
use crate::domain::outbox::GlobalHook;
use crate::domain::{
    Change, Checkpoint, CheckpointChange, Circumstances, ClientSeq, Command, Entropy, NewEvent, NewTask,
    Rejection, State, Superseded, TaskEvent, TaskId, Timestamp, checkpoint, decide, retention::CleanupRule,
};
use crate::testing::model::Log;

/// What the store has at one place.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) event: Arc<TaskEvent>,
    pub(super) hidden: bool,
    pub(super) gone: bool,
}

/// See the module.
pub(super) struct Ledger {
    pub(super) state: State,
    pub(super) cells: Vec<Cell>,
    pub(super) log: Log,
    pub(super) rules: Vec<CleanupRule>,
    pub(super) now: Timestamp,
    /// Webhooks for every task, if anybody delivers.
    pub(super) hooks: Option<Vec<GlobalHook>>,
    seqs: BTreeMap<String, u64>,
    draws: u64,
}

/// Newest event, newest delta with its text, newest `latest` event, whether uniform.
type SeriesSummary = (u64, Option<(u64, Option<String>)>, Option<u64>, bool);

/// Everything of a state that the log determines, in a form that can be compared.
#[derive(Debug, PartialEq)]
pub(super) struct Summary {
    version: u64,
    last_at: Timestamp,
    kinds: Vec<(String, u32)>,
    series: BTreeMap<String, SeriesSummary>,
    clients: BTreeMap<String, u64>,
}

impl Ledger {
    pub(super) fn of(task: NewTask, rules: Vec<CleanupRule>) -> Self {
        let now = Timestamp(1_700_000_000_000);
        let head = task.into_head(TaskId::parse("t").expect("a fixed id"), now);
        Self {
            state: State::before_log(Arc::new(head), 7, 0),
            cells: Vec::new(),
            log: Log::default(),
            rules,
            now,
            hooks: None,
            seqs: BTreeMap::new(),
            draws: 0,
        }
    }

    /// A task with a short time to live that went through `life`.
    pub(super) fn lived(life: &[Happening]) -> Self {
        let mut ledger = Self::of(NewTask { ttl: Some(2), ..NewTask::default() }, Vec::new());
        life.iter().for_each(|happening| ledger.happen(happening));
        ledger
    }

    pub(super) fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Time(by) => self.now.0 += by,
            Happening::Asked(command) => drop(self.ask(command)),
            Happening::Numbered(event) => {
                let client = event.client.as_deref().expect("it is numbered").id.clone();
                let next = self.seqs.get(&*client).copied().unwrap_or(5);
                let numbered = Some(Box::new(ClientSeq { id: client.clone(), seq: next }));
                let event = NewEvent { client: numbered, ..event.clone() };
                if self.ask(&Command::Publish(vec![event])).is_ok() {
                    self.seqs.insert(client.to_string(), next + 1);
                }
            }
        }
    }

    /// Decides, applies, and writes as the write path does.
    pub(super) fn ask(&mut self, command: &Command) -> Result<Change, Rejection> {
        self.draws += 1;
        let around = Circumstances {
            now: self.now,
            entropy: Entropy::new(self.draws),
            cleanup: &self.rules,
            hooks: self.hooks.as_deref(),
        };
        let change = decide(&self.state, command, around)?;
        let superseded = self.state.apply(&change);
        self.state.stamp = change.next_stamp();
        for event in &change.events {
            self.cells.push(Cell { event: Arc::clone(event), hidden: false, gone: false });
            self.log.events.push(Arc::clone(event));
        }
        for event in superseded {
            match event {
                Superseded::Hide(index) => self.cells[index as usize].hidden = true,
                Superseded::Drop(index) => {
                    self.cells[index as usize].gone = true;
                    self.log.dropped.insert(index);
                }
            }
        }
        for index in &change.erased {
            self.cells[*index as usize].gone = true;
            self.log.erased.insert(*index);
        }
        Ok(change)
    }

    /// Folds the stored log from its first event, or from the checkpoint that was made at `checkpoint`.
    pub(super) fn replayed(&self, checkpoint: Option<usize>) -> State {
        let head = Arc::clone(&self.state.head);
        let fresh = State::before_log(Arc::clone(&head), 7, self.state.stamp.revision);
        let (mut state, from) = match checkpoint {
            None => (fresh, 0),
            Some(at) => {
                let before = self.cells[..at].iter().fold(fresh, fold);
                let stored = Checkpoint { version: at as u64, bytes: checkpoint::encode(&before).into() };
                let restored = checkpoint::restore(head, self.state.stamp, &stored);
                (restored.expect("a checkpoint that was just made"), at)
            }
        };
        state = self.cells[from..].iter().fold(state, fold);
        if state.head.task.status.is_terminal() {
            state.clients.clear();
        }
        state
    }
}

fn fold(mut state: State, cell: &Cell) -> State {
    if cell.gone {
        state.fold_gone(&cell.event.event_type, cell.event.level);
    } else {
        state.fold(&cell.event);
    }
    state
}

/// See [`Summary`].
pub(super) fn summary(state: &State) -> Summary {
    let (kinds, runs) = state.ranks.runs();
    let name = |kind: u32| format!("{:?}", kinds[kind as usize]);
    let series = state.series.parts().map(|parts| {
        let (id, _) = parts.last.series_key().expect("only members of a series are kept");
        let running = parts.running.map(|(event, text)| (event.index, text.map(str::to_owned)));
        (id.to_string(), (parts.last.index, running, parts.newest_latest, parts.uniform))
    });
    Summary {
        version: state.stamp.version,
        last_at: state.last_at,
        kinds: runs.into_iter().map(|(kind, count)| (name(kind), count)).collect(),
        series: series.collect(),
        clients: state.clients.iter().map(|(id, next)| (id.to_string(), *next)).collect(),
    }
}

/// Whether a change leaves a checkpoint that still holds.
pub(super) fn keeps_checkpoint(change: &Change) -> bool {
    change.checkpoint != CheckpointChange::Remove
}
