//! The bytes of one large object, in pages: those that are committed under those the transaction
//! wrote. What no page holds is zero, as far as a later page is there.

use std::collections::BTreeSet;

use crate::base::{Error, Result, SqlState, Version};
use crate::catalog::LargeObject;
use crate::storage::{PAGE_BYTES, Pages, Store};

/// Bytes of the largest object, as in PostgreSQL.
pub(super) const BYTES_MAX: u64 = i32::MAX as u64 * PAGE as u64;

/// Bytes of the largest value of bytea.
const VALUE_BYTES_MAX: u64 = 0x3fff_ffff - 4;

const PAGE: usize = PAGE_BYTES;

/// A part of an object.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Where it begins.
    pub offset: i64,
    /// How long it may be.
    pub length: i32,
}

/// A body as somebody sees it.
pub(super) struct Body<'a> {
    store: &'a Store,
    pages: &'a Pages,
    body: u64,
    version: Version,
    mark: u64,
}

impl<'a> Body<'a> {
    pub(super) fn of(
        store: &'a Store,
        pages: &'a Pages,
        body: u64,
        (version, mark): (Version, u64),
    ) -> Self {
        Self {
            store,
            pages,
            body,
            version,
            mark,
        }
    }

    /// How long it is: to the end of its last page.
    pub(super) fn size(&self) -> Result<u64> {
        let written = self.pages.numbers(self.body, 0, self.mark).rev();
        let mut last = written
            .filter_map(|(number, length)| length.map(|length| (number, length)))
            .next();
        self.store.page_numbers(
            self.body,
            self.version,
            last.map_or(0, |(number, _)| number),
            &mut |number, length| {
                let hidden = self.is_written(number);
                if !hidden && last.is_none_or(|(written, _)| number > written) {
                    last = Some((number, length));
                }
                hidden
            },
        )?;
        Ok(last.map_or(0, |(number, length)| start(number) + length as u64))
    }

    fn is_written(&self, number: i32) -> bool {
        let mut from = self.pages.numbers(self.body, number, self.mark);
        from.next().is_some_and(|(first, _)| first == number)
    }

    /// At most `length` bytes from `offset` on.
    pub(super) fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        let rest = self.size()?.saturating_sub(offset);
        let length = usize::try_from(rest).unwrap_or(usize::MAX).min(length);
        let mut bytes = vec![0; length];
        let Some(last) = length.checked_sub(1) else {
            return Ok(bytes);
        };
        let (first, last) = (number_of(offset), number_of(offset + last as u64));
        for (number, data) in self.store.pages(self.body, self.version, (first, last))? {
            if !self.is_written(number) {
                place(&mut bytes, offset, number, &data);
            }
        }
        for (number, _) in self.pages.numbers(self.body, first, self.mark) {
            if number > last {
                break;
            }
            if let Some(Some(data)) = self.pages.get((self.body, number), self.mark)? {
                place(&mut bytes, offset, number, &data);
            }
        }
        Ok(bytes)
    }

    /// Part of it as a value.
    pub(super) fn get(&self, extent: Option<Extent>) -> Result<Vec<u8>> {
        let size = self.size()?;
        let (offset, length) = match extent {
            None => (0, size),
            Some(extent) => {
                let offset = u64::try_from(extent.offset)
                    .ok()
                    .filter(|offset| *offset <= BYTES_MAX)
                    .ok_or_else(|| {
                        super::invalid(format!(
                            "invalid large object seek target: {}",
                            extent.offset
                        ))
                    })?;
                let length = u64::try_from(extent.length).unwrap_or(0);
                (offset, length.min(size.saturating_sub(offset)))
            }
        };
        if length > VALUE_BYTES_MAX {
            return Err(Error::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "large object read request is too large",
            ));
        }
        self.read(offset, usize::try_from(length).unwrap_or(0))
    }

    /// The numbers of its pages, in order.
    pub(super) fn numbers(&self) -> Result<BTreeSet<i32>> {
        let mut numbers = BTreeSet::new();
        let add = &mut |number, _| numbers.insert(number);
        self.store.page_numbers(self.body, self.version, 0, add)?;
        for (number, length) in self.pages.numbers(self.body, 0, self.mark) {
            match length {
                Some(_) => numbers.insert(number),
                None => numbers.remove(&number),
            };
        }
        Ok(numbers)
    }

    /// A page; `None` if it is not there.
    pub(super) fn page(&self, number: i32) -> Result<Option<Vec<u8>>> {
        if let Some(written) = self.pages.get((self.body, number), self.mark)? {
            return Ok(written);
        }
        let range = (number, number);
        let mut pages = self.store.pages(self.body, self.version, range)?;
        Ok(pages.pop().map(|(_, data)| data))
    }
}

/// The number of the page that has a byte.
fn number_of(at: u64) -> i32 {
    i32::try_from(at / PAGE as u64).unwrap_or(i32::MAX)
}

/// Where a page begins.
fn start(number: i32) -> u64 {
    u64::try_from(number).unwrap_or(0) * PAGE as u64
}

/// Copies what a page has of the bytes from `offset` on.
fn place(bytes: &mut [u8], offset: u64, number: i32, data: &[u8]) {
    let start = start(number);
    let skipped = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
    let at = usize::try_from(start.saturating_sub(offset)).unwrap_or(usize::MAX);
    if let (Some(from), Some(to)) = (data.get(skipped..), bytes.get_mut(at..)) {
        let length = from.len().min(to.len());
        to[..length].copy_from_slice(&from[..length]);
    }
}

/// Writes `data` at `at`.
pub(super) fn write(
    store: &Store,
    pages: &mut Pages,
    (object, version): (&LargeObject, Version),
    mut at: u64,
    mut data: &[u8],
) -> Result<()> {
    while !data.is_empty() {
        let number = number_of(at);
        let begin = usize::try_from(at - start(number)).unwrap_or(0);
        let (head, rest) = data.split_at(data.len().min(PAGE - begin));
        let mut page = match head.len() {
            PAGE => Vec::new(),
            _ => Body::of(store, pages, object.body, (version, u64::MAX))
                .page(number)?
                .unwrap_or_default(),
        };
        page.resize(page.len().max(begin + head.len()), 0);
        page[begin..begin + head.len()].copy_from_slice(head);
        pages.put(store.root(), object.oid, (object.body, number), Some(&page))?;
        at += head.len() as u64;
        data = rest;
    }
    Ok(())
}

/// Gives the object this length. The page that has its end is there then, as in PostgreSQL, even
/// if it is empty.
pub(super) fn truncate(
    store: &Store,
    pages: &mut Pages,
    (object, version): (&LargeObject, Version),
    length: u64,
) -> Result<()> {
    let last = number_of(length);
    let body = Body::of(store, pages, object.body, (version, u64::MAX));
    let mut page = body.page(last)?.unwrap_or_default();
    page.resize(usize::try_from(length - start(last)).unwrap_or(0), 0);
    let mut gone = Vec::new();
    if let Some(next) = last.checked_add(1) {
        let written = pages.numbers(object.body, next, u64::MAX);
        gone.extend(written.filter_map(|(number, length)| length.map(|_| number)));
        store.page_numbers(object.body, version, next, &mut |number, _| {
            gone.push(number);
            true
        })?;
    }
    for number in gone {
        pages.put(store.root(), object.oid, (object.body, number), None)?;
    }
    pages.put(store.root(), object.oid, (object.body, last), Some(&page))
}
