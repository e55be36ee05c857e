//! Stable ranks: how many events that match a filter stand before an index (PROTOCOL §8.4).
//!
//! A filter looks at type and level only, so each event is kept as a small number for that pair. Full blocks carry
//! their counts, which makes a rank near the end of a long log cost as many steps as there are blocks before it,
//! and never a look at a payload.

use std::collections::HashMap;
use std::sync::Arc;

use super::event::Level;
use super::filter::EventFilter;

/// Events of one block. A block of one kind costs 32 bytes, any other 4 bytes an event more.
const BLOCK: usize = 256;

/// Kinds looked through one by one; with more of them a map takes over.
const FEW_KINDS: usize = 16;

type KindId = u32;
/// Types with their levels; a kind's number is its place.
pub type Kinds<'a> = Vec<(&'a str, Level)>;
/// Numbers of kinds, each with how many events in a row are of it.
pub type Runs = Vec<(u32, u32)>;

#[derive(Clone, Debug)]
struct Kind {
    event_type: Arc<str>,
    level: Level,
}

#[derive(Clone, Debug)]
struct Block {
    counts: Box<[(KindId, u16)]>,
    /// Absent when all events of the block are of one kind.
    column: Option<Box<[KindId]>>,
}

impl Block {
    fn of(column: &[KindId]) -> Self {
        let mut counts: Vec<(KindId, u16)> = Vec::new();
        for kind in column {
            match counts.iter_mut().find(|(known, _)| known == kind) {
                Some((_, count)) => *count += 1,
                None => counts.push((*kind, 1)),
            }
        }
        let column = (counts.len() > 1).then(|| column.into());
        Self { counts: counts.into(), column }
    }

    fn wanted(&self, wanted: &[bool]) -> u64 {
        self.counts.iter().filter(|(kind, _)| wanted[*kind as usize]).map(|(_, n)| u64::from(*n)).sum()
    }

    fn kinds(&self) -> impl Iterator<Item = KindId> {
        let only = self.counts[0].0;
        (0..BLOCK).map(move |i| self.column.as_ref().map_or(only, |column| column[i]))
    }
}

/// Type and level of every event ever appended to a task.
#[derive(Clone, Debug, Default)]
pub struct Ranks {
    kinds: Vec<Kind>,
    by_type: HashMap<Arc<str>, [Option<KindId>; Level::ALL.len()]>,
    blocks: Vec<Block>,
    tail: Vec<KindId>,
}

impl Ranks {
    /// How many events there are.
    pub fn len(&self) -> u64 {
        (self.blocks.len() * BLOCK + self.tail.len()) as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the next event in.
    pub fn push(&mut self, event_type: &Arc<str>, level: Level) {
        let kind = self.intern(event_type, level);
        self.tail.push(kind);
        if self.tail.len() == BLOCK {
            self.blocks.push(Block::of(&self.tail));
            self.tail.clear();
        }
    }

    /// The shared text of a type that has been seen, so that equal types are stored once.
    pub fn shared_type(&self, event_type: &Arc<str>) -> Arc<str> {
        let known = self.kinds.iter().rev().take(FEW_KINDS).find(|kind| kind.event_type == *event_type);
        known.map_or_else(|| Arc::clone(event_type), |kind| Arc::clone(&kind.event_type))
    }

    fn intern(&mut self, event_type: &Arc<str>, level: Level) -> KindId {
        let few = self.kinds.len() <= FEW_KINDS;
        let known = if few {
            self.kinds.iter().position(|kind| kind.level == level && kind.event_type == *event_type)
        } else {
            self.by_type.get(event_type).and_then(|ids| ids[level as usize]).map(|id| id as usize)
        };
        let id = known.unwrap_or_else(|| self.add_kind(event_type, level));
        KindId::try_from(id).expect("a log holds fewer than 2^32 events")
    }

    fn add_kind(&mut self, event_type: &Arc<str>, level: Level) -> usize {
        self.kinds.push(Kind { event_type: Arc::clone(event_type), level });
        let unindexed = if self.kinds.len() <= FEW_KINDS {
            self.kinds.len()..self.kinds.len()
        } else if self.by_type.is_empty() {
            0..self.kinds.len()
        } else {
            self.kinds.len() - 1..self.kinds.len()
        };
        for id in unindexed {
            let kind = &self.kinds[id];
            let slot = self.by_type.entry(Arc::clone(&kind.event_type)).or_default();
            slot[kind.level as usize] = KindId::try_from(id).ok();
        }
        self.kinds.len() - 1
    }

    fn wanted(&self, filter: &EventFilter) -> Vec<bool> {
        self.kinds.iter().map(|kind| filter.wants(&kind.event_type, kind.level)).collect()
    }

    /// How many of the events below `index` match `filter`.
    pub fn rank(&self, filter: &EventFilter, index: u64) -> u64 {
        let wanted = self.wanted(filter);
        let index = usize::try_from(index.min(self.len())).unwrap_or(usize::MAX);
        let full = index / BLOCK;
        let before: u64 = self.blocks.iter().take(full).map(|block| block.wanted(&wanted)).sum();
        let rest = index % BLOCK;
        let within = match self.blocks.get(full) {
            Some(block) => block.kinds().take(rest).filter(|kind| wanted[*kind as usize]).count(),
            None => self.tail.iter().take(rest).filter(|kind| wanted[**kind as usize]).count(),
        };
        before + within as u64
    }

    /// The smallest index below which at least `rank` events match `filter`, with how many do; the end of the log
    /// when there are not that many.
    pub fn select(&self, filter: &EventFilter, rank: u64) -> (u64, u64) {
        let wanted = self.wanted(filter);
        let (mut seen, mut index) = (0, 0);
        for block in &self.blocks {
            let inside = block.wanted(&wanted);
            if seen + inside >= rank {
                return walk(block.kinds(), &wanted, rank, (index, seen));
            }
            seen += inside;
            index += BLOCK as u64;
        }
        walk(self.tail.iter().copied(), &wanted, rank, (index, seen))
    }

    /// The log as runs of equal kinds, and the kinds: what a checkpoint keeps.
    pub fn runs(&self) -> (Kinds<'_>, Runs) {
        let kinds = self.kinds.iter().map(|kind| (&*kind.event_type, kind.level)).collect();
        let mut runs = Runs::new();
        let mut add = |kind, more| match runs.last_mut() {
            Some((last, count)) if *last == kind => *count += more,
            _ => runs.push((kind, more)),
        };
        for block in &self.blocks {
            match &block.column {
                Some(column) => column.iter().for_each(|kind| add(*kind, 1)),
                None => add(block.counts[0].0, BLOCK as u32),
            }
        }
        self.tail.iter().for_each(|kind| add(*kind, 1));
        (kinds, runs)
    }

    /// About what [`Ranks::runs`] costs, in bytes to write or steps to take.
    pub fn weight(&self) -> usize {
        let mixed = self.blocks.iter().filter(|block| block.column.is_some()).count();
        mixed * BLOCK * 4 + self.blocks.len() * 16 + self.kinds.len() * 32 + self.tail.len() * 4
    }
}

/// Steps over single events until `rank` of them matched.
fn walk(kinds: impl Iterator<Item = KindId>, wanted: &[bool], rank: u64, from: (u64, u64)) -> (u64, u64) {
    let (mut index, mut seen) = from;
    for kind in kinds {
        if seen >= rank {
            break;
        }
        seen += u64::from(wanted[kind as usize]);
        index += 1;
    }
    (index, seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::filter::TypePattern;
    use proptest::prelude::*;

    fn log() -> impl Strategy<Value = Vec<(u8, usize)>> {
        proptest::collection::vec((0u8..30, 0usize..4), 0..1200)
    }

    proptest! {
        #[test]
        fn rank_and_select_agree_with_counting(log in log(), chosen in 0u8..30, at in 0usize..1300, nth in 0u64..900) {
            let mut ranks = Ranks::default();
            for (kind, level) in &log {
                ranks.push(&format!("t{}", kind / 3).into(), Level::ALL[*level]);
            }
            let filter = EventFilter {
                types: Some(vec![TypePattern::Exact(format!("t{}", chosen / 3).into()), TypePattern::parse("t1")]),
                levels: Some(vec![Level::Info, Level::Error]),
                include_status: true,
            };
            let matches: Vec<bool> = log.iter().map(|(kind, level)| filter.wants(&format!("t{}", kind / 3), Level::ALL[*level])).collect();
            let counted = matches.iter().take(at).filter(|m| **m).count() as u64;
            prop_assert_eq!(ranks.rank(&filter, at as u64), counted);

            let (index, seen) = ranks.select(&filter, nth);
            let below = matches.iter().take(index as usize).filter(|m| **m).count() as u64;
            prop_assert_eq!(seen, below);
            prop_assert!(below == nth || (below < nth && index == log.len() as u64));
            prop_assert!(index == 0 || below < nth || matches[index as usize - 1]);
        }
    }

    #[test]
    fn a_uniform_log_costs_a_few_bytes_a_block() {
        let mut ranks = Ranks::default();
        let name: Arc<str> = "llm.delta".into();
        for _ in 0..100_000 {
            ranks.push(&name, Level::Info);
        }
        assert!(ranks.weight() < 100_000 / BLOCK * 16 + 1024, "{}", ranks.weight());
        assert_eq!(ranks.runs().1, [(0, 100_000)]);
        assert_eq!(ranks.rank(&EventFilter::default(), 99_990), 99_990);
    }
}
