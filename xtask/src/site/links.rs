//! Every link on a page leads to a page that is there, and to a heading on it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::normal;

/// The links that lead nowhere.
pub(super) fn problems(folder: &Path) -> Result<Vec<String>, String> {
    let mut pages = BTreeMap::new();
    read(folder, &mut pages)?;
    let mut found = Vec::new();
    for (path, html) in pages.iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "html")) {
        // These two are the first page and all pages once more.
        if path.ends_with("print.html") || path.ends_with("404.html") {
            continue;
        }
        for link in values(html, "href").chain(values(html, "src")) {
            if link.contains(':') || link.is_empty() {
                continue;
            }
            let (file, place) = link.split_once('#').map_or((link, ""), |(file, place)| (file, place));
            let target = if file.is_empty() {
                path.clone()
            } else {
                normal(&path.parent().unwrap_or(folder).join(file))
            };
            let shown = path.strip_prefix(folder).unwrap_or(path).display();
            match pages.get(&target) {
                None => found.push(format!("{shown} links to {link}, which is no page")),
                Some(html) if !place.is_empty() && !values(html, "id").any(|id| id == place) => {
                    found.push(format!("{shown} links to {link}, where no heading is"));
                }
                Some(_) => {}
            }
        }
    }
    Ok(found)
}

/// All files by their paths; of those that are no pages, the path alone counts.
fn read(folder: &Path, pages: &mut BTreeMap<PathBuf, String>) -> Result<(), String> {
    for entry in fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            read(&path, pages)?;
        } else {
            let is_page = path.extension().is_some_and(|e| e == "html");
            let text =
                if is_page { fs::read_to_string(&path).map_err(|e| e.to_string())? } else { String::new() };
            pages.insert(path, text);
        }
    }
    Ok(())
}

/// The values of an attribute, as mdBook writes them: `href="..."`.
fn values<'a>(html: &'a str, attribute: &str) -> impl Iterator<Item = &'a str> {
    let begin = format!(" {attribute}=\"");
    html.split(begin.as_str())
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn values_of_an_attribute_are_found() {
        let html = "<a href=\"a.html#x\">a</a> <a class=\"c\" href=\"b.html\">b</a>";
        assert_eq!(values(html, "href").collect::<Vec<_>>(), ["a.html#x", "b.html"]);
    }
}
