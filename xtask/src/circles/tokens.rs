//! Rust's text as words and signs: comments, texts and tests are left out.

/// Words, `::`, and every other sign by itself.
pub(super) fn tokens(text: &str) -> Vec<String> {
    without_tests(all(text))
}

fn all(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let rest = &chars[at..];
        at += match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => {
                rest.windows(2).position(|two| two == ['*', '/']).map_or(rest.len(), |end| end + 2)
            }
            ['r', '#', '"', ..] => {
                rest.windows(2).skip(3).position(|two| two == ['"', '#']).map_or(rest.len(), |end| end + 5)
            }
            ['"', ..] => quoted(rest),
            ['\'', '\\', _, ..] => 2 + rest[3..].iter().position(|c| *c == '\'').map_or(0, |end| end + 2),
            ['\'', _, '\'', ..] => 3,
            [':', ':', ..] => {
                found.push("::".to_owned());
                2
            }
            [c, ..] if is_word(*c) => {
                let word: String = rest.iter().take_while(|c| is_word(**c)).collect();
                let length = word.chars().count();
                found.push(word);
                length
            }
            [c, ..] => {
                if !c.is_whitespace() {
                    found.push(c.to_string());
                }
                1
            }
            [] => 1,
        };
    }
    found
}

fn quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Without the items behind a `#[cfg(test)]`.
fn without_tests(tokens: Vec<String>) -> Vec<String> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        match end_of_test_mark(&tokens[at..]) {
            Some(mark) => at += mark + item(&tokens[at + mark..]),
            None => {
                kept.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    kept
}

fn end_of_test_mark(tokens: &[String]) -> Option<usize> {
    let begins = tokens.len() > 2 && tokens[0] == "#" && tokens[1] == "[" && tokens[2] == "cfg";
    let end = tokens.iter().position(|token| token == "]").filter(|_| begins)?;
    let says = |word: &str| tokens[..end].iter().any(|token| token == word);
    (says("test") && !says("not") && !says("any")).then_some(end + 1)
}

/// How many tokens an item has: to its `;`, or to the brace that ends it.
fn item(tokens: &[String]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" => depth += 1,
            "}" if depth <= 1 => return at + 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_texts_and_tests_are_no_code() {
        let text = "// crate::a\nlet b = \"crate::c\"; /* d */ 'e' '\\n' x::y\n\
                    #[cfg(test)]\nmod tests { fn f() { if g {} } }\n#[cfg(test)] use h;\nfn i() {}";
        let shown = tokens(text).join(" ");
        assert_eq!(shown, "let b = ; x :: y fn i ( ) { }");
    }

    #[test]
    fn lifetimes_are_no_texts() {
        assert_eq!(tokens("fn f<'a>(x: &'a str) {}").join(" "), "fn f < ' a > ( x : & ' a str ) { }");
    }
}
