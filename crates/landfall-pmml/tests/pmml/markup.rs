//! The tags of a document, and the document with one of them changed.

/// A tag: where it stands, and what it says.
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    /// Its place among the tags.
    pub(crate) parent: Option<usize>,
    start: usize,
    /// The end of its name, of its start tag, and of what it holds.
    ends: [usize; 3],
    is_empty: bool,
}

/// All tags of a document that is well formed, without comments and sections of text.
pub(crate) fn tags(text: &str) -> Vec<Tag> {
    let (mut all, mut open): (Vec<Tag>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut from = 0;
    while let Some(at) = text[from..].find('<').map(|at| from + at) {
        let end = at + text[at..].find('>').unwrap() + 1;
        let inner = &text[at + 1..end - 1];
        if inner.starts_with('/') {
            let tag: &mut Tag = &mut all[open.pop().unwrap()];
            tag.ends[2] = at;
        } else if !inner.starts_with(['?', '!']) {
            let is_empty = inner.ends_with('/');
            let inner = inner.trim_end_matches('/');
            let name = inner.split_whitespace().next().unwrap();
            let attributes = attributes(&inner[name.len()..]);
            let ends = [at + 1 + name.len(), end, end];
            all.push(Tag {
                name: name.to_owned(),
                attributes,
                parent: open.last().copied(),
                start: at,
                ends,
                is_empty,
            });
            if !is_empty {
                open.push(all.len() - 1);
            }
        }
        from = end;
    }
    assert!(open.is_empty(), "an element does not end");
    all
}

fn attributes(text: &str) -> Vec<(String, String)> {
    let mut parts = text.split('"');
    let mut all = Vec::new();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        all.push((name.trim().trim_end_matches('=').trim().to_owned(), value.to_owned()));
    }
    all
}

impl Tag {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The document with an attribute that has this value, or with none of that name.
    pub(crate) fn with_attribute(&self, text: &str, name: &str, value: Option<&str>) -> String {
        let others = self.attributes.iter().filter(|(key, _)| key != name);
        let mut tag: String = others.map(|(key, value)| format!(" {key}=\"{value}\"")).collect();
        if let Some(value) = value {
            tag += &format!(" {name}=\"{value}\"");
        }
        let end = if self.is_empty { "/>" } else { ">" };
        [&text[..self.ends[0]], &tag, end, &text[self.ends[1]..]].concat()
    }

    /// The document with one more child, the first or the last.
    pub(crate) fn with_child(&self, text: &str, child: &str, first: bool) -> String {
        if self.is_empty {
            let close = format!(">{child}</{}>", self.name);
            return [&text[..self.ends[1] - 2], &close, &text[self.ends[1]..]].concat();
        }
        let at = self.ends[if first { 1 } else { 2 }];
        [&text[..at], child, &text[at..]].concat()
    }

    /// The document without it and all in it.
    pub(crate) fn without(&self, text: &str) -> String {
        let end = if self.is_empty { self.ends[1] } else { self.ends[2] + self.name.len() + 3 };
        [&text[..self.start], &text[end..]].concat()
    }
}

#[test]
fn a_tag_is_found_and_changed() {
    let text = "<a><b c=\"1\" d=\"2\"/><e>x</e></a>";
    let all = tags(text);
    let names: Vec<_> = all.iter().map(|tag| (tag.name.as_str(), tag.parent)).collect();
    assert_eq!(names, [("a", None), ("b", Some(0)), ("e", Some(0))]);
    assert_eq!(all[1].get("d"), Some("2"));
    assert_eq!(all[1].with_attribute(text, "c", Some("3")), "<a><b d=\"2\" c=\"3\"/><e>x</e></a>");
    assert_eq!(all[1].with_attribute(text, "d", None), "<a><b c=\"1\"/><e>x</e></a>");
    assert_eq!(all[1].with_child(text, "<f/>", true), "<a><b c=\"1\" d=\"2\"><f/></b><e>x</e></a>");
    assert_eq!(all[2].with_child(text, "<f/>", false), "<a><b c=\"1\" d=\"2\"/><e>x<f/></e></a>");
    assert_eq!(all[2].without(text), "<a><b c=\"1\" d=\"2\"/></a>");
}
