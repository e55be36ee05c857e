//! A log whose beginning may be in the archive only.

use taskcast_actors::domain::TaskId;
use taskcast_actors::ports::{Page, Range, Seek, Slot, StoreError, TaskStore};

use super::Tiers;
use crate::stores::mark::Mark;
use crate::stores::redis::{HotPage, HotSeek, Lookup};

impl Tiers {
    /// The next page, put together from both tiers where the log lies across them.
    pub(super) async fn page(&self, id: &TaskId, range: Range) -> Result<Page, StoreError> {
        let nothing = Page { slots: Vec::new(), next: range.from };
        match self.hot.probe_page(id, range).await? {
            Lookup::Hot(HotPage::Page(page)) => Ok(page),
            Lookup::Hot(HotPage::Below { stamp, base, marks }) => {
                let range = Range { incarnation: Some(stamp.incarnation), ..range };
                self.page_across(id, range, (base, &marks)).await
            }
            found if Self::may_be_cold(&found) => self.archive.events(id, range).await,
            _ if range.incarnation.is_some() => Err(StoreError::Gone),
            _ => Ok(nothing),
        }
    }

    /// A page that begins below `base`, where Redis knows no more of events than what has happened to them.
    async fn page_across(
        &self,
        id: &TaskId,
        range: Range,
        (base, marks): (u64, &[Option<Mark>]),
    ) -> Result<Page, StoreError> {
        let below = Range { to: range.to.min(base), ..range };
        let mut page = self.archive.events(id, below).await?;
        for (slot, mark) in page.slots.iter_mut().zip(marks) {
            if let Some(mark) = mark {
                *slot = mark.applied_to(slot.clone());
            }
        }
        if page.next < below.to {
            return if below.is_ended_by(&page) { Err(incomplete()) } else { Ok(page) };
        }
        let bytes: usize = page.slots.iter().map(payload).sum();
        let rest = Range {
            from: page.next,
            max_slots: range.max_slots.saturating_sub(page.slots.len()),
            max_bytes: range.max_bytes.saturating_sub(bytes),
            ..range
        };
        if rest.from < range.to && rest.max_slots > 0 && rest.max_bytes > 0 {
            let Lookup::Hot(HotPage::Page(hot)) = self.hot.probe_page(id, rest).await? else {
                // It left Redis in between, so the archive has all of it.
                return Ok(page);
            };
            page.next = hot.next;
            page.slots.extend(hot.slots);
        }
        Ok(page)
    }

    /// Finds an index in both tiers.
    pub(super) async fn seek(&self, id: &TaskId, seek: Seek) -> Result<Option<u64>, StoreError> {
        let found = self.hot.probe_seek(id, &seek).await?;
        if Self::may_be_cold(&found) {
            return self.archive.seek(id, seek).await;
        }
        let Some(HotSeek { base, index, .. }) = found.hot() else { return Ok(None) };
        if base == 0 {
            return Ok(index);
        }
        let earlier = self.archive.seek(id, seek).await?;
        Ok(earlier.filter(|found| *found < base).or(index))
    }
}

fn payload(slot: &Slot) -> usize {
    match slot {
        Slot::Visible(event) | Slot::Hidden(event) => event.data.as_str().len(),
        Slot::Gone { .. } => 0,
    }
}

fn incomplete() -> StoreError {
    StoreError::Corrupt("the archive lacks events that left Redis".into())
}
