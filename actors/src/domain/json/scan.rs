//! Steps over JSON that is known to be valid: strings, members, elements.

/// Index of the quote that ends the string starting at `at`.
pub(super) fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while end < bytes.len() && bytes[end] != b'"' {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    end
}

/// Index just behind the compact value that starts at `at`.
fn end_of_value(bytes: &[u8], at: usize) -> usize {
    let (mut depth, mut end) = (0usize, at);
    while end < bytes.len() {
        match bytes[end] {
            b'"' => end = end_of_string(bytes, end),
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return end,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return end,
            _ => {}
        }
        end += 1;
    }
    end
}

/// The members of a compact object: raw key without quotes, raw value.
pub(super) struct Members<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Members<'a> {
    pub(super) fn of(text: &'a str) -> Option<Self> {
        text.starts_with('{').then_some(Self { text, at: 1 })
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) != Some(&b'"') {
            return None;
        }
        let key_end = end_of_string(bytes, self.at);
        let key = self.text.get(self.at + 1..key_end)?;
        let start = key_end + 2;
        let end = end_of_value(bytes, start);
        self.at = end + 1;
        Some((key, self.text.get(start..end)?))
    }
}

/// The elements of a compact array.
pub(super) struct Elements<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Elements<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 1 }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        let end = end_of_value(self.text.as_bytes(), self.at);
        let element = self.text.get(self.at..end)?;
        self.at = end + 1;
        (!element.is_empty()).then_some(element)
    }
}
