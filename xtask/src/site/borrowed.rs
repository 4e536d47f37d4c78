//! Pages whose text stands elsewhere in the repository, where people look for it who have no site before them.

use std::path::Path;

use super::normal;

pub(super) struct Page {
    /// Where the text is.
    pub(super) file: &'static str,
    /// What the page is called.
    pub(super) name: &'static str,
}

pub(super) const PAGES: &[Page] = &[
    Page { file: "python/docs/guide.md", name: "python.md" },
    Page { file: "python/docs/other-clients.md", name: "other-clients.md" },
    Page { file: "bindings/kotlin/README.md", name: "kotlin.md" },
    Page { file: "bindings/kotlin/ANDROID.md", name: "android.md" },
    Page { file: "bindings/swift/README.md", name: "swift.md" },
    Page { file: "bindings/swift/APP-GROUPS.md", name: "app-groups.md" },
    Page { file: "bindings/javascript/README.md", name: "javascript.md" },
    Page { file: "bindings/go/README.md", name: "go.md" },
    Page { file: "bindings/php/README.md", name: "php.md" },
    Page { file: "bindings/hosted/ABI.md", name: "abi.md" },
    Page { file: "SPEC.md", name: "spec.md" },
    Page { file: "SECURITY.md", name: "security.md" },
    Page { file: "CHANGELOG.md", name: "changes.md" },
];

/// The text, with links that lead to other pages, or nowhere else than to their own words: a site has no sources.
pub(super) fn page(page: &Page, text: &str) -> String {
    let folder = Path::new(page.file).parent().unwrap_or(Path::new(""));
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, words, link, after)) = next_link(rest) {
        out.push_str(before);
        out.push_str(&led(folder, words, link));
        rest = after;
    }
    out + rest
}

/// What stands before the next link, its words, where it leads, and what follows.
fn next_link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let middle = text.find("](")?;
    let end = middle + text[middle..].find(')')?;
    let begin = text[..middle].rfind('[')?;
    Some((&text[..begin], &text[begin + 1..middle], &text[middle + 2..end], &text[end + 1..]))
}

fn led(folder: &Path, words: &str, link: &str) -> String {
    if link.contains("://") || link.starts_with('#') || link.contains(' ') {
        return format!("[{words}]({link})");
    }
    let (file, place) = link.split_once('#').map_or((link, None), |(file, place)| (file, Some(place)));
    let file = normal(&folder.join(file));
    match PAGES.iter().find(|page| Path::new(page.file) == file) {
        Some(page) => match place {
            Some(place) => format!("[{words}]({}#{place})", page.name),
            None => format!("[{words}]({})", page.name),
        },
        None if words.starts_with('`') => words.to_owned(),
        None => format!("{words} (`{}`)", file.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::{PAGES, page};

    #[test]
    fn links_lead_to_pages_and_files_become_words() {
        let guide = &PAGES[0];
        let text = "[a](other-clients.md#x), [b](../../SPEC.md), [c](https://example.com), [the table](../benches/results/speed.md), ![p](x.svg)";
        assert_eq!(
            page(guide, text),
            "[a](other-clients.md#x), [b](spec.md), [c](https://example.com), the table (`python/benches/results/speed.md`), !p (`python/docs/x.svg`)"
        );
    }
}
