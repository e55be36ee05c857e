//! What a piece means for what is stored.

use taskcast_actors::domain::Stamp;

use super::{ArchivePiece, SlotState};

/// What is to be done with a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There was nothing; its row is written.
    Inserted,
    /// The archive has the log up to this version.
    Extend(u64),
    /// The archive has a log that this one took the place of.
    Replace,
    /// The archive is there already, or farther.
    Nothing,
    /// The archive is somewhere else.
    Diverged(Option<Stamp>),
}

impl Verdict {
    /// The first index that the archive does not have, if anything is to be written.
    pub(super) fn from(self) -> Option<u64> {
        match self {
            Self::Inserted | Self::Replace => Some(0),
            Self::Extend(version) => Some(version),
            Self::Nothing | Self::Diverged(_) => None,
        }
    }
}

/// The part of the log that the archive is believed to have.
pub(super) fn base(piece: &ArchivePiece) -> Option<Stamp> {
    piece.expected.filter(|expected| expected.incarnation == piece.stamp.incarnation)
}

/// What to do with `piece` where the archive is at `stored`.
pub(super) fn judge(piece: &ArchivePiece, stored: Option<Stamp>) -> Verdict {
    let Some(stored) = stored else { return Verdict::Diverged(None) };
    let base = base(piece);
    if base.is_none() && piece.over.contains(&stored.incarnation) {
        return Verdict::Replace;
    }
    if stored.incarnation != piece.stamp.incarnation {
        return Verdict::Diverged(Some(stored));
    }
    if stored.has_reached(piece.stamp) {
        Verdict::Nothing
    } else if piece.stamp.has_reached(stored) && base.is_none_or(|base| stored.has_reached(base)) {
        Verdict::Extend(stored.version)
    } else {
        Verdict::Diverged(Some(stored))
    }
}

/// Whether `piece` holds every event that the archive is believed to lack.
pub(super) fn is_whole(piece: &ArchivePiece) -> bool {
    let from = base(piece).map_or(0, |base| base.version);
    let new = piece.slots.iter().filter(|(index, _)| *index >= from);
    let mut indexes = Vec::new();
    for (index, state) in new {
        if matches!(state, SlotState::Marked(_)) {
            return false;
        }
        indexes.push(*index);
    }
    indexes.sort_unstable();
    indexes.into_iter().eq(from..piece.stamp.version)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use taskcast_actors::domain::{NewTask, TaskId, Timestamp};

    use super::*;

    fn at(incarnation: u64, version: u64, revision: u64) -> Stamp {
        Stamp { incarnation, version, revision }
    }

    fn piece(expected: Option<Stamp>, stamp: Stamp, over: &[u64]) -> ArchivePiece {
        let id = TaskId::parse("a").unwrap();
        let head = Arc::new(NewTask::default().into_head(id.clone(), Timestamp(1)));
        ArchivePiece { id, stamp, expected, over: over.to_vec(), head, checkpoint: None, slots: Vec::new() }
    }

    #[test]
    fn a_piece_is_taken_where_it_is_expected_and_never_goes_back() {
        let diverged = |stamp| Verdict::Diverged(Some(stamp));
        let table = [
            (piece(Some(at(1, 3, 0)), at(1, 5, 1), &[]), at(1, 3, 0), Verdict::Extend(3)),
            (piece(Some(at(1, 3, 0)), at(1, 5, 1), &[]), at(1, 4, 1), Verdict::Extend(4)),
            (piece(Some(at(1, 3, 0)), at(1, 5, 1), &[]), at(1, 5, 0), Verdict::Extend(5)),
            (piece(Some(at(1, 3, 0)), at(1, 5, 1), &[]), at(1, 5, 1), Verdict::Nothing),
            (piece(Some(at(1, 3, 0)), at(1, 5, 1), &[]), at(1, 9, 1), Verdict::Nothing),
            (piece(Some(at(1, 3, 0)), at(1, 5, 1), &[]), at(1, 2, 0), diverged(at(1, 2, 0))),
            (piece(Some(at(1, 3, 0)), at(1, 5, 1), &[]), at(1, 9, 0), diverged(at(1, 9, 0))),
            (piece(Some(at(1, 3, 0)), at(1, 5, 1), &[2]), at(2, 4, 0), diverged(at(2, 4, 0))),
            (piece(None, at(1, 5, 1), &[]), at(1, 2, 0), Verdict::Extend(2)),
            (piece(None, at(1, 5, 1), &[2, 3]), at(3, 9, 9), Verdict::Replace),
            (piece(Some(at(3, 9, 9)), at(1, 5, 1), &[3]), at(3, 9, 9), Verdict::Replace),
            (piece(None, at(1, 5, 1), &[2, 3]), at(4, 1, 0), diverged(at(4, 1, 0))),
            (piece(None, at(1, 2, 0), &[1]), at(1, 9, 0), Verdict::Replace),
        ];
        for (piece, stored, verdict) in table {
            assert_eq!(judge(&piece, Some(stored)), verdict, "{piece:?} {stored:?}");
        }
        assert_eq!(judge(&piece(Some(at(1, 3, 0)), at(1, 5, 1), &[]), None), Verdict::Diverged(None));
    }
}
