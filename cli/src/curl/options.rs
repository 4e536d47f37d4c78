//! What curl's command line says: where the request goes, and what would stand in the token's way.

use std::collections::BTreeMap;
use std::process::Command;

use crate::exit::{Done, Stop};

/// curl's options, by its own help: whether each takes a value.
pub(super) struct Table(BTreeMap<String, bool>);

/// Before 7.83 it took a header of the caller's along to another port of the same host, and before 7.58 to any host.
pub(super) fn keeps_headers_at_redirects() -> bool {
    let version = Command::new("curl").arg("--version").output();
    version.is_ok_and(|told| since_7_83(&String::from_utf8_lossy(&told.stdout)))
}

fn since_7_83(told: &str) -> bool {
    let mut numbers =
        told.split(' ').nth(1).unwrap_or_default().split('.').map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) >= (7, 83),
        _ => false,
    }
}

/// One word of the command line, told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// An option by its long name, or its short one where it has no other; with its value.
    Option(String, Option<String>),
    /// Anything else is a URL to curl.
    Url(String),
}

impl Table {
    /// Asks the curl that will run.
    pub(super) fn of_curl() -> Done<Self> {
        let help = Command::new("curl").args(["--help", "all"]).output();
        let help = help.map_err(|error| Stop::system("curl cannot be run: install it", &error))?;
        Ok(Self::parse(&String::from_utf8_lossy(&help.stdout)))
    }

    /// Lines such as ` -d, --data <data>   HTTP POST data`.
    fn parse(help: &str) -> Self {
        let mut options = BTreeMap::new();
        for line in help.lines() {
            let names = line.trim_start();
            // Its column of descriptions begins after two spaces.
            let names = names.split("  ").next().unwrap_or_default();
            let takes_value = names.contains('<');
            for name in names.split([',', ' ']).filter(|name| name.starts_with('-')) {
                options.insert(name.to_owned(), takes_value);
            }
        }
        Self(options)
    }

    /// The words of a command line. What this curl does not know is an error: its value could be taken for a URL.
    pub(super) fn read(&self, args: &[String]) -> Done<Vec<Word>> {
        let mut words = Vec::new();
        let mut left = args.iter();
        while let Some(arg) = left.next() {
            match arg.strip_prefix("--") {
                Some(name) => {
                    let value = if self.takes_value(arg)? { Some(next(&mut left, arg)?) } else { None };
                    words.push(Word::Option(name.to_owned(), value));
                }
                None if arg.len() > 1 && arg.starts_with('-') => self.cluster(arg, &mut left, &mut words)?,
                None => words.push(Word::Url(arg.clone())),
            }
        }
        Ok(words)
    }

    /// `-sSo file`: several short options, the last with a value in this word or the next.
    fn cluster<'a>(
        &self,
        arg: &str,
        left: &mut impl Iterator<Item = &'a String>,
        words: &mut Vec<Word>,
    ) -> Done {
        for (at, letter) in arg.char_indices().skip(1) {
            let name = format!("-{letter}");
            if !self.takes_value(&name)? {
                words.push(Word::Option(letter.to_string(), None));
                continue;
            }
            let rest = &arg[at + letter.len_utf8()..];
            let value = if rest.is_empty() { next(left, &name)? } else { rest.to_owned() };
            words.push(Word::Option(letter.to_string(), Some(value)));
            break;
        }
        Ok(())
    }

    fn takes_value(&self, name: &str) -> Done<bool> {
        let positive = name.strip_prefix("--no-").map(|rest| format!("--{rest}"));
        let known = self.0.get(name).copied().or_else(|| {
            // `--no-x` of a switch `--x`.
            positive.and_then(|name| self.0.get(&name)).filter(|takes_value| !**takes_value).copied()
        });
        known.ok_or_else(|| {
            Stop::usage(format!("{name}: curl's help does not name this option; write it in full"))
        })
    }
}

fn next<'a>(left: &mut impl Iterator<Item = &'a String>, name: &str) -> Done<String> {
    left.next().cloned().ok_or_else(|| Stop::usage(format!("{name}: it needs a value")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "Usage: curl [options...] <url>
 -d, --data <data>                          HTTP POST data
     --compressed     Request compressed response
 -i, --include        Include protocol response headers in the output
 -s, --silent         Silent mode
 -o, --output <file>  Write to file instead of stdout
 -N, --no-buffer      Disable buffering of the output stream
";

    fn read(args: &[&str]) -> Done<Vec<Word>> {
        Table::parse(HELP).read(&args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>())
    }

    fn option(name: &str, value: Option<&str>) -> Word {
        Word::Option(name.to_owned(), value.map(str::to_owned))
    }

    #[test]
    fn a_value_is_no_url() {
        let words = read(&["-sd", "https://no.test", "--output", "file", "-i", "/me", "-ox"]).unwrap();
        assert_eq!(
            words,
            [
                option("s", None),
                option("d", Some("https://no.test")),
                option("output", Some("file")),
                option("i", None),
                Word::Url("/me".into()),
                option("o", Some("x")),
            ]
        );
    }

    #[test]
    fn a_switch_that_is_turned_off_takes_no_value() {
        assert_eq!(read(&["--no-compressed", "/me"]).unwrap()[1], Word::Url("/me".into()));
        assert_eq!(read(&["--no-buffer", "/me"]).unwrap()[1], Word::Url("/me".into()));
    }

    #[test]
    fn an_old_curl_takes_headers_along() {
        for (told, keeps) in
            [("curl 7.88.1 (x86)", true), ("curl 8.0.0-DEV", true), ("curl 7.74.0 (x)", false), ("", false)]
        {
            assert_eq!(since_7_83(told), keeps, "{told}");
        }
    }

    #[test]
    fn what_curl_does_not_know_is_an_error() {
        for args in [&["--frobnicate", "/me"][..], &["-d"], &["--no-output", "/me"], &["-Z"]] {
            assert!(read(args).is_err(), "{args:?}");
        }
    }
}
